//! Verdicts of the filters.

use schemars::JsonSchema;
use serde::Deserialize;

/// Verdict of the filters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs, reason = "the names are the documentation's")]
pub enum ExpectedVerdict {
    Allow,
    Log,
    Redact,
    Block,
    Limited,
    Unidentified,
    Unpriced,
    Unavailable,
    ModelMissing,
    UnknownModel,
    Malformed,
    UnknownPath,
    TooLarge,
    Unscannable,
    Error,
}

impl ExpectedVerdict {
    /// Returns the value of the property `tollgate.verdict`.
    pub fn name(self) -> &'static str {
        match self {
            ExpectedVerdict::Allow => "allow",
            ExpectedVerdict::Log => "log",
            ExpectedVerdict::Redact => "redact",
            ExpectedVerdict::Block => "block",
            ExpectedVerdict::Limited => "limited",
            ExpectedVerdict::Unidentified => "unidentified",
            ExpectedVerdict::Unpriced => "unpriced",
            ExpectedVerdict::Unavailable => "unavailable",
            ExpectedVerdict::ModelMissing => "model_missing",
            ExpectedVerdict::UnknownModel => "unknown_model",
            ExpectedVerdict::Malformed => "malformed",
            ExpectedVerdict::UnknownPath => "unknown_path",
            ExpectedVerdict::TooLarge => "too_large",
            ExpectedVerdict::Unscannable => "unscannable",
            ExpectedVerdict::Error => "error",
        }
    }
}
