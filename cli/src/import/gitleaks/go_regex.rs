//! Regular expressions of Go (RE2), written for the Rust `regex` crate.
//!
//! The syntaxes differ in four points: Go reads a `{` that begins no repetition as a character, and in a class, `[` and the
//! operators `&&`, `--` and `~~`, too. Only Go has `\Q...\E`, literal text.

/// Leads that match up to 50 characters in front of the first keyword, as few as possible. They only move the start of the
/// match, not the secret, and a match that may begin anywhere is costly to search for.
const LEAD: &str = r"[\w.-]{0,50}?";

/// Expression in Rust's syntax.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Converted {
    /// Expression without a lead.
    pub(super) regex: String,
    /// `true` if a lead was removed: a match begins later than in gitleaks.
    pub(super) had_lead: bool,
}

/// Removes the lead of an expression, and writes the rest in Rust's syntax.
pub(super) fn convert(expression: &str) -> Converted {
    let rest = without_lead(expression);
    Converted { had_lead: rest != expression, regex: escape(&rest) }
}

/// Writes an expression in Rust's syntax, with its lead.
pub(in crate::import) fn convert_whole(expression: &str) -> String {
    escape(expression)
}

/// Removes leads at the start of an expression, also behind flags and in a group with flags.
fn without_lead(expression: &str) -> String {
    let mut rest = expression;
    let mut kept = String::new();
    loop {
        if let Some(after) = rest.strip_prefix(LEAD) {
            rest = after;
        } else if let Some(flags) = ["(?i)", "(?i:", "(?-i:"].iter().find(|flags| rest.starts_with(**flags))
            && rest.get(flags.len()..).is_some_and(|after| after.starts_with(LEAD))
        {
            kept.push_str(flags);
            rest = rest.get(flags.len()..).unwrap_or_default();
        } else {
            return kept + rest;
        }
    }
}

/// Escapes what Rust reads differently.
fn escape(expression: &str) -> String {
    let mut out = String::with_capacity(expression.len());
    let mut rest = expression;
    // In a class: `true` until the first member was read, where `]` is one.
    let mut class: Option<bool> = None;
    while let Some(c) = rest.chars().next() {
        let after = rest.get(c.len_utf8()..).unwrap_or_default();
        let mut len = c.len_utf8();
        let mut first = false;
        match (class, c) {
            (None, '\\') if after.starts_with('Q') => {
                let quoted = after.get(1..).unwrap_or_default();
                let (text, end) =
                    quoted.find(r"\E").map_or((quoted, 0), |end| (quoted.get(..end).unwrap_or(quoted), 2));
                len += 1 + text.len() + end;
                out.push_str(&regex::escape(text));
            }
            (_, '\\') => {
                len += escaped_len(after);
                out.push_str(rest.get(..len).unwrap_or(rest));
            }
            (None, '[') => {
                let negation = usize::from(after.starts_with('^'));
                len += negation;
                out.push_str(rest.get(..len).unwrap_or(rest));
                class = Some(true);
                first = true;
            }
            (None, '{') if !is_repetition(rest) => out.push_str(r"\{"),
            (None, _) => out.push(c),
            (Some(false), ']') => {
                out.push(']');
                class = None;
            }
            (Some(true), ']') => out.push_str(r"\]"),
            (Some(_), '[') if after.starts_with(':') => {
                // A named class such as `[:alpha:]`.
                len = rest.find(":]").map_or(len, |end| end + 2);
                out.push_str(rest.get(..len).unwrap_or(rest));
            }
            (Some(_), '[') => out.push_str(r"\["),
            (Some(_), '&' | '~') if after.starts_with(c) => out.extend(['\\', c]),
            (Some(true), '-') if after.starts_with('-') => out.push_str(r"\-"),
            (Some(false), '-') if after.starts_with('-') => {
                // The end of a range.
                len += 1;
                out.push_str(r"-\-");
            }
            (Some(_), _) => out.push(c),
        }
        if class.is_some() && !first {
            class = Some(false);
        }
        rest = rest.get(len..).unwrap_or_default();
    }
    out
}

/// Returns the length of what a backslash escapes: a character, or `x` or `p` with braces, such as `p{Greek}`.
fn escaped_len(after: &str) -> usize {
    let braces = ["x{", "p{", "P{"].iter().any(|begin| after.starts_with(begin));
    let end = after.find('}').filter(|_| braces).map(|end| end + 1);
    end.unwrap_or_else(|| after.chars().next().map_or(0, char::len_utf8))
}

/// Returns `true` if a text begins with a repetition: `{2}`, `{2,}` or `{2,3}`.
fn is_repetition(text: &str) -> bool {
    let Some(body) = text.strip_prefix('{').and_then(|rest| rest.split_once('}')).map(|(body, _)| body) else {
        return false;
    };
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    match body.split_once(',') {
        None => is_number(body),
        Some((min, max)) => is_number(min) && (max.is_empty() || is_number(max)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expressions_of_go_are_read_as_go_reads_them() {
        for (go, rust, text) in [
            (r"\ba{2}\b", r"\ba{2}\b", "aa"),
            (r"^\${[A-Z]+}$", r"^\$\{[A-Z]+}$", "${HOME}"),
            (r"{{x}}", r"\{\{x}}", "{{x}}"),
            (r"^\$(?:\d+|{\d+})$", r"^\$(?:\d+|\{\d+})$", "${1}"),
            (r"[^[]", r"[^\[]", "a"),
            (r"[[a]x", r"[\[a]x", "[x"),
            (r"[]a]", r"[\]a]", "]"),
            (r"[^]]+]", r"[^\]]+]", "a]"),
            (r"[[:alpha:]_]", r"[[:alpha:]_]", "a"),
            (r"[a&&b]{1,}", r"[a\&&b]{1,}", "&"),
            (r"[\]\[]", r"[\]\[]", "["),
            (r"[+--]", r"[+-\-]", ","),
            (r"(?P<n>a)\z", r"(?P<n>a)\z", "a"),
            (r"\p{Greek}{2}", r"\p{Greek}{2}", "αβ"),
            (r"\x{41}\P{L}", r"\x{41}\P{L}", "A1"),
            (r"\pN[\x{61}\p{Lu}]", r"\pN[\x{61}\p{Lu}]", "1a"),
            (r"\x41{2}\{", r"\x41{2}\{", "AA{"),
            (r"\Qa.b{\E{2}", r"a\.b\{{2}", "a.b{{"),
            (r"a\Q(", r"a\(", "a("),
        ] {
            assert_eq!(convert(go).regex, rust);
            assert!(regex::Regex::new(rust).unwrap().is_match(text), "{rust}");
        }
    }

    #[test]
    fn leads_are_removed() {
        for (go, rust) in [
            (r"(?i)[\w.-]{0,50}?(?:adobe)", r"(?i)(?:adobe)"),
            (r"[\w.-]{0,50}?(?i:[\w.-]{0,50}?(?:x))", r"(?i:(?:x))"),
            (r"(?i)\b[\w.-]{0,50}?a", r"(?i)\b[\w.-]{0,50}?a"),
            (r"a[\w.-]{0,50}?", r"a[\w.-]{0,50}?"),
        ] {
            let converted = convert(go);
            assert_eq!((converted.regex.as_str(), converted.had_lead), (rust, rust != go));
        }
    }
}
