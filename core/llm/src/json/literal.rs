//! JSON string literals, and the mapping between their raw bytes and their text.

use std::borrow::Cow;
use std::ops::Range;

use crate::Span;
use crate::json::escape::{self, Escape};

/// JSON string literal in a body.
///
/// It holds offsets only, so it is meaningful only together with the body it was found in. Views contain only validated
/// literals: UTF-8 with valid escapes. A lone surrogate, which is refused in requests and accepted in responses,
/// decodes to U+FFFD.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Str {
    /// Bytes between the quotes.
    pub span: Span,
    /// `true` if they contain at least one backslash escape; if not, the bytes are the text.
    pub escaped: bool,
}

impl Str {
    /// Returns the text that the receiver decodes; borrowed if nothing is escaped.
    #[must_use]
    pub fn decode(self, body: &[u8]) -> Cow<'_, str> {
        let raw = self.span.of(body);
        if !self.escaped {
            return String::from_utf8_lossy(raw);
        }
        let mut text = Vec::with_capacity(raw.len());
        let mut rest = raw;
        while let Some((run, escape)) = memchr::memchr(b'\\', rest).and_then(|at| rest.split_at_checked(at)) {
            text.extend_from_slice(run);
            let (char, len) = character(escape);
            if char.is_ascii() {
                text.push(char as u8);
            } else {
                text.extend_from_slice(char.encode_utf8(&mut [0; 4]).as_bytes());
            }
            rest = escape.get(len..).unwrap_or_default();
        }
        text.extend_from_slice(rest);
        Cow::Owned(
            String::from_utf8(text).unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned()),
        )
    }

    /// Returns `true` if the text is `word`; does not allocate.
    #[must_use]
    #[inline]
    pub fn is(self, body: &[u8], word: &str) -> bool {
        if self.escaped { self.bytes(body).eq(word.bytes()) } else { self.span.of(body) == word.as_bytes() }
    }

    /// Returns the bytes of the text.
    pub(crate) fn bytes(self, body: &[u8]) -> impl Iterator<Item = u8> {
        let raw = self.span.of(body);
        Pieces { raw, escaped: self.escaped, at: 0 }.flat_map(|piece| {
            let run = if piece.escape.is_none() { raw.get(piece.start..piece.end) } else { None };
            let mut utf8 = [0; 4];
            let len = piece.escape.map_or(0, |char| char.encode_utf8(&mut utf8).len());
            run.unwrap_or_default().iter().copied().chain(utf8.into_iter().take(len))
        })
    }

    /// Returns the characters of the text.
    pub(crate) fn chars(self, body: &[u8]) -> impl Iterator<Item = char> {
        let raw = self.span.of(body);
        Pieces { raw, escaped: self.escaped, at: 0 }.flat_map(|piece| {
            let run = if piece.escape.is_none() { raw.get(piece.start..piece.end) } else { None };
            // Runs of a validated literal are UTF-8.
            let run = std::str::from_utf8(run.unwrap_or_default());
            debug_assert!(run.is_ok(), "a literal that is not UTF-8 was not validated");
            run.unwrap_or_default().chars().chain(piece.escape)
        })
    }

    /// Returns the raw bytes that decode to `decoded[range]`, where `decoded` is the text.
    ///
    /// They consist of whole characters, whole escapes and whole surrogate pairs: a range that starts or ends inside
    /// one is widened. An empty range gives an empty span. Ends beyond the text count as its end.
    #[must_use]
    pub fn raw(self, body: &[u8], range: Range<usize>) -> Span {
        let raw = self.span.of(body);
        let mut from = Cursor::default();
        let mut to = Cursor::default();
        self.locate(raw, &range, &mut from, &mut to)
    }

    /// Maps many ranges like [`raw`](Str::raw) and appends the spans to `out` in order; takes one pass over the literal
    /// if the ranges are ascending.
    pub fn raw_many(self, body: &[u8], ranges: &[Range<usize>], out: &mut Vec<Span>) {
        let raw = self.span.of(body);
        let mut from = Cursor::default();
        let mut to = Cursor::default();
        out.extend(ranges.iter().map(|range| self.locate(raw, range, &mut from, &mut to)));
    }

    /// Maps ranges of the body inside of the literal to ranges of the text: the reverse of [`raw_many`](Str::raw_many). A range
    /// that starts or ends inside an escape is widened. Takes one pass over the literal if the ranges are ascending.
    #[must_use]
    pub fn text_ranges(self, body: &[u8], ranges: &[Span]) -> Vec<Range<usize>> {
        let raw = self.span.of(body);
        let (mut from, mut to) = (Cursor::default(), Cursor::default());
        let map = |span: &Span| {
            let inside = |at: usize| at.saturating_sub(self.span.start).min(raw.len());
            let start = from.seek_raw(raw, self.escaped, inside(span.start), Side::Start);
            let end = to.seek_raw(raw, self.escaped, inside(span.end), Side::End);
            start..end.max(start)
        };
        ranges.iter().map(map).collect()
    }

    /// Returns the literal including its quotes.
    #[must_use]
    pub fn literal(self) -> Span {
        Span::new(self.span.start.saturating_sub(1), self.span.end.saturating_add(1))
    }

    fn locate(self, raw: &[u8], range: &Range<usize>, from: &mut Cursor, to: &mut Cursor) -> Span {
        let start = from.seek(raw, self.escaped, range.start, Side::Start);
        let end = if range.end > range.start { to.seek(raw, self.escaped, range.end, Side::End) } else { start };
        Span::new(self.span.start + start, self.span.start + end.max(start))
    }
}

/// Part of a literal: one escape, or a run without escapes.
#[derive(Clone, Copy)]
struct Piece {
    start: usize,
    end: usize,
    /// Character of an escape; `None` for a run of unescaped bytes.
    escape: Option<char>,
}

impl Piece {
    fn text_len(self) -> usize {
        self.escape.map_or(self.end - self.start, char::len_utf8)
    }

    fn at(raw: &[u8], start: usize, escaped: bool) -> Option<Piece> {
        let rest = raw.get(start..).filter(|rest| !rest.is_empty())?;
        if !escaped {
            return Some(Piece { start, end: raw.len(), escape: None });
        }
        Some(match memchr::memchr(b'\\', rest) {
            Some(0) => {
                let (char, len) = character(rest);
                Piece { start, end: start + len, escape: Some(char) }
            }
            run => Piece { start, end: start + run.unwrap_or(rest.len()), escape: None },
        })
    }
}

/// Returns the character of the escape at the start of `raw`, and its length in bytes.
fn character(raw: &[u8]) -> (char, usize) {
    match escape::read(raw) {
        Ok((Escape::Char(char), len)) => (char, len),
        Ok((Escape::LoneSurrogate, len)) => (char::REPLACEMENT_CHARACTER, len),
        Err(_) => (char::REPLACEMENT_CHARACTER, 1),
    }
}

/// Iterator over the pieces of a literal, in order.
struct Pieces<'b> {
    raw: &'b [u8],
    escaped: bool,
    at: usize,
}

impl Iterator for Pieces<'_> {
    type Item = Piece;

    fn next(&mut self) -> Option<Piece> {
        let piece = Piece::at(self.raw, self.at, self.escaped)?;
        self.at = piece.end;
        Some(piece)
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Side {
    Start,
    End,
}

/// Position in a literal that moves forward: the start of a piece, in raw bytes and in bytes of the text.
#[derive(Default)]
struct Cursor {
    raw: usize,
    text: usize,
}

impl Cursor {
    /// Returns the raw offset of the text offset `target`.
    fn seek(&mut self, raw: &[u8], escaped: bool, target: usize, side: Side) -> usize {
        if target < self.text || (side == Side::End && target == self.text) {
            *self = Cursor::default();
        }
        while let Some(piece) = Piece::at(raw, self.raw, escaped) {
            let end = self.text + piece.text_len();
            if target < end || (side == Side::End && target == end) {
                return match (piece.escape, side) {
                    (Some(_), Side::Start) => piece.start,
                    (Some(_), Side::End) => piece.end,
                    (None, side) => boundary(raw, piece.start + (target - self.text), side),
                };
            }
            self.raw = piece.end;
            self.text = end;
        }
        raw.len()
    }

    /// Returns the text offset of the raw offset `target`.
    fn seek_raw(&mut self, raw: &[u8], escaped: bool, target: usize, side: Side) -> usize {
        if target < self.raw {
            *self = Cursor::default();
        }
        while let Some(piece) = Piece::at(raw, self.raw, escaped) {
            if target <= self.raw {
                break;
            }
            let end = self.text + piece.text_len();
            if target < piece.end {
                return match (piece.escape, side) {
                    (Some(_), Side::Start) => self.text,
                    (Some(_), Side::End) => end,
                    (None, side) => self.text + boundary(raw, target, side) - piece.start,
                };
            }
            self.raw = piece.end;
            self.text = end;
        }
        self.text
    }
}

/// Returns the closest offset at or before (at or after, for an end) `at` where a UTF-8 character starts.
fn boundary(raw: &[u8], mut at: usize, side: Side) -> usize {
    while raw.get(at).is_some_and(|byte| byte & 0xc0 == 0x80) {
        at = match side {
            Side::Start if at > 0 => at - 1,
            Side::Start => break,
            Side::End => at + 1,
        };
    }
    at
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn literal(raw: &str) -> (Vec<u8>, Str) {
        let body = format!("[\"{raw}\"]").into_bytes();
        (body, Str { span: Span::new(2, 2 + raw.len()), escaped: raw.contains('\\') })
    }

    #[test]
    fn raw_ranges_map_to_the_text() {
        for (raw, range, want) in [
            ("abc", 1..2, "b"),
            (r"a\nb", 0..4, "a\nb"),
            (r"a\nb", 3..4, "b"),
            // Inside of an escape.
            (r"a\nb", 2..4, "\nb"),
            (r"a\nb", 0..2, "a\n"),
            (r"a\u00e9b", 3..4, "é"),
            (r"\ud83d\ude00b", 12..13, "b"),
            (r"aéb", 1..3, "é"),
            (r"a\nb", 4..9, ""),
        ] {
            let (body, str) = literal(raw);
            let text = str.decode(&body).into_owned();
            let span = Span::new(str.span.start + range.start, str.span.start + range.end);
            let ranges = str.text_ranges(&body, &[span, span]);
            assert_eq!(ranges.iter().map(|range| &text[range.clone()]).collect::<Vec<_>>(), [want, want], "{raw}");
        }
    }

    #[test]
    fn text_ranges_map_to_raw_bytes() {
        for (raw, range, want) in [
            ("abc", 0..3, "abc"),
            ("abc", 1..2, "b"),
            ("abc", 1..1, ""),
            ("abc", 1..99, "bc"),
            ("abc", 7..9, ""),
            (r"a\nb", 1..2, r"\n"),
            (r"a\nb", 0..1, "a"),
            (r"a\nb", 2..3, "b"),
            (r"a\nb", 2..2, ""),
            // Two bytes of text, six raw; any part of them is widened to the whole escape.
            (r"a\u00e9b", 1..3, r"\u00e9"),
            (r"a\u00e9b", 1..2, r"\u00e9"),
            (r"a\u00e9b", 2..3, r"\u00e9"),
            (r"a\u00e9b", 2..4, r"\u00e9b"),
            (r"\ud83d\ude00!", 0..4, r"\ud83d\ude00"),
            (r"\ud83d\ude00!", 3..5, r"\ud83d\ude00!"),
            (r"\ud83d\ude00!", 4..5, "!"),
            // Unescaped characters are not split either.
            ("aéb", 2..3, "é"),
            ("aéb", 1..2, "é"),
            (r"aé\n", 3..4, r"\n"),
            (r"\\\\", 1..2, r"\\"),
            ("", 0..0, ""),
            ("", 0..5, ""),
        ] {
            let (body, str) = literal(raw);
            let span = str.raw(&body, range.clone());
            assert_eq!(String::from_utf8_lossy(span.of(&body)), want, "{raw} {range:?}");
            assert!(str.span.contains(span), "{raw} {range:?}");
        }
    }

    #[test]
    fn lone_surrogates_in_responses_decode_to_the_replacement_character() {
        let (body, str) = literal(r"a\ud83db");
        assert_eq!(str.decode(&body), "a\u{fffd}b");
        assert_eq!(str.raw(&body, 1..4).of(&body), br"\ud83d");
    }

    #[test]
    fn is_compares_the_decoded_text() {
        for (raw, word, want) in [
            ("model", "model", true),
            (r"mod\u0065l", "model", true),
            (r"\u006dodel", "model", true),
            (r"mode\u006c", "model", true),
            (r"mode\u006cs", "model", false),
            (r"mode\u006c", "models", false),
            ("models", "model", false),
            (r"\n", "\\n", false),
        ] {
            let (body, str) = literal(raw);
            assert_eq!(str.is(&body, word), want, "{raw}");
        }
    }

    /// Generates a text and one of its many spellings.
    fn spelled() -> impl Strategy<Value = (String, String)> {
        prop::collection::vec((any::<char>(), any::<bool>()), 0..24).prop_map(|chars| {
            let mut raw = Vec::new();
            for (char, unicode) in &chars {
                if *unicode {
                    for unit in char.encode_utf16(&mut [0; 2]) {
                        raw.extend_from_slice(format!("\\u{unit:04X}").as_bytes());
                    }
                } else {
                    escape::escape_into(&char.to_string(), &mut raw);
                }
            }
            (chars.iter().map(|(char, _)| char).collect(), String::from_utf8(raw).unwrap())
        })
    }

    proptest! {
        #[test]
        fn raw_bytes_decode_to_the_requested_range((text, raw) in spelled(), from in 0usize..30, to in 0usize..30) {
            let (body, str) = literal(&raw);
            prop_assert_eq!(str.decode(&body), text.as_str());
            prop_assert!(str.is(&body, &text));
            prop_assert_eq!(str.chars(&body).collect::<String>(), text.as_str());
            let bounds: Vec<usize> = text.char_indices().map(|(at, _)| at).chain([text.len()]).collect();
            let (from, to) = (bounds[from % bounds.len()], bounds[to % bounds.len()]);
            let range = from.min(to)..from.max(to);
            let span = str.raw(&body, range.clone());
            let part = Str { span, escaped: str.escaped };
            prop_assert_eq!(part.decode(&body), &text[range]);
        }

        #[test]
        fn raw_many_equals_raw_for_each_range((text, raw) in spelled(), cuts in prop::collection::vec((0usize..40, 0usize..9), 0..8)) {
            let (body, str) = literal(&raw);
            let mut ranges: Vec<_> = cuts.iter().map(|(at, len)| *at..at + len).collect();
            for sorted in [false, true] {
                if sorted {
                    ranges.sort_by_key(|range| range.start);
                }
                let mut spans = Vec::new();
                str.raw_many(&body, &ranges, &mut spans);
                let single: Vec<_> = ranges.iter().map(|range| str.raw(&body, range.clone())).collect();
                prop_assert_eq!(&spans, &single);
                for (span, range) in spans.iter().zip(&ranges) {
                    prop_assert!(std::str::from_utf8(span.of(&body)).is_ok());
                    prop_assert!(str.span.contains(*span));
                    // Wherever the range ends, the text of the span contains the text of the range.
                    let part = Str { span: *span, escaped: str.escaped }.decode(&body).len();
                    prop_assert!(part >= range.end.min(text.len()).saturating_sub(range.start));
                }
            }
        }
    }
}
