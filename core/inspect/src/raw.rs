//! The policy as it is written: shapes only, nothing checked yet.

use crate::rule::{Action, Direction};
use serde::Deserialize;

/// A policy file.
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
    /// The rules. Their order decides which rule is named where several speak at once.
    pub rules: Vec<RawRule>,
    /// The longest match in bytes of UTF-8; anything longer is not a match of any rule. It bounds what a streamed
    /// answer may hold back per text. 16 to 16384.
    #[serde(default = "RawPolicy::default_max_match_bytes")]
    pub max_match_bytes: u32,
    /// What happens to an answer, or to an event of a streamed one, that cannot be read and so not be inspected.
    /// Default: `block` if a rule that blocks or redacts is on responses, else `pass`.
    #[serde(default)]
    pub on_unscannable: Option<OnUnscannable>,
}

impl RawPolicy {
    /// 1024.
    pub fn default_max_match_bytes() -> u32 {
        1024
    }
}

/// What happens to what cannot be inspected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnUnscannable {
    /// It does not pass.
    Block,
    /// It passes and is reported.
    Pass,
}

/// One rule.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawRule {
    /// The name of the rule in logs, metrics, errors and tests: `a-z 0-9 . _ -`, at most 64 bytes, unique.
    pub id: String,
    /// For people.
    #[serde(default)]
    pub description: Option<String>,
    /// What the rule looks for.
    #[serde(rename = "match")]
    pub pattern: RawPattern,
    /// Where it looks: `request`, `response`. Default: both. (`on` is understood too, but YAML 1.1, which kubectl speaks,
    /// reads that key as `true`.)
    #[serde(default, alias = "on")]
    pub applies_to: Option<Vec<Direction>>,
    /// What happens when it matches.
    pub action: Action,
    /// What stands in place of a match (`redact` only). Default: the id in brackets. At most 256 bytes; may be empty.
    /// It is put in as it is, also into arguments of tool calls, which are JSON: quotes and backslashes break them.
    #[serde(default)]
    pub replacement: Option<String>,
    /// The HTTP status of the refusal (`block` only). 400 to 599, default 400.
    #[serde(default)]
    pub status: Option<u16>,
    /// The message of the refusal (`block` only). Default: names the rule and nothing else. At most 1024 bytes.
    #[serde(default)]
    pub message: Option<String>,
    /// Texts that prove the rule.
    #[serde(default)]
    pub examples: RawExamples,
}

/// What a rule looks for: `regex` or `keywords`, one of the two.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawPattern {
    /// A regular expression in the syntax of the Rust `regex` crate (Unicode; no look-around, no back-references),
    /// matched leftmost-first. It must not match the empty string. Classes `\p{..}`: general categories and scripts.
    #[serde(default)]
    pub regex: Option<String>,
    /// Words or phrases, letter for letter (a space is a space, not a line break). Where several begin at one place the longest counts.
    #[serde(default)]
    pub keywords: Option<Vec<String>>,
    /// Keywords: upper and lower case are the same (Unicode simple case folding). Default: true.
    #[serde(default)]
    pub ignore_case: Option<bool>,
    /// Keywords: no word character (letter, digit, mark, `_`) may touch the match on either side. Default: true. Say
    /// false for scripts that do not separate words.
    #[serde(default)]
    pub word: Option<bool>,
}

/// Texts that prove a rule; each is taken as a whole text by itself.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawExamples {
    /// The rule matches somewhere in each of these.
    #[serde(default, rename = "match")]
    pub matches: Vec<String>,
    /// The rule matches nowhere in these.
    #[serde(default)]
    pub no_match: Vec<String>,
}
