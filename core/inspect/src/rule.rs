//! Validated and compiled rule.

use crate::arguments::ArgumentScope;
use crate::condition::Conditions;
use crate::guard::Guard;
use crate::pattern::char_set::CharSets;
use crate::pattern::folding::Form;
use crate::pattern::program::Program;
use crate::pattern::tail::Tail;
use crate::rule_scope::RawScope;
use crate::score::severity_points;
use crate::search::scratch::Target;
use crate::search::start_set::StartSet;
use crate::substitute::Substitute;
use crate::view::{View, ViewSet};
use serde::Deserialize;
use std::collections::BTreeSet;

/// Direction of the texts that a rule inspects.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// Texts that the client sends.
    Request,
    /// Texts that the model generates.
    Response,
}

/// Action of a rule that matches; of several rules, the greatest action wins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Action {
    /// Reports the match and changes nothing.
    Log,
    /// Reports the match and adds points to the score, which may block.
    Score,
    /// Replaces the match.
    Redact,
    /// Refuses the request or response.
    Block,
}

impl Action {
    /// Returns `log`, `score`, `redact` or `block`.
    pub fn name(self) -> &'static str {
        match self {
            Action::Log => "log",
            Action::Score => "score",
            Action::Redact => "redact",
            Action::Block => "block",
        }
    }
}

/// Severity of a rule, from least to most severe.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Worth knowing.
    Notice,
    /// Possible problem.
    Warning,
    /// Problem.
    Error,
    /// Problem that needs a reaction at once.
    Critical,
}

/// Index of a rule in its policy, in file order from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RuleIndex(pub(crate) u32);

impl RuleIndex {
    /// Returns the index as a number.
    pub fn get(self) -> usize {
        self.0 as usize
    }
}

/// Rule of a [`Policy`](crate::Policy).
#[derive(Debug)]
pub struct Rule {
    pub(crate) id: Box<str>,
    pub(crate) description: Option<Box<str>>,
    pub(crate) severity: Option<Severity>,
    /// Ids of risks.
    pub(crate) owasp: Box<[String]>,
    /// Views that the rule searches.
    pub(crate) views: ViewSet,
    /// Pattern for the first of these that the rule searches: the text as it is, folded texts, letters.
    pub(crate) program: Program,
    /// Pattern for folded texts, if it is another one.
    pub(crate) folded: Option<Program>,
    /// Pattern for the letters of a text, if it is another one.
    pub(crate) letters: Option<Program>,
    pub(crate) conditions: Conditions,
    /// End of matches without a maximum length, which begin with a match of `program`.
    pub(crate) tail: Option<Tail>,
    pub(crate) starts: StartSet,
    pub(crate) request: bool,
    pub(crate) response: bool,
    pub(crate) action: Action,
    /// `true` if a match may block a request by the score.
    pub(crate) may_block_requests: bool,
    /// `true` if a match may block a response by the score.
    pub(crate) may_block_responses: bool,
    /// `true` if matches of the rule have neither a rare literal nor a maximum length.
    pub(crate) is_slow: bool,
    /// Names of members of requests that the rule judges, in place of texts.
    pub(crate) members: Option<Box<[String]>>,
    /// Calls of tools that the rule judges, in place of texts.
    pub(crate) arguments: Option<Box<ArgumentScope>>,
    /// Number of words in a row with which the rule compares responses, in place of a search.
    pub(crate) overlap: Option<usize>,
    /// `true` if the rule judges names of tools alone.
    pub(crate) is_tool: bool,
    /// Guard whose verdicts are the matches of the rule, which searches no text.
    pub(crate) guard: Option<Box<Guard>>,
    /// Texts of requests that the rule judges; `None`: all.
    pub(crate) scope: Option<RawScope>,
    /// `true` if the rule only logs, whatever its action is.
    pub(crate) is_audit: bool,
    /// Tags, each as `name=value`.
    pub(crate) tags: Box<[Box<str>]>,
    pub(crate) replacement: Box<str>,
    pub(crate) substitute: Substitute,
    /// `true` if responses get back the values that the rule replaced in the request.
    pub(crate) restores: bool,
    pub(crate) status: u16,
    pub(crate) message: Box<str>,
    pub(crate) matching_examples: Box<[String]>,
    pub(crate) non_matching_examples: Box<[String]>,
}

impl Rule {
    /// Returns the id of the rule.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Returns the smallest distance in bytes from the start of a match to the text that the rule withholds from a stream. A
    /// rule that blocks withholds the whole match, one that redacts only the part that it replaces.
    pub(crate) fn withheld_from(&self) -> usize {
        if self.action == Action::Redact { self.program.group_offset() } else { 0 }
    }

    /// Returns the description by the author.
    pub fn description(&self) -> Option<&str> {
        self.description.as_deref()
    }

    /// Returns the severity that the author gave.
    pub fn severity(&self) -> Option<Severity> {
        self.severity
    }

    /// Returns the risks that the rule is about, by their ids in the OWASP Top 10 for LLM applications: `LLM01:2025`.
    pub fn owasp(&self) -> &[String] {
        &self.owasp
    }

    /// Returns the guard whose verdicts are the matches of the rule.
    pub fn guard(&self) -> Option<&crate::guard::Guard> {
        self.guard.as_deref()
    }

    /// Returns the action taken on a match.
    pub fn action(&self) -> Action {
        self.action
    }

    /// Returns the tags of the rule, each as `name=value`, by which exceptions name it.
    pub fn tags(&self) -> impl Iterator<Item = &str> {
        self.tags.iter().map(|tag| &**tag)
    }

    /// Returns the tags that a match sets: none in audit, because tags change where a call goes.
    pub(crate) fn set_tags(&self) -> impl Iterator<Item = &str> {
        self.tags().filter(|_| !self.is_audit)
    }

    /// Returns the points that a match adds to the score.
    pub fn points(&self) -> u8 {
        if self.action == Action::Score { severity_points(self.severity) } else { 0 }
    }

    /// Returns `true` if a match may change or stop a text of this direction.
    pub(crate) fn may_act_on(&self, direction: Direction) -> bool {
        let by_score = match direction {
            Direction::Request => self.may_block_requests,
            Direction::Response => self.may_block_responses,
        };
        self.action > Action::Score || by_score
    }

    /// Returns `true` if the rule inspects texts of this direction.
    pub fn is_on(&self, direction: Direction) -> bool {
        match direction {
            Direction::Request => self.request,
            Direction::Response => self.response,
        }
    }

    /// Returns `true` if a regular expression of the rule has neither rare literals nor a maximum length of its matches, so that
    /// every class of characters in a text may cost a search.
    pub fn is_slow(&self) -> bool {
        self.is_slow
    }

    /// Returns the HTTP status of the error response, for a rule that blocks.
    pub fn status(&self) -> u16 {
        self.status
    }

    /// Returns the message of the error response, for a rule that blocks.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// Returns the pattern for a view.
    pub(crate) fn program(&self, view: View) -> &Program {
        let own = match view.into() {
            Form::Raw => None,
            Form::Letters => self.letters.as_ref(),
            Form::Folded => self.folded.as_ref(),
        };
        own.unwrap_or(&self.program)
    }

    /// Returns the patterns of the rule, each with the views that it is for.
    pub(crate) fn programs(&self) -> impl Iterator<Item = (&Program, ViewSet)> {
        let others = [(&self.folded, ViewSet::FOLDED), (&self.letters, ViewSet::LETTERS)];
        let missing = others.into_iter().filter(|(program, _)| program.is_none());
        let own = missing.fold(ViewSet::RAW, |own, (_, views)| own.or(views));
        let others = others.into_iter().filter_map(|(program, views)| Some((program.as_ref()?, views)));
        let all = [(&self.program, own)].into_iter().chain(others);
        all.map(|(program, views)| (program, self.views.and(views))).filter(|(_, views)| *views != ViewSet::default())
    }

    /// Returns the literals, in lower case, at which searches for the rule begin in complete texts, ascending and without
    /// duplicates. ASCII letters match in any case. Empty if the rule has none that are rare enough.
    pub fn literals(&self) -> Vec<&[u8]> {
        let literals: BTreeSet<&[u8]> = self.programs().flat_map(|(program, _)| program.gate_literals()).collect();
        literals.into_iter().collect()
    }

    /// Returns the pattern to search a view of a text for.
    pub(crate) fn target<'p>(&'p self, view: View, sets: &'p CharSets) -> Target<'p> {
        let conditions = Some(&self.conditions).filter(|conditions| !conditions.is_empty());
        Target { program: self.program(view), sets, starts: self.starts, conditions }
    }
}
