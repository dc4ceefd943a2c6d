//! Failures of a run. All calls are made in one go, so a failure does not end the run.

use serde_json::Value;

use crate::question::Question;

/// Check of what an SDK returned.
pub type Check = Box<dyn Fn(&mut Findings, &Question, &Value)>;

/// Failures so far.
#[derive(Debug, Default)]
pub struct Findings(Vec<String>);

impl Findings {
    /// Records a failure unless `got` has `want` at `pointer`; an expected null may be missing.
    pub fn same(&mut self, question: &Question, got: &Value, pointer: &str, want: impl Into<Value>) {
        let (want, has) = (want.into(), got.pointer(pointer).unwrap_or(&Value::Null));
        if *has != want {
            self.add(question, format_args!("{pointer} is {has}, should be {want}, in {got}"));
        }
    }

    /// Records a failure unless `holds`.
    pub fn holds(&mut self, question: &Question, holds: bool, what: impl std::fmt::Display) {
        if !holds {
            self.add(question, what);
        }
    }

    pub fn add(&mut self, question: &Question, what: impl std::fmt::Display) {
        let Question { call, stream, name, .. } = question;
        self.0.push(format!("- {call}, {}, {name}: {what}", if *stream { "streamed" } else { "whole" }));
    }

    /// Returns `true` if there are no failures.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Adds the failures of a part.
    pub fn extend(&mut self, part: Findings) {
        self.0.extend(part.0);
    }

    /// Fails the test if there are failures.
    pub fn settle(self) {
        assert!(self.0.is_empty(), "{} findings:\n{}", self.0.len(), self.0.join("\n"));
    }
}
