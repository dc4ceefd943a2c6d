//! Byte ranges of a body.

/// Range of bytes in the body that a view was parsed from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub struct Span {
    /// Offset of the first byte.
    pub start: usize,
    /// Offset after the last byte.
    pub end: usize,
}

impl Span {
    /// Creates the span from `start` up to, but not including, `end`.
    #[must_use]
    pub fn new(start: usize, end: usize) -> Span {
        Span { start, end }
    }

    /// Returns the length in bytes; 0 if `end` is before `start`.
    #[must_use]
    pub fn len(self) -> usize {
        self.end.saturating_sub(self.start)
    }

    /// Returns `true` if the span contains no byte. An empty span still has a position: editing it is an insertion.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.len() == 0
    }

    /// Returns the bytes of `body` in this range; an empty slice if the span does not lie inside `body`.
    #[must_use]
    pub fn of(self, body: &[u8]) -> &[u8] {
        body.get(self.start..self.end).unwrap_or_default()
    }

    /// Returns `true` if all of `other` lies inside.
    #[must_use]
    pub fn contains(self, other: Span) -> bool {
        self.start <= other.start && other.end <= self.end
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_is_never_out_of_range() {
        let body = b"abc";
        for (span, want) in [
            (Span::new(0, 3), &b"abc"[..]),
            (Span::new(1, 2), b"b"),
            (Span::new(3, 3), b""),
            (Span::new(2, 9), b""),
            (Span::new(9, 12), b""),
            (Span { start: 2, end: 1 }, b""),
        ] {
            assert_eq!(span.of(body), want, "{span:?}");
        }
        assert_eq!(Span { start: 2, end: 1 }.len(), 0);
    }
}
