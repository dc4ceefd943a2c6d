//! A rule that has been checked.

use crate::pattern::class::Classes;
use crate::pattern::program::Program;
use crate::search::scratch::Target;
use crate::search::starts::Starts;
use serde::Deserialize;

/// Whose text a rule looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// What the client sends.
    Request,
    /// What the model answers.
    Response,
}

/// What happens when a rule matches; the greater wins where several do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// The match is reported and nothing is changed.
    Log,
    /// The match is replaced.
    Redact,
    /// The request or answer does not pass.
    Block,
}

impl Action {
    /// `log`, `redact` or `block`.
    pub fn name(self) -> &'static str {
        match self {
            Action::Log => "log",
            Action::Redact => "redact",
            Action::Block => "block",
        }
    }
}

/// The place of a rule in its policy, in file order from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RuleIndex(pub(crate) u32);

impl RuleIndex {
    /// The place as a number.
    pub fn get(self) -> usize {
        self.0 as usize
    }
}

/// One rule of a [`Policy`](crate::Policy).
#[derive(Debug)]
pub struct Rule {
    pub(crate) id: Box<str>,
    pub(crate) description: Option<Box<str>>,
    pub(crate) program: Program,
    pub(crate) starts: Starts,
    pub(crate) request: bool,
    pub(crate) response: bool,
    pub(crate) action: Action,
    pub(crate) replacement: Box<str>,
    pub(crate) status: u16,
    pub(crate) message: Box<str>,
    pub(crate) matching: Box<[String]>,
    pub(crate) not_matching: Box<[String]>,
}

impl Rule {
    /// The name of the rule.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// What its author says about it.
    pub fn description(&self) -> Option<&str> {
        self.description.as_deref()
    }

    /// What happens when it matches.
    pub fn action(&self) -> Action {
        self.action
    }

    /// Whether it looks at texts of this direction.
    pub fn is_on(&self, direction: Direction) -> bool {
        match direction {
            Direction::Request => self.request,
            Direction::Response => self.response,
        }
    }

    /// What stands in place of a match (of a rule that redacts).
    pub fn replacement(&self) -> &str {
        &self.replacement
    }

    /// The HTTP status of the refusal (of a rule that blocks).
    pub fn status(&self) -> u16 {
        self.status
    }

    /// The message of the refusal (of a rule that blocks).
    pub fn message(&self) -> &str {
        &self.message
    }

    pub(crate) fn target<'p>(&'p self, classes: &'p Classes) -> Target<'p> {
        Target { program: &self.program, classes, starts: self.starts }
    }
}
