//! Neighbours: characters that must not be adjacent to the match.

use crate::pattern::char_set::{CharSet, CharSetId, CharSets, CharSetsBuilder};
use regex_syntax::hir::{Class, HirKind};

/// Sets of characters that must not be directly in front of the match or behind it.
#[derive(Debug, Default)]
pub(crate) struct Neighbors {
    pub(crate) before: Option<CharSetId>,
    pub(crate) after: Option<CharSetId>,
}

impl Neighbors {
    /// Returns `true` if a match may be in front of this character. The edge of the text is no character.
    pub(crate) fn may_precede(&self, next: Option<char>, sets: &CharSets) -> bool {
        !matches!((self.after, next), (Some(set), Some(c)) if sets.contains(set, c))
    }

    /// Returns `true` if a match may be behind this character. The edge of the text is no character.
    pub(crate) fn may_follow(&self, before: Option<char>, sets: &CharSets) -> bool {
        !matches!((self.before, before), (Some(set), Some(c)) if sets.contains(set, c))
    }

    /// Returns `true` if no character is excluded.
    pub(crate) fn is_empty(&self) -> bool {
        self.before.is_none() && self.after.is_none()
    }
}

/// Returns the union of named classes and sets such as `[0-9-]`. `None` if one is neither.
pub(crate) fn set(classes: &[String], sets: &mut CharSetsBuilder) -> Option<CharSetId> {
    let mut ranges = Vec::new();
    for class in classes {
        let expression = match class.as_str() {
            "digit" => "[0-9]",
            "letter" => r"[A-Za-z]",
            "lower" => "[a-z]",
            "upper" => "[A-Z]",
            "alnum" => "[0-9A-Za-z]",
            "word" => "[0-9A-Za-z_]",
            "hex" => "[0-9A-Fa-f]",
            "space" => r"[ \t\r\n\f\v]",
            set if set.starts_with('[') => set,
            _ => return None,
        };
        let hir = regex_syntax::parse(expression).ok()?;
        match hir.kind() {
            HirKind::Class(Class::Unicode(class)) => {
                ranges.extend(class.iter().map(|range| (range.start(), range.end())))
            }
            // The parser simplifies a class of a single character.
            HirKind::Literal(literal) => {
                let mut chars = std::str::from_utf8(&literal.0).ok()?.chars();
                let (Some(c), None) = (chars.next(), chars.next()) else { return None };
                ranges.push((c, c));
            }
            _ => return None,
        }
    }
    Some(sets.add(CharSet::new(ranges)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn excluded_neighbours() {
        let mut builder = CharSetsBuilder::default();
        let mut set =
            |classes: &[&str]| set(&classes.iter().map(|class| (*class).to_owned()).collect::<Vec<_>>(), &mut builder);
        let neighbors = Neighbors { before: set(&["digit", "[-.]"]), after: set(&["word"]) };
        for wrong in ["digits", "", "a", "[a-", "[ab]c", r"\d", "[a]{2}", "[^\\s\\S]"] {
            assert!(set(&[wrong]).is_none(), "{wrong}");
        }
        assert!(set(&["[漢]"]).is_some());
        let sets = builder.build();
        for (previous, next, expected) in [
            (None, None, true),
            (Some(' '), Some('.'), true),
            (Some('1'), None, false),
            (Some('-'), None, false),
            (Some('a'), None, true),
            (None, Some('_'), false),
            (None, Some('é'), true),
        ] {
            let holds = neighbors.may_follow(previous, &sets) && neighbors.may_precede(next, &sets);
            assert_eq!(holds, expected, "{previous:?} {next:?}");
        }
    }
}
