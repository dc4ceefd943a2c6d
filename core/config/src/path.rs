//! Paths of values.

use std::fmt;

/// Step from a value to one of its members.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Member of an object.
    Key(Box<str>),
    /// Element of a list.
    Index(usize),
}

/// Path of a value in a configuration. Displayed as `rules[3].match.regex`; a key that is not a plain word is quoted:
/// `models."gpt-4o".route`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Path(pub Vec<Step>);

impl Path {
    /// Returns `true` for the path of the whole configuration.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, step) in self.0.iter().enumerate() {
            match step {
                Step::Index(index) => write!(f, "[{index}]")?,
                Step::Key(key) => {
                    if at > 0 {
                        f.write_str(".")?;
                    }
                    let is_word = |key: &str| {
                        !key.is_empty() && key.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
                    };
                    if is_word(key) { f.write_str(key)? } else { write!(f, "{key:?}")? }
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_that_are_no_words_are_quoted() {
        let key = |key: &str| Step::Key(key.into());
        for (steps, shown) in [
            (vec![], ""),
            (vec![key("rules"), Step::Index(3), key("match")], "rules[3].match"),
            (vec![key("models"), key("gpt-4o"), key("route")], "models.\"gpt-4o\".route"),
            (vec![Step::Index(0), Step::Index(12)], "[0][12]"),
            (vec![key(""), key("a\"b")], "\"\".\"a\\\"b\""),
        ] {
            assert_eq!(Path(steps).to_string(), shown);
        }
    }
}
