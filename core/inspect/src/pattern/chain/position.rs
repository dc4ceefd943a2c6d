//! Positions in a sequence, for distances that have a bound.

use std::ops::Add;

/// Largest length of what is in front of a place, as far as it has a bound: parts without a bound are counted.
///
/// The difference of two positions is the largest distance between the places, if there is no part without a bound between them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Position {
    /// Number of parts without a bound.
    unbounded: u32,
    bytes: i64,
}

impl Position {
    /// Behind a part of at most `longest` bytes at the start.
    pub(super) fn behind(longest: Option<usize>) -> Position {
        match longest.and_then(|longest| i64::try_from(longest).ok()) {
            Some(bytes) => Position { unbounded: 0, bytes },
            None => Position { unbounded: 1, bytes: 0 },
        }
    }

    /// Returns the position `bytes` in front of this one.
    pub(super) fn before(self, bytes: usize) -> Position {
        Position { bytes: self.bytes.saturating_sub_unsigned(bytes as u64), ..self }
    }

    /// Returns the largest distance from `earlier` to here in bytes; `None` if there is no bound.
    pub(super) fn since(self, earlier: Position) -> Option<usize> {
        if self.unbounded == earlier.unbounded {
            usize::try_from(self.bytes.saturating_sub(earlier.bytes)).ok()
        } else {
            None
        }
    }

    /// Returns the largest distance from the start of the sequence to here in bytes; `None` if there is no bound.
    pub(super) fn distance_from_start(self) -> Option<usize> {
        self.since(Position::default())
    }

    /// Returns `true` if there is nothing in front of this position.
    pub(super) fn is_start(self) -> bool {
        self == Position::default()
    }
}

impl Add for Position {
    type Output = Position;

    fn add(self, other: Position) -> Position {
        Position {
            unbounded: self.unbounded.saturating_add(other.unbounded),
            bytes: self.bytes.saturating_add(other.bytes),
        }
    }
}
