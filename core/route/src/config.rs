//! The configuration as it is written.

use serde::Deserialize;
use tollgate_names::Entries;

/// Which model goes where.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RawRouter {
    /// Routes by model. A name is exact (`gpt-4o`) or ends in `*` and stands for every name that begins like it
    /// (`claude-*`). The exact name wins, then the longest prefix; the order is of no meaning. 1 to 256 bytes each.
    pub models: Entries<RawRoute>,
    /// The route of every other model. Default: none, other models are refused with 404.
    pub default: Option<RawRoute>,
}

/// Where a model goes.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawRoute {
    /// The name of the route, which Envoy's routes match as the header `x-tollgate-route`. 1 to 256 bytes of visible
    /// ASCII.
    pub route: String,
    /// The model that the upstream is asked for; the body is changed. 1 to 256 bytes of visible ASCII. Default: the
    /// model that the client named, the body stays as it is.
    #[serde(default)]
    pub upstream_model: Option<String>,
    /// The provider behind the route, for logs and metrics. 1 to 256 bytes of visible ASCII. Default: unknown.
    #[serde(default)]
    pub provider: Option<String>,
}

/// A configuration that was refused: the path of the field and what is wrong with it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{path}: {problem}")]
pub struct ConfigError {
    /// Where, e.g. `models."fast".upstream_model`.
    pub path: String,
    /// What.
    pub problem: &'static str,
}
