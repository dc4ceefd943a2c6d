//! Offset annotations (citations etc.) invalidated by a redaction; they are removed from the response.

use std::collections::{BTreeMap, BTreeSet};
use tollgate_llm::{OffsetAnnotation, Span};

/// Stale annotations of a response.
///
/// An upstream may send as many texts to redact as annotations, so neither is ever scanned for each of the other.
pub(super) struct StaleAnnotations {
    /// All annotations, sorted by choice.
    annotations: Vec<OffsetAnnotation>,
    /// Choices with a changed text.
    choices: BTreeSet<u32>,
    /// Stale annotations by their start; values of one body do not overlap.
    spans: BTreeMap<usize, Span>,
}

impl StaleAnnotations {
    /// Creates an empty set for a response with these annotations.
    pub(super) fn new(annotations: &[OffsetAnnotation]) -> StaleAnnotations {
        let mut annotations = annotations.to_vec();
        annotations.sort_by_key(|annotation| annotation.choice);
        StaleAnnotations { annotations, choices: BTreeSet::new(), spans: BTreeMap::new() }
    }

    /// Marks all annotations of a choice as stale, because one of its texts was changed.
    pub(super) fn mark_choice(&mut self, choice: u32) {
        if !self.choices.insert(choice) {
            return;
        }
        let from = self.annotations.partition_point(|annotation| annotation.choice < choice);
        let of_choice = self.annotations.get(from..).unwrap_or_default();
        let stale = of_choice.iter().take_while(|annotation| annotation.choice == choice);
        self.spans.extend(stale.map(|annotation| (annotation.span.start, annotation.span)));
    }

    /// Returns `true` if `span` is part of a stale annotation.
    pub(super) fn contains(&self, span: Span) -> bool {
        self.spans.range(..=span.start).next_back().is_some_and(|(_, stale)| stale.contains(span))
    }

    /// Returns the spans of all stale annotations in the body.
    pub(super) fn spans(&self) -> impl Iterator<Item = &Span> {
        self.spans.values()
    }
}
