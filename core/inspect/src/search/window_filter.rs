//! Filter of windows: finds quickly where in a part of a text the first match of a rule may start.
//!
//! Most places with the literals of a rule have no match. An exact search, which knows where its matches start, takes ten times as
//! long as an automaton that knows only whether one may end. The first start is the end of the longest window without a match.

use super::meter::Meter;
use crate::pattern::assertion::{Before, may_hold};
use crate::pattern::char_classes::{CharClass, CharClasses};
use crate::pattern::char_set::CharSets;
use crate::pattern::folding::Form;
use crate::pattern::program::{Node, NodeId, Program, read};
use crate::rule::RuleIndex;
use crate::view::View;
use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

/// Maximum memory of the states of one filter, and of all filters, in bytes.
const MAX_BYTES: usize = 128 * 1024;
const MAX_BYTES_OF_ALL: usize = 3 << 20;
/// Work of building a state beside the nodes that it visits.
const STATE_WORK: u64 = 16;
/// Characters that are read in the time of visiting a node.
const CHARS_PER_NODE: u64 = 8;
/// Characters that have to be read for each state that is built, lest an exact search is faster, and how many may be missing.
const CHARS_PER_STATE: i64 = 8;
const MAX_CREDIT: i64 = 4096;
/// Characters that are read again in the time in which an exact search reads one.
const READ_PER_CHAR: i64 = 8;

/// Filters of the rules of a policy, each built when it is first needed.
#[derive(Debug, Default)]
pub(crate) struct WindowFilters {
    filters: BTreeMap<(RuleIndex, Form), WindowFilter>,
    /// Memory of all filters.
    bytes: usize,
}

impl WindowFilters {
    /// Finds where in `range` of `text` the first match of a rule may start. `program` is its program in this view, whose matches
    /// have at most `longest` bytes.
    pub(crate) fn first(
        &mut self,
        (rule, view): (RuleIndex, View),
        (program, sets, longest): (&Program, &CharSets, usize),
        text: &str,
        range: Range<usize>,
        meter: &mut Meter,
    ) -> First {
        while self.bytes > MAX_BYTES_OF_ALL {
            self.remove_largest();
        }
        let filter = self.filters.entry((rule, view.into())).or_insert_with(|| {
            let filter = WindowFilter::new(program, sets);
            meter.add(STATE_WORK + program.len() as u64);
            self.bytes += filter.bytes;
            filter
        });
        let before = filter.bytes;
        let first = filter.first(&mut Run { program, sets, text, longest, meter }, range);
        self.bytes = (self.bytes + filter.bytes).saturating_sub(before);
        first
    }

    /// Removes the filter that takes the most memory.
    fn remove_largest(&mut self) {
        let largest = self.filters.iter().max_by_key(|(_, filter)| filter.bytes).map(|(key, _)| *key);
        match largest.and_then(|key| self.filters.remove(&key)) {
            Some(filter) => self.bytes = self.bytes.saturating_sub(filter.bytes),
            None => self.bytes = 0,
        }
    }
}

/// First position of a window at which a match may start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum First {
    /// There is none.
    Nowhere,
    /// No match starts in front of it. One starts there, unless it is too long, fails its conditions, or an assertion that the
    /// automaton does not know.
    At(usize),
    /// An exact search takes less time.
    Unknown,
}

/// Lazy automaton of one program, over the [`CharClasses`] that it distinguishes.
///
/// A state with seeds is one in which a match may still begin; without them, it only goes on with the matches that have begun.
#[derive(Debug)]
struct WindowFilter {
    classes: CharClasses,
    /// Next state for each state and class: the begin of its row here, or one of the marks below.
    next: Vec<u32>,
    states: Vec<State>,
    by_key: BTreeMap<Arc<Key>, u32>,
    /// State with seeds in which no match has begun, by the character before.
    idle: [Option<u32>; Before::ALL.len()],
    bytes: usize,
    /// Characters read beyond those that states were built for, and that were read before.
    credit: i64,
    /// Begin of the last window, and end of what was read of the text.
    last: usize,
    read: usize,
    /// For each node, the number of the last step that reached it.
    marks: Vec<u32>,
    step: u32,
    pending: Vec<NodeId>,
}

/// Transition that was not needed before.
const UNKNOWN: u32 = u32::MAX;
/// A match may end in front of this character.
const HIT: u32 = u32::MAX - 1;
/// No match is in progress.
const DEAD: u32 = u32::MAX - 2;

/// Identity of a state.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    /// Nodes whose edges that read nothing have not been followed, ascending.
    nodes: Box<[NodeId]>,
    before: Before,
    has_seeds: bool,
}

#[derive(Debug)]
struct State {
    key: Arc<Key>,
    /// This state without seeds.
    unseeded: Option<u32>,
    /// `true` if a match may end at the end of the text.
    may_end: Option<bool>,
}

impl WindowFilter {
    fn new(program: &Program, sets: &CharSets) -> WindowFilter {
        let mut filter = WindowFilter {
            classes: CharClasses::new([program].into_iter(), sets),
            next: Vec::new(),
            states: Vec::new(),
            by_key: BTreeMap::new(),
            idle: Default::default(),
            bytes: 0,
            credit: MAX_CREDIT,
            last: 0,
            read: 0,
            marks: vec![0; program.len()],
            step: 0,
            pending: Vec::new(),
        };
        filter.clear();
        filter
    }

    /// Removes all states.
    fn clear(&mut self) {
        (self.next, self.states) = Default::default();
        self.by_key.clear();
        self.idle = Default::default();
        self.bytes = self.marks.len() * 4 + self.classes.bytes() + 512;
    }

    fn first(&mut self, run: &mut Run<'_>, range: Range<usize>) -> First {
        if range.start < self.last {
            self.read = 0; // another text
        }
        self.last = range.start;
        if self.credit < 0 {
            self.credit += range.len() as i64;
            return First::Unknown;
        }
        if self.bytes > MAX_BYTES {
            self.clear();
        }
        self.search(run, range).unwrap_or(First::Unknown)
    }

    /// Halves the window until it has one position. Begins with parts that are short: the time depends on where the match is, not on
    /// the length of the window.
    fn search(&mut self, run: &mut Run<'_>, range: Range<usize>) -> Option<First> {
        if !self.may_match(run, range.clone())? {
            return Some(First::Nowhere);
        }
        let Range { start: mut from, end: until } = range;
        let mut len = 1;
        let mut to = loop {
            let to = run.text.ceil_char_boundary((from + len).min(until));
            if to == until || self.may_match(run, from..to)? {
                break to;
            }
            (from, len) = (to, len * 2);
        };
        loop {
            let is_single = run.text.get(from..to).is_none_or(|text| text.chars().nth(1).is_none());
            if is_single {
                return Some(First::At(from));
            }
            // In front of the last character at the latest.
            let middle = run.text.ceil_char_boundary(from + (to - from) / 2).min(run.text.floor_char_boundary(to - 1));
            if self.may_match(run, from..middle)? { to = middle } else { from = middle }
        }
    }

    /// Returns `false` if no match starts in `range`; `None` if an exact search takes less time.
    fn may_match(&mut self, run: &mut Run<'_>, range: Range<usize>) -> Option<bool> {
        let (may_match, at) = self.read_window(run, range.clone())?;
        let chars = at.saturating_sub(range.start);
        run.meter.add(chars as u64 / CHARS_PER_NODE);
        // Matches without an end are looked for again and again behind each literal: an exact search reads a text once.
        let again = self.read.min(at).saturating_sub(range.start) as i64;
        self.read = self.read.max(at);
        self.credit = (self.credit + chars as i64 - again - again / READ_PER_CHAR).min(MAX_CREDIT);
        Some(may_match)
    }

    /// Reads a window like [`may_match`](Self::may_match), and returns the position at which the answer was known too.
    fn read_window(&mut self, run: &mut Run<'_>, range: Range<usize>) -> Option<(bool, usize)> {
        let Range { start: mut at, end: until } = range;
        let text = run.text;
        let before = text.get(..at).and_then(|text| text.chars().next_back());
        let mut state = self.idle(Before::of(before));
        while at < until {
            if self.is_idle(state) {
                let begin = run.program.skip(text, at, until);
                if begin >= until {
                    return Some((false, begin));
                }
                if begin > at {
                    let before = text.as_bytes().get(begin - 1).copied();
                    state = self.idle(before.map_or(Before::Edge, Before::of_byte));
                    at = begin;
                }
            }
            let Some((class, len)) = self.class_at(text, at) else { break };
            let next = self.next(run, state, class)?;
            if next == HIT {
                return Some((true, at));
            }
            (state, at) = (next, at + len);
        }
        run.meter.add(STATE_WORK / 8);
        state = self.unseeded(state);
        let end = until.saturating_add(run.longest);
        while state != DEAD && at <= end {
            let Some((class, len)) = self.class_at(text, at) else { return Some((self.may_end(run, state), at)) };
            let next = self.next(run, state, class)?;
            if next == HIT {
                return Some((true, at));
            }
            (state, at) = (next, at + len);
        }
        Some((false, at))
    }

    /// Returns the class and the length of the character at a position; `None` at the end of the text.
    #[inline]
    fn class_at(&self, text: &str, at: usize) -> Option<(CharClass, usize)> {
        let byte = *text.as_bytes().get(at)?;
        if byte < 0x80 {
            return Some((self.classes.ascii(byte), 1));
        }
        let c = text.get(at..)?.chars().next()?;
        Some((self.classes.wide(c), c.len_utf8()))
    }

    /// Returns the state behind a character; `None` if an exact search takes less time.
    #[inline]
    fn next(&mut self, run: &mut Run<'_>, state: u32, class: CharClass) -> Option<u32> {
        match self.next.get(state as usize + usize::from(class)).copied() {
            None | Some(UNKNOWN) => self.build(run, state, class),
            known => known,
        }
    }

    /// Builds the state behind a character.
    #[cold]
    fn build(&mut self, run: &mut Run<'_>, state: u32, class: CharClass) -> Option<u32> {
        let c = self.classes.sample(class);
        self.credit -= CHARS_PER_STATE;
        if run.meter.is_exceeded() || self.credit < -MAX_CREDIT || self.bytes > 2 * MAX_BYTES {
            return None;
        }
        let (nodes, may_end) = self.follow(run, state, Some(c));
        let has_seeds = self.get(state)?.key.has_seeds;
        let next = if may_end {
            HIT
        } else if nodes.is_empty() && !has_seeds {
            DEAD
        } else if nodes.is_empty() {
            self.idle(Before::of(Some(c)))
        } else {
            self.state(Key { nodes: nodes.into(), before: Before::of(Some(c)), has_seeds })
        };
        if let Some(slot) = self.next.get_mut(state as usize + usize::from(class)) {
            *slot = next;
        }
        Some(next)
    }

    /// Returns `true` if a match may end at the end of the text.
    fn may_end(&mut self, run: &mut Run<'_>, state: u32) -> bool {
        if let Some(known) = self.get(state).and_then(|state| state.may_end) {
            return known;
        }
        let (_, may_end) = self.follow(run, state, None);
        if let Some(state) = self.get_mut(state) {
            state.may_end = Some(may_end);
        }
        may_end
    }

    /// Follows all edges of a state over a character, or the end of the text. Returns the nodes behind it, ascending, and `true` if a
    /// match may end in front of it.
    fn follow(&mut self, run: &mut Run<'_>, state: u32, c: Option<char>) -> (Vec<NodeId>, bool) {
        let WindowFilter { states, classes, marks, step, pending, .. } = self;
        let Some(State { key, .. }) = states.get(state as usize / classes.len().max(1)) else {
            return (Vec::new(), true);
        };
        *step = step.wrapping_add(1);
        if *step == 0 {
            marks.fill(0);
            *step = 1;
        }
        pending.clear();
        pending.extend_from_slice(&key.nodes);
        if key.has_seeds {
            pending.push(run.program.start());
        }
        let mut nodes = Vec::new();
        let mut may_end = false;
        let mut visited = 0;
        while let Some(id) = pending.pop() {
            match marks.get_mut(id as usize) {
                Some(mark) if *mark != *step => *mark = *step,
                _ => continue,
            }
            visited += 1;
            match run.program.node(id) {
                Node::Split { first, len } => pending.extend_from_slice(run.program.targets(first, len)),
                Node::Look { look, next } => {
                    if may_hold(look, key.before, c) {
                        pending.push(next);
                    }
                }
                Node::Match => may_end = true,
                node => nodes.extend(c.and_then(|c| read(node, c, run.sets))),
            }
        }
        run.meter.add(STATE_WORK + visited);
        nodes.sort_unstable();
        nodes.dedup();
        (nodes, may_end)
    }

    /// Returns the state with an identity.
    fn state(&mut self, key: Key) -> u32 {
        if let Some(known) = self.by_key.get(&key) {
            return *known;
        }
        let state = self.next.len() as u32;
        self.next.resize(self.next.len() + self.classes.len(), UNKNOWN);
        self.bytes += self.classes.len() * 4 + key.nodes.len() * 4 + 128;
        let key = Arc::new(key);
        self.by_key.insert(key.clone(), state);
        self.states.push(State { key, unseeded: None, may_end: None });
        state
    }

    fn get(&self, state: u32) -> Option<&State> {
        self.states.get(state as usize / self.classes.len().max(1))
    }

    fn get_mut(&mut self, state: u32) -> Option<&mut State> {
        self.states.get_mut(state as usize / self.classes.len().max(1))
    }

    fn is_idle(&self, state: u32) -> bool {
        self.idle.contains(&Some(state))
    }

    /// Returns the state with seeds in which no match has begun.
    fn idle(&mut self, before: Before) -> u32 {
        if let Some(Some(idle)) = self.idle.get(before as usize) {
            return *idle;
        }
        let idle = self.state(Key { nodes: Box::default(), before, has_seeds: true });
        if let Some(slot) = self.idle.get_mut(before as usize) {
            *slot = Some(idle);
        }
        idle
    }

    /// Returns a state without seeds; [`DEAD`] if no match has begun.
    fn unseeded(&mut self, state: u32) -> u32 {
        let Some(State { key, unseeded, .. }) = self.get(state) else { return DEAD };
        if let Some(known) = unseeded {
            return *known;
        }
        let key = Key { has_seeds: false, ..Key::clone(key) };
        let unseeded = if key.nodes.is_empty() { DEAD } else { self.state(key) };
        if let Some(state) = self.get_mut(state) {
            state.unseeded = Some(unseeded);
        }
        unseeded
    }
}

/// Text that is read, and the program of the filter.
struct Run<'r> {
    program: &'r Program,
    sets: &'r CharSets,
    text: &'r str,
    /// Length of the longest match in bytes.
    longest: usize,
    meter: &'r mut Meter,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::generators::{regexes, texts};
    use crate::pattern::char_set::CharSetsBuilder;
    use crate::pattern::compile;
    use proptest::prelude::*;
    use regex_automata::meta::Regex;
    use regex_automata::{Anchored, Input};

    proptest! {
        #![proptest_config(ProptestConfig { cases: 2000, ..ProptestConfig::default() })]

        /// No match starts in front of the position that is found, whatever the memory.
        #[test]
        fn no_start_of_a_match_is_left_out(
            pattern in regexes(),
            all in proptest::collection::vec((texts(0..60), 0usize..60, 0usize..60), 1..8),
            credit in prop_oneof![Just(MAX_CREDIT), 0i64..64],
        ) {
            let (program, sets) = compiled(&pattern, true);
            let regex = Regex::new(&pattern).unwrap();
            let mut filter = WindowFilter::new(&program, &sets);
            filter.credit = credit;
            for (text, from, len) in all {
                let from = text.floor_char_boundary(from.min(text.len()));
                let until = text.ceil_char_boundary((from + len).min(text.len()));
                let is_start = |at: &usize| {
                    let input = Input::new(&text).span(*at..text.len()).anchored(Anchored::Yes);
                    text.is_char_boundary(*at) && regex.search(&input).is_some_and(|found| !found.is_empty())
                };
                let first = (from..until).find(is_start);
                let mut run =
                    Run { program: &program, sets: &sets, text: &text, longest: 1024, meter: &mut Meter::default() };
                match filter.first(&mut run, from..until) {
                    First::Unknown => {}
                    First::Nowhere => prop_assert_eq!(first, None, "{} in {:?} {}..{}", pattern, text, from, until),
                    First::At(at) => {
                        prop_assert!((from..until).contains(&at) && text.is_char_boundary(at));
                        prop_assert!(first.is_none_or(|first| first >= at), "{} in {:?}: {} {:?}", pattern, text, at, first);
                    }
                }
            }
        }
    }

    fn compiled(pattern: &str, unicode: bool) -> (Program, CharSets) {
        let mut sets = CharSetsBuilder::default();
        let program = compile::regex(pattern, unicode, &mut sets).unwrap();
        (program, sets.build())
    }

    fn first(
        filter: &mut WindowFilter,
        (program, sets): (&Program, &CharSets),
        text: &str,
        range: Range<usize>,
    ) -> First {
        filter.first(&mut Run { program, sets, text, longest: 1024, meter: &mut Meter::default() }, range)
    }

    #[test]
    fn the_first_start_of_a_match_is_found() {
        let word = r"\bkey=[0-9]{4}\b";
        let order = r"(?i)ignore\W+(?:\w+\W+){0,3}rules";
        for (pattern, text, range, expected) in [
            (word, "a key=1234", 2..3, First::At(2)),
            (word, "a key=1234", 0..10, First::At(2)),
            (word, "a key=12345", 2..3, First::Nowhere),
            (word, "a key=123", 2..3, First::Nowhere),
            (word, "a key=1234", 0..2, First::Nowhere), // it starts behind the window
            (word, "key=1 key=12 key=1234 x", 0..20, First::At(13)),
            (word, "key=1 key=12 key=123 x", 0..20, First::Nowhere),
            (word, "é key=1234 key=1234", 0..20, First::At(3)),
            (order, "ignore the other rules", 0..1, First::At(0)),
            (order, "ignore one two three four rules", 0..1, First::Nowhere),
            ("[a-z]{1,64}@x", &format!("{}@x", "a".repeat(70)), 0..70, First::At(6)),
        ] {
            let (program, sets) = compiled(pattern, false);
            let mut filter = WindowFilter::new(&program, &sets);
            for _ in 0..2 {
                let found = first(&mut filter, (&program, &sets), text, range.clone());
                assert_eq!(found, expected, "{pattern} {text:?} {range:?}");
            }
        }
    }

    #[test]
    fn the_memory_of_all_filters_is_bounded() {
        let mut filters = WindowFilters::default();
        let compiled: Vec<_> = (0..120).map(|at| compiled(&format!("x{at}[a-z ]{{0,300}}y[0-9]"), false)).collect();
        for round in 0..2 {
            for (at, (program, sets)) in compiled.iter().enumerate() {
                let text = format!("x{at}{}{}", "a b".repeat(80 + round), "xx ".repeat(40)).repeat(3);
                let of = (program, sets, 1024);
                filters.first((RuleIndex(at as u32), View::Raw), of, &text, 0..text.len(), &mut Meter::default());
                assert!(filters.bytes <= MAX_BYTES_OF_ALL + 3 * MAX_BYTES, "{} bytes", filters.bytes);
                let held: usize = filters.filters.values().map(|filter| filter.next.capacity() * 4).sum();
                assert!(held <= 2 * (MAX_BYTES_OF_ALL + 3 * MAX_BYTES), "{held} bytes of states");
            }
        }
    }

    /// Each position of a long counter is a state of its own.
    #[test]
    fn states_that_are_not_used_again_are_given_up() {
        let (program, sets) = compiled(r"x.{0,900}y[^a-z]z", false);
        let mut filter = WindowFilter::new(&program, &sets);
        let mut random = 1u64;
        let text: String = (0..100_000)
            .map(|_| {
                random = random.wrapping_mul(6364136223846793005).wrapping_add(1);
                if random >> 60 == 0 { 'x' } else { 'a' }
            })
            .collect();
        let mut meter = Meter::default();
        let mut given_up = 0;
        for from in (0..text.len()).step_by(500) {
            let mut run = Run { program: &program, sets: &sets, text: &text, longest: 1024, meter: &mut meter };
            given_up += usize::from(filter.first(&mut run, from..from + 500) == First::Unknown);
            assert!(filter.bytes <= 3 * MAX_BYTES, "{} bytes", filter.bytes);
        }
        assert!(given_up > 100, "{given_up}");
        assert!(meter.used() < 100 * text.len() as u64, "{} nodes", meter.used());
    }
}
