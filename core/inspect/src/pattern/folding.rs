//! Patterns for views: a pattern is changed as the text is, so that it matches there what it means.

use crate::view::{Fold, View, canonical, fold};
use regex_syntax::hir::{Class, ClassUnicode, ClassUnicodeRange, Hir, HirKind, Look, Repetition};

/// Maximum number of characters of a class that are folded one by one. A larger one is kept: `\W`, `\p{Cyrillic}`.
const MAX_CLASS: usize = 512;
/// Number of letters that a class of all letters has at least.
const ALL_LETTERS: usize = 20;
/// Longest word that an unbounded repetition of letters stands for where words are not separated.
const MAX_WORD: u32 = 8;

/// Form of a pattern.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Form {
    /// As it was written, for texts as they are.
    Raw,
    /// Characters are folded like those of the folded view.
    Folded,
    /// Only letters and digits are left, and the borders of words are gone. `\w+` is a word of at most eight letters.
    Letters,
}

/// Form of the patterns that are searched for in a view.
impl From<View> for Form {
    fn from(view: View) -> Form {
        match view {
            View::Raw => Form::Raw,
            View::Folded | View::Decoded | View::Hidden => Form::Folded,
            View::Letters => Form::Letters,
        }
    }
}

/// Returns a keyword in a form. It may be empty if it has no letters.
pub(crate) fn keyword(keyword: &str, form: Form) -> String {
    if form == Form::Raw {
        return keyword.to_owned();
    }
    let mut text = String::new();
    keyword.chars().for_each(|c| push(c, form, &mut text));
    text
}

/// Returns an expression in a form.
pub(crate) fn expression(hir: Hir, form: Form) -> Hir {
    if form == Form::Raw {
        return hir;
    }
    match hir.into_kind() {
        HirKind::Empty => Hir::empty(),
        HirKind::Literal(literal) => match std::str::from_utf8(&literal.0) {
            Ok(text) => Hir::literal(keyword(text, form).into_bytes()),
            Err(_) => Hir::literal(literal.0),
        },
        HirKind::Class(Class::Unicode(own)) => class(own, form),
        HirKind::Class(own) => Hir::class(own),
        HirKind::Look(look) if form == Form::Letters && is_word_border(look) => Hir::empty(),
        HirKind::Look(look) => Hir::look(look),
        HirKind::Repetition(own) => repetition(own, form),
        HirKind::Capture(mut capture) => {
            capture.sub = Box::new(expression(*capture.sub, form));
            Hir::capture(capture)
        }
        HirKind::Concat(parts) => Hir::concat(parts.into_iter().map(|part| expression(part, form)).collect()),
        HirKind::Alternation(choices) => {
            Hir::alternation(choices.into_iter().map(|choice| expression(choice, form)).collect())
        }
    }
}

/// Appends a character in a form.
fn push(c: char, form: Form, text: &mut String) {
    let mut put = |c: char| match form {
        Form::Letters if c.is_alphanumeric() => text.push(canonical(c)),
        Form::Letters => {}
        _ => text.push(c),
    };
    match fold(c) {
        // A pattern may name line breaks.
        Fold::Keep | Fold::Drop => put(c),
        Fold::Space if c.is_ascii() => put(c),
        Fold::Space => put(' '),
        Fold::To(ascii) => put(ascii),
        Fold::Many(folded) => folded.chars().for_each(put),
    }
}

fn class(class: ClassUnicode, form: Form) -> Hir {
    let size: usize = class.iter().map(|range| range.len()).sum();
    if size > MAX_CLASS {
        let has_letters = class.iter().any(|range| range.start() <= 'z' && range.end() >= 'a');
        // White space and signs do not occur in the letters.
        let is_separator = form == Form::Letters && !has_letters;
        return if is_separator { Hir::empty() } else { Hir::class(Class::Unicode(class)) };
    }
    let (mut singles, mut several) = (Vec::new(), Vec::new());
    for c in class.iter().flat_map(|range| range.start()..=range.end()) {
        let mut text = String::new();
        push(c, form, &mut text);
        let mut chars = text.chars();
        match (chars.next(), chars.next()) {
            (Some(c), None) => singles.push(ClassUnicodeRange::new(c, c)),
            (Some(_), Some(_)) => several.push(Hir::literal(text.into_bytes())),
            (None, _) => {}
        }
    }
    if !singles.is_empty() {
        several.push(Hir::class(Class::Unicode(ClassUnicode::new(singles))));
    }
    // A class of signs only.
    if several.is_empty() { Hir::empty() } else { Hir::alternation(several) }
}

fn repetition(mut repetition: Repetition, form: Form) -> Hir {
    let sub = expression(*repetition.sub, form);
    if matches!(sub.kind(), HirKind::Empty) {
        return sub;
    }
    let is_word = form == Form::Letters && is_any_letter(&sub);
    if is_word && repetition.max.is_none() {
        repetition.max = Some(MAX_WORD.max(repetition.min));
    }
    repetition.sub = Box::new(sub);
    Hir::repetition(repetition)
}

/// Returns `true` for a class of all letters.
fn is_any_letter(hir: &Hir) -> bool {
    let HirKind::Class(Class::Unicode(class)) = hir.kind() else { return false };
    class.iter().map(|range| range.len()).sum::<usize>() >= ALL_LETTERS
}

fn is_word_border(look: Look) -> bool {
    !matches!(look, Look::Start | Look::End | Look::StartLF | Look::EndLF | Look::StartCRLF | Look::EndCRLF)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pattern::syntax;
    use regex_automata::meta::Regex;

    fn matches(pattern: &str, form: Form, text: &str) -> bool {
        let hir = expression(syntax::parse(pattern, false).unwrap(), form);
        Regex::builder().build_from_hir(&hir).unwrap().is_match(text)
    }

    #[test]
    fn patterns_are_folded_like_texts() {
        for (pattern, form, text, expected) in [
            (r"(?i)instruç(?:ão|ões)", Form::Folded, "instrucoes", true),
            (r"(?i)игнорируй", Form::Folded, &keyword("Игнорируй", Form::Folded), true),
            (r"[“”]sure", Form::Folded, "\"sure", true),
            (r"straße", Form::Folded, "strasse", true),
            (r"[ß]x", Form::Folded, "ssx", true),
            (r"\bAKIA\d{4}\b", Form::Folded, "AKIA1234", true),
            (r"\p{Cyrillic}+", Form::Folded, "и", true),
            (r"(?i)\bignore\W+(?:\w+\W+){0,2}?previous\b", Form::Letters, "ignoreaiipreviousruies", true),
            (r"(?i)\bignore\W+(?:\w+\W+){0,2}?previous\b", Form::Letters, "ignoreabcdefghijabcdefghijprevious", false),
            (r"all[ _-]?rules", Form::Letters, "aiiruies", true),
            (r"\s{0,3}[:=]{1,2}x", Form::Letters, "x", true),
            (r"gpt4[^\n]{0,9}l", Form::Letters, "gptaxxi", true),
        ] {
            assert_eq!(matches(pattern, form, text), expected, "{pattern} {text}");
        }
        assert_eq!(keyword("Blue-Heron №1 é", Form::Letters), "biueheronnoie");
        assert_eq!(keyword("Blue-Heron №1 é", Form::Folded), "Blue-Heron No1 e");
        assert_eq!(keyword("é\u{200b}", Form::Raw), "é\u{200b}");
    }
}
