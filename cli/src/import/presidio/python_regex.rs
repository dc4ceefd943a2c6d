//! Regular expressions of Python, written for the Rust `regex` crate.

use super::super::gitleaks::go_regex;

/// Flags of Python, each with the letter of the crate.
const FLAGS: [(u32, char); 4] = [(2, 'i'), (8, 'm'), (16, 's'), (64, 'x')];

/// Expression in Rust's syntax, with the assertions at its borders.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Converted {
    pub(super) regex: String,
    /// Class of `not_before`.
    pub(super) not_before: Option<String>,
    /// Class of `not_after`.
    pub(super) not_after: Option<String>,
}

/// Writes an expression in Rust's syntax. Negative assertions on one character at its borders become classes; other assertions stay,
/// and the crate refuses them.
pub(super) fn convert(expression: &str, flags: u32) -> Converted {
    let mut rest = expression;
    let mut converted = Converted::default();
    if let Some((class, after)) = rest.strip_prefix("(?<!").and_then(class) {
        (converted.not_before, rest) = (Some(class), after.strip_prefix(')').unwrap_or(after));
    }
    if let Some((before, assertion)) = rest.rsplit_once("(?!")
        && let Some((class, ")")) = class(assertion)
        && !has_open_group(before)
    {
        (converted.not_after, rest) = (Some(class), before);
    }
    let rest = rest.replace(r"\Z", r"\z").replace("{,", "{0,");
    let letters: String = FLAGS.iter().filter(|(flag, _)| flags & flag != 0).map(|(_, letter)| *letter).collect();
    let regex = go_regex::convert_whole(&rest);
    converted.regex = if letters.is_empty() { regex } else { format!("(?{letters}){regex}") };
    converted
}

/// Returns the class at the start of a text as the name or set that `not_before` has, and the text behind it.
fn class(text: &str) -> Option<(String, &str)> {
    for (escape, name) in [(r"\d", "digit"), (r"\w", "word"), (r"\s", "space")] {
        if let Some(rest) = text.strip_prefix(escape).filter(|rest| rest.starts_with(')')) {
            return Some((name.to_owned(), rest));
        }
    }
    let set = text.get(..text.find(']')? + 1).filter(|set| set.starts_with('[') && !set.contains(r"\]"))?;
    let rest = text.get(set.len()..).filter(|rest| rest.starts_with(')'))?;
    let plain = set.replace(r"\d", "0-9").replace(r"\w", "0-9A-Za-z_");
    (!plain.starts_with("[^")).then_some((plain, rest))
}

/// Returns `true` if a group of the expression is open at its end, so that what follows belongs to a part only.
fn has_open_group(expression: &str) -> bool {
    let mut chars = expression.chars();
    let (mut depth, mut in_class) = (0, false);
    while let Some(c) = chars.next() {
        match c {
            '\\' => drop(chars.next()),
            '[' => in_class = true,
            ']' => in_class = false,
            '(' if !in_class => depth += 1,
            ')' if !in_class => depth -= 1,
            '|' if !in_class && depth == 0 => return true,
            _ => {}
        }
    }
    depth != 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn assertions_at_the_borders_are_classes() {
        for (python, rust, before, after) in [
            (r"\b\d{4}\b", r"\b\d{4}\b", None, None),
            (r"(?<!\d)\d{4}(?!\d)", r"\d{4}", Some("digit"), Some("digit")),
            (r"(?<![\w-])ab(?![A-Z])", "ab", Some("[0-9A-Za-z_-]"), Some("[A-Z]")),
            (r"(?:a|b(?!c))", r"(?:a|b(?!c))", None, None),
            (r"a|b(?!\d)", r"a|b(?!\d)", None, None),
            (r"(?<=x)a\Z", r"(?<=x)a\z", None, None),
            (r"a{,3}b", "a{0,3}b", None, None),
        ] {
            let converted = convert(python, 0);
            let own = (converted.regex.as_str(), converted.not_before.as_deref(), converted.not_after.as_deref());
            assert_eq!(own, (rust, before, after), "{python}");
        }
        assert_eq!(convert("a", 26).regex, "(?ims)a");
    }
}
