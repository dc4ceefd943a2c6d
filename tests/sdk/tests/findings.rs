//! What was found to be wrong. All questions are asked in one go, so a failure does not end the run.

use serde_json::Value;

use crate::question::Question;

/// What an answer has to be.
pub type Check = Box<dyn Fn(&mut Findings, &Question, &Value)>;

/// Complaints.
#[derive(Debug, Default)]
pub struct Findings(Vec<String>);

impl Findings {
    /// Complains unless `got` has `want` at `pointer`; a wanted null may be missing.
    pub fn same(&mut self, question: &Question, got: &Value, pointer: &str, want: impl Into<Value>) {
        let (want, has) = (want.into(), got.pointer(pointer).unwrap_or(&Value::Null));
        if *has != want {
            self.add(question, format_args!("{pointer} is {has}, should be {want}, in {got}"));
        }
    }

    /// Complains unless something holds.
    pub fn holds(&mut self, question: &Question, holds: bool, what: impl std::fmt::Display) {
        if !holds {
            self.add(question, what);
        }
    }

    pub fn add(&mut self, question: &Question, what: impl std::fmt::Display) {
        let Question { call, stream, name, .. } = question;
        self.0.push(format!("- {call}, {}, {name}: {what}", if *stream { "streamed" } else { "whole" }));
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Takes over those of a part.
    pub fn extend(&mut self, part: Findings) {
        self.0.extend(part.0);
    }

    /// Fails the test if there was any.
    pub fn settle(self) {
        assert!(self.0.is_empty(), "{} findings:\n{}", self.0.len(), self.0.join("\n"));
    }
}
