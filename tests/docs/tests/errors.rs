//! Errors on pages: bodies have the shape of the dialect, and the sources have the words of the tables.

use serde_json::Value;

use crate::page::{Page, code};
use crate::sources;

#[test]
fn bodies_of_errors_have_the_shape_of_openai() {
    let mut bodies = 0;
    for block in Page::all().iter().flat_map(Page::blocks).filter(|block| block.purpose == "error") {
        let body: Value = serde_json::from_str(&block.text).unwrap_or_else(|e| panic!("{}: {e}", block.place));
        let error = body["error"].as_object().unwrap_or_else(|| panic!("{}: no error", block.place));
        let names: Vec<_> = error.keys().map(String::as_str).collect();
        assert_eq!(names, ["code", "message", "param", "type"], "{}", block.place);
        assert!(error["message"].is_string(), "{}", block.place);
        for field in ["type", "param", "code"] {
            let known = error[field].as_str().is_none_or(sources::has_literal);
            assert!(known, "{}: no source has {field} {}", block.place, error[field]);
        }
        bodies += 1;
    }
    assert!(bodies >= 4, "only {bodies} bodies");
}

/// Tables of errors: `Status`, `Type`, `Code`, `Verdict`, `When`.
#[test]
fn the_sources_have_the_words_of_error_tables() {
    let mut rows = 0;
    for page in Page::all() {
        for row in page.rows("Status") {
            for cell in row.get(1..4).unwrap_or_else(|| panic!("{}: {row:?}", page.path.display())) {
                for word in code(cell) {
                    assert!(sources::has_literal(word), "{}: no source has {word}", page.path.display());
                }
            }
            rows += 1;
        }
    }
    assert!(rows >= 10, "only {rows} rows");
}
