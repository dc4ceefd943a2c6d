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
    Unbounded,
    ModelMissing,
    UnknownModel,
    Malformed,
    UnknownPath,
    UnreadPath,
    TooLarge,
    Overloaded,
    Unscannable,
    Error,
    WouldBlock,
    WouldRedact,
    WouldRefuseLimited,
    WouldRefuseUnidentified,
    WouldRefuseUnpriced,
    WouldRefuseUnavailable,
    WouldRefuseUnbounded,
    WouldRefuseModelMissing,
    WouldRefuseUnknownModel,
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
            ExpectedVerdict::Unbounded => "unbounded",
            ExpectedVerdict::ModelMissing => "model_missing",
            ExpectedVerdict::UnknownModel => "unknown_model",
            ExpectedVerdict::Malformed => "malformed",
            ExpectedVerdict::UnknownPath => "unknown_path",
            ExpectedVerdict::UnreadPath => "unread_path",
            ExpectedVerdict::TooLarge => "too_large",
            ExpectedVerdict::Overloaded => "overloaded",
            ExpectedVerdict::Unscannable => "unscannable",
            ExpectedVerdict::Error => "error",
            ExpectedVerdict::WouldBlock => "would_block",
            ExpectedVerdict::WouldRedact => "would_redact",
            ExpectedVerdict::WouldRefuseLimited => "would_refuse_limited",
            ExpectedVerdict::WouldRefuseUnidentified => "would_refuse_unidentified",
            ExpectedVerdict::WouldRefuseUnpriced => "would_refuse_unpriced",
            ExpectedVerdict::WouldRefuseUnavailable => "would_refuse_unavailable",
            ExpectedVerdict::WouldRefuseUnbounded => "would_refuse_unbounded",
            ExpectedVerdict::WouldRefuseModelMissing => "would_refuse_model_missing",
            ExpectedVerdict::WouldRefuseUnknownModel => "would_refuse_unknown_model",
        }
    }
}
