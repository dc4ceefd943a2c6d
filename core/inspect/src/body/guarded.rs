//! Applies verdicts of guards to a request, as matches of their rules.

use super::joined::Joined;
use super::{Inspection, within};
use crate::json_strings;
use crate::policy::Policy;
use crate::redactions::Redaction;
use crate::report::{Finding, Report};
use crate::rule::{Action, Direction, Rule, RuleIndex};
use crate::rule_scope::Applicable;
use crate::rule_set::NO_RULES;
use crate::view::View;
use std::collections::BTreeMap;
use std::ops::Range;
use tollgate_llm::{Request, TextKind};

/// Application of verdicts of guards to a request.
pub(crate) struct Guarded<'a> {
    inspection: Inspection<'a>,
    request: &'a Request,
    /// Redactions by the index of their text.
    redactions: BTreeMap<usize, Vec<Redaction>>,
}

impl<'a> Guarded<'a> {
    pub(crate) fn new(policy: &'a Policy, request: &'a Request, body: &'a [u8]) -> Guarded<'a> {
        let mut inspection = Inspection::new(policy, Direction::Request, body, Applicable::except(&NO_RULES));
        inspection.is_raw = request.is_form;
        Guarded { inspection, request, redactions: BTreeMap::new() }
    }

    /// Records that a guard flags the request.
    pub(crate) fn flagged(&mut self, rule: RuleIndex) {
        let Some(found) = self.inspection.policy.rule(rule) else { return };
        let report = &mut self.inspection.report;
        report.matched(rule, found.action());
        match found.action() {
            Action::Log | Action::Redact => {}
            Action::Score => report.scores.add(rule, found.points(), false),
            Action::Block => report.block_by(rule),
        }
    }

    /// Records places that a guard has found: indices of texts with ranges of bytes.
    pub(crate) fn entities(&mut self, rule: RuleIndex, entities: &[(usize, Range<usize>)]) {
        let action = self.inspection.policy.rule(rule).map(Rule::action);
        if action != Some(Action::Redact) {
            return self.flagged(rule);
        }
        for (text, range) in entities {
            let Some(own) = self.request.texts.get(*text).filter(|_| range.start < range.end) else { continue };
            let report = &mut self.inspection.report;
            if within(&self.request.uneditable, own.str.span) {
                report.matched(rule, Action::Log);
                report.unscanned += 1;
                continue;
            }
            report.matched(rule, Action::Redact);
            let view = View::Raw;
            report.add_finding(Finding { rule, action: Action::Redact, text: *text, range: range.clone(), view });
            let redaction = Redaction { start: range.start as u64, end: range.end as u64, rule };
            self.redactions.entry(*text).or_default().push(redaction);
        }
    }

    /// Returns the report, with the edits of all redactions.
    pub(crate) fn finish(mut self) -> Report {
        for (index, redactions) in std::mem::take(&mut self.redactions) {
            let Some(text) = self.request.texts.get(index) else { continue };
            let pieces = [(index, text.str)];
            let joined = Joined::new(&pieces, self.inspection.body);
            let is_boundary = |at: u64| joined.text.is_char_boundary(at as usize);
            // In an audit, the guard was asked about the text after redactions that are not made.
            let valid = |own: &Redaction| is_boundary(own.start) && is_boundary(own.end);
            redactions.into_iter().filter(valid).for_each(|own| self.inspection.redactions.push(own));
            if text.kind == TextKind::ToolNumber {
                self.inspection.redact_number(&joined, text.str);
                continue;
            }
            if text.kind == TextKind::Document {
                let places = self.inspection.redactions.iter().map(|own| (own.start as usize, own.end as usize));
                self.inspection.json = json_strings::touched(&joined.text, places.collect());
            } else if json_strings::is_json(&joined.text) {
                self.inspection.json.push(0..joined.text.len());
            }
            self.inspection.redact(&joined, |_| 0..1);
        }
        self.inspection.finish()
    }
}
