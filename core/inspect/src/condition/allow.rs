//! Allow lists: values that are no finding, although the pattern matches.

use super::Candidate;
use super::word_set::WordSet;
use crate::error::PatternError;
use crate::pattern::char_set::{CharSets, CharSetsBuilder};
use crate::pattern::compile;
use crate::pattern::program::Program;
use crate::search::groups::Groups;
use crate::search::window::Window;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Length of the beginning of a line that the condition sees, in bytes.
const LINE_BYTES: usize = 1024;

/// Values that are allowed.
#[derive(Clone, Debug, Default, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub struct RawAllow {
    /// Names of allow lists of the policy, `allow_lists`, that apply, too. Only in rules.
    pub lists: Vec<String>,
    /// Texts that are allowed if they equal the reported text exactly, such as test card numbers.
    pub values: Vec<String>,
    /// Parts of placeholders such as `example`: a reported text that contains one of them, in any case, is allowed.
    pub stop_words: Vec<String>,
    /// Regular expressions; a match of one of them anywhere in the reported text allows it. Use `^` and `$` for the whole text.
    pub regex: Vec<String>,
    /// Regular expressions on the whole match, where `group` reports a part of it.
    pub match_regex: Vec<String>,
    /// Regular expressions on the line of the match: from the last line break in front of it, but at most 1024 bytes, to the
    /// end of the match. What follows the match is not known in a stream.
    pub line_regex: Vec<String>,
}

/// Allow lists of a rule: its own and those of the policy that it names.
#[derive(Debug, Default)]
pub(crate) struct Allow {
    lists: Box<[Arc<AllowList>]>,
    /// Number of nodes of the rule's own list.
    own_nodes: usize,
}

/// Compiled allow list.
#[derive(Debug)]
pub(crate) struct AllowList {
    values: Box<[String]>,
    stop_words: WordSet,
    sets: CharSets,
    reported: Box<[Program]>,
    matched: Box<[Program]>,
    line: Box<[Program]>,
}

/// Compiled allow lists of a policy by name.
pub(crate) type NamedLists = BTreeMap<String, Arc<AllowList>>;

impl Allow {
    /// Creates the lists of a rule.
    pub(crate) fn new(own: AllowList, named: impl IntoIterator<Item = Arc<AllowList>>) -> Allow {
        let own_nodes = own.nodes();
        Allow { lists: std::iter::once(Arc::new(own)).chain(named).collect(), own_nodes }
    }

    /// Returns the number of nodes of the expressions that no other rule has.
    pub(crate) fn nodes(&self) -> usize {
        self.own_nodes
    }

    /// Returns `true` if nothing is allowed.
    pub(crate) fn is_empty(&self) -> bool {
        self.lists.is_empty()
    }

    /// Returns the number of bytes in front of a match that the condition needs.
    pub(crate) fn window(&self) -> usize {
        if self.lists.iter().all(|list| list.line.is_empty()) { 0 } else { LINE_BYTES }
    }

    /// Returns `true` if the match is allowed.
    pub(crate) fn permits(&self, candidate: &Candidate<'_>, memory: &mut Groups) -> bool {
        self.lists.iter().any(|list| list.permits(candidate, memory))
    }
}

impl AllowList {
    /// Compiles an allow list.
    ///
    /// # Errors
    /// Path of the invalid expression in the list, and its problem.
    pub(crate) fn new(raw: &RawAllow) -> Result<AllowList, (String, PatternError)> {
        let mut sets = CharSetsBuilder::default();
        let mut all = |name: &str, list: &[String]| {
            let compiled = list.iter().enumerate().map(|(at, regex)| {
                compile::regex(regex, false, &mut sets).map_err(|error| (format!("{name}[{at}]"), error))
            });
            compiled.collect::<Result<Box<[Program]>, _>>()
        };
        let reported = all("regex", &raw.regex)?;
        let matched = all("match_regex", &raw.match_regex)?;
        let line = all("line_regex", &raw.line_regex)?;
        let values = raw.values.as_slice().into();
        Ok(AllowList { values, stop_words: WordSet::new(&raw.stop_words), sets: sets.build(), reported, matched, line })
    }

    /// Returns the number of nodes of all expressions.
    pub(crate) fn nodes(&self) -> usize {
        self.reported.iter().chain(&self.matched).chain(&self.line).map(Program::len).sum()
    }

    fn permits(&self, candidate: &Candidate<'_>, memory: &mut Groups) -> bool {
        let mut any = |programs: &[Program], text: &str| {
            programs.iter().any(|program| memory.is_match(program, &self.sets, Window::whole(text)))
        };
        self.values.iter().any(|value| value == candidate.reported)
            || self.stop_words.is_in(candidate.reported)
            || any(&self.reported, candidate.reported)
            || any(&self.matched, candidate.matched)
            || !self.line.is_empty() && any(&self.line, &line(candidate))
    }
}

/// Returns the line of a match up to the end of the match.
fn line(candidate: &Candidate<'_>) -> String {
    let (_, before) = super::window(candidate.before, LINE_BYTES);
    let begin = before.rfind('\n').map_or(0, |at| at + 1);
    [before.get(begin..).unwrap_or_default(), candidate.matched].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn allowed_values() {
        let lists = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
        let raw = RawAllow {
            values: lists(&["4111"]),
            regex: lists(&["EXAMPLE$", "^x+$"]),
            match_regex: lists(&["^public"]),
            line_regex: lists(&["^#", "checksum"]),
            ..RawAllow::default()
        };
        let named = RawAllow { stop_words: lists(&["dummy"]), ..RawAllow::default() };
        let allow = Allow::new(AllowList::new(&raw).unwrap(), [Arc::new(AllowList::new(&named).unwrap())]);
        for (before, matched, reported, expected) in [
            ("", "key=4111", "4111", true),
            ("", "key=41112", "41112", false),
            ("", "key=AEXAMPLE", "AEXAMPLE", true),
            ("", "key=EXAMPLES", "EXAMPLES", false),
            ("", "key=xxx", "xxx", true),
            ("", "public_key=a", "a", true),
            ("\n# my ", "key=a", "a", true),
            ("# one\nmy ", "key=a", "a", false),
            ("the checksum is ", "key=a", "a", true),
            ("checksum\n", "key=a", "a", false),
            ("", "key=aDummy1", "aDummy1", true),
        ] {
            let candidate = Candidate { before, previous: None, matched, reported, next: Some('E') };
            assert_eq!(allow.permits(&candidate, &mut Groups::default()), expected, "{before}{matched}");
        }
    }

    #[test]
    fn an_invalid_expression_is_an_error_with_its_place() {
        let raw = RawAllow { line_regex: vec!["a".to_owned(), "(".to_owned()], ..RawAllow::default() };
        let (path, error) = AllowList::new(&raw).map(|_| ()).unwrap_err();
        assert_eq!(path, "line_regex[1]");
        assert!(error.to_string().contains("unclosed group"), "{error}");
    }
}
