//! Parser of regular expressions: the syntax of the `regex` crate, with ASCII classes unless Unicode is asked for.

use super::compile::PatternError;
use regex_syntax::ast::parse::ParserBuilder as AstParserBuilder;
use regex_syntax::ast::{self, Ast, ClassAscii, ClassAsciiKind, ClassPerl, ClassPerlKind, ClassSet, ClassSetItem};
use regex_syntax::hir::translate::Translator;
use regex_syntax::hir::{Class, ClassUnicode, ClassUnicodeRange, Hir, HirKind, Look};
use regex_syntax::{Error as SyntaxError, ParserBuilder};

/// Maximum nesting depth of groups in an expression; everything that walks an expression recurses to this depth.
const MAX_NESTING: u32 = 64;

/// Characters outside of ASCII that Unicode case folding makes equal to an ASCII letter: `s` and `k`.
const FOLDED_TO_ASCII: [char; 2] = ['ſ', '\u{212a}'];

/// Parses a regular expression.
///
/// Without `unicode`, `\w`, `\d`, `\s` and `\b` are ASCII, and `(?i)` makes an ASCII letter equal to its other case only.
/// Everything else is as in the `regex` crate: characters are code points, `.`, negated classes and `\p{..}` cover all of
/// them, and letters outside of ASCII fold as Unicode says. ASCII is the default because many scripts do not separate words:
/// with a Unicode `\b`, a Chinese character in front of a key would hide the key.
pub(crate) fn parse(expression: &str, unicode: bool) -> Result<Hir, PatternError> {
    if unicode {
        return ParserBuilder::new().nest_limit(MAX_NESTING).build().parse(expression).map_err(syntax_error);
    }
    let parsed = AstParserBuilder::new().nest_limit(MAX_NESTING).build().parse(expression);
    let mut ast = parsed.map_err(|error| syntax_error(SyntaxError::Parse(error)))?;
    let mut classes = AsciiClasses::default();
    classes.expression(&mut ast);
    let translated = Translator::new().translate(expression, &ast);
    let hir = translated.map_err(|error| syntax_error(SyntaxError::Translate(error)))?;
    Ok(ascii(hir, !classes.names_folded))
}

fn syntax_error(error: SyntaxError) -> PatternError {
    // Only the `kind`: the whole error would print the expression.
    let (problem, offset) = match &error {
        SyntaxError::Parse(error) => (error.kind().to_string(), error.span().start.offset),
        SyntaxError::Translate(error) => (error.kind().to_string(), error.span().start.offset),
        _ => ("not a regular expression".to_owned(), 0),
    };
    PatternError::Syntax { problem, offset }
}

/// Replaces `\w`, `\d` and `\s` by the ASCII classes `[[:word:]]`, `[[:digit:]]` and `[[:space:]]`.
#[derive(Default)]
struct AsciiClasses {
    /// `true` if the expression names a character of [`FOLDED_TO_ASCII`].
    names_folded: bool,
}

impl AsciiClasses {
    fn expression(&mut self, ast: &mut Ast) {
        match ast {
            Ast::Literal(literal) => self.literal(literal.c),
            Ast::ClassPerl(class) => {
                let kind = ClassSet::Item(ClassSetItem::Ascii(ascii_class(class)));
                *ast = Ast::class_bracketed(ast::ClassBracketed { span: class.span, negated: false, kind });
            }
            Ast::ClassBracketed(class) => self.set(&mut class.kind),
            Ast::Repetition(repetition) => self.expression(&mut repetition.ast),
            Ast::Group(group) => self.expression(&mut group.ast),
            Ast::Alternation(alternation) => alternation.asts.iter_mut().for_each(|ast| self.expression(ast)),
            Ast::Concat(concat) => concat.asts.iter_mut().for_each(|ast| self.expression(ast)),
            Ast::Empty(_) | Ast::Flags(_) | Ast::Dot(_) | Ast::Assertion(_) | Ast::ClassUnicode(_) => {}
        }
    }

    fn set(&mut self, set: &mut ClassSet) {
        match set {
            ClassSet::Item(item) => self.item(item),
            ClassSet::BinaryOp(operation) => {
                self.set(&mut operation.lhs);
                self.set(&mut operation.rhs);
            }
        }
    }

    fn item(&mut self, item: &mut ClassSetItem) {
        match item {
            ClassSetItem::Literal(literal) => self.literal(literal.c),
            ClassSetItem::Range(range) => [range.start.c, range.end.c].into_iter().for_each(|c| self.literal(c)),
            ClassSetItem::Perl(class) => *item = ClassSetItem::Ascii(ascii_class(class)),
            ClassSetItem::Bracketed(class) => self.set(&mut class.kind),
            ClassSetItem::Union(union) => union.items.iter_mut().for_each(|item| self.item(item)),
            ClassSetItem::Empty(_) | ClassSetItem::Ascii(_) | ClassSetItem::Unicode(_) => {}
        }
    }

    fn literal(&mut self, c: char) {
        self.names_folded |= FOLDED_TO_ASCII.contains(&c);
    }
}

fn ascii_class(class: &ClassPerl) -> ClassAscii {
    let kind = match class.kind {
        ClassPerlKind::Digit => ClassAsciiKind::Digit,
        ClassPerlKind::Space => ClassAsciiKind::Space,
        ClassPerlKind::Word => ClassAsciiKind::Word,
    };
    ClassAscii { span: class.span, kind, negated: class.negated }
}

/// Replaces the assertions on Unicode words by those on ASCII words and, with `unfold`, undoes the folding of ASCII letters to
/// the characters [`FOLDED_TO_ASCII`].
fn ascii(hir: Hir, unfold: bool) -> Hir {
    match hir.into_kind() {
        HirKind::Empty => Hir::empty(),
        HirKind::Literal(literal) => Hir::literal(literal.0),
        HirKind::Class(Class::Unicode(class)) if unfold => Hir::class(Class::Unicode(without_folded(class))),
        HirKind::Class(class) => Hir::class(class),
        HirKind::Look(look) => Hir::look(ascii_look(look)),
        HirKind::Repetition(mut repetition) => {
            repetition.sub = Box::new(ascii(*repetition.sub, unfold));
            Hir::repetition(repetition)
        }
        HirKind::Capture(mut capture) => {
            capture.sub = Box::new(ascii(*capture.sub, unfold));
            Hir::capture(capture)
        }
        HirKind::Concat(parts) => Hir::concat(parts.into_iter().map(|part| ascii(part, unfold)).collect()),
        HirKind::Alternation(choices) => {
            Hir::alternation(choices.into_iter().map(|choice| ascii(choice, unfold)).collect())
        }
    }
}

fn ascii_look(look: Look) -> Look {
    match look {
        Look::WordUnicode => Look::WordAscii,
        Look::WordUnicodeNegate => Look::WordAsciiNegate,
        Look::WordStartUnicode => Look::WordStartAscii,
        Look::WordEndUnicode => Look::WordEndAscii,
        Look::WordStartHalfUnicode => Look::WordStartHalfAscii,
        Look::WordEndHalfUnicode => Look::WordEndHalfAscii,
        look => look,
    }
}

/// Returns the class as it is without the folding of ASCII letters to other characters: each character of
/// [`FOLDED_TO_ASCII`] that differs from both of its neighbours, which no letter folds to, becomes like them.
fn without_folded(mut class: ClassUnicode) -> ClassUnicode {
    let has =
        |class: &ClassUnicode, code: u32| class.iter().any(|r| (r.start() as u32..=r.end() as u32).contains(&code));
    for c in FOLDED_TO_ASCII {
        let [before, own, after] = [c as u32 - 1, c as u32, c as u32 + 1].map(|code| has(&class, code));
        let single = ClassUnicode::new([ClassUnicodeRange::new(c, c)]);
        match (before, own, after) {
            (false, true, false) => class.difference(&single),
            (true, false, true) => class.union(&single),
            _ => {}
        }
    }
    class
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns the characters that a pattern of a single class matches, out of `of`.
    fn matched(pattern: &str, unicode: bool, of: &str) -> String {
        let hir = parse(pattern, unicode).unwrap();
        let HirKind::Class(Class::Unicode(class)) = hir.kind() else { panic!("{pattern}: {hir:?}") };
        of.chars().filter(|c| class.iter().any(|range| (range.start()..=range.end()).contains(c))).collect()
    }

    #[test]
    fn classes_are_ascii_unless_unicode_is_asked_for() {
        for (pattern, of, ascii, unicode) in [
            (r"\w", "aZ_9-é漢٣ſ", "aZ_9", "aZ_9é漢٣ſ"),
            (r"\W", "a-é漢ſ\u{212a}", "-é漢ſ\u{212a}", "-"),
            (r"\d", "9٣a", "9", "9٣"),
            (r"\s", " \t\u{a0}", " \t", " \t\u{a0}"),
            (r"[\w.-]", "a.-é", "a.-", "a.-é"),
            (r"[^\w.]", "a.é-", "é-", "-"),
            (r"[\w--[a-y]]", "az漢", "z", "z漢"),
            (r"(?i)[s-t]", "sStTſ", "sStT", "sStTſ"),
            (r"(?i)k", "kK\u{212a}", "kK", "kK\u{212a}"),
            (r"(?i)[^s]", "sSſa", "ſa", "a"),
            (r"(?i)\w", "kſ", "k", "kſ"),
            (r"(?i)\W", "-ſé", "-ſé", "-"),
            // letters outside of ASCII fold in any case
            (r"(?i)é", "éÉ", "éÉ", "éÉ"),
            // a character that the expression names is kept
            (r"[ſk]", "ſk\u{212a}", "ſk", "ſk"),
            (r"(?i)[k\u{17f}]", "sSſkK\u{212a}", "sSſkK\u{212a}", "sSſkK\u{212a}"),
            (r"[^\u{212a}]", "\u{212a}k", "k", "k"),
            (r"\p{Lu}", "K\u{212a}k", "K\u{212a}", "K\u{212a}"),
        ] {
            assert_eq!(matched(pattern, false, of), ascii, "{pattern}");
            assert_eq!(matched(pattern, true, of), unicode, "{pattern}, unicode");
        }
    }

    #[test]
    fn assertions_are_ascii_unless_unicode_is_asked_for() {
        for (pattern, ascii, unicode) in [
            (r"\b", Look::WordAscii, Look::WordUnicode),
            (r"\B", Look::WordAsciiNegate, Look::WordUnicodeNegate),
            (r"\b{start-half}", Look::WordStartHalfAscii, Look::WordStartHalfUnicode),
            (r"\>", Look::WordEndAscii, Look::WordEndUnicode),
            (r"$", Look::End, Look::End),
        ] {
            for (is_unicode, expected) in [(false, ascii), (true, unicode)] {
                assert_eq!(parse(pattern, is_unicode).unwrap().kind(), &HirKind::Look(expected), "{pattern}");
            }
        }
    }
}
