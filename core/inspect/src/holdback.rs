//! Hold-back of one text of a streamed response.

mod cuts;
mod gate_position;
mod tails;

use crate::pattern::assertion::Before;
use crate::policy::Policy;
use crate::raw::{OnUneditable, OnUnscannable};
use crate::redactions::{First, Redaction, Redactions};
use crate::report::{Cause, Report};
use crate::rule::{Action, Direction, RuleIndex};
use crate::rule_scope::Applicable;
use crate::search::leads::LeadRuns;
use crate::search::matcher::Matcher;
use crate::search::meter::Meter;
use crate::search::scratch::Scratch;
use crate::search::window::Window;
use crate::view::View;
use cuts::Cuts;
use gate_position::GatePosition;
use tails::{Step, Tails};

/// Text that arrives in pieces: text that no match can include any more is released, text that may still become part of a
/// match is withheld.
///
/// The search of a rule begins where one of its literals is found. Most of a text is therefore read once, for the literals of
/// all rules, and held back only where a literal has begun. The search of every other rule (without literals, or one that edits
/// and whose matches begin before the literal) begins at the end of its lead or, if it has none, at every character that a match
/// may begin with.
///
/// All searches read the text character by character in lockstep. The position where a blocking rule stops the text, and the
/// text released until then, therefore depend on the text alone and not on its pieces.
#[derive(Clone, Debug)]
pub(crate) struct Holdback {
    /// End of the text, as far as it is withheld or a search still needs it.
    kept: String,
    /// Position of `kept` in the text.
    base: u64,
    /// Character before `kept`.
    before: Option<char>,
    /// Position up to which the text has been released or replaced.
    released: u64,
    /// Position before which text was released although a match might include it.
    given_up: u64,
    /// Searches with a match in progress, by rule. All other searches are at the end of the text.
    searches: Vec<(RuleIndex, Matcher)>,
    /// End of the last search of each rule with literals, by rule, while a new search could still begin before it.
    searched: Vec<(RuleIndex, u64)>,
    /// Leads in progress of rules whose search begins at the end of their lead.
    leads: LeadRuns,
    /// State of the search for literals.
    gate: GatePosition,
    redactions: Redactions,
    /// Matches whose head was found and whose tail was not.
    tails: Tails,
    /// Positions at which the released text is divided.
    cuts: Cuts,
    /// Treatment of the matches of rules that redact.
    editing: Editing,
    /// Redactions that were released, if they are recorded.
    replaced: Option<Vec<Redaction>>,
    /// Work of all searches.
    meter: Meter,
    /// `true` if the rest of the text passes without inspection, because it takes too long.
    is_unscanned: bool,
}

/// State shared by all texts of an inspection.
#[derive(Debug)]
pub(crate) struct Context<'c> {
    pub(crate) policy: &'c Policy,
    pub(crate) applicable: Applicable<'c>,
    pub(crate) scratch: &'c mut Scratch,
    pub(crate) report: &'c mut Report,
}

/// Treatment of the matches of rules that redact.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Editing {
    Allowed,
    /// The text must not change. `is_counted`: the text counts as unscanned already.
    Forbidden {
        is_counted: bool,
    },
}

/// Reason to block, and the start of the match that is the reason.
type Blocked = (Cause, u64);

/// Reason why the reading of a text stops.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stop {
    /// Match of a rule that blocks, or whose points reach a threshold.
    Blocked(Cause),
    /// Searches took too long.
    TooCostly,
}

impl Default for Holdback {
    fn default() -> Holdback {
        Holdback::with_meter(Meter::for_bytes(0))
    }
}

impl Holdback {
    /// Creates the hold-back of a text whose searches share a meter with others.
    pub(crate) fn with_meter(meter: Meter) -> Holdback {
        let (kept, base, before, released, given_up) = Default::default();
        let (searches, searched, leads, gate, redactions, tails, cuts, replaced) = Default::default();
        Holdback {
            kept,
            base,
            before,
            released,
            given_up,
            searches,
            searched,
            leads,
            gate,
            redactions,
            tails,
            cuts,
            editing: Editing::Allowed,
            replaced,
            meter,
            is_unscanned: false,
        }
    }

    /// Leaves the text as it is: matches of rules that redact are reported, or block, as the policy says.
    pub(crate) fn uneditable(self) -> Holdback {
        Holdback { editing: Editing::Forbidden { is_counted: false }, ..self }
    }

    /// Records the redactions, for [`replaced`](Self::replaced).
    pub(crate) fn recording(self) -> Holdback {
        Holdback { replaced: Some(Vec::new()), ..self }
    }

    /// Returns the redactions that were released.
    pub(crate) fn replaced(&self) -> &[Redaction] {
        self.replaced.as_deref().unwrap_or_default()
    }

    /// Divides the released text at the end of a piece that is pushed next: [`take_cuts`](Self::take_cuts).
    pub(crate) fn cut_behind(&mut self, piece: &str) {
        let end = self.end();
        self.cuts.add(end + piece.len() as u64);
    }

    /// Returns the lengths that the output had where the released text reached the ends of pieces, ascending.
    pub(crate) fn take_cuts(&mut self) -> Vec<usize> {
        self.cuts.take()
    }

    /// Adds redactions of the piece that is pushed next, which were found in it alone.
    pub(crate) fn redact_next(&mut self, found: &[Redaction]) {
        let end = self.end();
        for redaction in found {
            self.redactions.add(Redaction { start: end + redaction.start, end: end + redaction.end, ..*redaction });
        }
    }

    /// Ends the text as [`push`](Self::push) does. If a piece follows nevertheless, it continues the text: a match that includes text
    /// from before is found, though this text has been released.
    pub(crate) fn pause(&mut self, context: &mut Context<'_>, out: &mut String) -> Option<Cause> {
        let mut continued = self.clone();
        let matches = context.report.matches;
        let blocked = self.push(context, "", true, out);
        if blocked.is_none() && context.report.matches == matches && !self.is_unscanned {
            let end = continued.end();
            (continued.released, continued.given_up) = (end, end);
            continued.cuts = std::mem::take(&mut self.cuts);
            continued.redactions = Redactions::default();
            continued.meter = self.meter;
            continued.discard(context.policy);
            *self = continued;
        }
        blocked
    }

    /// Reads a text that has left already, so that a match that begins in it is found.
    pub(crate) fn skip(&mut self, context: &mut Context<'_>, text: &str) {
        let from = text.ceil_char_boundary(text.len().saturating_sub(context.policy.max_match_bytes()));
        let (mut report, mut dropped) = (Report::default(), String::new());
        let Context { policy, applicable, scratch, .. } = context;
        let mut context = Context { policy, applicable: *applicable, scratch, report: &mut report };
        if self.push(&mut context, text.get(from..).unwrap_or_default(), false, &mut dropped).is_none() {
            self.give_up(&mut context, &mut dropped);
        }
    }

    /// Releases all withheld text, although a match may still include it. The searches go on: a match that is found later is redacted
    /// as far as it has not been released.
    pub(crate) fn give_up(&mut self, context: &mut Context<'_>, out: &mut String) {
        let open = self.tails.open(context.policy);
        self.release_until(context, self.end(), open, out);
        // The replacement of an open match leaves with a later piece.
        self.cuts.reach_all(out.len());
        self.given_up = open.unwrap_or(self.released);
        self.discard(context.policy);
    }

    /// Returns the work of all searches.
    pub(crate) fn meter(&self) -> Meter {
        self.meter
    }

    /// Returns the number of withheld bytes.
    pub(crate) fn held(&self) -> usize {
        (self.end() - self.released) as usize
    }

    /// Returns `true` if output is pending: withheld text, or a replacement whose extent is not final.
    pub(crate) fn has_pending(&self) -> bool {
        self.held() > 0 || !self.redactions.is_empty() || !self.tails.is_idle()
    }

    /// Adds a piece and appends the released text to `out`. `is_last` marks the end of the text. Returns the cause if the text is
    /// blocked; the text then ends.
    pub(crate) fn push(
        &mut self,
        context: &mut Context<'_>,
        piece: &str,
        is_last: bool,
        out: &mut String,
    ) -> Option<Cause> {
        if self.is_unscanned {
            // Redactions that were found in the piece alone are made all the same.
            self.kept.push_str(piece);
            self.release_until(context, self.end(), None, out);
            self.cuts.reach_all(out.len());
            self.base = self.end();
            self.kept.clear();
            return None;
        }
        context.scratch.meter = self.meter;
        let blocked = self.read(context, piece, is_last, out);
        self.meter = std::mem::take(&mut context.scratch.meter);
        match blocked {
            Some(Stop::Blocked(cause)) => Some(cause),
            Some(Stop::TooCostly) if context.policy.on_unscannable(Direction::Response) == OnUnscannable::Pass => {
                context.report.unscanned += 1;
                self.searches.clear();
                self.leads.clear();
                self.gate = GatePosition::default();
                self.is_unscanned = true;
                let end = self.end();
                self.end_tails(context.policy, end);
                self.release(context, self.kept.len(), u64::MAX, out);
                self.cuts.reach_all(out.len());
                self.base = self.end();
                self.kept = String::new();
                None
            }
            Some(Stop::TooCostly) => Some(Cause::TooCostly),
            None => None,
        }
    }

    fn read(&mut self, context: &mut Context<'_>, piece: &str, is_last: bool, out: &mut String) -> Option<Stop> {
        let policy = context.policy;
        let mut at = self.kept.len();
        self.kept.push_str(piece);
        // Index before which no search without a literal begins, once it has been searched for.
        let mut next_start = None;
        loop {
            let from = at;
            let mut is_hit = false;
            if self.searches.is_empty() && self.leads.is_idle() && self.tails.is_idle() {
                let known = next_start.filter(|start| *start >= at);
                let start = known.unwrap_or_else(|| policy.next_start(&self.kept, at, self.char_before(at)));
                next_start = Some(start);
                let hit = self.gate.run(policy.gates(), &self.kept, at, start);
                is_hit = hit.is_some();
                at = hit.unwrap_or(start);
                context.scratch.meter.allow_bytes((at - from) as u64);
            }
            if !is_hit {
                let next = self.kept.get(at..).and_then(|remaining| remaining.chars().next());
                let Some(c) = next else { break };
                self.begin_without_literal(context, at, c);
                let start = at;
                at += c.len_utf8();
                is_hit = self.gate.run(policy.gates(), &self.kept, start, at).is_some();
                context.scratch.meter.allow_bytes((at - start) as u64);
            }
            if is_hit {
                self.begin_at_literals(context, at);
            }
            if self.searches.is_empty() && self.tails.is_idle() {
                continue;
            }
            if let Some(stop) = self.advance(context, at, false, out) {
                return Some(stop);
            }
        }
        if is_last {
            if let Some(stop) = self.advance(context, at, true, out) {
                return Some(stop);
            }
            self.searches.clear();
            self.leads.clear();
            self.gate = GatePosition::default();
            self.tails = Tails::default();
        }
        self.release(context, at, u64::MAX, out);
        self.discard(policy);
        None
    }

    /// Advances every search to the index `at` of the kept text. Where the text stops, appends what may still leave to `out`.
    fn advance(&mut self, context: &mut Context<'_>, at: usize, is_last: bool, out: &mut String) -> Option<Stop> {
        let blocked = self.step(context, at, is_last);
        let (stop, limit) = match blocked {
            _ if context.scratch.meter.is_exceeded() => (Stop::TooCostly, u64::MAX),
            Some((cause, start)) => (Stop::Blocked(cause), start),
            None => return None,
        };
        self.release(context, at, limit, out);
        Some(stop)
    }

    /// Reads the character `c` at an index of the kept text for the rules whose searches do not begin at a literal, and begins
    /// their searches.
    fn begin_without_literal(&mut self, context: &mut Context<'_>, at: usize, c: char) {
        let policy = context.policy;
        let before = Before::of(self.char_before(at));
        if self.leads.is_idle() && !policy.may_start(before, c) {
            return;
        }
        let applicable = context.applicable;
        for rule in policy.starters().at(before, c).iter().filter(|rule| applicable.has_only(policy, **rule)) {
            begin(&mut self.searches, *rule, self.base + at as u64, context.scratch);
        }
        let position = self.base + at as u64;
        let read = self.kept.get(..at).unwrap_or_default();
        let before = || read.chars().next_back().or(self.before);
        let gated = self.leads.read(policy.leads(), policy.sets(), before, c, position);
        if gated != 0 {
            let starts = self.leads.starts(policy.leads(), gated, read, self.base, policy.max_match_bytes());
            for (rule, start) in starts.filter(|(rule, _)| applicable.has_only(policy, *rule)) {
                begin(&mut self.searches, rule, start, context.scratch);
            }
        }
    }

    /// Returns the character before an index of the kept text.
    fn char_before(&self, at: usize) -> Option<char> {
        self.kept.get(..at).and_then(|read| read.chars().next_back()).or(self.before)
    }

    /// Begins the searches of the rules with a literal that ends at the index `end` of the kept text.
    fn begin_at_literals(&mut self, context: &mut Context<'_>, end: usize) {
        let policy = context.policy;
        let Holdback { kept, base, before, searches, searched, gate, .. } = self;
        context.scratch.meter.add(searched.len() as u64);
        let mut hits = 0;
        let earliest = (*base + end as u64).saturating_sub(policy.gates().reach() as u64);
        searched.retain(|(_, reached)| *reached > earliest);
        for (rule, start) in gate.starts(policy.gates(), kept, *before, end) {
            hits += 1;
            if !context.applicable.has_only(policy, rule) {
                continue;
            }
            let reached = searched.binary_search_by_key(&rule, |(own, _)| *own).ok().and_then(|at| searched.get(at));
            let reached = reached.map_or(0, |(_, reached)| *reached);
            let start = *base + kept.floor_char_boundary(start) as u64;
            begin(searches, rule, start.max(reached), context.scratch);
        }
        context.scratch.meter.add_checks(hits);
    }

    fn end(&self) -> u64 {
        self.base + self.kept.len() as u64
    }

    /// Returns the rules with a lead in progress at the index `end` of the kept text, each with the earliest start of a match.
    fn lead_starts<'h>(&'h self, policy: &'h Policy, end: usize) -> impl Iterator<Item = (RuleIndex, u64)> + 'h {
        let read = self.kept.get(..end).unwrap_or(&self.kept);
        self.leads.starts(policy.leads(), self.leads.running(), read, self.base, policy.max_match_bytes())
    }

    /// Advances every search to the index `end` of the kept text.
    fn step(&mut self, context: &mut Context<'_>, end: usize, is_last: bool) -> Option<Blocked> {
        debug_assert!(self.kept.is_char_boundary(end), "{end} of {}", self.kept.len());
        let window = Window::part(self.base, self.before, self.kept.get(..end).unwrap_or(&self.kept), is_last);
        let mut blocked: Option<Blocked> = None;
        let Context { policy, scratch, report, .. } = context;
        let text_end = self.base + end as u64;
        let Holdback { redactions, leads, searched, tails, editing, .. } = self;
        self.searches.retain_mut(|(index, search)| {
            let Some(rule) = policy.rule(*index) else { return false };
            search.read(&rule.target(View::Raw, policy.sets()), window, scratch, |found| {
                if let (Editing::Forbidden { is_counted }, Action::Redact) = (&mut *editing, rule.action()) {
                    match policy.on_uneditable() {
                        OnUneditable::Log => {
                            report.matched(*index, Action::Log);
                            report.unscanned += u64::from(!std::mem::replace(is_counted, true));
                        }
                        OnUneditable::Block => {
                            report.matched(*index, Action::Block);
                            stop_at(&mut blocked, Cause::Rule(*index), found.start);
                        }
                    }
                    return true;
                }
                if rule.tail.is_some() && matches!(rule.action(), Action::Log | Action::Redact) {
                    tails.add(*index, &found);
                    return true;
                }
                report.matched(*index, rule.action());
                match rule.action() {
                    Action::Log => {}
                    Action::Redact => {
                        let (start, end) = found.reported;
                        redactions.add(Redaction { start, end, rule: *index });
                    }
                    Action::Score => {
                        report.scores.add(*index, rule.points(), false);
                        if let Some(cause) = report.reached(policy, Direction::Response) {
                            stop_at(&mut blocked, cause, found.start);
                        }
                    }
                    Action::Block => stop_at(&mut blocked, Cause::Rule(*index), found.start),
                }
                true
            });
            if search.is_idle() {
                leads.end_search(policy.leads(), *index);
                if policy.gates().has(*index) {
                    match searched.binary_search_by_key(index, |(own, _)| *own) {
                        Ok(at) => {
                            searched.get_mut(at).into_iter().for_each(|(_, reached)| *reached = search.position())
                        }
                        Err(at) => searched.insert(at, (*index, search.position())),
                    }
                }
                scratch.reuse(std::mem::replace(search, Matcher::new(0)).into_states());
                return false;
            }
            true
        });
        tails.step(policy, window, text_end, scratch, |step| match step {
            Step::Opened(rule) => {
                policy.rule(rule).into_iter().for_each(|found| report.matched(rule, found.action()));
            }
            Step::Closed(redaction) if redacts(policy, redaction.rule) => redactions.add(redaction),
            Step::Closed(_) => {}
        });
        blocked
    }

    /// Ends all open matches at `end`.
    fn end_tails(&mut self, policy: &Policy, end: u64) {
        let Holdback { tails, redactions, .. } = self;
        tails.close(end, |redaction| {
            if redacts(policy, redaction.rule) {
                redactions.add(redaction);
            }
        });
    }

    /// Returns the text from one position to another; `None` if it is not kept.
    fn kept_text(&self, start: u64, end: u64) -> Option<&str> {
        let (start, end) = (start.checked_sub(self.base)?, end.checked_sub(self.base)?);
        self.kept.get(start as usize..end as usize)
    }

    /// Releases text before `limit` that no future match can include, with redactions applied. The kept text has been read up
    /// to the index `end`.
    fn release(&mut self, context: &mut Context<'_>, end: usize, limit: u64, out: &mut String) {
        let policy = context.policy;
        let holds = self.searches.iter().filter_map(|(index, search)| {
            let rule = policy.rule(*index).filter(|rule| rule.may_act_on(Direction::Response))?;
            Some(search.hold(rule.starts) + rule.withheld_from() as u64)
        });
        let applicable = context.applicable;
        let edits = |rule: RuleIndex| {
            policy.rule(rule).is_some_and(|rule| rule.may_act_on(Direction::Response))
                && applicable.has_only(policy, rule)
        };
        let leads = self.lead_starts(policy, end).filter(|(rule, _)| edits(*rule)).map(|(_, start)| start);
        let held = self.gate.held(policy.gates(), &self.kept, self.before, end);
        let literal = self.base + end.saturating_sub(held) as u64;
        let literal = if held > 0 { literal } else { u64::MAX };
        let (_, tail) = self.tails.holds(policy);
        let hold = holds.chain(leads).chain(tail).min().unwrap_or(u64::MAX).min(literal).min(self.end()).min(limit);
        // The length of the text in front of a group is that of the shortest one; the text at hand may have longer characters.
        let index = Window::part(self.base, self.before, &self.kept, false).index(hold);
        let hold = self.base + self.kept.floor_char_boundary(index) as u64;
        let open = self.tails.open(policy);
        self.release_until(context, hold, open, out);
    }

    /// Releases the text in front of `hold` with redactions applied. `open` is the start of the open matches.
    fn release_until(&mut self, context: &mut Context<'_>, hold: u64, open: Option<u64>, out: &mut String) {
        let policy = context.policy;
        loop {
            let first = self.redactions.first(hold, open);
            let (until, then) = match first {
                First::None => (hold, hold),
                First::Open(start) => (start, hold),
                First::Closed(redaction) => (redaction.start, redaction.end),
            };
            if self.released < until {
                let window = Window::part(self.base, self.before, &self.kept, false);
                let released = self.kept.get(window.index(self.released)..window.index(until));
                debug_assert!(released.is_some(), "searches stop between characters");
                self.cuts.reach(until, out.len(), self.released);
                out.push_str(released.unwrap_or(""));
            }
            self.released = self.released.max(then);
            let First::Closed(redaction) = first else {
                self.cuts.pass(self.released, out.len(), matches!(first, First::Open(_)));
                return;
            };
            if redaction.end <= self.given_up {
                continue;
            }
            let value =
                self.kept_text(redaction.start, redaction.end).filter(|value| policy.replaces_as_value(value.len()));
            let with = policy.rule(redaction.rule);
            let with = with.map(|rule| rule.replacement_of(value, policy.placeholder_key()));
            out.push_str(&with.unwrap_or_default());
            self.cuts.reach(redaction.end, out.len(), redaction.end);
            if let Some(replaced) = &mut self.replaced {
                replaced.push(redaction);
            }
            context.report.redactions += 1;
        }
    }

    /// Discards the text that has been released and that no search needs.
    fn discard(&mut self, policy: &Policy) {
        let holds = self.searches.iter().filter_map(|(index, search)| Some(search.hold(policy.rule(*index)?.starts)));
        let leads = self.lead_starts(policy, self.kept.len()).map(|(_, start)| start);
        let window = self.end().saturating_sub(policy.gates().reach() as u64);
        let (tail, _) = self.tails.holds(policy);
        // Replacements depend on the replaced text.
        let replaced = self.redactions.front().map(|first| (first.start, first.end));
        let open = self.tails.open(policy).map(|start| (start, self.end()));
        let is_kept = |(start, end): &(u64, u64)| policy.replaces_as_value(end.saturating_sub(*start) as usize);
        let replaced = replaced.into_iter().chain(open).filter(is_kept).map(|(start, _)| start);
        let needed = holds.chain(leads).chain(tail).chain(replaced).min().unwrap_or(u64::MAX);
        let needed = needed.min(self.released).min(window);
        let index = Window::part(self.base, self.before, &self.kept, false).index(needed);
        // Conditions look at text in front of a match, which may have been released.
        let len = self.kept.floor_char_boundary(index.saturating_sub(policy.look_behind()));
        self.before = self.kept.get(..len).and_then(|discarded| discarded.chars().next_back()).or(self.before);
        self.kept.drain(..len);
        self.base += len as u64;
    }
}

/// Records a reason to block. Of several, the first is kept, and the earliest start of their matches.
fn stop_at(blocked: &mut Option<Blocked>, cause: Cause, start: u64) {
    let (cause, first) = *blocked.get_or_insert((cause, start));
    *blocked = Some((cause, first.min(start)));
}

/// Returns `true` if a rule redacts its matches.
fn redacts(policy: &Policy, rule: RuleIndex) -> bool {
    policy.rule(rule).is_some_and(|rule| rule.action() == Action::Redact)
}

/// Begins the search of a rule at `start` unless it is in progress.
fn begin(searches: &mut Vec<(RuleIndex, Matcher)>, rule: RuleIndex, start: u64, scratch: &mut Scratch) {
    if let Err(index) = searches.binary_search_by_key(&rule, |(rule, _)| *rule) {
        searches.insert(index, (rule, Matcher::with_states(start, scratch.take_states())));
    }
}
