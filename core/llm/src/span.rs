//! Where something stands in a body.

/// A range of bytes of the body a view was made from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub struct Span {
    /// Offset of the first byte.
    pub start: usize,
    /// Offset after the last byte.
    pub end: usize,
}

impl Span {
    /// The bytes from `start` up to, not including, `end`.
    #[must_use]
    pub fn new(start: usize, end: usize) -> Span {
        Span { start, end }
    }

    /// How many bytes; 0 when `end` is before `start`.
    #[must_use]
    pub fn len(self) -> usize {
        self.end.saturating_sub(self.start)
    }

    /// Whether it holds no byte. An empty span still has a place: an edit of it is an insertion.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.len() == 0
    }

    /// The bytes of `body` it names; an empty slice when it does not lie inside `body`.
    #[must_use]
    pub fn of(self, body: &[u8]) -> &[u8] {
        body.get(self.start..self.end).unwrap_or_default()
    }

    /// Whether all of `other` lies inside.
    #[must_use]
    pub fn contains(self, other: Span) -> bool {
        self.start <= other.start && other.end <= self.end
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn never_out_of_range() {
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
