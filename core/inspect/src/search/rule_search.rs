//! Search for all rules of a direction in a complete text.

use super::gates::Hit;
use super::matcher::{Match, Matcher};
use super::prefilter::{PrefilterScan, Programs, StateCache};
use super::scratch::Scratch;
use super::window::Window;
use crate::pattern::literals::is_word;
use crate::pattern::program::Program;
use crate::policy::Policy;
use crate::rule::{Direction, Rule, RuleIndex};

/// Rules that a text is searched for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scope {
    /// All rules.
    All,
    /// Rules with literals. For base64 data, which is large and in which rules without literals, such as numbers of a certain
    /// length, match by chance.
    WithLiterals,
}

/// Search for all rules of a direction in a complete text.
///
/// One pass over the text finds the literals of all rules, another one, for the rules without literals, the positions at which
/// a match may end. The exact search of a rule runs only around these places. Its matches are those of an exact search of the
/// whole text.
pub(crate) struct RuleSearch<'p> {
    policy: &'p Policy,
    direction: Direction,
    /// Programs of the rules without literals.
    programs: Vec<&'p Program>,
    /// Positions that exact searches have reached in the current text. Rules that are missing have not been searched.
    reached: Vec<(RuleIndex, usize)>,
}

/// Work of a text exceeded the meter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TooCostly;

impl<'p> RuleSearch<'p> {
    /// Creates the search.
    pub(crate) fn new(policy: &'p Policy, direction: Direction) -> RuleSearch<'p> {
        let rules = policy.ungated(direction).iter();
        let programs: Vec<&Program> = rules.filter_map(|rule| Some(&policy.rule(*rule)?.program)).collect();
        debug_assert_eq!(programs.len(), policy.ungated(direction).len(), "the rules are those of the policy");
        RuleSearch { policy, direction, programs, reached: Vec::new() }
    }

    /// Searches a text and calls `each` for every match, those of each rule in order.
    ///
    /// # Errors
    /// If the meter of `scratch` is exceeded. Some matches may not have been found.
    pub(crate) fn read(
        &mut self,
        text: &str,
        scope: Scope,
        scratch: &mut Scratch,
        cache: &mut StateCache,
        mut each: impl FnMut(RuleIndex, &'p Rule, Match),
    ) -> Result<(), TooCostly> {
        self.reached.clear();
        let RuleSearch { policy, direction, .. } = *self;
        let gates = policy.gates();
        let (mut state, mut at) = (gates.start(), 0);
        while let Some(end) = gates.run(&mut state, text.as_bytes(), at, text.len()) {
            at = end;
            for hit in gates.hits(state).filter(|hit| may_match(hit, direction, text, end)) {
                let until = text.ceil_char_boundary(end - hit.len + 1);
                self.search(text, hit.owner.rule, end.saturating_sub(hit.owner.reach), until, scratch, &mut each);
            }
            if scratch.meter.is_exceeded() {
                return Err(TooCostly);
            }
        }
        let prefilter = policy.prefilter(direction);
        if prefilter.is_empty() || scope == Scope::WithLiterals {
            return Ok(());
        }
        let max = policy.max_match_bytes();
        let mut scan = PrefilterScan::default();
        loop {
            let programs = Programs { list: &self.programs, sets: policy.sets() };
            let Some(end) = prefilter.run(&mut scan, cache, &programs, text, &mut scratch.meter) else { break };
            for index in cache.hits(&scan) {
                let index = *index as usize;
                let found = policy.ungated(direction).get(index).zip(self.programs.get(index));
                debug_assert!(found.is_some(), "the prefilter has {} programs", self.programs.len());
                let Some((rule, program)) = found else { continue };
                let longest = program.longest();
                let reach = longest.map_or(max, |longest| longest.min(max));
                self.search(text, *rule, end.saturating_sub(reach), end, scratch, &mut each);
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
        each: &mut impl FnMut(RuleIndex, &'p Rule, Match),
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
        let Some((_, reached)) = self.reached.get_mut(at).filter(|(_, reached)| *reached < until) else { return };
        let from = text.floor_char_boundary(from).max(*reached);
        let mut matcher = Matcher::with_states(from as u64, scratch.take_states());
        let window = Window::whole(text).until(until as u64);
        *reached = matcher.read(&rule.target(self.policy.sets()), window, scratch, |found| {
            each(index, rule, found);
            true
        }) as usize;
        scratch.reuse(matcher.into_states());
    }
}

/// Returns `true` if a match of a rule of the direction may contain this literal, which ends at `end`.
fn may_match(hit: &Hit<'_>, direction: Direction, text: &str, end: usize) -> bool {
    let before = (end - hit.len).checked_sub(1).and_then(|before| text.as_bytes().get(before));
    hit.owner.is_on(direction) && hit.owner.may_follow(before.is_some_and(|byte| is_word(*byte)))
}

#[cfg(test)]
mod work;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::generators::{policies, texts};
    use crate::search::meter::Meter;
    use proptest::prelude::*;

    type Found = (RuleIndex, u64, u64);

    fn search(policy: &Policy, direction: Direction, text: &str, scope: Scope, memory: &mut Memory) -> Vec<Found> {
        let mut found = Vec::new();
        let Memory { scratch, cache } = memory;
        let result = RuleSearch::new(policy, direction)
            .read(text, scope, scratch, cache, |rule, _, one| found.push((rule, one.start, one.end)));
        assert_eq!(result, Ok(()));
        found.sort_unstable();
        found
    }

    /// Searches the whole text for each rule alone.
    fn exact(policy: &Policy, direction: Direction, text: &str) -> Vec<Found> {
        let mut scratch = Scratch::default();
        let mut found = Vec::new();
        for (at, rule) in policy.rules().iter().enumerate().filter(|(_, rule)| rule.is_on(direction)) {
            Matcher::new(0).read(&rule.target(policy.sets()), Window::whole(text), &mut scratch, |one| {
                found.push((RuleIndex(at as u32), one.start, one.end));
                true
            });
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
                    found.into_iter().filter(|(rule, ..)| policy.gates().has(*rule)).collect();
                prop_assert_eq!(with_literals, expected);
            }
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
            let result = search.read(&text, Scope::All, &mut scratch, &mut StateCache::default(), |_, _, _| ());
            assert_eq!(result, expected, "{} bytes, {} nodes", text.len(), scratch.meter.used());
            assert!(scratch.meter.used() < (2 << 20) + 40 * text.len() as u64);
        }
    }
}
