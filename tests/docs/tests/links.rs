//! Links on pages, and names of pages in the sources, lead to existing files.

use tollgate_workspace as workspace;

use crate::page::Page;
use crate::sources;

/// Returns text and target of the links in a line.
fn links(line: &str) -> impl Iterator<Item = (&str, &str)> {
    line.match_indices("](").filter_map(|(at, _)| {
        let text = line.get(..at)?.rsplit_once('[')?.1;
        Some((text, line.get(at + 2..)?.split_once(')')?.0))
    })
}

/// Returns the anchor that GitHub generates for a heading.
fn anchor(heading: &str) -> String {
    let kept = heading
        .to_lowercase()
        .chars()
        .filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'))
        .collect::<String>();
    kept.replace(' ', "-")
}

#[test]
fn targets_of_links_exist() {
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
                assert!(file.exists(), "{place}: {target} does not exist");
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
    assert!(followed >= 10, "only {followed} links");
}

/// Pages that a source names, in an error message or a comment, are files of this repository: those in `docs/`, and those
/// at the root, whose names are in capitals.
#[test]
fn pages_that_the_sources_name_exist() {
    let is_name = |c: char| c.is_ascii_alphanumeric() || "-_./".contains(c);
    let mut named = 0;
    for folder in ["core", "filters", "host", "envoy-harness", "cli", "tests", "xtask"] {
        for path in sources::rust_files(folder) {
            let text = std::fs::read_to_string(&path).unwrap();
            for (end, _) in text.match_indices(".md") {
                let before = &text[..end];
                let start = before.rfind(|c| !is_name(c)).map_or(0, |at| at + 1);
                let name = &before[start..];
                let is_root = !name.is_empty() && name.chars().all(|c| c.is_ascii_uppercase());
                if text[end + 3..].starts_with(|c: char| c.is_ascii_alphanumeric())
                    || !(is_root || name.starts_with("docs/"))
                {
                    continue;
                }
                let place = format!("{}:{}", path.display(), before.lines().count().max(1));
                assert!(workspace::root().join(format!("{name}.md")).is_file(), "{place}: {name}.md does not exist");
                named += 1;
            }
        }
    }
    assert!(named >= 10, "only {named} pages are named");
}

/// In the tables of Envoy's behaviour, the text of a link to a test occurs in the test: the name of a function or a scenario.
#[test]
fn linked_tests_contain_the_text_of_the_link() {
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
    assert!(proofs >= 10, "only {proofs} links to tests");
}

#[test]
fn anchors_are_those_of_github() {
    assert_eq!(anchor("What is scanned, and what is not"), "what-is-scanned-and-what-is-not");
    assert_eq!(anchor("`max_match_bytes`"), "max_match_bytes");
}
