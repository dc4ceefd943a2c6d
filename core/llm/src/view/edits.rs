//! Edits of a body that preserve all other bytes.

use std::collections::BTreeMap;
use std::fmt;

use crate::Span;
use crate::json::escape::escape_into;

/// Error: two edits overlap.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("two edits of a body overlap")]
pub struct Overlap;

/// Edits of a body: replacements of spans, applied in one pass. All other bytes are preserved.
///
/// The order in which edits are added does not matter. Edits may touch; an insertion at the edge of a replacement stays
/// outside of it. An edit is refused if it shares a byte with another, if it is an insertion inside a replaced span, or
/// a second insertion at the same position (the result would depend on the order).
#[derive(Clone, Default)]
pub struct Edits {
    /// Replacements by start and end: an insertion sorts before the replacement that starts at the same position.
    by_place: BTreeMap<(usize, usize), Vec<u8>>,
    removed: usize,
    added: usize,
}

impl Edits {
    /// Creates an empty set of edits.
    #[must_use]
    pub fn new() -> Edits {
        Edits::default()
    }

    /// Returns `true` if the body stays unchanged.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.by_place.is_empty()
    }

    /// Returns `true` if any byte of `span` is replaced.
    #[must_use]
    pub fn touch(&self, span: Span) -> bool {
        self.by_place.keys().any(|&(start, end)| start < span.end && span.start < end)
    }

    /// Returns the number of edits.
    #[must_use]
    pub fn len(&self) -> usize {
        self.by_place.len()
    }

    /// Replaces `span` with the raw bytes `with`; an empty span is an insertion.
    ///
    /// # Errors
    /// [`Overlap`] if an earlier edit uses the same bytes or the same position; the edit is not added then.
    pub fn replace(&mut self, span: Span, with: impl Into<Vec<u8>>) -> Result<(), Overlap> {
        let (start, end) = (span.start, span.end.max(span.start));
        let before = self.by_place.range(..(start, end)).next_back();
        let after = self.by_place.range((start, end)..).next();
        if before.is_some_and(|(place, _)| place.1 > start) {
            return Err(Overlap);
        }
        if after.is_some_and(|(place, _)| place.0 < end || *place == (start, end)) {
            return Err(Overlap);
        }
        let with = with.into();
        self.removed += end - start;
        self.added += with.len();
        self.by_place.insert((start, end), with);
        Ok(())
    }

    /// Replaces a part of a string literal, between its quotes, with `text`, escaped for JSON.
    ///
    /// # Errors
    /// Same as [`replace`](Edits::replace).
    pub fn replace_text(&mut self, span_inside_literal: Span, text: &str) -> Result<(), Overlap> {
        let mut with = Vec::new();
        escape_into(text, &mut with);
        self.replace(span_inside_literal, with)
    }

    /// Returns `true` if no replacement has a line end.
    pub(crate) fn keep_lines(&self) -> bool {
        self.by_place.values().all(|with| !with.iter().any(|byte| matches!(byte, b'\n' | b'\r')))
    }

    /// Returns the edited body; allocates exactly its length.
    #[must_use]
    pub fn apply(&self, body: &[u8]) -> Vec<u8> {
        let mut out = Vec::with_capacity(body.len().saturating_add_signed(self.len_change()));
        self.apply_to(body, &mut out);
        out
    }

    /// Appends the edited body to `out`. Edits beyond the end of `body` are applied at its end.
    pub fn apply_to(&self, body: &[u8], out: &mut Vec<u8>) {
        out.reserve(body.len().saturating_add_signed(self.len_change()));
        let mut copied = 0;
        for ((start, end), with) in &self.by_place {
            let start = (*start).min(body.len());
            debug_assert!(copied <= start, "edits do not overlap");
            out.extend_from_slice(body.get(copied..start).unwrap_or_default());
            out.extend_from_slice(with);
            copied = (*end).min(body.len());
        }
        out.extend_from_slice(body.get(copied..).unwrap_or_default());
    }

    /// Returns the number of bytes by which the edited body is longer (or shorter).
    #[must_use]
    pub fn len_change(&self) -> isize {
        self.added.cast_signed().wrapping_sub(self.removed.cast_signed())
    }
}

/// Shows positions and lengths only: replacements contain client text.
impl fmt::Debug for Edits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let places = self.by_place.iter().map(|((start, end), with)| (start..end, with.len()));
        f.debug_map().entries(places).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn overlaps_are_refused_in_any_order() {
        for (first, second, fits) in [
            ((2, 4), (4, 6), true),
            ((2, 4), (3, 5), false),
            ((2, 4), (2, 4), false),
            ((2, 4), (2, 3), false),
            ((2, 8), (3, 4), false),
            ((2, 4), (3, 3), false),
            ((2, 4), (2, 2), true),
            ((2, 4), (4, 4), true),
            ((3, 3), (3, 3), false),
            ((3, 3), (4, 4), true),
        ] {
            for (a, b) in [(first, second), (second, first)] {
                let mut edits = Edits::new();
                edits.replace(Span::new(a.0, a.1), "x").unwrap();
                assert_eq!(edits.replace(Span::new(b.0, b.1), "y").is_ok(), fits, "{a:?} {b:?}");
                assert_eq!(edits.len(), 1 + usize::from(fits));
            }
        }
    }

    #[test]
    fn applies_in_one_pass() {
        let mut edits = Edits::new();
        assert!(edits.is_empty());
        assert_eq!(edits.apply(b"abc"), b"abc");
        edits.replace(Span::new(3, 5), "").unwrap();
        edits.replace(Span::new(0, 1), "AAA").unwrap();
        edits.replace(Span::new(0, 0), "<").unwrap();
        edits.replace(Span::new(6, 6), ">").unwrap();
        assert_eq!(edits.apply(b"abcdef"), b"<AAAbcf>");
        assert_eq!(edits.len_change(), 2);
        let mut out = b"kept ".to_vec();
        edits.apply_to(b"abcdef", &mut out);
        assert_eq!(out, b"kept <AAAbcf>");
    }

    #[test]
    fn positions_beyond_the_body_do_not_panic() {
        let mut edits = Edits::new();
        edits.replace(Span::new(2, 9), "x").unwrap();
        edits.replace(Span::new(20, 30), "y").unwrap();
        edits.replace(Span { start: 12, end: 10 }, "z").unwrap();
        assert_eq!(edits.apply(b"abc"), b"abxzy");
    }

    #[test]
    fn debug_output_hides_the_replacement() {
        let mut edits = Edits::new();
        edits.replace_text(Span::new(1, 2), "secret").unwrap();
        assert_eq!(format!("{edits:?}"), "{1..2: 6}");
    }

    proptest! {
        #[test]
        fn equals_applying_the_edits_one_by_one(
            body in prop::collection::vec(any::<u8>(), 0..40),
            wanted in prop::collection::vec((0usize..40, 0usize..6, prop::collection::vec(any::<u8>(), 0..5)), 0..8),
        ) {
            let mut edits = Edits::new();
            let mut taken = Vec::new();
            for (start, len, with) in wanted {
                let span = Span::new(start.min(body.len()), (start + len).min(body.len()));
                if edits.replace(span, with.clone()).is_ok() {
                    taken.push((span, with));
                }
            }
            // The oracle applies edits from the back, so that offsets stay valid.
            taken.sort_by_key(|(span, _)| (span.start, span.end));
            let mut want = body.clone();
            for (span, with) in taken.iter().rev() {
                want.splice(span.start..span.end, with.iter().copied());
            }
            let edited = edits.apply(&body);
            prop_assert_eq!(edited.len() as isize - body.len() as isize, edits.len_change());
            prop_assert_eq!(edited.capacity(), edited.len());
            prop_assert_eq!(edited, want);
        }
    }
}
