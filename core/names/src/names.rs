//! Map keyed by exact names and prefix wildcards.

use std::collections::BTreeMap;

use crate::error::NameError;

/// Maximum length of a name or wildcard, in bytes.
pub const MAX_NAME_BYTES: usize = 256;

/// Values by exact name (`gpt-4o`) or by prefix wildcard (`llama-3*`, which matches every name with this prefix).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Names<T> {
    exact: BTreeMap<Box<str>, T>,
    /// Wildcards with their `*`, longest first.
    wildcards: Vec<(Box<str>, T)>,
}

impl<T> Default for Names<T> {
    fn default() -> Names<T> {
        Names { exact: BTreeMap::new(), wildcards: Vec::new() }
    }
}

impl<T> Names<T> {
    /// Adds a value under an exact name or a wildcard.
    ///
    /// # Errors
    /// If the name is invalid or already present. The map is unchanged then.
    pub(crate) fn insert(&mut self, name: &str, value: T) -> Result<(), NameError> {
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
        if prefix.is_none() {
            if self.exact.contains_key(name) {
                return Err(NameError::Duplicate);
            }
            self.exact.insert(name.into(), value);
            return Ok(());
        }
        let order = |(other, _): &(Box<str>, T)| name.len().cmp(&other.len()).then_with(|| (**other).cmp(name));
        match self.wildcards.binary_search_by(order) {
            Ok(_) => Err(NameError::Duplicate),
            Err(index) => {
                self.wildcards.insert(index, (name.into(), value));
                Ok(())
            }
        }
    }

    /// Returns the stored name and the value of exactly this name; wildcards are ignored.
    pub(crate) fn exact(&self, name: &str) -> Option<(&str, &T)> {
        self.exact.get_key_value(name).map(|(name, value)| (&**name, value))
    }

    /// Returns the wildcards that match the name, longest first, with their `*`.
    pub(crate) fn wildcards<'m, 't>(
        &'t self,
        model: &'m str,
    ) -> impl Iterator<Item = (&'t str, &'t T)> + use<'m, 't, T> {
        let matches = move |wildcard: &str| wildcard.strip_suffix('*').is_some_and(|prefix| model.starts_with(prefix));
        self.wildcards
            .iter()
            .filter(move |(wildcard, _)| matches(wildcard))
            .map(|(wildcard, value)| (&**wildcard, value))
    }

    /// Returns all names and values: exact names in alphabetical order, then wildcards, longest first.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &T)> {
        let exact = self.exact.iter().map(|(name, value)| (&**name, value));
        exact.chain(self.wildcards.iter().map(|(name, value)| (&**name, value)))
    }

    /// Returns the number of entries.
    pub(crate) fn len(&self) -> usize {
        self.exact.len() + self.wildcards.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wildcards_match_longest_first() {
        let mut names = Names::default();
        assert_eq!(names.len(), 0);
        for (name, value) in [("a*", 1), ("abc*", 2), ("ab*", 3), ("abc", 4), ("*", 5)] {
            names.insert(name, value).unwrap();
        }
        let wildcards = |model| names.wildcards(model).map(|(_, value)| *value).collect::<Vec<_>>();
        assert_eq!((wildcards("abcd"), wildcards("ab"), wildcards("")), (vec![2, 3, 1, 5], vec![3, 1, 5], vec![5]));
        assert_eq!((names.exact("abc"), names.exact("ab*")), (Some(("abc", &4)), None));
        assert_eq!(names.iter().map(|(name, _)| name).collect::<Vec<_>>(), ["abc", "abc*", "ab*", "a*", "*"]);
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
}
