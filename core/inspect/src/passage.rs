//! One text of a streamed answer, on its way through.

use crate::cuts::{Cut, Cuts, First};
use crate::policy::Policy;
use crate::report::Report;
use crate::rule::{Action, RuleIndex};
use crate::search::matcher::Matcher;
use crate::search::scratch::Scratch;
use crate::search::view::View;

/// A text that comes in pieces: what may leave leaves, what may yet be part of a match stays.
///
/// Every rule is at the same character at any time, so where a rule that blocks stops the text, and what has left until
/// then, depends on the text alone and not on its pieces.
#[derive(Debug, Default)]
pub(crate) struct Passage {
    /// The end of the text: what some search still needs.
    kept: String,
    /// Position of `kept` in the text.
    base: u64,
    /// The character before `kept`.
    before: Option<char>,
    /// What has left, or was replaced, or will be.
    passed: u64,
    /// The searches that are in the middle of something, by rule. All others are where the text ends.
    searches: Vec<(RuleIndex, Matcher)>,
    cuts: Cuts,
}

impl Passage {
    /// Bytes that have come and are withheld.
    pub(crate) fn held(&self) -> usize {
        (self.end() - self.passed) as usize
    }

    /// Whether there is something that has not been said: text, or a replacement whose place is not certain.
    pub(crate) fn owes(&self) -> bool {
        self.held() > 0 || !self.cuts.is_empty()
    }

    /// Takes a piece and appends what may leave to `out`. The rule that blocks, if one does; the text is then over.
    /// `last`: the text ends with this piece.
    pub(crate) fn take(
        &mut self,
        policy: &Policy,
        scratch: &mut Scratch,
        report: &mut Report,
        piece: &str,
        last: bool,
        out: &mut String,
    ) -> Option<RuleIndex> {
        let mut at = self.kept.len();
        self.kept.push_str(piece);
        loop {
            if self.searches.is_empty() {
                at = policy.next_start(&self.kept, at);
            }
            let next = self.kept.get(at..).and_then(|rest| rest.chars().next());
            let Some(c) = next else { break };
            let position = self.base + at as u64;
            at += c.len_utf8();
            for rule in policy.starting_with(c) {
                if let Err(place) = self.searches.binary_search_by_key(rule, |(rule, _)| *rule) {
                    self.searches.insert(place, (*rule, Matcher::within(position, scratch.front())));
                }
            }
            if let Some((rule, start)) = self.step(policy, scratch, report, at, false) {
                self.pass(policy, report, start, out);
                return Some(rule);
            }
        }
        if last {
            if let Some((rule, start)) = self.step(policy, scratch, report, at, true) {
                self.pass(policy, report, start, out);
                return Some(rule);
            }
            self.searches.clear();
        }
        self.pass(policy, report, u64::MAX, out);
        self.forget(policy);
        None
    }

    fn end(&self) -> u64 {
        self.base + self.kept.len() as u64
    }

    /// Lets every search read what is kept up to the index `end`. The rule that blocks, and where its match begins.
    fn step(
        &mut self,
        policy: &Policy,
        scratch: &mut Scratch,
        report: &mut Report,
        end: usize,
        last: bool,
    ) -> Option<(RuleIndex, u64)> {
        let view = View::rest(self.base, self.before, self.kept.get(..end).unwrap_or(&self.kept));
        let mut blocked: Option<(RuleIndex, u64)> = None;
        let cuts = &mut self.cuts;
        self.searches.retain_mut(|(index, search)| {
            let Some(rule) = policy.rule(*index) else { return false };
            search.read(&rule.target(policy.classes()), view, last, scratch, |found| {
                report.matched(*index, rule.action());
                match rule.action() {
                    Action::Log => {}
                    Action::Redact => cuts.add(Cut { start: found.start, end: found.end, rule: *index }),
                    Action::Block => {
                        let (rule, start) = *blocked.get_or_insert((*index, found.start));
                        blocked = Some((rule, start.min(found.start)));
                    }
                }
                true
            });
            if search.is_idle() {
                scratch.reuse(std::mem::replace(search, Matcher::new(0)).into_front());
                return false;
            }
            true
        });
        blocked
    }

    /// Lets go what no match to come can touch, and nothing from `limit` on.
    fn pass(&mut self, policy: &Policy, report: &mut Report, limit: u64, out: &mut String) {
        let holds = self.searches.iter().filter_map(|(index, search)| {
            let rule = policy.rule(*index).filter(|rule| rule.action() > Action::Log)?;
            Some(search.hold(rule.starts))
        });
        let hold = holds.min().unwrap_or(u64::MAX).min(self.end()).min(limit);
        loop {
            let first = self.cuts.first(hold);
            let (until, then) = match first {
                First::None => (hold, hold),
                First::Open(cut) => (cut.start, hold),
                First::Closed(cut) => (cut.start, cut.end),
            };
            if self.passed < until {
                let view = View::rest(self.base, self.before, &self.kept);
                out.push_str(self.kept.get(view.index(self.passed)..view.index(until)).unwrap_or(""));
            }
            self.passed = self.passed.max(then);
            let First::Closed(cut) = first else { return };
            out.push_str(policy.rule(cut.rule).map_or("", |rule| rule.replacement()));
            report.redactions += 1;
        }
    }

    /// Drops what no search needs and nothing withholds.
    fn forget(&mut self, policy: &Policy) {
        let needs = self.searches.iter().filter_map(|(index, search)| Some(search.hold(policy.rule(*index)?.starts)));
        let needed = needs.min().unwrap_or(u64::MAX).min(self.passed).min(self.end());
        let gone = View::rest(self.base, self.before, &self.kept).index(needed);
        self.before = self.kept.get(..gone).and_then(|gone| gone.chars().next_back()).or(self.before);
        self.kept.drain(..gone);
        self.base = needed;
    }
}
