//! Path of a value in the policy: `budgets[0].limit`, `models."claude-*".route`.

use std::fmt;

/// Step from a value to one of its members.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Step {
    /// Key of a map.
    Key(String),
    /// Index in a list, from 0.
    Index(usize),
}

/// Path of a value, from the root of the document. The root is the empty path.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Path(pub Vec<Step>);

impl Path {
    /// Returns the path of a part of the policy.
    #[must_use]
    pub fn part(name: &str) -> Path {
        Path::default().key(name)
    }

    /// Returns the path of a member of the map at this path.
    #[must_use]
    pub fn key(&self, name: &str) -> Path {
        self.with(Step::Key(name.to_owned()))
    }

    /// Returns the path of an element of the list at this path.
    #[must_use]
    pub fn index(&self, index: usize) -> Path {
        self.with(Step::Index(index))
    }

    /// Returns the path one step below this one.
    #[must_use]
    pub fn with(&self, step: Step) -> Path {
        let mut steps = self.0.clone();
        steps.push(step);
        Path(steps)
    }

    /// Returns this path followed by a path as the validated types of the core write it: `rules[2].match.regex` or
    /// `"gpt-4o".max_output_tokens`.
    #[must_use]
    pub fn join(&self, text: &str) -> Path {
        let mut steps = self.0.clone();
        let mut rest = text;
        while !rest.is_empty() {
            let (step, tail) = first_step(rest);
            steps.extend(step);
            rest = tail;
        }
        Path(steps)
    }

    /// Returns `true` if `other` is this path or below it.
    #[must_use]
    pub fn contains(&self, other: &Path) -> bool {
        other.0.starts_with(&self.0)
    }

    /// Returns the last key of the path.
    #[must_use]
    pub fn last_key(&self) -> Option<&str> {
        self.0.iter().rev().find_map(|step| match step {
            Step::Key(key) => Some(key.as_str()),
            Step::Index(_) => None,
        })
    }

    /// Returns the name of the part of the policy that contains the path.
    #[must_use]
    pub fn top(&self) -> Option<&str> {
        match self.0.first() {
            Some(Step::Key(key)) => Some(key),
            _ => None,
        }
    }
}

/// Splits the first step off a written path; never returns the whole text as the rest.
fn first_step(text: &str) -> (Option<Step>, &str) {
    if let Some(tail) = text.strip_prefix('.') {
        return (None, tail);
    }
    if let Some(quoted) = text.strip_prefix('"') {
        let mut end = None;
        let mut escaped = false;
        for (at, c) in quoted.char_indices() {
            match c {
                _ if escaped => escaped = false,
                '\\' => escaped = true,
                '"' => {
                    end = Some(at);
                    break;
                }
                _ => {}
            }
        }
        let (key, tail) = end.and_then(|end| quoted.split_at_checked(end)).unwrap_or((quoted, ""));
        return (Some(Step::Key(unescaped(key))), tail.get(1..).unwrap_or(""));
    }
    if let Some(index) = text.strip_prefix('[') {
        let (digits, tail) = index.split_once(']').unwrap_or((index, ""));
        return (digits.parse().ok().map(Step::Index), tail);
    }
    let end = text.find(['.', '[']).unwrap_or(text.len());
    let (key, tail) = text.split_at(end);
    (Some(Step::Key(key.to_owned())), tail)
}

/// Undoes the escapes of Rust's `{:?}` that occur in names: `\"` and `\\`.
fn unescaped(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        plain.extend(if c == '\\' { chars.next() } else { Some(c) });
    }
    plain
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
                    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
                    if !key.is_empty() && key.bytes().all(plain) {
                        f.write_str(key)?;
                    } else {
                        write!(f, "{key:?}")?;
                    }
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
    fn written_paths_are_read_and_printed() {
        for text in ["rules[2].match.regex", "\"gpt-*\".max_output_tokens", "consumers.\"a\\\"b.c\".budgets[0]", ""] {
            assert_eq!(Path::default().join(text).to_string(), text);
        }
        let path = Path::part("models").join("\"fast.1\".route");
        assert_eq!(path.0, ["models", "fast.1", "route"].map(|key| Step::Key(key.to_owned())));
        assert_eq!((path.top(), path.last_key()), (Some("models"), Some("route")));
        assert!(Path::part("models").contains(&path) && !path.contains(&Path::part("models")));
    }

    #[test]
    fn any_text_ends() {
        for text in ["[", "[x", "\"", "\"\\", "..", "]a[1]", "a[9999999999999999999999]"] {
            let _ = Path::default().join(text).to_string();
        }
    }
}
