//! The search of one rule through one text: leftmost-first, non-overlapping, in pieces of any size.

use super::scratch::{Front, Place, Scratch, Target};
use super::starts::Starts;
use super::view::View;

/// What a search is doing.
#[derive(Clone, Copy, Debug)]
enum Phase {
    /// Looking for the leftmost place at which a match begins. `found`: the best so far; it is the one when all that
    /// began earlier has failed.
    Search { found: Option<u64> },
    /// A match begins at `start`. Looking for its end, as the pattern prefers.
    Resolve { start: u64, end: Option<u64> },
}

/// A match, and where in the text it was certain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Match {
    pub(crate) start: u64,
    pub(crate) end: u64,
    /// The match was certain before the character at this position had been passed.
    pub(crate) decided: u64,
}

/// The state of a search between two pieces of a text.
///
/// The search has two passes. The first carries no preferences, only places where matches may have begun, and ends at
/// the leftmost that did (see [`Starts`]); the second reads again from there, now with one start only, in the order of
/// preference of the pattern, as the regex crate's engines do. Then the first goes on at the end of the match. So every
/// character is looked at once, plus, for each match found, those from its start to where it was certain, which is no
/// further than the longest match allowed.
#[derive(Clone, Debug)]
pub(crate) struct Matcher {
    phase: Phase,
    /// The next character to read.
    at: u64,
    front: Front,
}

impl Matcher {
    /// A search from `at` on.
    pub(crate) fn new(at: u64) -> Matcher {
        Matcher::within(at, Front::default())
    }

    /// As [`new`](Matcher::new), in memory from [`Scratch::front`].
    pub(crate) fn within(at: u64, front: Front) -> Matcher {
        Matcher { phase: Phase::Search { found: None }, at, front }
    }

    /// Gives the memory of the search back.
    pub(crate) fn into_front(self) -> Front {
        self.front
    }

    /// Whether the search is in the middle of nothing: it could as well begin anew where it is.
    pub(crate) fn is_idle(&self) -> bool {
        matches!(self.phase, Phase::Search { found: None }) && self.front.nodes.is_empty()
    }

    /// No match to come begins before this, and the text from here on is needed again.
    pub(crate) fn hold(&self, starts: Starts) -> u64 {
        match self.phase {
            Phase::Resolve { start, .. } => start,
            Phase::Search { found } => {
                let live = self.front.earliest(starts, self.at);
                live.into_iter().chain(found).min().unwrap_or(self.at)
            }
        }
    }

    /// Reads all there is. `last`: the text ends with it. `each` gets the matches in order and says whether to go on;
    /// after it said no the search is over.
    pub(crate) fn read(
        &mut self,
        target: &Target<'_>,
        view: View<'_>,
        last: bool,
        scratch: &mut Scratch,
        each: impl FnMut(Match) -> bool,
    ) {
        self.read_until(u64::MAX, target, view, last, scratch, each);
    }

    /// As [`read`](Matcher::read), but stops where all matches that end at or before `until` have been found and none
    /// is begun. Returns that place: it is the place for another search to go on from.
    pub(crate) fn read_until(
        &mut self,
        until: u64,
        target: &Target<'_>,
        view: View<'_>,
        last: bool,
        scratch: &mut Scratch,
        mut each: impl FnMut(Match) -> bool,
    ) -> u64 {
        loop {
            match self.phase {
                Phase::Search { found: None } if self.front.nodes.is_empty() => {
                    if self.at >= until {
                        return self.at;
                    }
                    self.at = view.position(target.program.skip(view.text(), view.index(self.at)));
                }
                Phase::Search { found: Some(start) } if self.front.nodes.is_empty() => self.begin(start, target),
                Phase::Resolve { start, end } if self.front.nodes.is_empty() => {
                    let decided = self.at;
                    // The first pass has seen a match begin at `start`, so there is an end.
                    let end = end.unwrap_or(decided).max(start + 1);
                    self.phase = Phase::Search { found: None };
                    self.at = end;
                    if !each(Match { start, end, decided }) {
                        return end;
                    }
                    continue;
                }
                _ => {}
            }
            let place = Place { at: self.at, before: view.before(self.at), after: view.after(self.at) };
            if place.after.is_none() && !last {
                return self.at;
            }
            match self.phase {
                Phase::Search { found } => {
                    let seed = found.is_none() && place.after.is_some_and(|c| target.program.can_start_with(c));
                    let ended = scratch.advance(target, place, &mut self.front, seed);
                    let best = found.into_iter().chain(ended).min();
                    if let Some(start) = best.filter(|_| best != found) {
                        self.front.keep_before(target.starts, start, self.at);
                    }
                    self.phase = Phase::Search { found: best };
                    if place.after.is_none() && best.is_none() {
                        return self.at;
                    }
                }
                Phase::Resolve { start, end } => {
                    let ends = scratch.resolve(target, place, &mut self.front);
                    self.phase = Phase::Resolve { start, end: if ends { Some(self.at) } else { end } };
                }
            }
            self.at += place.after.map_or(0, |c| c.len_utf8() as u64);
            self.outgrow(target.starts);
        }
    }

    /// Begins the second pass.
    fn begin(&mut self, start: u64, target: &Target<'_>) {
        self.phase = Phase::Resolve { start, end: None };
        self.at = start;
        self.front.clear();
        self.front.nodes.push(target.program.start());
    }

    /// Gives up the matches that are too long already.
    fn outgrow(&mut self, starts: Starts) {
        let Some(max) = starts.max() else { return };
        let floor = self.at.saturating_sub(max);
        match self.phase {
            Phase::Resolve { start, .. } if start < floor => self.front.clear(),
            Phase::Resolve { .. } => {}
            Phase::Search { .. } => {
                self.front.forget(starts, floor.saturating_sub(4), floor); // one character further: four bytes at most
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pattern::class::ClassesBuilder;
    use crate::pattern::compile;
    use crate::proving::{pieces, regexes, texts};
    use proptest::prelude::*;
    use regex_automata::meta::Regex;
    use regex_automata::{Anchored, Input};

    /// What the rule language promises, in the fewest words: from the first place where a match of at most `max` bytes
    /// begins, the one that the pattern prefers; then on from its end.
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

    /// Reads `text` in the pieces given, keeping no more than what the search asks for.
    fn read(pattern: &str, max: usize, pieces: &[&str]) -> (Vec<(u64, u64)>, u64) {
        read_with(&mut Scratch::default(), pattern, max, pieces)
    }

    fn read_with(scratch: &mut Scratch, pattern: &str, max: usize, pieces: &[&str]) -> (Vec<(u64, u64)>, u64) {
        let mut classes = ClassesBuilder::default();
        let program = compile::regex(pattern, &mut classes).unwrap();
        let classes = classes.build();
        let target = Target { program: &program, classes: &classes, starts: Starts::new(program.longest(), max) };
        let mut matcher = Matcher::new(0);
        let (mut kept, mut base, mut before) = (String::new(), 0u64, None);
        let (mut found, mut most_held) = (Vec::new(), 0);
        for (index, piece) in pieces.iter().enumerate() {
            kept.push_str(piece);
            let view = View::rest(base, before, &kept);
            let end = base + kept.len() as u64;
            matcher.read(&target, view, index + 1 == pieces.len(), scratch, |m| {
                assert!(m.decided >= m.end || m.end == end, "{m:?}");
                found.push((m.start, m.end));
                true
            });
            let hold = matcher.hold(target.starts).min(end);
            most_held = most_held.max(end - hold);
            let gone = view.index(hold);
            before = kept[..gone].chars().next_back().or(before);
            kept.drain(..gone);
            base = hold;
        }
        (found, most_held)
    }

    #[test]
    fn finds_what_the_table_says() {
        for (pattern, max, text, expected) in [
            (r"\b(AKIA|ASIA)[0-9A-Z]{16}\b", 1024, "key=ASIAIOSFODNN7EXAMPLE;", &[(4, 24)][..]),
            (r"\b(AKIA|ASIA)[0-9A-Z]{16}\b", 1024, "BAKIAIOSFODNN7EXAMPLE", &[]),
            (r"\b(AKIA|ASIA)[0-9A-Z]{16}\b", 1024, "AKIAIOSFODNN7EXAMPLEX AKIAIOSFODNN7EXAMPLE", &[(22, 42)]),
            // preference decides the end, not length
            ("a|ab", 1024, "abab", &[(0, 1), (2, 3)]),
            ("ab|a", 1024, "abaab", &[(0, 2), (2, 3), (3, 5)]),
            ("abcd|bc", 1024, "abcd abce", &[(0, 4), (6, 8)]),
            ("a+?b*", 1024, "aabb", &[(0, 1), (1, 4)]),
            ("(a*)+b", 1024, "aaab", &[(0, 4)]),
            // edges of the text and of lines
            ("^a|a$", 1024, "aaa", &[(0, 1), (2, 3)]),
            ("(?m)^a$", 1024, "a\nb\na", &[(0, 1), (4, 5)]),
            ("(?Rm)a$", 1024, "a\r\na\ra", &[(0, 1), (3, 4), (5, 6)]),
            // \b is Unicode's unless told otherwise
            (r"\bnaïve\b", 1024, "naïve naïveté", &[(0, 6)]),
            (r"(?-u:\b)na(?-u:\b)", 1024, "naïve", &[(0, 2)]),
            // a match longer than the most is none, and does not hide the one inside of it
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
            ("(a|aa)+b", "a".repeat(1 << 15), 12),
            ("(a*)*b", "a".repeat(1 << 15), 12),
            (r"(?s)x.*y.*z", "xy".repeat(1 << 14), 12),
            // found everywhere, and always certain only much later
            ("a(.{0,64}b)?", "a".repeat(1 << 12), 16 * 1024),
        ] {
            let mut scratch = Scratch::default();
            read_with(&mut scratch, pattern, 1024, &[&text]);
            let per_byte = scratch.work / text.len() as u64;
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
        fn short_maxima_match_as_the_definition_says(pattern in regexes(), text in texts(0..40), max in 1usize..12) {
            let regex = Regex::new(&pattern).unwrap();
            prop_assert_eq!(read(&pattern, max, &[&text]).0, oracle(&regex, &text, max));
        }

        #[test]
        fn pieces_do_not_matter(pattern in regexes(), (text, cuts) in pieces(40), max in 1usize..40) {
            let whole = read(&pattern, max, &[&text]).0;
            let cut: Vec<&str> = cuts.windows(2).map(|cut| &text[cut[0]..cut[1]]).collect();
            let (found, held) = read(&pattern, max, &cut);
            prop_assert_eq!(found, whole);
            prop_assert!(held <= max as u64, "held {} of at most {}", held, max);
        }
    }
}
