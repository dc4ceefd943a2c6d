//! Search for all rules of a direction in a complete text.

use super::matcher::{Match, Matcher};
use super::prefilter::{Programs, StateCache};
use super::scratch::Scratch;
use super::text_gates::Places;
use super::window::Window;
use super::window_filter::First;
use crate::pattern::program::Program;
use crate::policy::{Policy, SearchMemory};
use crate::rule::{Direction, Rule, RuleIndex};
use crate::rule_set::RuleSet;
use crate::view::{Derived, View, Wanted, each_derived};
use std::collections::BTreeMap;
use std::ops::Range;

/// Bytes of a view that are derived in the time of visiting a node.
const BYTES_PER_NODE: u64 = 4;
/// Number of times that the views of a text may be as long as the text before their work counts as that of the text.
const MAX_ALLOWANCE: u64 = 4;

/// Rules that a text is searched for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scope {
    /// All rules.
    All,
    /// Rules with literals. For base64 data, which is large and in which rules without literals, such as numbers of a certain
    /// length, match by chance.
    WithLiterals,
}

/// Search for all rules of a direction in a view of a complete text.
///
/// One pass over the text finds the literals of all rules, another one, for the rules without literals, the positions at which
/// a match may end. The exact search of a rule runs only around these places. Its matches are those of an exact search of the
/// whole text.
pub(crate) struct RuleSearch<'p> {
    policy: &'p Policy,
    direction: Direction,
    /// View that is searched.
    view: View,
    /// Parts of the view that are read.
    extent: Extent,
    /// Programs of the rules without literals of each view, once they are needed.
    programs: [Option<Box<[&'p Program]>>; View::ALL.len()],
    /// Positions that exact searches have reached in the current text. Rules that are missing have not been searched.
    reached: Vec<(RuleIndex, usize)>,
    /// Ends of the last matches of rules with a tail.
    covered: Vec<(RuleIndex, u64)>,
    /// Rules that are not searched for.
    off: RuleSet,
}

/// Work of a text exceeded the meter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TooCostly;

impl<'p> RuleSearch<'p> {
    /// Creates the search.
    pub(crate) fn new(policy: &'p Policy, direction: Direction) -> RuleSearch<'p> {
        let (programs, reached, covered, off) = Default::default();
        RuleSearch { policy, direction, view: View::Raw, extent: Extent::default(), programs, reached, covered, off }
    }

    /// Sets the rules that the next texts are not searched for.
    pub(crate) fn switch_off(&mut self, off: RuleSet) {
        self.off = off;
    }

    /// Returns the rules that texts are not searched for.
    pub(crate) fn off(&self) -> &RuleSet {
        &self.off
    }

    /// Takes the programs of the rules without literals of the current view, to be put back.
    fn take_programs(&mut self) -> Box<[&'p Program]> {
        let RuleSearch { policy, direction, view, .. } = *self;
        let known = self.programs.get_mut(view as usize).and_then(Option::take);
        known.unwrap_or_else(|| {
            let rules = policy.ungated(direction, view);
            let programs: Box<[&Program]> =
                rules.iter().filter_map(|rule| Some(policy.rule(*rule)?.program(view))).collect();
            debug_assert_eq!(programs.len(), rules.len(), "the rules are those of the policy");
            programs
        })
    }

    /// Searches a text and the views of it that rules ask for, and calls `each` for every match, as it is in the text. A match
    /// that shares a character with one of the same rule in an earlier view is left out.
    ///
    /// # Errors
    /// If the meter of the memory is exceeded. Some matches may not have been found.
    pub(crate) fn read_views(
        &mut self,
        text: &str,
        scope: Scope,
        memory: &mut SearchMemory,
        mut each: impl FnMut(RuleIndex, &'p Rule, View, Match),
    ) -> Result<(), TooCostly> {
        let RuleSearch { policy, direction, .. } = *self;
        let mut seen = Seen::default();
        let mut allowance = MAX_ALLOWANCE * text.len() as u64;
        let mut search = |view: View, extent: Extent, text: &str, source: &dyn Fn(Match) -> Match| {
            let (scratch, Some(cache)) = memory.parts(direction, view) else { return Ok(()) };
            if view != View::Raw {
                // A view is a text of its own: an honest text must not be too costly because it has several.
                let bytes = (text.len() as u64).min(allowance);
                allowance -= bytes;
                scratch.meter.allow_bytes(bytes);
                scratch.meter.add(text.len() as u64 / BYTES_PER_NODE);
            }
            self.extent = extent;
            self.read(text, (view, scope), scratch, cache, |index, rule, found| {
                let found = source(found);
                let is_new = !rule.views.has_several() || seen.add(index, &found);
                if is_new {
                    each(index, rule, view, found);
                }
                is_new
            })
        };
        // Base64 data is searched as it is.
        let views = if scope == Scope::All { policy.views(direction) } else { Wanted::RAW };
        if views.all.has(View::Raw) {
            search(View::Raw, Extent::default(), text, &|found| found)?;
        }
        let mut result = Ok(());
        each_derived(text, views, |view, derived| {
            let extent = Extent::of(view, derived, !views.whole.has(view), policy.reach_of_changes());
            result = search(view, extent, derived.text(), &|found| found.derived_from(|range| derived.source(range)));
            result.is_ok()
        });
        result
    }

    /// Searches the text of a view and calls `each` for every match, those of each rule in order. If it returns `false`, the match
    /// hides none that begins in it.
    ///
    /// # Errors
    /// If the meter of `scratch` is exceeded. Some matches may not have been found.
    pub(crate) fn read(
        &mut self,
        text: &str,
        (view, scope): (View, Scope),
        scratch: &mut Scratch,
        cache: &mut StateCache,
        mut each: impl FnMut(RuleIndex, &'p Rule, Match) -> bool,
    ) -> Result<(), TooCostly> {
        self.reached.clear();
        self.covered.clear();
        self.view = view;
        let extent = std::mem::take(&mut self.extent);
        for pass in extent.passes(text) {
            self.read_literals(text, &pass, &extent, scratch, &mut each)?;
        }
        if scope == Scope::WithLiterals {
            return Ok(());
        }
        let RuleSearch { policy, direction, .. } = *self;
        let is_repeated = |rule: &RuleIndex| policy.rule(*rule).is_some_and(|rule| rule.views.repeated().has(view));
        let has_whole = !policy.ungated(direction, view).iter().all(is_repeated);
        let ranges = if has_whole { whole(text) } else { extent.around(text) };
        if policy.prefilter(direction, view).is_empty() || ranges.is_empty() {
            return Ok(());
        }
        let programs = self.take_programs();
        let mut result = Ok(());
        for range in ranges {
            result = self.read_ungated(text, (&extent, range), &programs, scratch, cache, &mut each);
            if result.is_err() {
                break;
            }
        }
        if let Some(known) = self.programs.get_mut(view as usize) {
            *known = Some(programs);
        }
        result
    }

    /// Searches the text of the current view for rules with literals.
    fn read_literals(
        &mut self,
        text: &str,
        pass: &Pass,
        extent: &Extent,
        scratch: &mut Scratch,
        each: &mut impl FnMut(RuleIndex, &'p Rule, Match) -> bool,
    ) -> Result<(), TooCostly> {
        let RuleSearch { policy, direction, view, .. } = *self;
        let gates = policy.text_gates().literals(direction, view, pass.places);
        scratch.chains.begin(gates.slots(), text.len());
        for range in &pass.ranges {
            let part = text.get(range.clone()).unwrap_or_default();
            gates.each(part, |owners, start, end| {
                scratch.meter.add_checks(owners.len());
                let (start, end) = (range.start + start, range.start + end);
                for owner in owners.iter().filter(|owner| owner.views.has(view)) {
                    let is_repeated = owner.repeated.has(view);
                    if pass.places.have(is_repeated)
                        && let Some(lead) = scratch.chains.read(owner.step, start, end)
                        && !self.off.contains(owner.rule)
                    {
                        let from = start.saturating_sub(lead);
                        let until = text.ceil_char_boundary(start + 1);
                        if !is_repeated || self.is_changed(extent, owner.rule, from, until) {
                            self.search(text, owner.rule, from, until, scratch, each);
                        }
                    }
                }
                !scratch.meter.is_exceeded()
            });
            if scratch.meter.is_exceeded() {
                return Err(TooCostly);
            }
        }
        Ok(())
    }

    /// Returns `true` if a match of a rule that starts in `from..until`, or the text in front of it that its conditions need, may
    /// contain a change.
    fn is_changed(&self, extent: &Extent, rule: RuleIndex, from: usize, until: usize) -> bool {
        let behind = self.policy.rule(rule).map_or(0, |rule| rule.conditions.look_behind());
        extent.has_change(from.saturating_sub(behind), until + self.longest(rule))
    }

    /// Returns the length of the longest match of a rule in the current view.
    fn longest(&self, rule: RuleIndex) -> usize {
        let longest = self.policy.rule(rule).and_then(|rule| rule.program(self.view).longest());
        let max = self.policy.max_match_bytes();
        longest.map_or(max, |longest| longest.min(max))
    }

    /// Searches a range of the text of the current view for the rules without literals.
    fn read_ungated(
        &mut self,
        text: &str,
        (extent, range): (&Extent, Range<usize>),
        list: &[&'p Program],
        scratch: &mut Scratch,
        cache: &mut StateCache,
        each: &mut impl FnMut(RuleIndex, &'p Rule, Match) -> bool,
    ) -> Result<(), TooCostly> {
        let RuleSearch { policy, direction, view, .. } = *self;
        let prefilter = policy.prefilter(direction, view);
        let programs = Programs { list, sets: policy.sets() };
        let mut scan = prefilter.begin(cache, text, range);
        while let Some(end) = prefilter.run(&mut scan, cache, &programs, text, &mut scratch.meter) {
            for index in cache.hits(&scan) {
                let index = *index as usize;
                let found = policy.ungated(direction, view).get(index);
                debug_assert!(found.is_some(), "the prefilter has {} programs", list.len());
                let Some(rule) = found.filter(|rule| !self.off.contains(**rule)) else { continue };
                let from = end.saturating_sub(self.longest(*rule));
                let is_repeated = policy.rule(*rule).is_some_and(|rule| rule.views.repeated().has(view));
                if !is_repeated || self.is_changed(extent, *rule, from, end) {
                    self.search(text, *rule, from, end, scratch, each);
                }
            }
            if scratch.meter.is_exceeded() {
                return Err(TooCostly);
            }
        }
        if scratch.meter.is_exceeded() { Err(TooCostly) } else { Ok(()) }
    }

    /// Finds the matches of a rule that start in `from..until`, unless they have been found.
    fn search(
        &mut self,
        text: &str,
        index: RuleIndex,
        from: usize,
        until: usize,
        scratch: &mut Scratch,
        each: &mut impl FnMut(RuleIndex, &'p Rule, Match) -> bool,
    ) {
        let Some(rule) = self.policy.rule(index) else { return };
        scratch.meter.add(1);
        let at = match self.reached.binary_search_by_key(&index, |(rule, _)| *rule) {
            Ok(at) => at,
            Err(at) => {
                self.reached.insert(at, (index, 0));
                at
            }
        };
        let longest = self.longest(index);
        let Some((_, reached)) = self.reached.get_mut(at).filter(|(_, reached)| *reached < until) else { return };
        let from = text.floor_char_boundary(from).max(*reached);
        let target = rule.target(self.view, self.policy.sets());
        let mut heads = Vec::new();
        // A match that was found in another view hides none that begins in it.
        let mut report = |found: Match| match rule.tail {
            None if each(index, rule, found) => found.end as usize,
            None => text.ceil_char_boundary(found.start as usize + 1),
            Some(_) => {
                heads.push(found);
                found.end as usize
            }
        };
        let program = (target.program, target.sets, longest);
        let mut at = from;
        while at < until && !scratch.meter.is_exceeded() {
            let Scratch { filters, meter, .. } = scratch;
            match filters.first((index, self.view), program, text, at..until, meter) {
                First::Nowhere => at = until,
                First::At(start) => match Matcher::at(start as u64, &target, Window::whole(text), scratch) {
                    Some(found) => at = report(found),
                    None => at = text.ceil_char_boundary(start + 1),
                },
                First::Unknown => {
                    let mut matcher = Matcher::with_states(at as u64, scratch.take_states());
                    let mut next = None;
                    let position = matcher.read(&target, Window::whole(text).until(until as u64), scratch, |found| {
                        next = Some(report(found)).filter(|next| *next < found.end as usize);
                        next.is_none()
                    });
                    scratch.reuse(matcher.into_states());
                    at = next.unwrap_or(position as usize);
                    if next.is_none() {
                        break;
                    }
                }
            }
        }
        *reached = at;
        for head in heads {
            if let Some(found) = self.until_tail(text, index, rule, head, scratch) {
                let _ = each(index, rule, found);
            }
        }
    }

    /// Returns the match that begins with a head: it ends with the tail or, without one, with the text. `None`: the head is a
    /// part of the match before.
    fn until_tail(
        &mut self,
        text: &str,
        index: RuleIndex,
        rule: &Rule,
        head: Match,
        scratch: &mut Scratch,
    ) -> Option<Match> {
        let at = match self.covered.binary_search_by_key(&index, |(rule, _)| *rule) {
            Ok(at) => at,
            Err(at) => {
                self.covered.insert(at, (index, 0));
                at
            }
        };
        let (_, covered) = self.covered.get_mut(at).filter(|(_, covered)| *covered <= head.start)?;
        let mut search = Matcher::with_states(head.end, scratch.take_states());
        let end = rule.tail.as_ref()?.read(&mut search, Window::whole(text), scratch).unwrap_or(text.len() as u64);
        scratch.reuse(search.into_states());
        *covered = end;
        Some(Match { end, reported: (head.start, end), ..head })
    }
}

/// Parts of a view that are read.
#[derive(Debug, Default)]
struct Extent {
    /// `true` if no rule searches the view as a whole.
    only_changes: bool,
    /// See [`Derived::changes`]; `None` if no view before has the same text.
    changes: Option<Vec<Range<usize>>>,
    /// Bytes around a change in which a match may be that contains it, or that its conditions find it in front of.
    reach: usize,
}

/// Part of the search for rules with literals.
struct Pass {
    places: Places,
    /// Parts that are read, ascending.
    ranges: Vec<Range<usize>>,
}

impl Extent {
    /// Returns the extent of a view.
    fn of(view: View, derived: &Derived<'_>, only_changes: bool, reach: usize) -> Extent {
        match view {
            View::Folded | View::Decoded => Extent { only_changes, changes: Some(derived.changes()), reach },
            View::Raw | View::Letters | View::Hidden => Extent::default(),
        }
    }

    /// Returns the surroundings of the changes in a text; all of it if no view before has the same text.
    fn around(&self, text: &str) -> Vec<Range<usize>> {
        let Some(changes) = &self.changes else { return whole(text) };
        let mut around: Vec<Range<usize>> = Vec::new();
        for change in changes {
            let from = text.floor_char_boundary(change.start.saturating_sub(self.reach));
            let to = text.ceil_char_boundary((change.end + self.reach).min(text.len()));
            match around.last_mut().filter(|last| last.end >= from) {
                Some(last) => last.end = to,
                None => around.push(from..to),
            }
        }
        around
    }

    /// Returns the passes over a text: one for all rules unless most of the text is the same as in a view before.
    fn passes(&self, text: &str) -> Vec<Pass> {
        let on_all = |places: Places| Pass { places, ranges: whole(text) };
        if self.changes.is_none() {
            return vec![on_all(Places::All)];
        }
        let around = self.around(text);
        let len: usize = around.iter().map(Range::len).sum();
        let changed = Pass { places: Places::Changed, ranges: around };
        match self.only_changes {
            true => vec![changed],
            false if len == 0 => vec![on_all(Places::Whole)],
            false if len <= text.len() / 2 => vec![on_all(Places::Whole), changed],
            false => vec![on_all(Places::All)],
        }
    }

    /// Returns `true` if a change is in `from..to` or beside it.
    fn has_change(&self, from: usize, to: usize) -> bool {
        let Some(changes) = &self.changes else { return true };
        let next = changes.partition_point(|change| change.end < from);
        changes.get(next).is_some_and(|change| change.start <= to)
    }
}

/// Returns the range of a whole text.
fn whole(text: &str) -> Vec<Range<usize>> {
    std::iter::once(0..text.len()).collect()
}

/// Matches of rules that search several views: their ends by rule and start. No two of a rule overlap.
#[derive(Default)]
struct Seen {
    ends: BTreeMap<(RuleIndex, u64), u64>,
}

impl Seen {
    /// Adds a match unless it overlaps one of the same rule. Returns `true` if it was added.
    fn add(&mut self, rule: RuleIndex, found: &Match) -> bool {
        let before = self.ends.range(..(rule, found.end)).next_back();
        if before.is_some_and(|((own, _), end)| *own == rule && *end > found.start) {
            return false;
        }
        self.ends.insert((rule, found.start), found.end);
        true
    }
}

#[cfg(test)]
mod work;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::generators::{policies, texts};
    use crate::pattern::tail::Tail;
    use crate::search::meter::Meter;
    use proptest::prelude::*;
    use serde_json::json;

    type Found = (RuleIndex, u64, u64);

    fn search(policy: &Policy, direction: Direction, text: &str, scope: Scope, memory: &mut Memory) -> Vec<Found> {
        let mut found = Vec::new();
        let Memory { scratch, cache } = memory;
        let result =
            RuleSearch::new(policy, direction).read(text, (View::Raw, scope), scratch, cache, |rule, _, one| {
                found.push((rule, one.start, one.end));
                true
            });
        assert_eq!(result, Ok(()));
        found.sort_unstable();
        found
    }

    /// Searches the whole text for each rule alone.
    fn exact(policy: &Policy, direction: Direction, text: &str) -> Vec<Found> {
        let mut scratch = Scratch::default();
        let mut found = Vec::new();
        for (at, rule) in policy.rules().iter().enumerate().filter(|(_, rule)| rule.is_on(direction)) {
            let mut own = Vec::new();
            Matcher::new(0).read(&rule.target(View::Raw, policy.sets()), Window::whole(text), &mut scratch, |one| {
                own.push((one.start, one.end));
                true
            });
            let mut covered = 0;
            for (start, end) in own {
                if start >= covered {
                    let tail =
                        |tail: &Tail| tail.read(&mut Matcher::new(end), Window::whole(text), &mut Scratch::default());
                    let end = rule.tail.as_ref().map_or(end, |own| tail(own).unwrap_or(text.len() as u64));
                    covered = if rule.tail.is_some() { end } else { 0 };
                    found.push((RuleIndex(at as u32), start, end));
                }
            }
        }
        found
    }

    #[derive(Default)]
    struct Memory {
        scratch: Scratch,
        cache: StateCache,
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 2000, ..ProptestConfig::default() })]

        #[test]
        fn the_matches_are_those_of_exact_searches(
            policy in policies(&["log"]),
            all in proptest::collection::vec(texts(0..200), 1..4),
            max_bytes in 0usize..6000,
        ) {
            let mut memory = Memory::default();
            memory.cache.max_bytes = max_bytes;
            for text in &all {
                let found = search(&policy, Direction::Request, text, Scope::All, &mut memory);
                prop_assert_eq!(&found, &exact(&policy, Direction::Request, text));
                let with_literals = search(&policy, Direction::Request, text, Scope::WithLiterals, &mut memory);
                let expected: Vec<Found> =
                    found.into_iter().filter(|(rule, ..)| policy.text_gates().has(*rule, View::Raw)).collect();
                prop_assert_eq!(with_literals, expected);
            }
        }
    }

    #[test]
    fn a_flood_of_literals_without_complete_chains_is_not_free() {
        let rules = r#"{"rules":[{"id":"a","match":{"regex":"(?i)\\bthe\\W{1,9}of\\b"},"action":"log"}]}"#;
        let policy = Policy::from_raw(serde_json::from_str(rules).unwrap()).unwrap();
        let (mut scratch, mut cache) = (Scratch::default(), StateCache::default());
        let mut search = RuleSearch::new(&policy, Direction::Request);
        let text = "the ".repeat(1000);
        search.read(&text, (View::Raw, Scope::All), &mut scratch, &mut cache, |_, _, _| true).unwrap();
        assert_eq!(scratch.meter.used(), 1000);
    }

    /// An automaton that began again behind each literal, and read to the end of the text, took a thousand times as long.
    #[test]
    fn matches_without_an_end_are_looked_for_in_bounded_time() {
        for (pattern, text) in [
            ("(?s)forget.*[0-9]", "forget me not ".repeat(7000)),
            ("(?s)forget.*[0-9]", format!("forget {}", "word ".repeat(200)).repeat(300)),
            ("forget[^.]*[0-9]{3}", format!("forget {}", "word ".repeat(50)).repeat(1000)),
        ] {
            let rules = json!({"rules": [{"id": "a", "match": {"regex": pattern}, "action": "log"}]});
            let policy = Policy::from_raw(serde_json::from_value(rules).unwrap()).unwrap();
            let mut scratch = Scratch::default();
            scratch.meter = Meter::for_bytes(text.len() as u64);
            let mut search = RuleSearch::new(&policy, Direction::Request);
            let result =
                search.read(&text, (View::Raw, Scope::All), &mut scratch, &mut StateCache::default(), |_, _, _| true);
            assert_eq!(result, Ok(()), "{pattern} {} bytes, {} nodes", text.len(), scratch.meter.used());
        }
    }

    #[test]
    fn a_text_that_takes_too_long_is_an_error() {
        let rules = r#"{"rules":[{"id":"a","match":{"regex":"(?s)zqx.{1,900}(y.{1,20}){9}z"},"action":"log"}]}"#;
        let policy = Policy::from_raw(serde_json::from_str(rules).unwrap()).unwrap();
        for (text, expected) in [
            ("zqx yyyy".repeat(20_000), Err(TooCostly)),
            ("zqx yyyy".repeat(20), Ok(())),
            ("zq yyyy".repeat(20_000), Ok(())),
        ] {
            let mut scratch = Scratch::default();
            scratch.meter = Meter::for_bytes(text.len() as u64);
            let mut search = RuleSearch::new(&policy, Direction::Request);
            let result =
                search.read(&text, (View::Raw, Scope::All), &mut scratch, &mut StateCache::default(), |_, _, _| true);
            assert_eq!(result, expected, "{} bytes, {} nodes", text.len(), scratch.meter.used());
            assert!(scratch.meter.used() < (2 << 20) + 40 * text.len() as u64);
        }
    }
}
