//! End of matches that have no maximum length.

use crate::pattern::char_set::{CharSets, CharSetsBuilder};
use crate::pattern::compile::{self, PatternError};
use crate::pattern::program::Program;
use crate::search::matcher::Matcher;
use crate::search::scratch::{Scratch, Target};
use crate::search::start_set::StartSet;
use crate::search::window::Window;

/// Compiled `tail` of a rule: its first match behind the head ends the match of the rule.
#[derive(Debug)]
pub(crate) struct Tail {
    program: Program,
    /// Apart from the sets of heads, which the prefilter distinguishes.
    sets: CharSets,
    starts: StartSet,
}

impl Tail {
    /// Compiles the expression.
    ///
    /// # Errors
    /// The expression is invalid, or what it matches is longer than `max_match_bytes`.
    pub(crate) fn new(regex: &str, unicode: bool, max_match_bytes: usize) -> Result<Tail, PatternError> {
        let mut sets = CharSetsBuilder::default();
        let program = compile::regex(regex, unicode, &mut sets)?;
        let shortest = program.shortest();
        if shortest > max_match_bytes {
            return Err(PatternError::TooLong { shortest, max: max_match_bytes });
        }
        compile::check_length(regex, unicode, max_match_bytes)?;
        let starts = StartSet::new(program.longest(), max_match_bytes);
        Ok(Tail { program, sets: sets.build(), starts })
    }

    /// Returns the number of nodes.
    pub(crate) fn nodes(&self) -> usize {
        self.program.len()
    }

    /// Returns the number of words of the start sets of a search.
    pub(crate) fn set_words(&self) -> usize {
        self.program.len() * self.starts.width()
    }

    /// Continues a search for the end of the match. Returns the end once it is certain.
    pub(crate) fn read(&self, search: &mut Matcher, window: Window<'_>, scratch: &mut Scratch) -> Option<u64> {
        let target = Target { program: &self.program, sets: &self.sets, starts: self.starts, conditions: None };
        let mut end = None;
        search.read(&target, window, scratch, |found| {
            end = Some(found.end);
            false
        });
        end
    }

    /// Returns the position before which no future match of the tail starts.
    pub(crate) fn hold(&self, search: &Matcher) -> u64 {
        search.hold(self.starts)
    }
}

#[cfg(test)]
mod tests {
    use crate::error::Problem;
    use crate::{Policy, all_matches};

    fn policy(pattern: &str) -> Result<Policy, crate::PolicyError> {
        let rules = format!(
            r#"{{"rules": [{{"id": "a", "match": {{{pattern}}}, "action": "redact"}}], "max_match_bytes": 32}}"#
        );
        Policy::from_raw(serde_json::from_str(&rules).unwrap())
    }

    #[test]
    fn a_match_ends_with_the_tail_or_with_the_text() {
        let key = r#""head": "-BEGIN [A-Z]{1,9}-", "tail": "-END [A-Z]{1,9}-""#;
        let long = format!("-BEGIN KEY-{}-END KEY- b", "x".repeat(5000));
        for (pattern, text, expected) in [
            (key, "a -BEGIN KEY-abc-END KEY- b", vec![(2, 25)]),
            (key, &long, vec![(0, 5020)]),
            (key, "a -BEGIN KEY-abc", vec![(2, 16)]),
            (key, "-END KEY- -BEGIN KEY-", vec![(10, 21)]),
            (key, "-BEGIN A--END A--BEGIN B--END B-", vec![(0, 16), (16, 32)]),
            // A head inside of a match is a part of it.
            (key, "-BEGIN A- -BEGIN B- -END A- -END B-", vec![(0, 27)]),
            (r#""head": "ab", "tail": "b+""#, "abbbb ab b", vec![(0, 5), (6, 10)]),
            // A head that the end of a match cuts does not count.
            (r#""head": "ab", "tail": "ba""#, "ab bab ab", vec![(0, 5), (7, 9)]),
            (r#""head": "ab", "tail": "c", "not_before": "digit""#, "1ab c ab c", vec![(6, 10)]),
            (r#""head": "k", "tail": "\\b""#, "", vec![]),
        ] {
            let Ok(policy) = policy(pattern) else {
                assert!(expected.is_empty(), "{pattern}");
                continue;
            };
            let found: Vec<_> =
                all_matches(&policy, text).unwrap().into_iter().map(|(_, range)| (range.start, range.end)).collect();
            assert_eq!(found, expected, "{pattern} {text:.40}");
        }
    }

    #[test]
    fn invalid_heads_and_tails_are_errors_with_their_place() {
        for (pattern, path) in [
            (r#""head": "a""#, "match.head"),
            (r#""tail": "a""#, "match.tail"),
            (r#""regex": "a", "tail": "b""#, "match.tail"),
            (r#""regex": "a", "head": "b", "tail": "c""#, "match"),
            (r#""head": "(", "tail": "b""#, "match.head"),
            (r#""head": "a", "tail": "b*""#, "match.tail"),
            (r#""head": "a", "tail": "b{40}""#, "match.tail"),
            (r#""head": "a{40}", "tail": "b""#, "match"),
            (r#""head": "(a)", "tail": "b", "group": 1"#, "match.group"),
            (r#""head": "a", "tail": "b", "view": "folded""#, "match.view"),
            (r#""head": "a", "tail": "b", "word": true"#, "match.word"),
        ] {
            assert_eq!(policy(pattern).map(|_| ()).unwrap_err().path, format!("rules[0].{path}"), "{pattern}");
        }
        assert_eq!(policy("").map(|_| ()).unwrap_err().problem, Problem::NeedsOnePattern);
    }
}
