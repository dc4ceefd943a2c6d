//! Groups of a pattern: the parts in parentheses that a rule refers to by number or name.

use super::compile::PatternError;
use super::syntax;
use regex_syntax::hir::{Hir, HirKind};
use serde::{Deserialize, Deserializer, de};
use std::fmt;

/// Reference to a group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GroupRef {
    /// Number of the group, counted by opening parentheses from 1.
    Number(u32),
    /// Name of the group: `(?P<name>...)` or `(?<name>...)`.
    Name(String),
}

impl<'de> Deserialize<'de> for GroupRef {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<GroupRef, D::Error> {
        struct NumberOrName;
        impl de::Visitor<'_> for NumberOrName {
            type Value = GroupRef;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("the number or name of a group")
            }
            fn visit_u64<E: de::Error>(self, number: u64) -> Result<GroupRef, E> {
                // A number beyond u32 names no group, and is reported as such.
                Ok(GroupRef::Number(u32::try_from(number).unwrap_or(u32::MAX)))
            }
            fn visit_str<E: de::Error>(self, name: &str) -> Result<GroupRef, E> {
                Ok(GroupRef::Name(name.to_owned()))
            }
        }
        deserializer.deserialize_any(NumberOrName)
    }
}

#[cfg(feature = "schema")]
impl schemars::JsonSchema for GroupRef {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "GroupRef".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({"anyOf": [{"type": "integer", "minimum": 1}, {"type": "string"}]})
    }
}

/// Group of a pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CaptureGroup {
    /// Number of the group, from 1.
    pub index: u32,
    /// Name of the group.
    pub name: Option<Box<str>>,
    /// `true` if the group is in a repetition. It then stands for its last turn only.
    pub repeats: bool,
}

/// Returns the groups of a regular expression.
///
/// # Errors
/// If the expression is invalid.
pub fn capture_groups(expression: &str) -> Result<Vec<CaptureGroup>, PatternError> {
    syntax::parse(expression, false).map(|hir| of(&hir))
}

impl GroupRef {
    /// Returns the number of the group if it is one of `groups`.
    pub(crate) fn index(&self, groups: &[CaptureGroup]) -> Option<u32> {
        let found = groups.iter().find(|group| match self {
            GroupRef::Number(index) => group.index == *index,
            GroupRef::Name(name) => group.name.as_deref() == Some(name),
        });
        found.map(|group| group.index)
    }
}

/// Returns the groups of an expression. Recurses to the nesting depth, which the parser bounds.
pub(crate) fn of(hir: &Hir) -> Vec<CaptureGroup> {
    let mut groups = Vec::new();
    collect(hir, false, &mut groups);
    groups
}

/// Returns the smallest distance in bytes from the start of a match to the group, if every match has text in the group.
pub(crate) fn offset(hir: &Hir, index: u32) -> Option<usize> {
    match hir.kind() {
        HirKind::Capture(capture) if capture.index == index => {
            let has_text = capture.sub.properties().minimum_len().is_some_and(|shortest| shortest > 0);
            has_text.then_some(0)
        }
        HirKind::Capture(capture) => offset(&capture.sub, index),
        HirKind::Concat(parts) => {
            let mut before = 0;
            for part in parts {
                if let Some(offset) = offset(part, index) {
                    return Some(before + offset);
                }
                before += part.properties().minimum_len()?;
            }
            None
        }
        _ => None,
    }
}

fn collect(hir: &Hir, repeats: bool, groups: &mut Vec<CaptureGroup>) {
    match hir.kind() {
        HirKind::Capture(capture) => {
            groups.push(CaptureGroup { index: capture.index, name: capture.name.clone(), repeats });
            collect(&capture.sub, repeats, groups);
        }
        HirKind::Repetition(repetition) => {
            let is_single = repetition.max == Some(1);
            collect(&repetition.sub, repeats || !is_single, groups);
        }
        HirKind::Concat(parts) | HirKind::Alternation(parts) => {
            parts.iter().for_each(|part| collect(part, repeats, groups));
        }
        HirKind::Empty | HirKind::Literal(_) | HirKind::Class(_) | HirKind::Look(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offsets_of_groups() {
        for (pattern, expected) in [
            (r"(a)b", Some(0)),
            (r"key[ =]{1,3}(\w{8})", Some(4)),
            (r"x?é(?:y+(z))", Some(3)),
            (r"a(?:b(c))?", None),
            (r"a(b*)c", None),
            (r"a(b)|a(c)", None),
            (r"(?:a(b))+", None),
        ] {
            assert_eq!(offset(&regex_syntax::parse(pattern).unwrap(), 1), expected, "{pattern}");
        }
    }

    #[test]
    fn groups_are_found_by_number_and_name() {
        let groups = of(&regex_syntax::parse(r"(a(?P<inner>b))|(?<last>c)+(?:d)").unwrap());
        assert_eq!(groups.iter().map(|group| group.repeats).collect::<Vec<_>>(), [false, false, true]);
        for (group, expected) in [
            (GroupRef::Number(1), Some(1)),
            (GroupRef::Number(3), Some(3)),
            (GroupRef::Number(0), None),
            (GroupRef::Number(4), None),
            (GroupRef::Name("inner".to_owned()), Some(2)),
            (GroupRef::Name("last".to_owned()), Some(3)),
            (GroupRef::Name("other".to_owned()), None),
        ] {
            assert_eq!(group.index(&groups), expected, "{group:?}");
        }
    }
}
