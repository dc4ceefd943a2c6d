//! Versions of Envoy on pages and in the files of the pipeline are those of the harness.

use std::fs;

use tollgate_envoy_harness::{OLDEST, PINNED, VERSIONS};
use tollgate_workspace as workspace;

/// Returns the text of a file as one paragraph.
fn paragraph(path: &str) -> String {
    let text = fs::read_to_string(workspace::root().join(path)).unwrap();
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Returns versions as in a sentence: `a, b and c`.
fn sentence(versions: &[&str]) -> String {
    let (last, others) = versions.split_last().unwrap();
    format!("{} and {last}", others.join(", "))
}

#[test]
fn the_nightly_matrix_has_the_tested_versions() {
    let matrix = VERSIONS.map(|version| format!("{version:?}")).join(", ");
    assert!(paragraph(".github/workflows/nightly.yml").contains(&format!("version: [{matrix}]")), "not [{matrix}]");
}

#[test]
fn the_demo_runs_the_pinned_version() {
    assert!(paragraph("docker-compose.yml").contains(&format!("image: envoyproxy/envoy:v{PINNED}")));
}

#[test]
fn pages_name_the_tested_versions() {
    let (_, older) = VERSIONS.split_last().unwrap();
    let tests = format!("The tests run {PINNED}, the nightly tests {} as well.", sentence(older));
    let recordings = format!("compared with recordings of Envoy {}, line for line", sentence(&VERSIONS));
    for (page, text) in [("docs/deploying.md", tests), ("docs/envoy-semantics.md", recordings)] {
        assert!(paragraph(page).contains(&text), "{page} does not say {text:?}");
    }
}

#[test]
fn pages_name_the_oldest_version() {
    let oldest = format!("{}.{} or newer", OLDEST.0, OLDEST.1);
    for page in
        ["README.md", "docs/deploying.md", "envoy/envoy.yaml", "xtask/src/main.rs", "envoy-harness/src/envoy.rs"]
    {
        assert!(paragraph(page).contains(&oldest), "{page} does not say {oldest:?}");
    }
}
