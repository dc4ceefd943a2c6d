//! What is wrong with a policy.

pub use crate::pattern::compile::PatternError;

/// Why a policy was refused. Its text names the rule, the field and what is wrong with it, never what stands in it: a
/// policy may hold the very secrets it guards.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{path}{}: {problem}", rule_in_words(.rule))]
pub struct PolicyError {
    /// The field, as a path from the root: `rules[2].match.regex`.
    pub path: String,
    /// The id of the rule, when it has a valid one.
    pub rule: Option<String>,
    /// What is wrong.
    pub problem: Problem,
}

fn rule_in_words(rule: &Option<String>) -> String {
    rule.as_ref().map(|id| format!(" (rule {id})")).unwrap_or_default()
}

/// What is wrong with a field of a policy.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Problem {
    /// More than the policy may hold.
    #[error("more than {0}")]
    TooMany(usize),
    /// Longer than the field may be, in bytes.
    #[error("longer than {0} bytes")]
    TooLong(usize),
    /// A number outside its range.
    #[error("must be between {0} and {1}")]
    OutOfRange(u32, u32),
    /// Nothing where something is needed.
    #[error("must not be empty")]
    Empty,
    /// A rule id of other characters than `a-z 0-9 . _ -`.
    #[error("must be made of a-z, 0-9, '.', '_' and '-'")]
    InvalidId,
    /// Another rule has the id.
    #[error("another rule has the same id")]
    DuplicateId,
    /// Neither or both of `regex` and `keywords`.
    #[error("must have either regex or keywords")]
    NeedsOnePattern,
    /// A field that means nothing here.
    #[error("only means something with {0}")]
    OnlyWith(&'static str),
    /// The pattern cannot be a rule.
    #[error(transparent)]
    Pattern(#[from] PatternError),
    /// All rules together take too much memory.
    #[error("all rules up to this one are too large together")]
    TooLargeTogether,
}

/// An example that does not prove what it should.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("rule {rule}: examples.{}[{index}] {}", if *.should_match { "match" } else { "no_match" },
    if *.should_match { "does not match" } else { "matches" })]
pub struct ExampleError {
    /// The id of the rule.
    pub rule: String,
    /// Which list the example stands in: `examples.match` or `examples.no_match`.
    pub should_match: bool,
    /// Its place in the list, from 0.
    pub index: usize,
}
