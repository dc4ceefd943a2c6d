//! Exact names and prefixes.

use std::collections::BTreeMap;

/// The longest name or pattern, in bytes.
pub const MAX_NAME_BYTES: usize = 256;

/// Values by names that are exact (`gpt-4o`) or end in `*` and stand for every name that begins like it (`llama-3*`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Names<T> {
    exact: BTreeMap<Box<str>, T>,
    /// Prefixes without their `*`, the longest first.
    prefixes: Vec<(Box<str>, T)>,
}

/// A name or pattern that was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", self.problem())]
pub enum NameError {
    /// It is empty.
    Empty,
    /// It has more than [`MAX_NAME_BYTES`].
    TooLong,
    /// It has a `*` before its end.
    Star,
    /// It is there already.
    Twice,
}

impl NameError {
    /// What is wrong, for whoever wrote the configuration.
    #[must_use]
    pub fn problem(self) -> &'static str {
        match self {
            NameError::Empty => "a model name must not be empty",
            NameError::TooLong => "a model name must not be longer than 256 bytes",
            NameError::Star => "`*` may only stand at the end of a name",
            NameError::Twice => "a model name must not be given twice",
        }
    }
}

impl<T> Default for Names<T> {
    fn default() -> Names<T> {
        Names { exact: BTreeMap::new(), prefixes: Vec::new() }
    }
}

impl<T> Names<T> {
    /// Adds a value.
    ///
    /// # Errors
    /// When the name is none, or there already; nothing has changed then.
    pub fn insert(&mut self, name: &str, value: T) -> Result<(), NameError> {
        let prefix = name.strip_suffix('*');
        if name.is_empty() {
            return Err(NameError::Empty);
        }
        if name.len() > MAX_NAME_BYTES {
            return Err(NameError::TooLong);
        }
        if prefix.unwrap_or(name).contains('*') {
            return Err(NameError::Star);
        }
        let Some(prefix) = prefix else {
            if self.exact.contains_key(name) {
                return Err(NameError::Twice);
            }
            self.exact.insert(name.into(), value);
            return Ok(());
        };
        let order = |(other, _): &(Box<str>, T)| prefix.len().cmp(&other.len()).then_with(|| (**other).cmp(prefix));
        match self.prefixes.binary_search_by(order) {
            Ok(_) => Err(NameError::Twice),
            Err(place) => {
                self.prefixes.insert(place, (prefix.into(), value));
                Ok(())
            }
        }
    }

    /// The value of a model: of its exact name, else of the longest prefix.
    #[must_use]
    pub fn find(&self, model: &str) -> Option<&T> {
        self.exact(model).or_else(|| self.by_prefix(model).map(|(_, value)| value))
    }

    /// The value of this very name.
    #[must_use]
    pub fn exact(&self, name: &str) -> Option<&T> {
        self.exact.get(name)
    }

    /// The value of the longest prefix that a model begins with, and how long that is.
    #[must_use]
    pub fn by_prefix(&self, model: &str) -> Option<(usize, &T)> {
        let (prefix, value) = self.prefixes.iter().find(|(prefix, _)| model.starts_with(&**prefix))?;
        Some((prefix.len(), value))
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.exact.is_empty() && self.prefixes.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_exact_name_wins_then_the_longest_prefix() {
        let mut names = Names::default();
        assert!(names.is_empty());
        for (name, value) in [("a*", 1), ("abc*", 2), ("ab*", 3), ("abc", 4), ("b", 5)] {
            names.insert(name, value).unwrap();
            assert!(!names.is_empty());
        }
        for (model, value) in [
            ("a", Some(1)),
            ("ab", Some(3)),
            ("abc", Some(4)),
            ("abcd", Some(2)),
            ("b", Some(5)),
            ("ba", None),
            ("", None),
        ] {
            assert_eq!(names.find(model).copied(), value, "{model}");
        }
        assert_eq!((names.exact("abc"), names.by_prefix("abc")), (Some(&4), Some((3, &2))));
        names.insert("*", 6).unwrap();
        assert_eq!((names.find("ba"), names.find("a"), names.by_prefix("")), (Some(&6), Some(&1), Some((0, &6))));
    }

    #[test]
    fn what_is_no_name_is_refused() {
        let mut names = Names::default();
        names.insert("abc", 1).unwrap();
        names.insert("ab*", 2).unwrap();
        let before = names.clone();
        for (name, error) in [
            ("", NameError::Empty),
            ("a*b", NameError::Star),
            ("**", NameError::Star),
            ("abc", NameError::Twice),
            ("ab*", NameError::Twice),
            (&"m".repeat(MAX_NAME_BYTES + 1), NameError::TooLong),
        ] {
            assert_eq!(names.insert(name, 0), Err(error), "{name}");
        }
        assert_eq!(names, before);
        assert_eq!(NameError::Twice.to_string(), "a model name must not be given twice");
        names.insert(&"m".repeat(MAX_NAME_BYTES), 3).unwrap();
    }

    proptest! {
        #[test]
        fn the_order_is_of_no_meaning(
            said in prop::collection::btree_set("[ab]{0,4}[*]?", 1..12), model in "[ab]{0,6}",
        ) {
            let said: Vec<&String> = said.iter().filter(|name| !name.is_empty()).collect();
            let mut names = Names::default();
            let mut turned = Names::default();
            for name in &said {
                names.insert(name, name.len()).unwrap();
            }
            for name in said.iter().rev() {
                turned.insert(name, name.len()).unwrap();
            }
            prop_assert_eq!(&names, &turned);
            let prefixes = said.iter().filter_map(|name| name.strip_suffix('*'));
            let longest = prefixes.filter(|prefix| model.starts_with(prefix)).map(|prefix| prefix.len() + 1).max();
            let exact = said.iter().find(|name| **name == &model).map(|name| name.len());
            prop_assert_eq!(names.find(&model).copied(), exact.or(longest));
        }
    }
}
