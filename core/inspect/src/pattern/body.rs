//! Patterns of a header, a body of any length over several lines, and a footer, such as private keys in PEM.

use super::literals::Literals;
use regex_syntax::hir::{Class, Hir, HirKind};

/// Shortest literal in front of a body, and behind it, in bytes.
const HEADER: usize = 5;
const FOOTER: usize = 4;

/// Value of `max_match_bytes` from which a pattern with a body is accepted: a private key of 4096 bits in PEM has 3.3 KB.
pub(crate) const TYPICAL_BODY: usize = 4096;

/// Returns `true` if a match has a body of more than `max` bytes, or of any length: characters of any line, between literals.
pub(crate) fn has_body(hir: &Hir, max: usize) -> bool {
    match hir.kind() {
        HirKind::Capture(capture) => has_body(&capture.sub, max),
        HirKind::Alternation(choices) => choices.iter().any(|choice| has_body(choice, max)),
        HirKind::Concat(parts) => parts.iter().enumerate().any(|(at, part)| {
            let (before, after) = (parts.get(..at).unwrap_or_default(), parts.get(at + 1..).unwrap_or_default());
            has_body(part, max) || is_body(part, max) && has_literal(before, HEADER) && has_literal(after, FOOTER)
        }),
        _ => false,
    }
}

/// Returns `true` for a repetition of a class that has letters and line breaks.
fn is_body(hir: &Hir, max: usize) -> bool {
    match hir.kind() {
        HirKind::Capture(capture) => is_body(&capture.sub, max),
        HirKind::Repetition(repetition) => {
            let has = |c: char| match repetition.sub.kind() {
                HirKind::Class(Class::Unicode(class)) => {
                    class.iter().any(|range| (range.start()..=range.end()).contains(&c))
                }
                _ => false,
            };
            hir.properties().maximum_len().is_none_or(|longest| longest > max) && has('\n') && has('A')
        }
        _ => false,
    }
}

/// Returns `true` if every match of the parts contains a literal of at least `len` bytes.
fn has_literal(parts: &[Hir], len: usize) -> bool {
    Literals::of(&Hir::concat(parts.to_vec()))
        .is_some_and(|found| found.list.iter().all(|literal| literal.len() >= len))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pattern::syntax;

    #[test]
    fn bodies_between_literals_are_recognised() {
        for (pattern, expected) in [
            (r"-----BEGIN [A-Z ]{0,20}KEY-----[\s\S]{64,}?-----END", true),
            (r"(?i)-----BEGIN[ A-Z0-9_-]{0,100}PRIVATE KEY(?: BLOCK)?-----[\s\S-]{64,}?KEY(?: BLOCK)?-----", true),
            (r"(?s)(<secret>.*</secret>)", true),
            (r"<secret>[A-Z\n]{0,900}</secret>", false),
            (r"<secret>[A-Z\n]{0,1100}</secret>", true),
            (r"<secret>.*</secret>", false),
            (r"(?s)BEGIN.*", false),
            (r"-----BEGIN PRIVATE KEY-----", false),
            (r"password\s*=\s*secret", false),
        ] {
            assert_eq!(has_body(&syntax::parse(pattern, false).unwrap(), 1024), expected, "{pattern}");
        }
    }
}
