//! Search for literals in a text that arrives in pieces.

use crate::pattern::texts::is_word;
use crate::rule::RuleIndex;
use crate::search::gates::Gates;
use aho_corasick::automaton::StateID;

/// State of the search for literals at a position of a streamed text.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct GatePosition {
    /// `None` at the start of the text.
    state: Option<StateID>,
}

impl GatePosition {
    /// Reads `kept[from..to]`. Stops behind the first literal and returns its end.
    pub(super) fn run(&mut self, gates: &Gates, kept: &str, from: usize, to: usize) -> Option<usize> {
        gates.run(self.state.get_or_insert(gates.start()), kept.as_bytes(), from, to)
    }

    /// Returns the rules on responses with a literal that ends at the index `end` of `kept`, each with the index before which no
    /// match begins that contains it. `before` is the character before `kept`.
    pub(super) fn starts<'g>(
        &self,
        gates: &'g Gates,
        kept: &'g str,
        before: Option<char>,
        end: usize,
    ) -> impl Iterator<Item = (RuleIndex, usize)> + 'g {
        let hits = self.state.map(|state| gates.hits(state));
        let hits = hits.into_iter().flatten();
        let hits =
            hits.filter(move |hit| hit.owner.may_follow(is_word_before(kept, before, end.saturating_sub(hit.len))));
        hits.map(move |hit| (hit.owner.rule, end.saturating_sub(hit.owner.reach)))
    }

    /// Returns the number of bytes before the index `end` of `kept` in which a literal may have begun.
    pub(super) fn held(&self, gates: &Gates, kept: &str, before: Option<char>, end: usize) -> usize {
        let is_word_before = |len: usize| is_word_before(kept, before, end.saturating_sub(len));
        self.state.map_or(0, |state| gates.held(state, is_word_before))
    }
}

/// Returns `true` if an ASCII word character is in front of the index `at` of `kept`.
fn is_word_before(kept: &str, before: Option<char>, at: usize) -> bool {
    match at.checked_sub(1) {
        Some(at) => kept.as_bytes().get(at).is_some_and(|byte| is_word(*byte)),
        None => before.is_some_and(|c| u8::try_from(c).is_ok_and(is_word)),
    }
}
