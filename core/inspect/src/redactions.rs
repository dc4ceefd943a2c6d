//! Redactions of a text: the union of the matches of all rules.

use crate::rule::RuleIndex;
use std::collections::VecDeque;

/// Range of a text that is to be replaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Redaction {
    pub(crate) start: u64,
    pub(crate) end: u64,
    /// Rule that determines the replacement.
    pub(crate) rule: RuleIndex,
}

/// First of the redactions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum First {
    /// No redaction begins before the limit.
    None,
    /// Start of a redaction that a later match may still extend.
    Open(u64),
    /// Final redaction, which has been removed from the list.
    Closed(Redaction),
}

/// Redactions in ascending order.
///
/// Redactions that share a character are merged, and the first of their rules in file order determines the replacement.
/// Adjacent redactions stay separate.
#[derive(Clone, Debug, Default)]
pub(crate) struct Redactions {
    list: VecDeque<Redaction>,
}

impl Redactions {
    /// Adds a redaction.
    pub(crate) fn add(&mut self, redaction: Redaction) {
        let at = self.list.partition_point(|own| own.start <= redaction.start);
        self.list.insert(at, redaction);
    }

    /// Adds a redaction in any order; [`sort`](Self::sort) has to follow.
    pub(crate) fn push(&mut self, redaction: Redaction) {
        self.list.push_back(redaction);
    }

    /// Sorts redactions that were added in any order.
    pub(crate) fn sort(&mut self) {
        self.list.make_contiguous().sort_by_key(|redaction| redaction.start);
    }

    /// Returns the first redaction that was added and is not closed.
    pub(crate) fn front(&self) -> Option<&Redaction> {
        self.list.front()
    }

    /// Returns all redactions, in the order in which they were added.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Redaction> {
        self.list.iter()
    }

    /// Returns `true` if there are no redactions.
    pub(crate) fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// Returns the first redaction, provided that all redactions added later begin at `limit` or after it, except for those of
    /// open matches. The first of these begins at `open`, and all end behind `limit`.
    pub(crate) fn first(&mut self, limit: u64, open: Option<u64>) -> First {
        let open = open.filter(|open| *open < limit);
        let Some(mut first) = self.list.front().copied().filter(|first| first.start < limit) else {
            return open.map_or(First::None, First::Open);
        };
        self.list.pop_front();
        while let Some(next) = self.list.front().copied().filter(|next| next.start < first.end) {
            first.end = first.end.max(next.end);
            first.rule = first.rule.min(next.rule);
            self.list.pop_front();
        }
        if first.end <= open.unwrap_or(limit) {
            return First::Closed(first);
        }
        self.list.push_front(first);
        First::Open(open.map_or(first.start, |open| open.min(first.start)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn redaction(start: u64, end: u64, rule: u32) -> Redaction {
        Redaction { start, end, rule: RuleIndex(rule) }
    }

    #[test]
    fn overlapping_redactions_are_merged_and_adjacent_ones_are_not() {
        for (redactions, expected) in [
            (vec![redaction(0, 4, 1), redaction(4, 6, 0)], vec![redaction(0, 4, 1), redaction(4, 6, 0)]),
            (vec![redaction(3, 6, 0), redaction(0, 4, 1)], vec![redaction(0, 6, 0)]),
            (vec![redaction(0, 9, 2), redaction(3, 4, 1), redaction(8, 10, 3)], vec![redaction(0, 10, 1)]),
            (
                vec![redaction(0, 2, 0), redaction(0, 5, 1), redaction(5, 6, 2)],
                vec![redaction(0, 5, 0), redaction(5, 6, 2)],
            ),
        ] {
            let (mut list, mut sorted) = (Redactions::default(), Redactions::default());
            redactions.iter().for_each(|redaction| list.add(*redaction));
            redactions.iter().for_each(|redaction| sorted.push(*redaction));
            sorted.sort();
            for mut list in [list, sorted] {
                let mut found = Vec::new();
                while let First::Closed(redaction) = list.first(u64::MAX, None) {
                    found.push(redaction);
                }
                assert_eq!(found, expected);
            }
        }
    }

    #[test]
    fn a_redaction_is_open_while_a_match_may_extend_it() {
        let mut list = Redactions::default();
        list.add(redaction(5, 9, 1));
        assert_eq!(list.first(5, None), First::None);
        assert_eq!(list.first(8, None), First::Open(5));
        list.add(redaction(8, 12, 0));
        assert_eq!(list.first(11, None), First::Open(5));
        assert_eq!(list.first(12, None), First::Closed(redaction(5, 12, 0)));
        assert_eq!(list.first(u64::MAX, None), First::None);
    }

    #[test]
    fn an_open_match_keeps_open_what_it_may_contain() {
        let mut list = Redactions::default();
        assert_eq!(list.first(9, Some(9)), First::None);
        assert_eq!(list.first(9, Some(4)), First::Open(4));
        [redaction(0, 2, 3), redaction(2, 4, 2), redaction(3, 6, 1)].into_iter().for_each(|one| list.add(one));
        assert_eq!(list.first(9, Some(4)), First::Closed(redaction(0, 2, 3)));
        // Merged redactions overlap with the open match.
        assert_eq!(list.first(9, Some(4)), First::Open(2));
        list.add(redaction(4, 9, 0));
        assert_eq!(list.first(9, None), First::Closed(redaction(2, 9, 0)));
    }
}
