//! Sources of the recorded usage.

use schemars::JsonSchema;
use serde::Deserialize;

/// Source of the recorded usage.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs, reason = "the names are the documentation's")]
pub enum UsageSource {
    Provider,
    Counted,
    Mixed,
    Estimated,
    None,
}

impl UsageSource {
    /// Returns the value of the property `tollgate.usage_source`.
    pub fn name(self) -> &'static str {
        match self {
            UsageSource::Provider => "provider",
            UsageSource::Counted => "counted",
            UsageSource::Mixed => "mixed",
            UsageSource::Estimated => "estimated",
            UsageSource::None => "none",
        }
    }
}
