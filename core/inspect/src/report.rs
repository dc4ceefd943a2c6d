//! Result of an inspection.

use crate::policy::Policy;
use crate::restore::PlaceholderValues;
use crate::rule::{Action, Direction, Rule, RuleIndex};
use crate::score::Scores;
use crate::view::View;
use std::collections::BTreeSet;
use std::ops::Range;
use tollgate_llm::{ApiError, Edits};

/// Maximum number of findings in a report; further matches are only counted.
pub const MAX_FINDINGS: usize = 64;
/// Maximum number of ids that [`Report::rule_names`] returns.
const MAX_NAMES: usize = 16;

/// Reason why a request or response is blocked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Cause {
    /// Match of a rule that blocks.
    #[error("a rule of the policy matches")]
    Rule(RuleIndex),
    /// Score that reaches its threshold.
    #[error("its score is too high")]
    Score,
    /// Content that could not be parsed, and therefore not be inspected.
    #[error("it could not be inspected")]
    Unreadable,
    /// Streamed response with too many concurrent texts (candidates, tool calls).
    #[error("it has too many concurrent texts")]
    TooManyTexts,
    /// More redactions than the maximum number of edits of a body.
    #[error("it needs too many redactions")]
    TooManyRedactions,
    /// Texts that would take too long to inspect for their size.
    #[error("it takes too long to inspect")]
    TooCostly,
    /// Arguments of tool calls that are too large to be held until they are complete, or a response that is, so that the names of
    /// the tools that it calls are not known.
    #[error("its tool calls are too large to be inspected")]
    TooLarge,
}

/// Match of a rule in a complete body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Rule that matched.
    pub rule: RuleIndex,
    /// Action of the rule.
    pub action: Action,
    /// Text in which the match begins, as an index into `texts` of the parsed body.
    pub text: usize,
    /// Byte range in the decoded text. A match that continues in the next part of the same text ends beyond this part.
    pub range: Range<usize>,
    /// View in which the rule matched. The range is that of the text that the match is derived from.
    pub view: View,
}

/// Findings of an inspection, and the resulting verdict and edits.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// Strongest action of all rules that matched; `None` if no rule matched. Also `Block` if the content is blocked for
    /// another reason.
    pub verdict: Option<Action>,
    /// Reason why the content is blocked: of several rules that block, the first in file order (in a stream, the first to match).
    pub cause: Option<Cause>,
    /// Rules that matched, without duplicates, in file order.
    pub rules: Vec<RuleIndex>,
    /// Points of the rules with `action: score` that matched.
    pub scores: Scores,
    /// Number of matches of all rules.
    pub matches: u64,
    /// Number of redactions made or, for a body, to be made.
    pub redactions: u64,
    /// Number of texts, events or bodies that passed without a complete inspection: base64 data, and content passed by
    /// `on_unscannable: pass`.
    pub unscanned: u64,
    /// Nodes of patterns that the searches visited, the unit in which the work on a body is bounded. 0 for streams.
    pub work: u64,
    /// First [`MAX_FINDINGS`] matches in the order of the texts. Empty for streams.
    pub findings: Vec<Finding>,
    /// Number of placeholders of the request in whose place the response has the value again.
    pub restored: u64,
    /// Values of the placeholders of a request, for its response.
    pub placeholders: PlaceholderValues,
    /// Redactions as edits of the body. Empty for streams and if the verdict is to block.
    pub edits: Edits,
}

impl Report {
    /// Returns `allow`, `log`, `redact` or `block`.
    pub fn verdict_name(&self) -> &'static str {
        self.verdict.map_or("allow", Action::name)
    }

    /// Returns the ids of the rules that matched, separated by commas: the first 16 and the number of the others.
    pub fn rule_names(&self, policy: &Policy) -> String {
        let names = self.rules.iter().filter_map(|rule| policy.rule(*rule)).map(|rule| rule.id());
        let mut text = names.take(MAX_NAMES).collect::<Vec<_>>().join(",");
        if let Some(more) = self.rules.len().checked_sub(MAX_NAMES + 1) {
            text.push_str(&format!(",+{}", more + 1));
        }
        text
    }

    /// Returns the tags that the rules that matched set, ascending and without duplicates, each as `name=value`.
    pub fn tags<'p>(&self, policy: &'p Policy) -> Vec<&'p str> {
        let rules = self.rules.iter().filter_map(|rule| policy.rule(*rule));
        let tags: BTreeSet<&str> = rules.flat_map(Rule::set_tags).collect();
        tags.into_iter().collect()
    }

    /// Adds the findings in a later part of the same message. Edits belong to one body and are not merged.
    pub fn add(&mut self, later: Report) {
        self.verdict = self.verdict.max(later.verdict);
        self.cause = self.cause.or(later.cause);
        self.rules.extend(later.rules);
        self.rules.sort_unstable();
        self.rules.dedup();
        self.scores.merge(later.scores);
        self.matches += later.matches;
        self.redactions += later.redactions;
        self.unscanned += later.unscanned;
        self.restored += later.restored;
        self.placeholders.add(&later.placeholders);
        self.work += later.work;
        let free = MAX_FINDINGS.saturating_sub(self.findings.len());
        self.findings.extend(later.findings.into_iter().take(free));
    }

    /// Records a match.
    pub(crate) fn matched(&mut self, rule: RuleIndex, action: Action) {
        self.matches += 1;
        if let Err(at) = self.rules.binary_search(&rule) {
            self.rules.insert(at, rule);
        }
        // A score that has not reached its threshold changes nothing.
        let action = if action == Action::Score { Action::Log } else { action };
        self.verdict = self.verdict.max(Some(action));
    }

    /// Blocks by a rule: of several, the first in file order is the cause.
    pub(crate) fn block_by(&mut self, rule: RuleIndex) {
        match &mut self.cause {
            Some(Cause::Rule(first)) => *first = rule.min(*first),
            cause => *cause = Some(Cause::Rule(rule)),
        }
    }

    /// Returns the cause to block if the score reaches its threshold.
    pub(crate) fn reached(&self, policy: &Policy, direction: Direction) -> Option<Cause> {
        policy.thresholds().are_reached(direction, &self.scores).then_some(Cause::Score)
    }

    /// Blocks the message if its score reaches the threshold, after reports of several parts of it were added.
    pub fn judge(&mut self, policy: &Policy, direction: Direction) {
        if self.cause.is_none()
            && let Some(cause) = self.reached(policy, direction)
        {
            self.block(cause);
        }
    }

    /// Records a finding. The report keeps the findings with the lowest positions, in any order of arrival.
    pub(crate) fn add_finding(&mut self, finding: Finding) {
        let position = |finding: &Finding| (finding.text, finding.range.start, finding.range.end, finding.rule);
        let at = self.findings.partition_point(|own| position(own) <= position(&finding));
        if at < MAX_FINDINGS {
            self.findings.insert(at, finding);
            self.findings.truncate(MAX_FINDINGS);
        }
    }

    /// Sets the verdict to block and drops all edits.
    pub(crate) fn block(&mut self, cause: Cause) {
        self.verdict = Some(Action::Block);
        self.cause.get_or_insert(cause);
        self.edits = Edits::new();
    }
}

impl Policy {
    /// Returns the error for the caller: status and message of the rule that blocked, never the matched text.
    ///
    /// The other causes get status 400, which applies to requests only: a streamed response has already begun, and for a
    /// complete one the filter responds with 502.
    pub fn refusal(&self, cause: Cause) -> ApiError<'_> {
        let (status, message) = match cause {
            Cause::Rule(index) => match self.rule(index) {
                Some(rule) => (rule.status(), rule.message()),
                None => (400, "Refused by the gateway's policy."),
            },
            Cause::Score => (self.thresholds().status, &*self.thresholds().message),
            Cause::Unreadable => (400, "Refused by the gateway's policy: it could not be inspected."),
            Cause::TooManyTexts => (400, "Refused by the gateway's policy: it has too many concurrent texts."),
            Cause::TooManyRedactions => (400, "Refused by the gateway's policy: it needs too many redactions."),
            Cause::TooCostly => (400, "Refused by the gateway's policy: it takes too long to inspect."),
            Cause::TooLarge => (400, "Refused by the gateway's policy: its tool calls are too large to be inspected."),
        };
        ApiError { status, message, kind: "invalid_request_error", param: None, code: Some("content_policy_violation") }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reports_are_merged() {
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
