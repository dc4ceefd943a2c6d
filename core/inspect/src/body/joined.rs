//! Pieces of one text, joined: places in the whole and in its pieces.

use super::Piece;
use crate::json_strings::{self, Replacement};
use crate::report::Finding;
use crate::restore::{PlaceholderValues, restore};
use crate::rule::{Action, RuleIndex};
use crate::view::View;
use std::borrow::Cow;
use std::ops::Range;

/// Pieces of a text, joined.
pub(super) struct Joined<'a> {
    pub(super) pieces: &'a [Piece],
    pub(super) text: Cow<'a, str>,
    /// End of each piece in `text`.
    ends: Vec<usize>,
}

impl<'a> Joined<'a> {
    pub(super) fn new(pieces: &'a [Piece], body: &'a [u8]) -> Joined<'a> {
        let mut joined = Joined { pieces, text: Cow::Borrowed(""), ends: Vec::with_capacity(pieces.len()) };
        for (_, str) in pieces {
            let piece = str.decode(body);
            if joined.ends.is_empty() {
                joined.text = piece;
            } else {
                joined.text.to_mut().push_str(&piece);
            }
            joined.ends.push(joined.text.len());
        }
        joined
    }

    /// Returns the range of a piece in the text.
    pub(super) fn range(&self, piece: usize) -> Range<usize> {
        let start = piece.checked_sub(1).and_then(|before| self.ends.get(before)).copied().unwrap_or(0);
        start..self.ends.get(piece).copied().unwrap_or(start)
    }

    /// Returns the piece that contains the character at a position of the text.
    pub(super) fn piece_at(&self, position: u64) -> usize {
        self.ends.partition_point(|end| *end as u64 <= position)
    }

    /// Moves replacements in the ranges that are JSON into strings and numbers.
    pub(super) fn fit<'w>(&self, replacements: Vec<Replacement<'w>>, json: &[Range<usize>]) -> Vec<Replacement<'w>> {
        if json.is_empty() {
            return replacements;
        }
        let mut fitted = Vec::with_capacity(replacements.len());
        let mut remaining = replacements.into_iter().peekable();
        let mut open: Option<Replacement<'w>> = None;
        for range in json {
            let mut inside = Vec::new();
            while let Some((mut place, mut with)) =
                open.take().or_else(|| remaining.next_if(|(place, _)| place.start < range.end))
            {
                if place.start < range.start {
                    let until = place.end.min(range.start);
                    fitted.push((place.start..until, std::mem::take(&mut with)));
                    place.start = until;
                }
                if place.start >= place.end {
                    continue;
                }
                let until = place.end.min(range.end);
                if place.start >= range.end {
                    open = Some((place, with));
                    break;
                }
                inside.push((place.start - range.start..until - range.start, std::mem::take(&mut with)));
                if until < place.end {
                    open = Some((until..place.end, with));
                    break;
                }
            }
            let text = self.text.get(range.clone()).unwrap_or_default();
            let inside = json_strings::fit(text, inside);
            fitted.extend(
                inside.into_iter().map(|(place, with)| (place.start + range.start..place.end + range.start, with)),
            );
        }
        fitted.extend(open);
        fitted.extend(remaining);
        fitted
    }

    /// Restores values in each part of the text, to which these replacements will be made. Returns all replacements, and the number
    /// of restored values.
    pub(super) fn restore<'w>(
        &self,
        replacements: Vec<Replacement<'w>>,
        values: &PlaceholderValues,
        part: impl Fn(usize) -> Range<usize>,
    ) -> (Vec<Replacement<'w>>, u64) {
        let (mut restored, mut count) = (Vec::with_capacity(replacements.len()), 0);
        let mut remaining = replacements.into_iter().peekable();
        let mut open: Option<Replacement<'w>> = None;
        let mut piece = 0;
        while piece < self.pieces.len() {
            let pieces = part(piece);
            let range = self.range(piece).start..self.range(pieces.end.max(piece + 1) - 1).end;
            let mut own = Vec::new();
            while let Some((place, with)) =
                open.take().or_else(|| remaining.next_if(|(place, _)| place.start < range.end))
            {
                let until = place.end.min(range.end);
                own.push((place.start - range.start..until - range.start, with));
                if until < place.end {
                    // The first part holds the whole replacement.
                    open = Some((until..place.end, Cow::Borrowed("")));
                    break;
                }
            }
            let text = self.text.get(range.clone()).unwrap_or_default();
            let (own, restorations) = restore(text, own, values);
            restored.extend(
                own.into_iter().map(|(place, with)| (place.start + range.start..place.end + range.start, with)),
            );
            count += restorations;
            piece = pieces.end.max(piece + 1);
        }
        restored.extend(open);
        restored.extend(remaining);
        (restored, count)
    }

    pub(super) fn finding(&self, rule: RuleIndex, action: Action, (from, to): (u64, u64)) -> Finding {
        let piece = self.piece_at(from);
        debug_assert!(piece < self.pieces.len(), "a match is not empty, so a piece contains its start");
        let offset = self.range(piece).start;
        let text = self.pieces.get(piece).map_or(0, |(index, _)| *index);
        Finding { rule, action, text, range: from as usize - offset..to as usize - offset, view: View::Raw }
    }
}
