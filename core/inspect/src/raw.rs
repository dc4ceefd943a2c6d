//! Policy as written by the operator, before validation.

use crate::rule::{Action, Direction};
use serde::Deserialize;

/// Policy file.
///
/// ```yaml
/// rules:
///   - id: secret.aws-access-key
///     match: { regex: '\b(AKIA|ASIA)[0-9A-Z]{16}\b' }
///     applies_to: [request]
///     action: block
///     examples:
///       match: ["key=AKIAIOSFODNN7EXAMPLE;"]
///       no_match: ["BAKIAIOSFODNN7EXAMPLE"]
///   - id: pii.email
///     match: { regex: '\b[\w.+-]{1,64}@[\w-]{1,63}(\.[\w-]{1,63}){1,4}\b' }
///     action: redact
///     replacement: "[email]"
/// ```
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawPolicy {
    /// Rules. Their order decides which rule determines a merged redaction and which one is the cause of a block.
    pub rules: Vec<RawRule>,
    /// Maximum length of a match in bytes of UTF-8; anything longer does not count as a match. This bounds how much a streamed
    /// response holds back per text. 16 to 16384.
    #[serde(default = "RawPolicy::default_max_match_bytes")]
    pub max_match_bytes: u32,
    /// Handling of a response, or an event of a streamed one, that cannot be parsed and therefore not be inspected. Default:
    /// `block` if a rule on responses blocks or redacts, else `pass`.
    #[serde(default)]
    pub on_unscannable: Option<OnUnscannable>,
}

impl RawPolicy {
    /// Returns the default, 1024.
    pub fn default_max_match_bytes() -> u32 {
        1024
    }
}

/// Handling of content that cannot be inspected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnUnscannable {
    /// Blocks it.
    Block,
    /// Passes and reports it.
    Pass,
}

/// Rule.
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct RawRule {
    /// Unique id of the rule in logs, metrics, errors and tests: `a-z 0-9 . _ -`, at most 64 bytes.
    pub id: String,
    /// Description for people.
    #[serde(default)]
    pub description: Option<String>,
    /// Pattern to search for.
    #[serde(rename = "match")]
    pub pattern: RawPattern,
    /// Directions to inspect: `request`, `response`. Default: both. (`on` is an alias, but YAML 1.1, which kubectl uses, parses
    /// that key as `true`.)
    #[serde(default, alias = "on")]
    pub applies_to: Option<Vec<Direction>>,
    /// Action on a match.
    pub action: Action,
    /// Replacement of a match (`redact` only). Default: the id in brackets. At most 256 bytes; may be empty. It is inserted
    /// verbatim, also into arguments of tool calls, which are JSON: quotes and backslashes break them.
    #[serde(default)]
    pub replacement: Option<String>,
    /// HTTP status of the error response (`block` only). 400 to 599, default 400.
    #[serde(default)]
    pub status: Option<u16>,
    /// Message of the error response (`block` only). Default: contains only the id of the rule. At most 1024 bytes.
    #[serde(default)]
    pub message: Option<String>,
    /// Example texts that test the rule.
    #[serde(default)]
    pub examples: RawExamples,
}

/// Pattern of a rule: exactly one of `regex` and `keywords`.
#[derive(Clone, Debug, Default, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct RawPattern {
    /// Regular expression in the syntax of the Rust `regex` crate (no look-around, no backreferences), matched
    /// leftmost-first. It must not match the empty string. `\w`, `\d`, `\s` and `\b` are ASCII unless `unicode` is set.
    /// Classes `\p{..}`: general categories and scripts.
    #[serde(default)]
    pub regex: Option<String>,
    /// Makes `\w`, `\d`, `\s` and `\b` of a regex cover all scripts, and the borders of keywords (`word`) too. Default: false,
    /// because many scripts do not separate words: with a Unicode `\b`, a Chinese character in front of a key hides the key.
    #[serde(default)]
    pub unicode: Option<bool>,
    /// Words or phrases, matched literally (a space matches a space, not a line break). Of several keywords that match at one
    /// position, the longest counts.
    #[serde(default)]
    pub keywords: Option<Vec<String>>,
    /// Keywords only: ignores upper and lower case (Unicode simple case folding; ASCII letters are equal to ASCII letters
    /// only). Default: true.
    #[serde(default)]
    pub ignore_case: Option<bool>,
    /// Keywords only: requires that no word character (letter, digit, mark, `_`) of the same script is adjacent to the match.
    /// Default: true. A keyword in a script that does not separate words (Chinese, Japanese, Thai) may be adjacent to
    /// anything.
    #[serde(default)]
    pub word: Option<bool>,
}

/// Example texts that test a rule; each one is a complete text.
#[derive(Clone, Debug, Default, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct RawExamples {
    /// Texts in which the rule matches.
    #[serde(default, rename = "match")]
    pub matches: Vec<String>,
    /// Texts in which the rule does not match.
    #[serde(default)]
    pub no_match: Vec<String>,
}
