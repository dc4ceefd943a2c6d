//! Failures that are known.

use schemars::JsonSchema;
use serde::Deserialize;

/// A test that is known to fail.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct KnownFailure {
    /// The test's name.
    pub test: String,
    /// Why, e.g. an issue.
    pub reason: String,
    /// Only on this back end. Default: on every one.
    #[serde(default)]
    pub backend: Option<BackendName>,
}

/// What a chain is run in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum BackendName {
    /// The module in a host of ours that behaves as Envoy does.
    Wasm,
    /// A real Envoy.
    Envoy,
}

impl BackendName {
    /// As users write it.
    pub fn name(self) -> &'static str {
        match self {
            BackendName::Wasm => "wasm",
            BackendName::Envoy => "envoy",
        }
    }
}
