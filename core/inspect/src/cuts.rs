//! What is to be replaced in a text: the union of what the rules found.

use crate::rule::RuleIndex;
use std::collections::VecDeque;

/// A part of a text that is to be replaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Cut {
    pub(crate) start: u64,
    pub(crate) end: u64,
    /// The rule that names the replacement.
    pub(crate) rule: RuleIndex,
}

/// What stands first among the cuts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum First {
    /// Nothing that begins before the limit.
    None,
    /// A cut that a match to come may still widen.
    Open(Cut),
    /// A cut that is certain. It has been taken out.
    Closed(Cut),
}

/// Cuts in ascending order. Those that share a character become one, named by the first rule in file order among them;
/// those that only touch stay two.
#[derive(Clone, Debug, Default)]
pub(crate) struct Cuts {
    list: VecDeque<Cut>,
}

impl Cuts {
    pub(crate) fn add(&mut self, cut: Cut) {
        let at = self.list.partition_point(|own| own.start <= cut.start);
        self.list.insert(at, cut);
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// What stands first, where every cut still to be added begins at `limit` or later.
    pub(crate) fn first(&mut self, limit: u64) -> First {
        let Some(mut first) = self.list.front().copied().filter(|cut| cut.start < limit) else { return First::None };
        self.list.pop_front();
        while let Some(next) = self.list.front().copied().filter(|next| next.start < first.end) {
            first.end = first.end.max(next.end);
            first.rule = first.rule.min(next.rule);
            self.list.pop_front();
        }
        if first.end <= limit {
            return First::Closed(first);
        }
        self.list.push_front(first);
        First::Open(first)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut(start: u64, end: u64, rule: u32) -> Cut {
        Cut { start, end, rule: RuleIndex(rule) }
    }

    #[test]
    fn overlapping_cuts_are_one_and_touching_ones_are_two() {
        for (cuts, expected) in [
            (vec![cut(0, 4, 1), cut(4, 6, 0)], vec![cut(0, 4, 1), cut(4, 6, 0)]),
            (vec![cut(3, 6, 0), cut(0, 4, 1)], vec![cut(0, 6, 0)]),
            (vec![cut(0, 9, 2), cut(3, 4, 1), cut(8, 10, 3)], vec![cut(0, 10, 1)]),
            (vec![cut(0, 2, 0), cut(0, 5, 1), cut(5, 6, 2)], vec![cut(0, 5, 0), cut(5, 6, 2)]),
        ] {
            let mut list = Cuts::default();
            cuts.iter().for_each(|cut| list.add(*cut));
            let mut got = Vec::new();
            while let First::Closed(cut) = list.first(u64::MAX) {
                got.push(cut);
            }
            assert_eq!(got, expected);
        }
    }

    #[test]
    fn a_cut_is_open_while_a_match_may_widen_it() {
        let mut list = Cuts::default();
        list.add(cut(5, 9, 1));
        assert_eq!(list.first(5), First::None);
        assert_eq!(list.first(8), First::Open(cut(5, 9, 1)));
        list.add(cut(8, 12, 0));
        assert_eq!(list.first(11), First::Open(cut(5, 12, 0)));
        assert_eq!(list.first(12), First::Closed(cut(5, 12, 0)));
        assert_eq!(list.first(u64::MAX), First::None);
    }
}
