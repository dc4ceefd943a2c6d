//! Errors of a policy and of its examples.

pub use crate::pattern::compile::PatternError;

/// Invalid policy.
///
/// The message contains the rule, the field and the problem, but never the value: a policy may contain the secrets that it
/// protects.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{path}{}: {problem}", rule_suffix(.rule))]
pub struct PolicyError {
    /// Path of the field from the root: `rules[2].match.regex`.
    pub path: String,
    /// Id of the rule, if it is valid.
    pub rule: Option<String>,
    /// Problem with the value.
    pub problem: Problem,
}

fn rule_suffix(rule: &Option<String>) -> String {
    rule.as_ref().map(|id| format!(" (rule {id})")).unwrap_or_default()
}

/// Problem with a field of a policy.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Problem {
    /// Too many entries.
    #[error("must have at most {0} entries")]
    TooMany(usize),
    /// Value longer than this many bytes.
    #[error("must be at most {0} bytes long")]
    TooLong(usize),
    /// Number outside of its range.
    #[error("must be between {0} and {1}")]
    OutOfRange(u32, u32),
    /// Empty value.
    #[error("must not be empty")]
    Empty,
    /// Rule id with characters other than `a-z 0-9 . _ -`.
    #[error("must consist of the characters a-z 0-9 . _ -")]
    InvalidId,
    /// Id of another rule.
    #[error("another rule has the same id")]
    DuplicateId,
    /// No pattern, or several.
    #[error(
        "must have one of `regex`, `keywords`, `phrase`, `url`, `codepoints`, `canary`, `tool`, `members`, `overlap`, `provenance`, or `head` and `tail`"
    )]
    NeedsOnePattern,
    /// Marker that is too short to be one, or too long.
    #[error(
        "must be markers of 8 to 64 printable ASCII characters without spaces at their ends or several in a row, such as `CANARY-7f3a9c2e`: shorter ones occur by chance"
    )]
    Marker,
    /// Markers that are too long together.
    #[error("must have at most {0} characters together: move some markers to another rule")]
    MarkersTogether(usize),
    /// Marker one of whose disguises is longer than `max_match_bytes`.
    #[error("has a disguise of {0} bytes: raise `max_match_bytes` to that, or shorten the marker")]
    MatchBytesOfMarkers(usize),
    /// Names of tools or members beside another pattern or condition.
    #[error("`tool` and `members` do not go with other patterns and conditions")]
    ToolAlone,
    /// Names of tools without a list, or with two.
    #[error("must have either `allow` or `deny`")]
    AllowOrDeny,
    /// Path of a member with an empty step.
    #[error("must be names of members, or paths such as `generationConfig.responseLogprobs`, without empty steps")]
    EmptyStep,
    /// Action that replaces a part of a member.
    #[error("must be `redact`, which removes the member, or `block`, `score`, `tag` or `log`, without a `replacement`")]
    ActionOfMembers,
    /// Direction without members.
    #[error("must be `[request]`: responses have no members that ask for something")]
    RequestsOnly,
    /// Pattern that is not for arguments.
    #[error("`tool` and `members` do not judge arguments: leave out `scope.tools` and `scope.arguments`")]
    PatternOfArguments,
    /// Source of arguments, for a rule on texts.
    #[error("judges arguments of calls: name the tools or the places in `scope.tools` or `scope.arguments`")]
    ProvenanceOfTexts,
    /// Source of arguments beside another pattern or condition.
    #[error("`provenance` goes with no other pattern, and with no condition but `allow`: write another rule for them")]
    ProvenanceAlone,
    /// Overlap beside another pattern or condition.
    #[error("`overlap` goes with no other pattern and no condition: write another rule for them")]
    OverlapAlone,
    /// Action that replaces an overlap.
    #[error("must not replace the words of an overlap: use `block`, `score`, `tag` or `log`")]
    ActionOfOverlap,
    /// Direction without anything to compare with.
    #[error("must be `[response]`: the response is compared with its request")]
    DirectionOfOverlap,
    /// Scope of calls, for a rule on texts.
    #[error("must not have `tools` or `arguments`: `overlap` compares texts that the model writes for people")]
    OverlapOfArguments,
    /// Examples of a rule that compares a response with its request.
    #[error(
        "a single text is no example of a rule that compares a response with its request: test it with `tollgate test`"
    )]
    ExamplesOfCalls,
    /// Scope of calls, for a guard.
    #[error("must not have `tools` or `arguments`: guards judge requests")]
    ScopeOfGuard,
    /// Action that replaces arguments.
    #[error("must not edit the arguments of a call: use `block`, `score`, `tag` or `log`")]
    ActionOfArguments,
    /// Direction whose calls are not judged.
    #[error("must be `[response]`: calls in requests were judged when the model made them")]
    ResponsesOnly,
    /// Invalid place in arguments.
    #[error("must be JSON pointers that begin with `/`, such as `/to` or `/files/*/path`")]
    ArgumentPointer,
    /// Action that replaces the name of a tool.
    #[error("must not replace the name of a tool: use `block`, `score`, `tag` or `log`")]
    ActionOfTool,
    /// Field that does not apply here.
    #[error("is only allowed with {0}")]
    OnlyWith(&'static str),
    /// Minimum entropy outside of its range.
    #[error("must be between {0} and {1} bits per character")]
    Entropy(u32, u32),
    /// Restoration of values that are not kept.
    #[error(
        "does not go with `head` and `tail`, whose values all have one placeholder: remove it, or write the rule with `regex`"
    )]
    RestoreOfTail,
    /// Restoration by a rule that replaces nothing in requests.
    #[error("needs `request` in `applies_to`: it restores what the rule has replaced in the request")]
    RestoreOfResponses,
    /// Restoration by a rule that does not judge all texts.
    #[error(
        "does not go with `roles`, `messages` and `parts` of the scope: the client sends the restored value back in a later message of the model, where the rule must replace it again"
    )]
    RestoreInScope,
    /// Restoration by a rule that may not find the value again.
    #[error(
        "does not go with `group`, `context` and `keywords` beside `regex`: the client sends the restored value back in a later message of the model, where other words are beside it"
    )]
    RestoreOfContext,
    /// Exception for all calls.
    #[error("an exception needs one of `consumers`, `teams`, `models` and `routes`")]
    NeedsCallers,
    /// Id that no rule has.
    #[error("no rule has this id")]
    UnknownRule,
    /// Tag that no rule sets.
    #[error("no rule has this tag")]
    UnknownTag,
    /// Text that is no id of a risk.
    #[error("must be an id of the OWASP Top 10 for LLM applications with its year, such as `LLM01:2025`")]
    OwaspId,
    /// Tag with other characters, or too long.
    #[error("must have names of at most 32 and values of at most 64 of the characters A-Z a-z 0-9 . _ -")]
    InvalidTag,
    /// Header that clients may set, or that another stage sets.
    #[error("must be a header that begins with `x-tollgate-` and that no other stage sets, such as `x-tollgate-tags`")]
    TagHeader,
    /// Invalid name of a model.
    #[error("{0}")]
    Model(&'static str),
    /// Name that no allow list of the policy has.
    #[error("is not the name of one of `allow_lists`")]
    UnknownList,
    /// Neither the name of a class of characters nor a set.
    #[error("must be `digit`, `letter`, `lower`, `upper`, `alnum`, `word`, `hex`, `space` or a set such as `[-_.]`")]
    CharClass,
    /// Rule on responses that does not search texts as they are.
    #[error(
        "must include `raw` unless `applies_to` is `[request]`: views other than `raw` are searched in requests only"
    )]
    ViewOfResponses,
    /// Gap of a phrase that is not between words.
    #[error("must be between words")]
    MisplacedGap,
    /// Entry of a phrase that is no word.
    #[error("must be words of letters and digits, with `*` at most at the end of a word")]
    NoWord,
    /// Invalid pattern.
    #[error(transparent)]
    Pattern(#[from] PatternError),
    /// Absent value that something needs.
    #[error("is required for {0}")]
    Missing(&'static str),
    /// Path of a guard.
    #[error("must be a path that begins with a slash: 1 to 256 bytes of visible ASCII")]
    Path,
    /// Name of a cluster or a host.
    #[error("must be 1 to 256 bytes of visible ASCII without spaces")]
    NotVisible,
    /// Header of a guard.
    #[error("must be headers with values of visible ASCII, without those of the framing, each once")]
    Header,
    /// Name of a variable, which may be the secret itself.
    #[error("must be the name of an environment variable (`A-Z 0-9 _`), not the secret itself")]
    Variable,
    /// Text in front of a secret, which may be the secret itself.
    #[error("must be a scheme such as `Bearer ` of at most 16 bytes, not the secret itself")]
    KeyPrefix,
    /// Action of a guard that does not report places.
    #[error("must be `block`, `score`, `tag` or `log`: only `kind: presidio` reports what to replace")]
    GuardWithoutPlaces,
    /// Template without a place for the texts.
    #[error("must have a string with `{{{{text}}}}`, or the string `{{{{texts}}}}`, at a depth of at most 16")]
    TemplateWithoutTexts,
    /// JSON pointer without a leading slash.
    #[error("must be a JSON pointer such as `/result/flagged`")]
    Pointer,
    /// Number that is infinite or none.
    #[error("must be a finite number")]
    NotFinite,
    /// Rules that together take too much memory when compiled.
    #[error("the rules up to and including this one are too large together when compiled")]
    TooLargeTogether,
}

/// Example that contradicts its rule.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("rule {rule}: examples.{}[{index}] {}", if *.should_match { "match" } else { "no_match" },
    if *.should_match { "does not match" } else { "matches" })]
pub struct ExampleError {
    /// Id of the rule.
    pub rule: String,
    /// `true` for an example of `examples.match`, `false` for one of `examples.no_match`.
    pub should_match: bool,
    /// Index in the list, from 0.
    pub index: usize,
}
