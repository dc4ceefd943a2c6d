//! Matches without a maximum length, of rules with a head and a tail.

use crate::pattern::tail::Tail;
use crate::policy::Policy;
use crate::redactions::Redaction;
use crate::rule::{Action, RuleIndex};
use crate::search::matcher::{Match, Matcher};
use crate::search::scratch::Scratch;
use crate::search::window::Window;
use std::collections::VecDeque;

/// Searches for the tails of the matches whose head was found, by rule.
///
/// The text of an open match needs not be kept, except for its end, where the tail may have begun: all of it is redacted.
#[derive(Clone, Debug, Default)]
pub(super) struct Tails {
    list: Vec<RuleTails>,
}

/// Matches of one rule with a tail.
#[derive(Clone, Debug)]
struct RuleTails {
    rule: RuleIndex,
    /// End of the last match. A head that starts before it is a part of this match.
    covered: u64,
    /// Start of the open match, and the search for its tail.
    open: Option<(u64, Matcher)>,
    /// Heads, each with its start and end, that may be parts of the open match.
    heads: VecDeque<(u64, u64)>,
}

/// Beginning or end of a match.
pub(super) enum Step {
    /// A match began: it counts now.
    Opened(RuleIndex),
    /// The extent of a match is known.
    Closed(Redaction),
}

impl Tails {
    /// Adds a head of a rule.
    pub(super) fn add(&mut self, rule: RuleIndex, head: &Match) {
        let at = match self.list.binary_search_by_key(&rule, |tails| tails.rule) {
            Ok(at) => at,
            Err(at) => {
                self.list.insert(at, RuleTails { rule, covered: 0, open: None, heads: VecDeque::new() });
                at
            }
        };
        if let Some(tails) = self.list.get_mut(at) {
            tails.heads.push_back((head.start, head.end));
        }
    }

    /// Returns `true` if no match is open.
    pub(super) fn is_idle(&self) -> bool {
        self.list.iter().all(|tails| tails.open.is_none())
    }

    /// Advances the searches for tails. `end` is the end of the available text, and of the whole text if this is the last part:
    /// matches without a tail end there.
    pub(super) fn step(
        &mut self,
        policy: &Policy,
        window: Window<'_>,
        end: u64,
        scratch: &mut Scratch,
        mut each: impl FnMut(Step),
    ) {
        for tails in &mut self.list {
            let Some(tail) = policy.rule(tails.rule).and_then(|rule| rule.tail.as_ref()) else { continue };
            tails.step(tail, window, end, scratch, &mut each);
        }
    }

    /// Ends all open matches at `end`, without a search for their tails.
    pub(super) fn close(&mut self, end: u64, mut each: impl FnMut(Redaction)) {
        for RuleTails { rule, open, .. } in std::mem::take(&mut self.list) {
            open.into_iter().for_each(|(start, _)| each(Redaction { start, end, rule }));
        }
    }

    /// Returns the earliest start of the open matches of rules that redact.
    pub(super) fn open(&self, policy: &Policy) -> Option<u64> {
        self.searches(policy).filter(|(action, ..)| *action == Action::Redact).map(|(_, start, _)| start).min()
    }

    /// Returns the position from which on the text is needed, and the one from which on it must be withheld.
    pub(super) fn holds(&self, policy: &Policy) -> (Option<u64>, Option<u64>) {
        let needed = self.searches(policy).map(|(.., hold)| hold).min();
        let redacts = self.searches(policy).filter(|(action, ..)| *action == Action::Redact);
        (needed, redacts.map(|(.., hold)| hold).min())
    }

    /// Returns the action of each open match, its start, and the position before which its tail does not start.
    fn searches<'t>(&'t self, policy: &'t Policy) -> impl Iterator<Item = (Action, u64, u64)> + 't {
        self.list.iter().filter_map(|tails| {
            let rule = policy.rule(tails.rule)?;
            let (start, search) = tails.open.as_ref()?;
            Some((rule.action(), *start, rule.tail.as_ref()?.hold(search)))
        })
    }
}

impl RuleTails {
    fn step(&mut self, tail: &Tail, window: Window<'_>, end: u64, scratch: &mut Scratch, each: &mut impl FnMut(Step)) {
        loop {
            let RuleTails { rule, covered, open, heads } = self;
            let (start, mut search) = match open.take() {
                Some(open) => open,
                None => {
                    heads.retain(|(start, _)| start >= covered);
                    let Some((start, end)) = heads.pop_front() else { return };
                    each(Step::Opened(*rule));
                    (start, Matcher::with_states(end, scratch.take_states()))
                }
            };
            let found = tail.read(&mut search, window, scratch);
            let Some(end) = found.or(window.is_last().then_some(end)) else {
                // The match goes on behind these heads.
                let hold = tail.hold(&search);
                heads.retain(|(start, _)| *start >= hold);
                *open = Some((start, search));
                return;
            };
            scratch.reuse(search.into_states());
            *covered = end;
            each(Step::Closed(Redaction { start, end, rule: *rule }));
        }
    }
}
