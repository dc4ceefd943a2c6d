//! What points by offsets into a text that was changed: citations and the like. It is no longer true, so it goes.

use std::collections::{BTreeMap, BTreeSet};
use tollgate_llm::{Offsets, Span};

/// What of an answer goes. An upstream may send as many texts to redact as things that point into them, so neither is
/// ever gone through for each of the other.
pub(super) struct Gone {
    /// By choice.
    offsets: Vec<Offsets>,
    choices: BTreeSet<u32>,
    /// By where they start; values of one body do not overlap.
    spans: BTreeMap<usize, Span>,
}

impl Gone {
    /// Nothing, of an answer with these.
    pub(super) fn new(offsets: &[Offsets]) -> Gone {
        let mut offsets = offsets.to_vec();
        offsets.sort_by_key(|offsets| offsets.choice);
        Gone { offsets, choices: BTreeSet::new(), spans: BTreeMap::new() }
    }

    /// A text of this choice was changed.
    pub(super) fn changed(&mut self, choice: u32) {
        if !self.choices.insert(choice) {
            return;
        }
        let from = self.offsets.partition_point(|offsets| offsets.choice < choice);
        let of_it = self.offsets.get(from..).unwrap_or_default().iter().take_while(|offsets| offsets.choice == choice);
        self.spans.extend(of_it.map(|offsets| (offsets.span.start, offsets.span)));
    }

    /// Whether what stands at `span` goes with it.
    pub(super) fn contains(&self, span: Span) -> bool {
        self.spans.range(..=span.start).next_back().is_some_and(|(_, gone)| gone.contains(span))
    }

    /// All of it, as it stands in the body.
    pub(super) fn spans(&self) -> impl Iterator<Item = &Span> {
        self.spans.values()
    }
}
