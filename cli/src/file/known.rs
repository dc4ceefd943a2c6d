//! Known failures.

use schemars::JsonSchema;
use serde::Deserialize;

/// A test that is known to fail.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct KnownFailure {
    /// Name of the test.
    pub test: String,
    /// Reason, e.g. the URL of an issue.
    pub reason: String,
    /// Backend on which the test fails. Default: every backend.
    #[serde(default)]
    pub backend: Option<BackendName>,
}

/// Runtimes for the filters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum BackendName {
    /// Tollgate's own host, which behaves like Envoy.
    Wasm,
    /// A real Envoy.
    Envoy,
}

impl BackendName {
    /// Returns the name used in test files.
    pub fn name(self) -> &'static str {
        match self {
            BackendName::Wasm => "wasm",
            BackendName::Envoy => "envoy",
        }
    }
}
