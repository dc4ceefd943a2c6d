//! The page of a filter lists the fields of its configuration, all of them and no others.

use std::collections::BTreeSet;

use tollgate_kit::Limits;

use crate::page::{Page, code};
use crate::sources;

/// Types of a configuration: file and name.
type Types = &'static [(&'static str, &'static str)];

/// Pages below `docs/filters/` with the types whose fields they list.
const PAGES: &[(&str, Types)] = &[
    ("README", &[("core/llm/src/stream_limits.rs", "StreamLimits")]),
    (
        "prompt-inspector",
        &[
            ("filters/prompt-inspector/src/config.rs", "RawConfig"),
            ("core/inspect/src/raw.rs", "RawRule"),
            ("core/inspect/src/raw.rs", "RawPattern"),
            ("core/inspect/src/raw.rs", "RawExamples"),
            ("core/inspect/src/condition/entropy.rs", "RawEntropy"),
            ("core/inspect/src/condition/context.rs", "RawContext"),
            ("core/inspect/src/condition/allow.rs", "RawAllow"),
            ("core/inspect/src/rule_scope.rs", "RawScope"),
            ("core/inspect/src/exception.rs", "RawException"),
            ("core/inspect/src/score.rs", "RawScores"),
            ("core/inspect/src/pattern/tool.rs", "RawTool"),
            ("core/inspect/src/overlap.rs", "RawOverlap"),
            ("filters/prompt-inspector/src/caller.rs", "RawNameSource"),
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
            ("core/prices/src/raw.rs", "RawPrice"),
            ("core/tokens/src/catalog.rs", "RawTokenizer"),
        ],
    ),
    ("model-router", &[("filters/model-router/src/lib.rs", "RawConfig"), ("core/route/src/config.rs", "RawRoute")]),
];

/// Returns the fields of a type as they are spelled in a configuration.
fn fields(source: &str, name: &str) -> BTreeSet<String> {
    let head = format!("pub struct {name} {{");
    let body = source.split_once(&head).unwrap_or_else(|| panic!("no {head}")).1.split_once("\n}").unwrap().0;
    let mut fields = BTreeSet::new();
    let mut renamed = None;
    for line in body.lines().map(str::trim) {
        if let Some((_, rest)) = line.strip_prefix("#[serde(").and_then(|rest| rest.split_once("rename = \"")) {
            renamed = rest.split('"').next();
        } else if let Some((field, _)) = line.strip_prefix("pub ").and_then(|rest| rest.split_once(':')) {
            // The prices by dimension are members of their own, one per dimension.
            let field = if (name, field) == ("RawPrice", "rates") { "<dimension>" } else { field };
            fields.insert(renamed.take().unwrap_or(field).to_owned());
        }
    }
    assert!(!fields.is_empty(), "{name} has no fields");
    fields
}

/// Returns the last segment of a path of fields: `rules[].match.regex` is the field `regex`.
fn last(path: &str) -> &str {
    path.rsplit('.').next().unwrap_or(path).trim_end_matches("[]")
}

#[test]
fn a_page_lists_the_fields_of_its_filter_and_no_others() {
    for (name, types) in PAGES {
        let known: BTreeSet<String> = types.iter().flat_map(|(file, of)| fields(&sources::file(file), of)).collect();
        let page = Page::of_filter(name);
        let listed: BTreeSet<String> =
            page.rows("Field").iter().filter_map(|row| Some(last(code(row.first()?).next()?).to_owned())).collect();
        let missing: Vec<_> = known.difference(&listed).collect();
        let unknown: Vec<_> = listed.difference(&known).collect();
        assert!(missing.is_empty() && unknown.is_empty(), "{name}: missing {missing:?}, unknown {unknown:?}");
    }
}

#[test]
fn the_page_has_the_defaults_of_the_limits() {
    let Limits { max_request_bytes, max_response_bytes, max_event_bytes: None, max_held_bytes, .. } = Limits::default()
    else {
        panic!("the page says that `max_event_bytes` is that of a response");
    };
    let rows = Page::of_filter("README").rows("Field");
    for (field, default) in [
        ("max_request_bytes", max_request_bytes),
        ("max_response_bytes", max_response_bytes),
        ("max_held_bytes", max_held_bytes),
    ] {
        let row = rows.iter().find(|row| row[0].contains(field)).unwrap_or_else(|| panic!("{field}"));
        assert_eq!(row[2], default.to_string(), "{field}");
    }
    let row = rows.iter().find(|row| row[0].contains("max_event_bytes")).unwrap();
    assert_eq!(row[2], "`max_response_bytes`");
}
