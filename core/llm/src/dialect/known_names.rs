//! Names that the APIs themselves define: member names and discriminator values that carry no client text.
//!
//! A member name is a text like any other (a prompt can be hidden in the keys of `metadata`), unless an API defines it.
//! The same holds for the values of discriminators such as `type`. Below `properties` of a JSON Schema the client
//! chooses the names by definition; the lists are not consulted there.
//!
//! Each dialect lists its names in its own `names.rs`. All lists are merged at compile time into one sorted table,
//! because compatible servers accept the members of several APIs.

use crate::Str;

/// Names that one API defines.
#[derive(Clone, Copy, Debug)]
pub(crate) struct KnownNames {
    /// Member names of requests, sorted.
    pub(crate) keys: &'static [&'static str],
    /// Discriminator values (of `type` and `detail`), sorted; 3 to 24 bytes each.
    pub(crate) kinds: &'static [&'static str],
}

/// Keywords of JSON Schema, which every API embeds (JSON Schema 2020-12, core and validation vocabularies; `nullable`:
/// OpenAPI 3.0).
const JSON_SCHEMA: KnownNames = KnownNames {
    keys: &[
        "$anchor",
        "$comment",
        "$defs",
        "$id",
        "$ref",
        "$schema",
        "additionalItems",
        "additionalProperties",
        "allOf",
        "anyOf",
        "const",
        "contains",
        "default",
        "definitions",
        "dependentRequired",
        "dependentSchemas",
        "deprecated",
        "description",
        "else",
        "enum",
        "examples",
        "exclusiveMaximum",
        "exclusiveMinimum",
        "format",
        "if",
        "items",
        "maxItems",
        "maxLength",
        "maxProperties",
        "maximum",
        "minItems",
        "minLength",
        "minProperties",
        "minimum",
        "multipleOf",
        "not",
        "nullable",
        "oneOf",
        "pattern",
        "patternProperties",
        "prefixItems",
        "properties",
        "propertyNames",
        "readOnly",
        "required",
        "then",
        "title",
        "type",
        "uniqueItems",
    ],
    kinds: &["array", "boolean", "integer", "null", "number", "object", "string"],
};

const LISTS: usize = super::NAMES.len() + 1;

/// Member names of all APIs, sorted and without duplicates.
static KEYS: [&str; count(key_lists())] = merge(key_lists());

/// Discriminator values of all APIs, sorted and without duplicates.
static KINDS: [&str; count(kind_lists())] = merge(kind_lists());

#[allow(clippy::indexing_slicing, reason = "evaluated by the compiler only")]
const fn key_lists() -> [&'static [&'static str]; LISTS] {
    let mut lists = [JSON_SCHEMA.keys; LISTS];
    let mut at = 0;
    while at < super::NAMES.len() {
        lists[at] = super::NAMES[at].keys;
        at += 1;
    }
    lists
}

#[allow(clippy::indexing_slicing, reason = "evaluated by the compiler only")]
const fn kind_lists() -> [&'static [&'static str]; LISTS] {
    let mut lists = [JSON_SCHEMA.kinds; LISTS];
    let mut at = 0;
    while at < super::NAMES.len() {
        lists[at] = super::NAMES[at].kinds;
        at += 1;
    }
    lists
}

/// Returns the number of distinct names in sorted lists.
const fn count(mut lists: [&'static [&'static str]; LISTS]) -> usize {
    let mut count = 0;
    while take_least(&mut lists).is_some() {
        count += 1;
    }
    count
}

/// Merges sorted lists into one without duplicates.
#[allow(clippy::indexing_slicing, reason = "evaluated by the compiler only")]
const fn merge<const N: usize>(mut lists: [&'static [&'static str]; LISTS]) -> [&'static str; N] {
    let mut merged = [""; N];
    let mut at = 0;
    while let Some(name) = take_least(&mut lists) {
        merged[at] = name;
        at += 1;
    }
    merged
}

/// Removes the least name from the front of all lists that begin with it.
#[allow(clippy::indexing_slicing, reason = "evaluated by the compiler only")]
const fn take_least(lists: &mut [&'static [&'static str]; LISTS]) -> Option<&'static str> {
    let mut least: Option<&'static str> = None;
    let mut at = 0;
    while at < LISTS {
        if let Some((name, _)) = lists[at].split_first() {
            least = match least {
                Some(known) if !is_less(name.as_bytes(), known.as_bytes()) => Some(known),
                _ => Some(name),
            };
        }
        at += 1;
    }
    let Some(least) = least else { return None };
    let mut at = 0;
    while at < LISTS {
        if let Some((name, rest)) = lists[at].split_first()
            && !is_less(least.as_bytes(), name.as_bytes())
        {
            lists[at] = rest;
        }
        at += 1;
    }
    Some(least)
}

const fn is_less(mut a: &[u8], mut b: &[u8]) -> bool {
    loop {
        match (a.split_first(), b.split_first()) {
            (_, None) => return false,
            (None, Some(_)) => return true,
            (Some((first, a_rest)), Some((second, b_rest))) => {
                if *first != *second {
                    return *first < *second;
                }
                (a, b) = (a_rest, b_rest);
            }
        }
    }
}

/// Returns `true` if an API defines this member name.
pub(crate) fn is_key(body: &[u8], key: Str) -> bool {
    is_listed(&KEYS, body, key)
}

/// Returns `true` if a string only discriminates: it is the value of `type`, or of the `detail` of an image, and an API
/// defines it.
pub(crate) fn is_kind(body: &[u8], member: Option<Str>, value: Str) -> bool {
    // The length alone rules out most strings.
    (value.escaped || (3..=24).contains(&value.span.len()))
        && member.is_some_and(|member| member.is(body, "type") || member.is(body, "detail"))
        && is_kind_value(body, value)
}

/// Returns `true` if an API defines the string as the value of a discriminator.
pub(crate) fn is_kind_value(body: &[u8], value: Str) -> bool {
    is_listed(&KINDS, body, value)
}

/// Searches a sorted list without allocating.
pub(super) fn is_listed(list: &[&str], body: &[u8], text: Str) -> bool {
    let found = if text.escaped {
        list.binary_search_by(|name| name.bytes().cmp(text.bytes(body)))
    } else {
        let raw = text.span.of(body);
        let first = raw.first();
        // Most names differ in the first byte, which needs no call to compare.
        list.binary_search_by(|name| name.as_bytes().first().cmp(&first).then_with(|| name.as_bytes().cmp(raw)))
    };
    found.is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Span;

    #[test]
    fn known_names_match_in_any_spelling_and_others_do_not() {
        for name in KEYS {
            let spelled: String = name.chars().map(|char| format!("\\u{:04x}", char as u32)).collect();
            for (raw, want) in [
                (name.to_owned(), true),
                (spelled, true),
                (format!("{name}!"), false),
                (format!("{name}\\u0000"), false),
                (format!("!{name}"), false),
                (name.to_uppercase(), false),
                (String::new(), false),
            ] {
                let str = Str { span: Span::new(0, raw.len()), escaped: raw.contains('\\') };
                assert_eq!(is_key(raw.as_bytes(), str), want, "{raw}");
            }
        }
    }

    #[test]
    fn lists_are_sorted_and_without_duplicates() {
        for list in key_lists().iter().chain(&kind_lists()) {
            assert!(list.is_sorted_by(|a, b| a < b), "{list:?}");
        }
        assert!(KEYS.is_sorted_by(|a, b| a < b) && KINDS.is_sorted_by(|a, b| a < b));
        assert!(KINDS.iter().all(|kind| (3..=24).contains(&kind.len())));
    }

    #[test]
    fn merged_tables_hold_every_name_of_every_list() {
        assert!(key_lists().iter().flat_map(|list| list.iter()).all(|name| KEYS.binary_search(name).is_ok()));
        assert!(kind_lists().iter().flat_map(|list| list.iter()).all(|name| KINDS.binary_search(name).is_ok()));
        assert_eq!((KEYS.len(), KINDS.len()), (583, 82));
    }
}
