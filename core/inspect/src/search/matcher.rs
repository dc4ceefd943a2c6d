//! Search of one rule in one text: leftmost-first and non-overlapping, in pieces of any size.

use super::active_states::ActiveStates;
use super::scratch::{Boundary, Scratch, Target};
use super::start_set::StartSet;
use super::window::Window;
use std::ops::Range;

/// Pass that a search is in.
#[derive(Clone, Copy, Debug)]
enum Phase {
    /// Looks for the leftmost start of a match. `found` is the earliest start so far; it is final once all matches that
    /// started earlier have failed.
    Search { found: Option<u64> },
    /// Looks for the preferred end of the match that starts at `start`.
    Resolve { start: u64, end: Option<u64> },
}

/// Match, and the position at which it became certain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Match {
    pub(crate) start: u64,
    pub(crate) end: u64,
    /// Part that is reported and redacted: the group of the rule, else the whole match.
    pub(crate) reported: (u64, u64),
    /// The match was certain before the character at this position was read.
    pub(crate) decided: u64,
}

impl Match {
    /// Returns the match in a text whose first `offset` bytes the search did not see.
    pub(crate) fn shifted(self, offset: u64) -> Match {
        let (from, to) = self.reported;
        Match {
            start: self.start + offset,
            end: self.end + offset,
            reported: (from + offset, to + offset),
            decided: self.decided + offset,
        }
    }

    /// Returns the match in the text that the searched one was derived from; `source` maps its ranges.
    pub(crate) fn derived_from(self, source: impl Fn(Range<usize>) -> Range<usize>) -> Match {
        let whole = source(self.start as usize..self.end as usize);
        let (from, to) = self.reported;
        let reported = source(from as usize..to as usize);
        let (start, end) = (whole.start as u64, whole.end as u64);
        Match { start, end, reported: (reported.start as u64, reported.end as u64), decided: end }
    }
}

/// State of a search between two pieces of a text.
///
/// The search has two passes. The first one ignores preferences, tracks only the positions where matches may have started,
/// and ends at the leftmost start (see [`StartSet`]). The second one reads again from that start, in the order of preference
/// of the pattern, like the engines of the regex crate. Then the first pass continues at the end of the match. Every
/// character is therefore read once, and again for each match from its start to the position where it became certain, which
/// is limited by the maximum match length.
///
/// The first pass starts with the earliest start of each node, which is exact while no match in progress exceeds the maximum
/// length. When the earliest one does, the pass begins again at its start, with all starts.
#[derive(Clone, Debug)]
pub(crate) struct Matcher {
    phase: Phase,
    /// Position of the next character to read.
    at: u64,
    states: ActiveStates,
    /// `true` if `states` have all starts of a pattern whose matches may be too long.
    has_all_starts: bool,
    /// Position at which the first pass began again to have all starts.
    all_starts_until: u64,
    /// Position before which no match in progress started.
    oldest: u64,
}

impl Matcher {
    /// Creates a search that begins at `at`.
    pub(crate) fn new(at: u64) -> Matcher {
        Matcher::with_states(at, ActiveStates::default())
    }

    /// Creates a search like [`new`](Matcher::new), with memory from [`Scratch::take_states`].
    pub(crate) fn with_states(at: u64, states: ActiveStates) -> Matcher {
        Matcher {
            phase: Phase::Search { found: None },
            at,
            states,
            has_all_starts: false,
            all_starts_until: 0,
            oldest: at,
        }
    }

    /// Returns the memory of the search.
    pub(crate) fn into_states(self) -> ActiveStates {
        self.states
    }

    /// Returns the position of the next character to read.
    pub(crate) fn position(&self) -> u64 {
        self.at
    }

    /// Returns `true` if no match is in progress, so that a new search could take over at this position.
    pub(crate) fn is_idle(&self) -> bool {
        matches!(self.phase, Phase::Search { found: None }) && self.states.nodes.is_empty()
    }

    /// Returns the position before which no future match starts. The search needs the text from here on.
    pub(crate) fn hold(&self, starts: StartSet) -> u64 {
        match self.phase {
            Phase::Resolve { start, .. } => start,
            Phase::Search { found } => {
                let earliest = self.states.earliest(self.starts(starts), self.at);
                earliest.into_iter().chain(found).min().unwrap_or(self.at)
            }
        }
    }

    /// Returns the representation of the start sets in `states`, of a pattern with the representation `starts`.
    fn starts(&self, starts: StartSet) -> StartSet {
        if self.has_all_starts { starts } else { StartSet::Earliest }
    }

    /// Reads the available text and calls `each` for every match, in order. The search ends if `each` returns `false`.
    ///
    /// Stops once all matches that end at or before the limit of `window` have been found and no match is in progress.
    /// Returns the position where another search can continue. Stops early if the meter of `scratch` is exceeded.
    pub(crate) fn read(
        &mut self,
        target: &Target<'_>,
        window: Window<'_>,
        scratch: &mut Scratch,
        mut each: impl FnMut(Match) -> bool,
    ) -> u64 {
        loop {
            if scratch.meter.is_exceeded() {
                return self.at;
            }
            if self.states.nodes.is_empty() {
                match self.phase {
                    Phase::Search { found: None } => {
                        self.has_all_starts &= self.at < self.all_starts_until;
                        if self.at >= window.limit() {
                            return self.at;
                        }
                        let (from, to) = (window.index(self.at), window.index(window.limit()));
                        self.at = window.position(target.program.skip(window.text(), from, to));
                        if self.at >= window.limit() {
                            return self.at;
                        }
                        self.oldest = self.at;
                    }
                    Phase::Search { found: Some(start) } => self.begin_resolve(start, target),
                    Phase::Resolve { start, end } => {
                        let found = self.resolved(start, end);
                        let Some(found) = target.admit(found, window, scratch) else {
                            // The search goes on as if the pattern did not match at this position.
                            self.at = start + window.after(start).map_or(1, |c| c.len_utf8() as u64);
                            continue;
                        };
                        if !each(found) {
                            return found.end;
                        }
                        continue;
                    }
                }
            }
            let boundary = Boundary { at: self.at, before: window.before(self.at), after: window.after(self.at) };
            if boundary.after.is_none() && !window.is_last() {
                return self.at;
            }
            match self.phase {
                Phase::Search { found } => {
                    let best = self.search_step(found, target, boundary, scratch);
                    if boundary.after.is_none() && best.is_none() {
                        return self.at;
                    }
                }
                Phase::Resolve { start, end } => {
                    let ends = scratch.resolve(target, boundary, &mut self.states);
                    self.phase = Phase::Resolve { start, end: if ends { Some(self.at) } else { end } };
                }
            }
            self.at += boundary.after.map_or(0, |c| c.len_utf8() as u64);
            self.drop_too_long(target.starts);
        }
    }

    /// Returns the match that starts at `start` of a complete text, if there is one that counts: the second pass alone.
    pub(crate) fn at(start: u64, target: &Target<'_>, window: Window<'_>, scratch: &mut Scratch) -> Option<Match> {
        let before = window.before(start);
        if !target.may_begin_behind(before) {
            return None;
        }
        let mut search = Matcher::with_states(start, scratch.take_states());
        search.begin_resolve(start, target);
        let mut ends_at = None;
        let (mut at, mut before) = (start, before);
        while !search.states.nodes.is_empty() && !scratch.meter.is_exceeded() {
            let after = window.after(at);
            if scratch.resolve(target, Boundary { at, before, after }, &mut search.states) {
                ends_at = Some(at);
            }
            let Some(c) = after else { break };
            at += c.len_utf8() as u64;
            before = after;
            search.at = at;
            search.drop_too_long(target.starts);
        }
        scratch.reuse(search.into_states());
        if scratch.meter.is_exceeded() {
            return None;
        }
        let end = ends_at.filter(|end| *end > start)?;
        target.admit(Match { start, end, reported: (start, end), decided: at }, window, scratch)
    }

    /// Takes one step of the first pass. Returns the earliest start of a match so far.
    fn search_step(
        &mut self,
        found: Option<u64>,
        target: &Target<'_>,
        boundary: Boundary,
        scratch: &mut Scratch,
    ) -> Option<u64> {
        scratch.meter.add(1);
        let can_start = boundary.after.is_some_and(|c| target.program.can_start_with(c));
        let seed = found.is_none() && can_start && target.may_begin_behind(boundary.before);
        let starts = self.starts(target.starts);
        let ended = scratch.advance(&Target { starts, ..*target }, boundary, &mut self.states, seed);
        let best = found.into_iter().chain(ended).min();
        if let Some(start) = best.filter(|_| best != found) {
            self.states.keep_before(starts, start, self.at);
        }
        self.phase = Phase::Search { found: best };
        best
    }

    /// Begins the second pass.
    fn begin_resolve(&mut self, start: u64, target: &Target<'_>) {
        self.phase = Phase::Resolve { start, end: None };
        self.at = start;
        self.states.clear();
        self.states.nodes.push(target.program.start());
    }

    /// Ends the second pass and returns its match. The first pass continues at its end.
    fn resolved(&mut self, start: u64, end: Option<u64>) -> Match {
        debug_assert!(
            end.is_some_and(|end| end > start),
            "the first pass has seen a match that starts at {start}: {end:?}"
        );
        let decided = self.at;
        let end = end.unwrap_or(decided).max(start + 1);
        self.phase = Phase::Search { found: None };
        self.at = end;
        Match { start, end, reported: (start, end), decided }
    }

    /// Drops the matches in progress that already exceed the maximum length.
    fn drop_too_long(&mut self, starts: StartSet) {
        let Some(max) = starts.max() else { return };
        let floor = self.at.saturating_sub(max);
        match self.phase {
            Phase::Resolve { start, .. } if start < floor => self.states.clear(),
            Phase::Resolve { .. } => {}
            Phase::Search { .. } if !self.has_all_starts => {
                if self.oldest >= floor {
                    return;
                }
                match self.states.earliest(StartSet::Earliest, self.at) {
                    Some(earliest) if earliest < floor => {
                        self.has_all_starts = true;
                        self.all_starts_until = self.at;
                        self.phase = Phase::Search { found: None };
                        self.at = earliest;
                        self.states.clear();
                    }
                    earliest => self.oldest = earliest.unwrap_or(self.at),
                }
            }
            Phase::Search { .. } => {
                // The position has moved by one character, which has at most four bytes.
                self.states.remove_starts(starts, floor.saturating_sub(4), floor);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::generators::{pieces, regexes, texts};
    use crate::pattern::char_set::CharSetsBuilder;
    use crate::pattern::compile;
    use proptest::prelude::*;
    use regex_automata::meta::Regex;
    use regex_automata::{Anchored, Input};

    /// Defines a match: at the first position where a match of at most `max` bytes starts, the one that the pattern prefers;
    /// the search continues at its end.
    fn oracle(regex: &Regex, text: &str, max: usize) -> Vec<(u64, u64)> {
        let (mut found, mut at) = (Vec::new(), 0);
        while at < text.len() {
            let reach = (at + max).min(text.len());
            let reach = (0..=reach).rev().find(|&end| text.is_char_boundary(end)).unwrap();
            let input = Input::new(text).span(at..reach.max(at)).anchored(Anchored::Yes);
            at = match regex.search(&input) {
                Some(found_here) => {
                    found.push((at as u64, found_here.end() as u64));
                    found_here.end()
                }
                None => at + text[at..].chars().next().unwrap().len_utf8(),
            };
        }
        found
    }

    /// Reads a text in `pieces`, keeping only what the search requires.
    fn read(pattern: &str, max: usize, pieces: &[&str]) -> (Vec<(u64, u64)>, u64) {
        read_with(&mut Scratch::default(), pattern, max, pieces)
    }

    fn read_with(scratch: &mut Scratch, pattern: &str, max: usize, pieces: &[&str]) -> (Vec<(u64, u64)>, u64) {
        let mut sets = CharSetsBuilder::default();
        let program = compile::regex(pattern, true, &mut sets).unwrap();
        let sets = sets.build();
        let target =
            Target { program: &program, sets: &sets, starts: StartSet::new(program.longest(), max), conditions: None };
        let mut matcher = Matcher::new(0);
        let (mut kept, mut base, mut before) = (String::new(), 0u64, None);
        let (mut found, mut most_held) = (Vec::new(), 0);
        for (index, piece) in pieces.iter().enumerate() {
            kept.push_str(piece);
            let window = Window::part(base, before, &kept, index + 1 == pieces.len());
            let end = base + kept.len() as u64;
            matcher.read(&target, window, scratch, |m| {
                assert!(m.decided >= m.end || m.end == end, "{m:?}");
                found.push((m.start, m.end));
                true
            });
            let hold = matcher.hold(target.starts).min(end);
            most_held = most_held.max(end - hold);
            let discarded = window.index(hold);
            before = kept[..discarded].chars().next_back().or(before);
            kept.drain(..discarded);
            base = hold;
        }
        (found, most_held)
    }

    #[test]
    fn matches_are_leftmost_first_and_bounded() {
        for (pattern, max, text, expected) in [
            (r"\b(AKIA|ASIA)[0-9A-Z]{16}\b", 1024, "key=ASIAIOSFODNN7EXAMPLE;", &[(4, 24)][..]),
            (r"\b(AKIA|ASIA)[0-9A-Z]{16}\b", 1024, "BAKIAIOSFODNN7EXAMPLE", &[]),
            (r"\b(AKIA|ASIA)[0-9A-Z]{16}\b", 1024, "AKIAIOSFODNN7EXAMPLEX AKIAIOSFODNN7EXAMPLE", &[(22, 42)]),
            // the order of preference decides the end, not the length
            ("a|ab", 1024, "abab", &[(0, 1), (2, 3)]),
            ("ab|a", 1024, "abaab", &[(0, 2), (2, 3), (3, 5)]),
            ("abcd|bc", 1024, "abcd abce", &[(0, 4), (6, 8)]),
            ("a+?b*", 1024, "aabb", &[(0, 1), (1, 4)]),
            ("(a*)+b", 1024, "aaab", &[(0, 4)]),
            // boundaries of the text and of lines
            ("^a|a$", 1024, "aaa", &[(0, 1), (2, 3)]),
            ("(?m)^a$", 1024, "a\nb\na", &[(0, 1), (4, 5)]),
            ("(?Rm)a$", 1024, "a\r\na\ra", &[(0, 1), (3, 4), (5, 6)]),
            // \b is Unicode-aware if asked for
            (r"\bnaïve\b", 1024, "naïve naïveté", &[(0, 6)]),
            (r"(?-u:\b)na(?-u:\b)", 1024, "naïve", &[(0, 2)]),
            // a match that is too long does not count and does not hide the shorter one inside
            ("a+b", 5, "aaaaaaaab", &[(4, 9)]),
            ("a+b", 5, "aaaaaaaacab", &[(9, 11)]),
            ("a{1,9}b", 5, "aaaaaaaab", &[(4, 9)]),
            (r"\w+@x", 8, "aaaaaaaaaaaaaaaaaaaaaaa@x", &[(17, 25)]),
            (".+", 4, "aaaaaaaaaa", &[(0, 4), (4, 8), (8, 10)]),
            ("é+", 3, "éééé", &[(0, 2), (2, 4), (4, 6), (6, 8)]),
        ] {
            for text in [vec![text], text.split_inclusive(|_| true).collect()] {
                assert_eq!(read(pattern, max, &text).0, expected, "{pattern} {text:?}");
            }
        }
    }

    #[test]
    fn time_is_proportional_to_the_text() {
        // Patterns that cost backtracking engines exponential, or restarting ones quadratic time.
        for (pattern, text, most) in [
            ("a{1,64}b", "a".repeat(1 << 15), 130),
            ("(a|aa)+b", "a".repeat(1 << 15), 13),
            ("(a*)*b", "a".repeat(1 << 15), 13),
            (r"(?s)x.*y.*z", "xy".repeat(1 << 14), 14),
            // matches everywhere, each becoming certain only much later
            ("a(.{0,64}b)?", "a".repeat(1 << 12), 16 * 1024),
        ] {
            let mut scratch = Scratch::default();
            read_with(&mut scratch, pattern, 1024, &[&text]);
            let per_byte = scratch.meter.used() / text.len() as u64;
            assert!(per_byte <= most, "{pattern}: {per_byte} nodes per byte");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 1000, ..ProptestConfig::default() })]

        #[test]
        fn bounded_patterns_match_as_the_regex_crate_does(pattern in regexes(), text in texts(0..40)) {
            let regex = Regex::new(&pattern).unwrap();
            let expected: Vec<_> = regex.find_iter(&text).map(|m| (m.start() as u64, m.end() as u64)).collect();
            prop_assert_eq!(read(&pattern, 1024, &[&text]).0, expected);
        }

        #[test]
        fn short_maximum_lengths_match_as_defined(pattern in regexes(), text in texts(0..40), max in 1usize..12) {
            let regex = Regex::new(&pattern).unwrap();
            prop_assert_eq!(read(&pattern, max, &[&text]).0, oracle(&regex, &text, max));
        }

        #[test]
        fn the_pieces_of_a_text_do_not_matter(pattern in regexes(), (text, boundaries) in pieces(40), max in 1usize..40) {
            let whole = read(&pattern, max, &[&text]).0;
            let split: Vec<&str> = boundaries.windows(2).map(|range| &text[range[0]..range[1]]).collect();
            let (found, held) = read(&pattern, max, &split);
            prop_assert_eq!(found, whole);
            prop_assert!(held <= max as u64, "withheld {} of at most {}", held, max);
        }
    }
}
