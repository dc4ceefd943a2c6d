//! Set of rules of a policy.

use crate::rule::RuleIndex;

/// Set of rules of a policy. The empty set needs no memory.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct RuleSet(Vec<u64>);

/// The empty set.
pub(crate) static NO_RULES: RuleSet = RuleSet::new();

impl RuleSet {
    /// Creates the empty set.
    pub const fn new() -> RuleSet {
        RuleSet(Vec::new())
    }

    /// Returns `true` if the set contains a rule.
    pub fn contains(&self, rule: RuleIndex) -> bool {
        let (word, bit) = place(rule);
        self.0.get(word).is_some_and(|bits| bits & bit != 0)
    }

    /// Returns `true` if the set contains no rule.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns the rules in file order.
    pub fn iter(&self) -> impl Iterator<Item = RuleIndex> {
        let rules = (0..).map(RuleIndex).take(self.0.len() * 64);
        rules.filter(|rule| self.contains(*rule))
    }

    /// Adds a rule.
    pub(crate) fn insert(&mut self, rule: RuleIndex) {
        let (word, bit) = place(rule);
        if self.0.len() <= word {
            self.0.resize(word + 1, 0);
        }
        self.0.get_mut(word).into_iter().for_each(|bits| *bits |= bit);
    }
}

/// Returns the word and the bit of a rule.
fn place(rule: RuleIndex) -> (usize, u64) {
    (rule.get() / 64, 1 << (rule.get() % 64))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_are_contained_once_they_are_added() {
        let mut set = RuleSet::default();
        assert!(set.is_empty());
        [0, 63, 64, 200, 200].into_iter().for_each(|rule| set.insert(RuleIndex(rule)));
        let found: Vec<u32> = (0..2000).filter(|rule| set.contains(RuleIndex(*rule))).collect();
        assert_eq!((&found, set.is_empty()), (&vec![0, 63, 64, 200], false));
        assert_eq!(set.iter().map(|rule| rule.0).collect::<Vec<_>>(), found);
    }
}
