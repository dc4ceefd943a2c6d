//! Map keyed by exact names and prefix wildcards.

use std::collections::BTreeMap;

/// Maximum length of a name or wildcard, in bytes.
pub const MAX_NAME_BYTES: usize = 256;

/// Values by exact name (`gpt-4o`) or by prefix wildcard (`llama-3*`, which matches every name with this prefix).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Names<T> {
    exact: BTreeMap<Box<str>, T>,
    /// Prefixes without their `*`, longest first.
    prefixes: Vec<(Box<str>, T)>,
}

/// Reason why a name or wildcard is invalid.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", self.problem())]
pub enum NameError {
    /// Empty name.
    Empty,
    /// Name of more than [`MAX_NAME_BYTES`] bytes.
    TooLong,
    /// `*` anywhere but at the end.
    Star,
    /// Name that is already in the map.
    Duplicate,
}

impl NameError {
    /// Returns the message for the author of the configuration.
    #[must_use]
    pub fn problem(self) -> &'static str {
        match self {
            NameError::Empty => "a model name must not be empty",
            NameError::TooLong => "a model name must not be longer than 256 bytes",
            NameError::Star => "`*` is only allowed at the end of a model name",
            NameError::Duplicate => "duplicate model name",
        }
    }
}

impl<T> Default for Names<T> {
    fn default() -> Names<T> {
        Names { exact: BTreeMap::new(), prefixes: Vec::new() }
    }
}

impl<T> Names<T> {
    /// Adds a value under an exact name or a wildcard.
    ///
    /// # Errors
    /// If the name is invalid or already present. The map is unchanged then.
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
                return Err(NameError::Duplicate);
            }
            self.exact.insert(name.into(), value);
            return Ok(());
        };
        let order = |(other, _): &(Box<str>, T)| prefix.len().cmp(&other.len()).then_with(|| (**other).cmp(prefix));
        match self.prefixes.binary_search_by(order) {
            Ok(_) => Err(NameError::Duplicate),
            Err(index) => {
                self.prefixes.insert(index, (prefix.into(), value));
                Ok(())
            }
        }
    }

    /// Returns the value of a model: by its exact name, else by the longest matching prefix.
    #[must_use]
    pub fn find(&self, model: &str) -> Option<&T> {
        self.exact(model).or_else(|| self.by_prefix(model).map(|(_, value)| value))
    }

    /// Returns the value stored under exactly this name; wildcards are ignored.
    #[must_use]
    pub fn exact(&self, name: &str) -> Option<&T> {
        self.exact.get(name)
    }

    /// Returns the length of the longest prefix that matches `model`, and its value.
    #[must_use]
    pub fn by_prefix(&self, model: &str) -> Option<(usize, &T)> {
        let (prefix, value) = self.prefixes.iter().find(|(prefix, _)| model.starts_with(&**prefix))?;
        Some((prefix.len(), value))
    }

    /// Returns `true` if the map has no entries.
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
    fn invalid_names_are_rejected_and_change_nothing() {
        let mut names = Names::default();
        names.insert("abc", 1).unwrap();
        names.insert("ab*", 2).unwrap();
        let before = names.clone();
        for (name, error) in [
            ("", NameError::Empty),
            ("a*b", NameError::Star),
            ("**", NameError::Star),
            ("abc", NameError::Duplicate),
            ("ab*", NameError::Duplicate),
            (&"m".repeat(MAX_NAME_BYTES + 1), NameError::TooLong),
        ] {
            assert_eq!(names.insert(name, 0), Err(error), "{name}");
        }
        assert_eq!(names, before);
        assert_eq!(NameError::Duplicate.to_string(), "duplicate model name");
        names.insert(&"m".repeat(MAX_NAME_BYTES), 3).unwrap();
    }

    proptest! {
        #[test]
        fn the_order_of_entries_does_not_matter(
            entries in prop::collection::btree_set("[ab]{0,4}[*]?", 1..12), model in "[ab]{0,6}",
        ) {
            let entries: Vec<&String> = entries.iter().filter(|name| !name.is_empty()).collect();
            let mut names = Names::default();
            let mut reversed = Names::default();
            for name in &entries {
                names.insert(name, name.len()).unwrap();
            }
            for name in entries.iter().rev() {
                reversed.insert(name, name.len()).unwrap();
            }
            prop_assert_eq!(&names, &reversed);
            let prefixes = entries.iter().filter_map(|name| name.strip_suffix('*'));
            let longest = prefixes.filter(|prefix| model.starts_with(prefix)).map(|prefix| prefix.len() + 1).max();
            let exact = entries.iter().find(|name| **name == &model).map(|name| name.len());
            prop_assert_eq!(names.find(&model).copied(), exact.or(longest));
        }
    }
}
