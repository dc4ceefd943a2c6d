//! Policy as written by the operator, before validation.

use crate::arguments::ProvenanceSource;
use crate::condition::allow::RawAllow;
use crate::condition::context::RawContext;
use crate::condition::entropy::RawEntropy;
use crate::condition::list::OneOrMany;
use crate::condition::validate::Validator;
use crate::exception::RawException;
use crate::guard::RawGuard;
use crate::overlap::RawOverlap;
use crate::pattern::codepoints::RawCodepoints;
use crate::pattern::group::GroupRef;
use crate::pattern::phrase::RawPhraseItem;
use crate::pattern::tool::RawTool;
use crate::pattern::url::RawUrl;
use crate::rule::{Action, Direction, Severity};
use crate::rule_scope::RawScope;
use crate::score::RawScores;
use crate::view::View;
use serde::Deserialize;
use std::collections::BTreeMap;

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
    /// Handling of a match that a rule would redact in a value that must not be edited, such as a signed thought. Default: `log`.
    #[serde(default)]
    pub on_uneditable: OnUneditable,
    /// Allow lists that several rules share, by name; a rule names them in `match.allow.lists`.
    #[serde(default)]
    pub allow_lists: BTreeMap<String, RawAllow>,
    /// Calls to which rules do not apply, for rules by their ids.
    #[serde(default)]
    pub exceptions: Vec<RawException>,
    /// Thresholds of the points of rules with `action: score`.
    #[serde(default)]
    pub scores: Option<RawScores>,
    /// Services that judge the texts of requests.
    #[serde(default)]
    pub guards: Vec<RawGuard>,
}

impl Default for RawPolicy {
    fn default() -> RawPolicy {
        let (rules, on_unscannable, on_uneditable, allow_lists, exceptions, scores, guards) = Default::default();
        let max_match_bytes = RawPolicy::default_max_match_bytes();
        RawPolicy { rules, max_match_bytes, on_unscannable, on_uneditable, allow_lists, exceptions, scores, guards }
    }
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

/// Handling of a match that a rule would redact in a value that must not be edited: a signature, an encrypted or signed thought, an
/// identifier.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum OnUneditable {
    /// Leaves the value, reports the rule and counts the value as unscanned.
    #[default]
    Log,
    /// Blocks the request or response.
    Block,
}

/// End of a streamed response that a rule blocks, once a part of it has been sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum OnBlockInStream {
    /// The API's error event, with the rule's message.
    #[default]
    Error,
    /// The finish reason of the API's own content filter, and the end marker of the stream. An error event in APIs without such a
    /// reason, and before the first event.
    Finish,
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
    /// Severity, for reports: the points of a rule with `action: score`. Has no other effect on what the rule does.
    #[serde(default)]
    pub severity: Option<Severity>,
    /// Risks that the rule is about, one or a list, by their ids in the OWASP Top 10 for LLM applications: `LLM01:2025`. For reports.
    #[serde(default)]
    pub owasp: OneOrMany<String>,
    /// Pattern to search for, and conditions on its matches.
    #[serde(rename = "match")]
    pub pattern: RawPattern,
    /// Directions to inspect: `request`, `response`. Default: both. (`on` is an alias, but YAML 1.1, which kubectl uses, parses
    /// that key as `true`.)
    #[serde(default, alias = "on")]
    pub applies_to: Option<Vec<Direction>>,
    /// Texts and calls that the rule judges. Default: all.
    #[serde(default)]
    pub scope: Option<RawScope>,
    /// Calls to which the rule does not apply.
    #[serde(default)]
    pub exceptions: Vec<RawException>,
    /// Tags of a request or response that the rule matches: `{data: pii}`. At most 8, with names of at most 32 and values of at
    /// most 64 of `A-Z a-z 0-9 . _ -`.
    #[serde(default)]
    pub tag: BTreeMap<String, String>,
    /// Action on a match.
    pub action: RawAction,
    /// Effect of the action: `enforce`, or `audit`, with which the rule only logs, whatever its action is. Default: `enforce`.
    #[serde(default)]
    pub mode: RuleMode,
    /// Replacement of a match (`redact` and `placeholder` only). Default: the id in brackets. At most 256 bytes; may be empty. In a text that is
    /// JSON it is escaped, and that of a number becomes a string.
    #[serde(default)]
    pub replacement: Option<String>,
    /// Puts the values that the rule replaced in a request back into the texts of its response (`placeholder` only): not into
    /// arguments of tools, reasoning, JSON, addresses, targets of links and tags of HTML. Default: false.
    #[serde(default)]
    pub restore: bool,
    /// HTTP status of the error response (`block` only). 400 to 599, default 400.
    #[serde(default)]
    pub status: Option<u16>,
    /// Message of the error response (`block` only). Default: contains only the id of the rule. At most 1024 bytes.
    #[serde(default)]
    pub message: Option<String>,
    /// `true` for a rule that is meant to be slow: one whose matches have neither a literal that is rare nor a maximum length. It is an
    /// error without this.
    #[serde(default)]
    pub slow: bool,
    /// Example texts that test the rule. (`tests` is an alias.)
    #[serde(default, alias = "tests")]
    pub examples: RawExamples,
}

/// Effect of the action of a rule.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum RuleMode {
    /// The action takes effect.
    #[default]
    Enforce,
    /// The rule only logs.
    Audit,
}

/// Action of a rule that matches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum RawAction {
    /// Reports the match and changes nothing.
    Log,
    /// Sets the tags of the rule, and changes nothing. Other actions set them, too.
    Tag,
    /// Adds the points of the rule to the score of the request or response, once: `critical` or no severity 5, `error` 4, `warning`
    /// 3, `notice` 2.
    Score,
    /// Replaces the match by a fixed text.
    Redact,
    /// Replaces the match by asterisks and its last four characters, if it has at least eight: `****1234`.
    Mask,
    /// Replaces the match by a keyed digest, 32 hexadecimal digits.
    Hash,
    /// Replaces the match by a text with a keyed digest: `[secrets.aws.access-key:7f3a90c2]`. Equal values have equal
    /// placeholders.
    Placeholder,
    /// Refuses the request or response.
    Block,
}

impl RawRule {
    /// Returns the action that takes effect.
    pub fn effective_action(&self) -> Action {
        match self.mode {
            RuleMode::Enforce => self.action.action(),
            RuleMode::Audit => Action::Log,
        }
    }
}

impl RawAction {
    /// Returns the action: every replacement is `redact`.
    pub fn action(self) -> Action {
        match self {
            RawAction::Log | RawAction::Tag => Action::Log,
            RawAction::Score => Action::Score,
            RawAction::Redact | RawAction::Mask | RawAction::Hash | RawAction::Placeholder => Action::Redact,
            RawAction::Block => Action::Block,
        }
    }

    /// Returns the action as written in a policy.
    pub fn name(self) -> &'static str {
        match self {
            RawAction::Tag => "tag",
            RawAction::Mask => "mask",
            RawAction::Hash => "hash",
            RawAction::Placeholder => "placeholder",
            RawAction::Log | RawAction::Score | RawAction::Redact | RawAction::Block => self.action().name(),
        }
    }
}

/// Pattern of a rule (`regex`, `keywords`, `phrase`, `url`, `codepoints`, `canary`, `tool`, `members`, `overlap`, `provenance`, or
/// `head` and `tail`), and conditions on its matches. A match counts only if all conditions hold; where one fails, the search goes on at the next character.
#[derive(Clone, Debug, Default, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct RawPattern {
    /// Regular expression in the syntax of the Rust `regex` crate (no look-around, no backreferences), matched
    /// leftmost-first. It must not match the empty string. `\w`, `\d`, `\s` and `\b` are ASCII unless `unicode` is set.
    /// Classes `\p{..}`: general categories and scripts.
    #[serde(default)]
    pub regex: Option<String>,
    /// In place of `regex`, for matches that have no maximum length, such as private keys: regular expression at which a match
    /// begins. The match ends with the first match of `tail` behind it, or with the text if there is none. Conditions apply to
    /// the text that `head` matches, and `max_match_bytes` to `head` and `tail`, but not to the text between them, which a
    /// stream needs not hold back.
    #[serde(default)]
    pub head: Option<String>,
    /// Regular expression at which a match that begins with `head` ends.
    #[serde(default)]
    pub tail: Option<String>,
    /// In place of `regex`: addresses in markdown and HTML. The address is reported and redacted.
    #[serde(default)]
    pub url: Option<RawUrl>,
    /// In place of `regex`: names of tools, in definitions of requests and in calls by the model.
    #[serde(default)]
    pub tool: Option<RawTool>,
    /// In place of `regex`: names of members of a request, one or a list, that ask for something: `logprobs`,
    /// `generationConfig.responseLogprobs`, compared without regard to case and `_`. With `action: redact` the member becomes `null`.
    #[serde(default)]
    pub members: Option<OneOrMany<String>>,
    /// In place of `regex`: runs of characters that are not displayed or that disguise text.
    #[serde(default)]
    pub codepoints: Option<RawCodepoints>,
    /// In place of `regex`: markers in system prompts and documents, in any case, and disguised: base64, hexadecimal, decimal,
    /// reversed, ROT13, percent-encoded, letter by letter, with invisible characters. At most 16, of 8 to 64 printable ASCII
    /// characters each and 240 together.
    #[serde(default)]
    pub canary: Option<Vec<String>>,
    /// In place of `regex`: words in a row of a response that the system prompt has, too.
    #[serde(default)]
    pub overlap: Option<RawOverlap>,
    /// In place of `regex`, with `scope.tools` or `scope.arguments`: values that come from a `tool_result` of the request, and occur in
    /// no system, developer or user message. Of all conditions, only `allow` applies.
    #[serde(default)]
    pub provenance: Option<ProvenanceSource>,
    /// Makes `\w`, `\d`, `\s` and `\b` of a regex cover all scripts, and the borders of keywords (`word`) too. Default: false,
    /// because many scripts do not separate words: with a Unicode `\b`, a Chinese character in front of a key hides the key.
    #[serde(default)]
    pub unicode: Option<bool>,
    /// Words or phrases, matched literally (a space matches a space, not a line break). Of several keywords that match at one
    /// position, the longest counts. Beside `regex`, a condition: one of them must occur, in any case and also inside of words,
    /// in the match or at most `max_match_bytes` bytes in front of it.
    #[serde(default)]
    pub keywords: Option<Vec<String>>,
    /// Words in order, in any case, within one sentence: `[[send, transfer], {within: 3}, [money, "fund*"],
    /// abroad]`. Each item is a word or a list of words one of which is next, or a gap of at most so many other words.
    #[serde(default)]
    pub phrase: Option<Vec<RawPhraseItem>>,
    /// Keywords only: ignores upper and lower case (Unicode simple case folding; ASCII letters are equal to ASCII letters
    /// only). Default: true.
    #[serde(default)]
    pub ignore_case: Option<bool>,
    /// Keywords only: requires that no word character (letter, digit, mark, `_`) of the same script is adjacent to the match.
    /// Default: true. A keyword in a script that does not separate words (Chinese, Japanese, Thai) may be adjacent to
    /// anything.
    #[serde(default)]
    pub word: Option<bool>,
    /// Number or name of a group of `regex`, or a list: only the first of these groups that has text is reported and redacted,
    /// and the conditions apply to it. If none has text, the whole match is.
    #[serde(default)]
    pub group: Option<OneOrMany<GroupRef>>,
    /// Minimum entropy of the reported text, which tells random keys from words.
    #[serde(default)]
    pub entropy: Option<RawEntropy>,
    /// Checksums and structures that the reported text must have; all of a list must hold.
    #[serde(default)]
    pub validate: Option<OneOrMany<Validator>>,
    /// Characters that must not be directly in front of the match: `digit`, `letter`, `lower`, `upper`, `alnum`, `word`, `hex`,
    /// `space` (all ASCII), or a set such as `'[-_.]'`.
    #[serde(default)]
    pub not_before: Option<OneOrMany<String>>,
    /// Characters that must not be directly behind the match, like `not_before`.
    #[serde(default)]
    pub not_after: Option<OneOrMany<String>>,
    /// Words one of which must occur shortly in front of the match.
    #[serde(default)]
    pub context: Option<RawContext>,
    /// Values that are allowed although the pattern matches: test numbers, placeholders.
    #[serde(default)]
    pub allow: Option<RawAllow>,
    /// Views of a text that are searched, one or a list: `raw` (default), the text as it is; `folded`, `letters`, `decoded` and
    /// `hidden`, in which a rule finds what the text disguises. Views other than `raw` are searched in requests only.
    #[serde(default)]
    pub view: Option<OneOrMany<View>>,
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

impl RawExamples {
    /// Names of the member of a rule with its examples, for readers of rules that are not deserialized.
    pub const KEYS: [&str; 2] = ["examples", "tests"];
}
