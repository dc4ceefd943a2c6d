//! Gates of streams: the literals of all rules on responses in one automaton, which finds where a rule may match.
//!
//! Its state is kept between the pieces of a text. Complete texts have gates of their own (`text_gates.rs`).

use crate::pattern::literals::Literals;
use crate::pattern::texts::{MAX_LITERAL, MAX_LITERALS, cut, is_word};
use crate::rule::RuleIndex;
use aho_corasick::automaton::{Automaton, StateID};
use aho_corasick::dfa::DFA;
use aho_corasick::{Anchored, MatchKind, StartKind};
use std::collections::{BTreeMap, BTreeSet};

/// Maximum length of all distinct literals together in bytes. Each byte takes a state of at most 512 bytes. More literals than
/// that are shortened, and if that is not enough, the rules with the most literals have no gate.
const MAX_BYTES: usize = 12 * 1024;
/// Lengths to which literals are shortened until they fit: first those of long lists (keywords), so that a long list does not
/// make the literals of other rules frequent.
const LENGTHS: [usize; 5] = [MAX_LITERAL, 8, 6, 4, 3];
const SHORTEST: usize = 3;

/// Rule on responses as seen by the gates.
#[derive(Clone, Copy, Debug)]
pub(crate) struct GatedRule<'r> {
    pub(crate) rule: RuleIndex,
    pub(crate) literals: &'r Literals,
    /// `true` if the rule changes or stops a response, so that a stream must hold back its matches.
    pub(crate) edits: bool,
    /// Smallest distance in bytes from the start of a match to the text that a stream must hold back.
    pub(crate) withheld_from: usize,
}

impl GatedRule<'_> {
    /// Returns `true` if the search of a stream may begin at a literal. A rule that edits needs one that its matches begin with:
    /// other text would have been released by then.
    fn starts_at_literals(&self) -> bool {
        !self.edits || self.literals.lead == Some(0)
    }
}

/// Rule that a literal belongs to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Owner {
    pub(crate) rule: RuleIndex,
    /// Largest distance in bytes from the start of a match to the end of any literal of the rule.
    pub(crate) reach: usize,
    /// `true` if no ASCII word character may be in front of the literal.
    at_border: bool,
    /// `true` if a stream holds back text in which the literal has begun.
    is_held: bool,
}

/// Literals of all rules.
#[derive(Debug)]
pub(crate) struct Gates {
    automaton: Option<DFA>,
    start: StateID,
    /// Owners of each literal.
    owners: Box<[Box<[Owner]>]>,
    /// Rules whose searches begin at a hit, ascending.
    rules: Box<[RuleIndex]>,
    /// For each state in which a literal has begun: what a stream holds back. Sorted by state.
    holds: Box<[(StateID, Hold)]>,
    /// Largest reach of a rule.
    reach: usize,
}

/// Text that a stream holds back because a literal may have begun in it.
#[derive(Clone, Copy, Debug, Default)]
struct Hold {
    /// Number of bytes since the earliest begin of a literal.
    len: u16,
    /// `true` if this literal begins only where no word character is in front.
    at_border: bool,
    /// Number of bytes since the earliest begin of any other literal.
    inner: u16,
}

/// Literal found.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Hit<'g> {
    pub(crate) owner: &'g Owner,
    /// Length of the literal in bytes.
    pub(crate) len: usize,
}

impl Gates {
    /// Builds the automaton. Matches have at most `max_match_bytes` bytes.
    pub(crate) fn new(rules: &[GatedRule<'_>], max_match_bytes: usize) -> Gates {
        let rules = fitting(rules);
        let mut owners: BTreeMap<Vec<u8>, Vec<Owner>> = BTreeMap::new();
        for (rule, literals) in &rules {
            let longest = literals.iter().map(Vec::len).max().unwrap_or(0);
            let reach = rule.literals.lead.map_or(max_match_bytes, |lead| (lead + longest).min(max_match_bytes));
            let owner = Owner {
                rule: rule.rule,
                reach,
                at_border: rule.literals.at_border,
                is_held: rule.edits && rule.withheld_from < longest,
            };
            literals.iter().for_each(|literal| owners.entry(literal.clone()).or_default().push(owner));
        }
        let automaton = DFA::builder()
            .match_kind(MatchKind::Standard)
            .start_kind(StartKind::Unanchored)
            .ascii_case_insensitive(true)
            .prefilter(false)
            .build(owners.keys());
        debug_assert!(automaton.is_ok(), "the literals are few and short");
        let automaton = automaton.ok().filter(|_| !owners.is_empty());
        let start = automaton.as_ref().and_then(|automaton| automaton.start_state(Anchored::No).ok());
        let prefixes = Prefixes::new(&owners);
        let holds =
            automaton.as_ref().zip(start).map(|(automaton, start)| holds(automaton, start, owners.keys(), &prefixes));
        let has_automaton = automaton.is_some();
        Gates {
            start: start.unwrap_or_default(),
            reach: owners.values().flatten().map(|owner| owner.reach).max().unwrap_or(0),
            rules: rules.iter().filter(|_| has_automaton).map(|(rule, _)| rule.rule).collect(),
            owners: owners.into_values().map(Vec::into_boxed_slice).collect(),
            holds: holds.unwrap_or_default().into(),
            automaton,
        }
    }

    /// Returns `true` if searches of the rule begin where a literal is found. Other rules need text that a stream would have
    /// released by then.
    pub(crate) fn has(&self, rule: RuleIndex) -> bool {
        self.rules.binary_search(&rule).is_ok()
    }

    /// Returns the number of bytes before the end of a streamed text at which a search may begin.
    pub(crate) fn reach(&self) -> usize {
        self.reach
    }

    /// Returns the state before a text.
    pub(crate) fn start(&self) -> StateID {
        self.start
    }

    /// Reads `text[from..to]`. Stops behind the first literal found and returns the position.
    pub(crate) fn run(&self, state: &mut StateID, text: &[u8], from: usize, to: usize) -> Option<usize> {
        let automaton = self.automaton.as_ref()?;
        let mut now = *state;
        for (at, byte) in text.get(from..to)?.iter().enumerate() {
            now = automaton.next_state(Anchored::No, now, *byte);
            // Of the special states, only those of matches can be reached.
            if automaton.is_special(now) && automaton.is_match(now) {
                *state = now;
                return Some(from + at + 1);
            }
        }
        *state = now;
        None
    }

    /// Returns the literals that end in a state at which [`run`](Self::run) has stopped.
    pub(crate) fn hits(&self, state: StateID) -> impl Iterator<Item = Hit<'_>> {
        let automaton = self.automaton.iter().filter(move |automaton| automaton.is_match(state));
        let literals = automaton.flat_map(move |automaton| {
            (0..automaton.match_len(state)).map(move |index| automaton.match_pattern(state, index))
        });
        literals.flat_map(|literal| {
            let len = self.automaton.as_ref().map_or(0, |automaton| automaton.pattern_len(literal));
            let owners = self.owners.get(literal.as_usize()).map_or(&[][..], |owners| owners);
            owners.iter().map(move |owner| Hit { owner, len })
        })
    }

    /// Returns the number of bytes at the end of a streamed text in which a literal may have begun. `is_word_before` says
    /// whether the character that many bytes before the end is an ASCII word character.
    pub(crate) fn held(&self, state: StateID, is_word_before: impl Fn(usize) -> bool) -> usize {
        let hold = self.holds.binary_search_by_key(&state, |(state, _)| *state).ok().and_then(|at| self.holds.get(at));
        let Some((_, Hold { len, at_border, inner })) = hold.copied() else { return 0 };
        let len = usize::from(len);
        if at_border && is_word_before(len) { usize::from(inner) } else { len }
    }
}

impl Owner {
    /// Returns `true` if a match may contain the literal behind this character.
    pub(crate) fn may_follow(&self, is_word_before: bool) -> bool {
        !(self.at_border && is_word_before)
    }
}

/// Returns the rules with their literals, shortened so that they fit into [`MAX_BYTES`].
fn fitting<'r>(rules: &[GatedRule<'r>]) -> Vec<(GatedRule<'r>, Vec<Vec<u8>>)> {
    let shortened = |long: usize, short: usize| {
        let rules = rules.iter().filter(|rule| rule.starts_at_literals()).map(move |rule| {
            let mut list: Vec<Vec<u8>> = rule.literals.list.iter().map(|literal| literal.to_vec()).collect();
            let len = if list.len() > MAX_LITERALS { long } else { short };
            list.iter_mut().for_each(|literal| cut(literal, len));
            list.dedup();
            (*rule, list)
        });
        rules.filter(|(_, list)| list.iter().all(|literal| !literal.is_empty())).collect::<Vec<_>>()
    };
    let size = |rules: &[(GatedRule<'r>, Vec<Vec<u8>>)]| {
        let distinct: BTreeSet<&Vec<u8>> = rules.iter().flat_map(|(_, list)| list).collect();
        distinct.into_iter().map(Vec::len).sum::<usize>()
    };
    let mut fitting = Vec::new();
    let long_lists = LENGTHS.map(|len| (len, MAX_LITERAL));
    for (long, short) in long_lists.into_iter().chain(LENGTHS.map(|len| (SHORTEST, len))) {
        fitting = shortened(long, short);
        if size(&fitting) <= MAX_BYTES {
            return fitting;
        }
    }
    fitting.sort_by_key(|(rule, list)| (list.len(), rule.rule));
    let (mut distinct, mut bytes) = (BTreeSet::new(), 0);
    let mut fits = |(_, list): &(GatedRule<'r>, Vec<Vec<u8>>)| {
        bytes += list.iter().filter(|literal| distinct.insert((*literal).clone())).map(Vec::len).sum::<usize>();
        bytes <= MAX_BYTES
    };
    let count = fitting.iter().take_while(|rule| fits(rule)).count();
    fitting.truncate(count);
    fitting.sort_by_key(|(rule, _)| rule.rule);
    fitting
}

/// Prefixes of literals that a stream holds back, without the literals themselves: their searches hold them back.
struct Prefixes {
    /// For each prefix, `true` if all of its literals begin at a border only.
    at_border: BTreeMap<Vec<u8>, bool>,
}

impl Prefixes {
    fn new(owners: &BTreeMap<Vec<u8>, Vec<Owner>>) -> Prefixes {
        let mut all: BTreeMap<Vec<u8>, bool> = BTreeMap::new();
        for (literal, owners) in owners {
            let mut held = owners.iter().filter(|owner| owner.is_held).peekable();
            if held.peek().is_none() {
                continue;
            }
            let at_border = held.all(|owner| owner.at_border);
            for len in 1..literal.len() {
                let prefix = literal.get(..len).unwrap_or(literal);
                *all.entry(prefix.to_vec()).or_insert(true) &= at_border;
            }
        }
        Prefixes { at_border: all }
    }

    /// Returns what is held back behind `text`, the longest begin of a literal.
    fn hold(&self, text: &[u8]) -> Hold {
        let mut inner = 0;
        for start in 1..text.len() {
            let is_word_before = text.get(start - 1).is_some_and(|byte| is_word(*byte));
            let suffix = text.get(start..).unwrap_or_default();
            if self.at_border.get(suffix).is_some_and(|at_border| !(*at_border && is_word_before)) {
                inner = suffix.len() as u16;
                break;
            }
        }
        match self.at_border.get(text) {
            Some(&at_border) => Hold { len: text.len() as u16, at_border, inner },
            None => Hold { len: inner, at_border: false, inner },
        }
    }
}

/// Returns what a stream holds back in each state, for those in which it holds back anything.
fn holds<'l>(
    automaton: &DFA,
    start: StateID,
    literals: impl Iterator<Item = &'l Vec<u8>>,
    prefixes: &Prefixes,
) -> Vec<(StateID, Hold)> {
    let mut holds = BTreeMap::new();
    for literal in literals {
        let mut state = start;
        for (at, byte) in literal.iter().enumerate() {
            state = automaton.next_state(Anchored::No, state, *byte);
            let hold = prefixes.hold(literal.get(..=at).unwrap_or(literal));
            if hold.len > 0 {
                holds.insert(state, hold);
            }
        }
    }
    holds.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn literals(list: &[&str], lead: Option<usize>, at_border: bool) -> Literals {
        Literals { list: list.iter().map(|literal| literal.as_bytes().into()).collect(), lead, at_border }
    }

    fn rule(index: u32, literals: &Literals, edits: bool) -> GatedRule<'_> {
        GatedRule { rule: RuleIndex(index), literals, edits, withheld_from: 0 }
    }

    #[test]
    fn literals_of_all_rules_are_found_in_one_pass() {
        let (keys, words) = (literals(&["akia", "key"], Some(0), true), literals(&["key=", "é"], Some(9), false));
        let gates = Gates::new(&[rule(0, &keys, true), rule(1, &words, false), rule(2, &words, true)], 100);
        let text = "AKIA monkey=Key=é";
        let (mut state, mut at, mut found) = (gates.start(), 0, Vec::new());
        while let Some(end) = gates.run(&mut state, text.as_bytes(), at, text.len()) {
            at = end;
            found.extend(gates.hits(state).map(|hit| (hit.owner.rule.0, &text[end - hit.len..end], hit.owner.reach)));
        }
        let expected = [(0, "AKIA", 4), (0, "key", 4), (1, "key=", 13), (0, "Key", 4), (1, "Key=", 13), (1, "é", 13)];
        assert_eq!(found, expected);
        assert_eq!([0, 1, 2, 3].map(|rule| gates.has(RuleIndex(rule))), [true, true, false, false]);
    }

    #[test]
    fn a_stream_holds_back_text_in_which_a_literal_has_begun() {
        let all = [
            (literals(&["secret"], Some(0), false), true),
            (literals(&["akia"], Some(0), true), true),
            (literals(&["etch"], Some(0), false), false), // the rule does not edit
            (literals(&["@zq"], Some(9), false), true),   // a match begins before the literal
        ];
        let rules: Vec<GatedRule<'_>> =
            all.iter().enumerate().map(|(at, (literals, edits))| rule(at as u32, literals, *edits)).collect();
        let gates = Gates::new(&rules, 100);
        for (text, expected) in [
            ("no", 0),
            ("a sec", 3),
            ("xSeCrE", 5),
            ("etc", 0),
            ("secret", 0), // the search holds it back
            ("xak", 0),
            ("-ak", 2),
            ("ak", 2),
            ("secrak", 0),
            ("@z", 0),
            ("ss", 1),
        ] {
            let mut state = gates.start();
            let mut at = 0;
            while let Some(end) = gates.run(&mut state, text.as_bytes(), at, text.len()) {
                at = end;
            }
            let is_word_before =
                |len: usize| text.len().checked_sub(len + 1).is_some_and(|before| is_word(text.as_bytes()[before]));
            assert_eq!(gates.held(state, is_word_before), expected, "{text}");
        }
    }

    #[test]
    fn a_long_list_does_not_shorten_the_literals_of_other_rules() {
        let words: Vec<String> = (0..2000).map(|at| format!("{at:04}-abcdefghijk")).collect();
        let (list, key) = (
            literals(&words.iter().map(String::as_str).collect::<Vec<_>>(), Some(0), false),
            literals(&["secret-key"], Some(0), false),
        );
        let gates = Gates::new(&[rule(0, &list, true), rule(1, &key, true)], 100);
        assert!(gates.has(RuleIndex(0)) && gates.has(RuleIndex(1)));
        let found = |text: &str| gates.run(&mut gates.start(), text.as_bytes(), 0, text.len());
        assert_eq!((found("secret-ke"), found("a secret-key")), (None, Some(12)));
    }

    #[test]
    fn literals_are_shortened_until_they_fit() {
        let name = |at: usize| format!("{at:04}-abcdefghijk");
        let all: Vec<Literals> = (0..100)
            .map(|rule| {
                let list: Vec<String> = (0..20 + rule).map(|at| name(rule * 200 + at)).collect();
                literals(&list.iter().map(String::as_str).collect::<Vec<_>>(), Some(0), false)
            })
            .collect();
        let rules: Vec<GatedRule<'_>> = all.iter().enumerate().map(|(at, one)| rule(at as u32, one, true)).collect();
        let few = Gates::new(&rules[..5], 100);
        assert!((0..5).all(|at| few.has(RuleIndex(at))));
        assert_eq!(few.reach(), 16);
        let many = Gates::new(&rules, 100);
        assert!(many.reach() < 16);
        let bytes: usize = many.automaton.iter().map(|automaton| automaton.patterns_len() * many.reach).sum();
        assert!(many.has(RuleIndex(0)) && bytes <= MAX_BYTES, "{bytes}");
    }
}
