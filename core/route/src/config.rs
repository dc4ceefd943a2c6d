//! Configuration as written by the operator, before validation.

use serde::Deserialize;
use tollgate_names::Entries;

/// Routes by model.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RawRouter {
    /// Routes by model. A name is exact (`gpt-4o`) or ends in `*` and matches every name with this prefix (`claude-*`).
    /// The exact name wins, then the longest prefix; the order of entries does not matter. 1 to 256 bytes each.
    pub models: Entries<RawRoute>,
    /// Route of every other model. Default: none; other models get 404.
    pub default: Option<RawRoute>,
}

/// Route of a model.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawRoute {
    /// Name of the route, which Envoy's routes match as the header `x-tollgate-route`. 1 to 256 bytes of visible ASCII.
    pub route: String,
    /// Model to request from the upstream; the body is changed accordingly. 1 to 256 bytes of visible ASCII. Default: the
    /// model that the client requested, and the body is unchanged.
    #[serde(default)]
    pub upstream_model: Option<String>,
    /// Provider behind the route, for logs and metrics. 1 to 256 bytes of visible ASCII. Default: unknown.
    #[serde(default)]
    pub provider: Option<String>,
}

/// Invalid configuration: the path of the field and the problem.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{path}: {problem}")]
pub struct ConfigError {
    /// Path of the field, e.g. `models."fast".upstream_model`.
    pub path: String,
    /// Description of the problem.
    pub problem: &'static str,
}
