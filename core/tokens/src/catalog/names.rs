//! Values by the names of models.

use std::collections::BTreeMap;

/// The longest name or pattern, in bytes.
const MAX_NAME_BYTES: usize = 256;

/// Values by names that are exact (`gpt-4o`) or end in `*` and stand for every name that begins like it (`llama-3*`).
#[derive(Clone, Debug)]
pub(super) struct Names<T> {
    exact: BTreeMap<Box<str>, T>,
    /// Prefixes without their `*`, the longest first.
    prefixes: Vec<(Box<str>, T)>,
}

impl<T> Default for Names<T> {
    fn default() -> Names<T> {
        Names { exact: BTreeMap::new(), prefixes: Vec::new() }
    }
}

impl<T> Names<T> {
    /// Adds a value, or says what is wrong with its name.
    pub(super) fn insert(&mut self, name: &str, value: T) -> Result<(), &'static str> {
        let prefix = name.strip_suffix('*');
        if name.is_empty() {
            return Err("a model name must not be empty");
        }
        if name.len() > MAX_NAME_BYTES {
            return Err("a model name must not be longer than 256 bytes");
        }
        if prefix.unwrap_or(name).contains('*') {
            return Err("`*` may only stand at the end of a name");
        }
        const TWICE: &str = "a model name must not be given twice";
        match prefix {
            None if self.exact.contains_key(name) => return Err(TWICE),
            None => {
                self.exact.insert(name.into(), value);
            }
            Some(prefix) => {
                let before = self.prefixes.partition_point(|(other, _)| other.len() > prefix.len());
                if self.prefixes.iter().any(|(other, _)| **other == *prefix) {
                    return Err(TWICE);
                }
                self.prefixes.insert(before, (prefix.into(), value));
            }
        }
        Ok(())
    }

    /// The value of a model: of its exact name, else of the longest prefix.
    pub(super) fn find(&self, model: &str) -> Option<&T> {
        let by_prefix = || self.prefixes.iter().find(|(prefix, _)| model.starts_with(&**prefix));
        self.exact.get(model).or_else(|| by_prefix().map(|(_, value)| value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_exact_name_wins_then_the_longest_prefix() {
        let mut names = Names::default();
        for (name, value) in [("a*", 1), ("abc*", 2), ("ab*", 3), ("abc", 4), ("b", 5)] {
            names.insert(name, value).unwrap();
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
        for (name, problem) in [("", "empty"), ("a*b", "end"), ("**", "end"), ("abc", "twice"), ("ab*", "twice")] {
            assert!(names.insert(name, 0).unwrap_err().contains(problem), "{name}");
        }
        assert!(names.insert(&"m".repeat(257), 0).unwrap_err().contains("256"));
        names.insert("*", 6).unwrap();
        assert_eq!((names.find("ba"), names.find("a")), (Some(&6), Some(&1)));
    }
}
