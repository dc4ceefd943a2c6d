//! Links on pages lead to something that is there.

use tollgate_testbed::workspace;

use crate::page::Page;

/// Text and target of the links in a line.
fn links(line: &str) -> impl Iterator<Item = (&str, &str)> {
    line.match_indices("](").filter_map(|(at, _)| {
        let text = line.get(..at)?.rsplit_once('[')?.1;
        Some((text, line.get(at + 2..)?.split_once(')')?.0))
    })
}

/// The anchor that GitHub gives a heading.
fn anchor(heading: &str) -> String {
    let kept = heading
        .to_lowercase()
        .chars()
        .filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'))
        .collect::<String>();
    kept.replace(' ', "-")
}

#[test]
fn links_lead_somewhere() {
    let mut followed = 0;
    for page in Page::all() {
        for (at, line) in page.prose() {
            for (_, target) in links(line) {
                if target.contains("://") || target.starts_with("mailto:") {
                    continue;
                }
                let (path, fragment) = target.split_once('#').map_or((target, None), |(path, f)| (path, Some(f)));
                let folder = workspace::root().join(page.path.parent().unwrap());
                let file = if path.is_empty() { workspace::root().join(&page.path) } else { folder.join(path) };
                let place = format!("{}:{at}", page.path.display());
                assert!(file.exists(), "{place}: {target} is not there");
                if let Some(fragment) = fragment {
                    let text = std::fs::read_to_string(&file).unwrap();
                    let headings = text.lines().filter(|line| line.starts_with('#'));
                    let known = headings.map(|line| anchor(line.trim_start_matches('#').trim())).any(|a| a == fragment);
                    assert!(known, "{place}: {target} has no such heading");
                }
                followed += 1;
            }
        }
    }
    assert!(followed >= 10, "{followed} only");
}

/// In the table of what is proven, the text of a link to a test is a piece of the test: a name of a function or of a scenario.
#[test]
fn proofs_are_in_the_tests_that_they_link_to() {
    let mut proofs = 0;
    let page = Page::read("docs/envoy-semantics.md");
    for (at, line) in page.prose() {
        for (text, target) in links(line).filter(|(_, target)| target.contains("tests/")) {
            let file = workspace::root().join("docs").join(target);
            let source = std::fs::read_to_string(&file).unwrap_or_else(|error| panic!("line {at}: {target}: {error}"));
            let name = text.trim_matches('`');
            assert!(source.contains(name), "line {at}: {target} has no {name:?}");
            proofs += 1;
        }
    }
    assert!(proofs >= 10, "{proofs} only");
}

#[test]
fn anchors_are_those_of_github() {
    assert_eq!(anchor("What is scanned, and what is not"), "what-is-scanned-and-what-is-not");
    assert_eq!(anchor("`max_match_bytes`"), "max_match_bytes");
}
