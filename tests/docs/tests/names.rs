//! Metrics, properties, headers and verdicts: the sources have those on the pages, and the pages those in the sources.

use std::collections::BTreeSet;

use tollgate::backend::envoy::PROPERTIES;
use tollgate_kit::property;

use crate::page::Page;
use crate::sources::{self, words};

fn metric_char(c: char) -> bool {
    c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_'
}

fn header_char(c: char) -> bool {
    c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-'
}

/// Returns the metrics that filters define: literals that begin with `tollgate_`, without labels.
fn metrics() -> BTreeSet<&'static str> {
    let literals = words(sources::all(), "tollgate_", metric_char).filter(|(before, _)| before.ends_with('"'));
    literals.map(|(_, name)| name).collect()
}

/// Strips the suffixes that Prometheus appends to the name of a histogram.
fn of_histogram(name: &str) -> &str {
    ["_bucket", "_sum", "_count"].iter().find_map(|suffix| name.strip_suffix(suffix)).unwrap_or(name)
}

/// Renders the position of a word, for a message.
fn place(page: &Page, before: &str) -> String {
    format!("{}:{}", page.path.display(), before.lines().count().max(1))
}

#[test]
fn pages_and_filters_have_the_same_metrics() {
    let known = metrics();
    assert!(known.contains("tollgate_tokens_total") && known.len() >= 10, "{known:?}");
    let mut described = BTreeSet::new();
    for page in Page::all() {
        for (before, name) in words(&page.text, "tollgate_", metric_char) {
            let name = of_histogram(name);
            assert!(known.contains(name), "{}: there is no metric {name}", place(&page, before));
            if page.path.starts_with("docs/filters") {
                described.insert(name.to_owned());
            }
        }
    }
    let missing: Vec<_> = known.iter().filter(|name| !described.contains(**name)).collect();
    assert!(missing.is_empty(), "missing on the pages of the filters: {missing:?}");
}

/// Of `name{a, b}` on a page, the name that the filter defines contains `a` and `b`, and the reference extracts them as tags.
#[test]
fn labels_on_pages_exist() {
    let mut labels = 0;
    for page in Page::all() {
        for (before, name) in words(&page.text, "tollgate_", metric_char) {
            let behind = &page.text[before.len() + name.len()..];
            let Some((list, _)) = behind.strip_prefix('{').and_then(|rest| rest.split_once('}')) else { continue };
            for label in list.split(',').map(|label| label.split('=').next().unwrap_or(label).trim()) {
                let defined =
                    sources::all().lines().any(|line| line.contains(name) && line.contains(&format!(".{label}")))
                        || sources::all().contains(&format!("\".{label}."));
                let tagged = sources::all().contains(&format!("tag_name: {label},"));
                assert!(defined && tagged, "{}: {name} has no label {label}", place(&page, before));
                labels += 1;
            }
        }
    }
    assert!(labels >= 8, "only {labels} labels");
}

#[test]
fn pages_and_filters_have_the_same_properties() {
    let mut described = BTreeSet::new();
    for page in Page::all() {
        for (before, word) in words(&page.text, "tollgate.", |c| metric_char(c) || c == '.') {
            // `tollgate.block.<rule>` in `%RESPONSE_CODE_DETAILS%` begins with a verdict.
            let first = word.split('.').nth(1).unwrap_or_default();
            let name = format!("tollgate.{first}");
            let known = property::ALL.contains(&name.as_str());
            assert!(
                known || matches!(first, "" | "wasm") || sources::has_literal(first),
                "{}: no filter publishes {word}",
                place(&page, before)
            );
            if known && page.path.starts_with("docs/filters") {
                described.insert(name);
            }
        }
    }
    let missing: Vec<_> = property::ALL.iter().filter(|name| !described.contains(**name)).collect();
    assert!(missing.is_empty(), "missing on the pages of the filters: {missing:?}");
}

#[test]
fn tests_in_envoy_read_all_properties() {
    let read: BTreeSet<String> = PROPERTIES.into_iter().map(|name| format!("tollgate.{name}")).collect();
    assert_eq!(read, property::ALL.iter().map(|name| (*name).to_owned()).collect());
}

#[test]
fn headers_on_pages_are_in_the_sources() {
    let mut found = 0;
    for page in Page::all() {
        for start in ["x-tollgate-", "x-ratelimit-", "x-gateway-", "x-should-", "retry-after"] {
            for (before, name) in words(&page.text, start, header_char) {
                // `x-ratelimit-*` stands for several headers.
                let whole =
                    !page.text[before.len() + name.len()..].trim_start_matches('-').starts_with(['*', '<', '{']);
                assert!(
                    !whole || sources::has_literal(name) || sources::all().contains(&format!(" {name}")),
                    "{}: no header {name} in the sources",
                    place(&page, before)
                );
                found += 1;
            }
        }
    }
    assert!(found >= 10, "only {found} headers");
}
