//! Every field of a configuration is on the page of its filter, and nothing else is.

use std::collections::BTreeSet;

use tollgate_kit::Limits;

use crate::page::{Page, code};
use crate::sources;

/// The types that a configuration is made of: file and name.
type Types = &'static [(&'static str, &'static str)];

/// Pages below `docs/filters/`, and the types whose fields are theirs.
const PAGES: &[(&str, Types)] = &[
    ("README", &[("filters/kit/src/config.rs", "Limits")]),
    (
        "prompt-inspector",
        &[
            ("filters/prompt-inspector/src/config.rs", "RawConfig"),
            ("core/inspect/src/raw.rs", "RawRule"),
            ("core/inspect/src/raw.rs", "RawPattern"),
            ("core/inspect/src/raw.rs", "RawExamples"),
        ],
    ),
    (
        "token-counter",
        &[("filters/token-counter/src/lib.rs", "RawConfig"), ("core/tokens/src/catalog.rs", "RawTokenizer")],
    ),
    (
        "cost-quota",
        &[
            ("filters/cost-quota/src/config.rs", "RawConfig"),
            ("filters/cost-quota/src/consumer.rs", "RawConsumerSource"),
            ("core/quota/src/config.rs", "RawBudget"),
            ("core/quota/src/config.rs", "RawConsumer"),
            ("core/prices/src/table.rs", "RawPrice"),
            ("core/tokens/src/catalog.rs", "RawTokenizer"),
        ],
    ),
    ("model-router", &[("filters/model-router/src/lib.rs", "RawConfig"), ("core/route/src/config.rs", "RawRoute")]),
];

/// The fields of a type as a configuration spells them.
fn fields(source: &str, name: &str) -> BTreeSet<String> {
    let head = format!("pub struct {name} {{");
    let body = source.split_once(&head).unwrap_or_else(|| panic!("no {head}")).1.split_once("\n}").unwrap().0;
    let mut fields = BTreeSet::new();
    let mut renamed = None;
    for line in body.lines().map(str::trim) {
        if let Some((_, rest)) = line.strip_prefix("#[serde(").and_then(|rest| rest.split_once("rename = \"")) {
            renamed = rest.split('"').next();
        } else if let Some((field, _)) = line.strip_prefix("pub ").and_then(|rest| rest.split_once(':')) {
            fields.insert(renamed.take().unwrap_or(field).to_owned());
        }
    }
    assert!(!fields.is_empty(), "{name} has no fields");
    fields
}

/// The last segment of a path of fields: `rules[].match.regex` is the field `regex`.
fn last(path: &str) -> &str {
    path.rsplit('.').next().unwrap_or(path).trim_end_matches("[]")
}

#[test]
fn a_page_has_the_fields_of_its_filter_and_no_others() {
    for (name, types) in PAGES {
        let known: BTreeSet<String> = types.iter().flat_map(|(file, of)| fields(&sources::file(file), of)).collect();
        let page = Page::of_filter(name);
        let told: BTreeSet<String> =
            page.rows("Field").iter().filter_map(|row| Some(last(code(row.first()?).next()?).to_owned())).collect();
        let missing: Vec<_> = known.difference(&told).collect();
        let made_up: Vec<_> = told.difference(&known).collect();
        assert!(missing.is_empty() && made_up.is_empty(), "{name}: missing {missing:?}, made up {made_up:?}");
    }
}

#[test]
fn the_limits_have_their_defaults() {
    let Limits { max_request_bytes, max_response_bytes, max_event_bytes, .. } = Limits::default();
    let rows = Page::of_filter("README").rows("Field");
    for (field, default) in [
        ("max_request_bytes", max_request_bytes),
        ("max_response_bytes", max_response_bytes),
        ("max_event_bytes", max_event_bytes),
    ] {
        let row = rows.iter().find(|row| row[0].contains(field)).unwrap_or_else(|| panic!("{field}"));
        assert_eq!(row[2], default.to_string(), "{field}");
    }
}
