//! What an inspection has found.

use crate::policy::Policy;
use crate::rule::{Action, RuleIndex};
use std::ops::Range;
use tollgate_llm::{ApiError, Edits};

/// Findings that a report keeps the places of; more are counted only.
pub const MAX_FINDINGS: usize = 64;
/// Rules that [`Report::rule_names`] names.
const MAX_NAMES: usize = 16;

/// Why something does not pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Cause {
    /// A rule that blocks has matched.
    #[error("a rule of the policy has matched")]
    Rule(RuleIndex),
    /// It could not be read and therefore not be inspected.
    #[error("it could not be inspected")]
    Unreadable,
    /// A streamed answer has more texts at a time (candidates, tool calls) than are kept apart.
    #[error("it has too many texts at a time")]
    TooManyTexts,
    /// There is more to redact than one body may have edits.
    #[error("there is too much to redact")]
    TooManyRedactions,
    /// A streamed text went on after its end had been said: what was split over that end cannot be found.
    #[error("a text went on after its end")]
    TextAfterEnd,
}

/// A match of a rule in a body that was inspected whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The rule.
    pub rule: RuleIndex,
    /// What it asks for.
    pub action: Action,
    /// The text it begins in, as an index into `texts` of the view.
    pub text: usize,
    /// Bytes of the decoded text. A match that goes on in the next part of the same text ends beyond this part's end.
    pub range: Range<usize>,
}

/// What was found, and what is to be done.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// The strongest action of all rules that matched; `None`: nothing matched. `Block` too if what was inspected does
    /// not pass for another reason.
    pub verdict: Option<Action>,
    /// Why it does not pass: of several rules that block, the first in file order (in a stream, the first to match).
    pub cause: Option<Cause>,
    /// The rules that matched, each once, in file order.
    pub rules: Vec<RuleIndex>,
    /// Matches of all rules.
    pub matches: u64,
    /// Places that were (or, in a body, are to be) replaced.
    pub redactions: u64,
    /// Texts, events or bodies that passed without inspection: base64 data, and what `on_unscannable: pass` let through.
    pub unscanned: u64,
    /// Where the first [`MAX_FINDINGS`] matches are, in the order of the texts. Empty for streams.
    pub findings: Vec<Finding>,
    /// The redactions, as edits of the body. Empty for streams, and where the verdict is to block.
    pub edits: Edits,
}

impl Report {
    /// `allow`, `log`, `redact` or `block`.
    pub fn verdict_name(&self) -> &'static str {
        self.verdict.map_or("allow", Action::name)
    }

    /// The ids of the rules that matched, separated by commas: the first 16, and how many more.
    pub fn rule_names(&self, policy: &Policy) -> String {
        let names = self.rules.iter().filter_map(|rule| policy.rule(*rule)).map(|rule| rule.id());
        let mut text = names.take(MAX_NAMES).collect::<Vec<_>>().join(",");
        if let Some(more) = self.rules.len().checked_sub(MAX_NAMES + 1) {
            text.push_str(&format!(",+{}", more + 1));
        }
        text
    }

    /// Takes over what was found in a later part of the same message. Edits are of one body, and stay.
    pub fn add(&mut self, later: Report) {
        self.verdict = self.verdict.max(later.verdict);
        self.cause = self.cause.or(later.cause);
        self.rules.extend(later.rules);
        self.rules.sort_unstable();
        self.rules.dedup();
        self.matches += later.matches;
        self.redactions += later.redactions;
        self.unscanned += later.unscanned;
        let room = MAX_FINDINGS.saturating_sub(self.findings.len());
        self.findings.extend(later.findings.into_iter().take(room));
    }

    pub(crate) fn matched(&mut self, rule: RuleIndex, action: Action) {
        self.matches += 1;
        if let Err(at) = self.rules.binary_search(&rule) {
            self.rules.insert(at, rule);
        }
        self.verdict = self.verdict.max(Some(action));
    }

    /// Keeps the findings that stand first, whatever the order in which they come.
    pub(crate) fn add_finding(&mut self, finding: Finding) {
        let place = |finding: &Finding| (finding.text, finding.range.start, finding.range.end, finding.rule);
        let at = self.findings.partition_point(|own| place(own) <= place(&finding));
        if at < MAX_FINDINGS {
            self.findings.insert(at, finding);
            self.findings.truncate(MAX_FINDINGS);
        }
    }

    pub(crate) fn block(&mut self, cause: Cause) {
        self.verdict = Some(Action::Block);
        self.cause.get_or_insert(cause);
        self.edits = Edits::new();
    }
}

impl Policy {
    /// What the caller is told when something does not pass: the rule's own status and message, and never what matched.
    /// For the other causes: 400 for a request; an answer is already on its way, or gets 502 from the filter.
    pub fn refusal(&self, cause: Cause) -> ApiError<'_> {
        let (status, message) = match cause {
            Cause::Rule(index) => match self.rule(index) {
                Some(rule) => (rule.status(), rule.message()),
                None => (400, "Refused by the gateway's policy."),
            },
            Cause::Unreadable => (400, "Refused by the gateway's policy: it could not be inspected."),
            Cause::TooManyTexts => (400, "Refused by the gateway's policy: too many texts at a time to inspect."),
            Cause::TooManyRedactions => (400, "Refused by the gateway's policy: there is too much to redact."),
            Cause::TextAfterEnd => (400, "Refused by the gateway's policy: a text went on after its end."),
        };
        ApiError { status, message, kind: "invalid_request_error", param: None, code: Some("content_policy_violation") }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_reports_become_one() {
        let report = |rules: &[u32], verdict, unscanned| Report {
            rules: rules.iter().map(|rule| RuleIndex(*rule)).collect(),
            verdict,
            matches: rules.len() as u64,
            unscanned,
            ..Report::default()
        };
        let mut first = report(&[1, 4], Some(Action::Redact), 1);
        first.add(Report { cause: Some(Cause::Rule(RuleIndex(0))), ..report(&[0, 4], Some(Action::Block), 2) });
        assert_eq!(first.rules, [RuleIndex(0), RuleIndex(1), RuleIndex(4)]);
        assert_eq!((first.verdict, first.matches, first.unscanned), (Some(Action::Block), 4, 3));
        first.add(report(&[2], Some(Action::Log), 0));
        assert_eq!((first.verdict_name(), first.cause), ("block", Some(Cause::Rule(RuleIndex(0)))));
    }
}
