use std::path::PathBuf;

use serde_json::Value;

use super::*;
use crate::file::BackendName;
use crate::mismatch::Mismatch;
use crate::test_result::Failure;

fn result(name: &str, status: TestStatus) -> TestResult {
    TestResult {
        path: "dir/a b.test.yaml".into(),
        name: name.into(),
        line: 7,
        column: 3,
        backend: BackendName::Wasm,
        status,
        ways: 12,
        took: Duration::from_millis(5),
        matched: vec!["pii".into()],
    }
}

fn report() -> Report {
    let failure = Failure {
        step: Some(2),
        line: 9,
        delivery: Some("HTTP/2, response cut at byte 5".into()),
        mismatches: vec![Mismatch::new("status", "429", "200"), Mismatch::new("a <b> & \"c\"\u{1}", "x%,", "y:z")],
        log: Vec::new(),
    };
    Report {
        results: vec![
            result("good", TestStatus::Passed),
            result("bad: one, two", TestStatus::Failed(failure)),
            result("known", TestStatus::KnownFailure("issue 12".into())),
            result("part", TestStatus::PassedInPart("no clock here".into())),
            result("better", TestStatus::KnownFailurePassed("issue 13".into())),
        ],
        ..Report::default()
    }
}

#[test]
fn exit_codes() {
    let bad = || vec![Problem::new("no")];
    for (report, code) in [
        (Report::default(), 0),
        (report(), 1),
        (Report { problems: bad(), ..Report::default() }, 2),
        (Report { problems: bad(), ..report() }, 2),
        (Report { results: vec![result("a", TestStatus::KnownFailure("x".into()))], ..Report::default() }, 0),
    ] {
        assert_eq!(report.exit_code(), code);
    }
    let mut coverage = Coverage::default();
    coverage.policies.entry("p.yaml".into()).or_default().insert("r".into(), Default::default());
    for (required, code) in [(None, 0), (Some(0), 0), (Some(1), 1), (Some(100), 1)] {
        assert_eq!(Report { coverage: Some(coverage.clone()), required, ..Report::default() }.exit_code(), code);
    }
}

#[test]
fn pretty() {
    let text = report().render(FormatArg::Pretty);
    for words in [
        "ok   good (12 ways)",
        "FAIL bad: one, two (12 ways)",
        "in step 2 (line 9)",
        "fails only in this delivery: HTTP/2, response cut at byte 5",
        "status: expected 429, found 200",
        "at dir/a b.test.yaml:7",
        "known known (12 ways), fails: issue 12",
        "in part: no clock here",
        "remove it from the list",
        "2 passed, 2 failed, 1 known to fail: 60 ways",
    ] {
        assert!(text.contains(words), "{words}\n{text}");
    }
}

#[test]
fn json_is_one_document() {
    let document: Value = serde_json::from_str(&report().render(FormatArg::Json)).unwrap();
    assert_eq!((&document["passed"], &document["failed"]), (&2.into(), &2.into()));
    assert_eq!(document["tests"][1]["failure"]["findings"][0]["found"], "200");
    assert_eq!(document["tests"][2]["outcome"], "known_failure");
}

#[test]
fn junit_escapes_and_counts() {
    let xml = report().render(FormatArg::Junit);
    assert!(xml.contains(r#"tests="5" failures="2" errors="0" skipped="1""#), "{xml}");
    assert!(xml.contains("a &lt;b&gt; &amp; &quot;c&quot;\u{fffd}"), "{xml}");
    assert!(!xml.contains('\u{1}'));
    let xml = Report { problems: vec![Problem::of(&PathBuf::from("x"), "<no>")], ..Report::default() };
    assert!(xml.render(FormatArg::Junit).contains("x: &lt;no&gt;"));
}

#[test]
fn github_annotations_are_one_line_each() {
    let text = report().render(FormatArg::Github);
    let first = text.lines().next().unwrap();
    assert!(
        first.starts_with("::error file=dir/a b.test.yaml,line=7,col=3,title=bad%3A one%2C two::in step 2"),
        "{first}"
    );
    assert!(first.contains("x%25,") && first.contains("%0A"), "{first}");
    assert_eq!(text.lines().count(), 3);
}

#[test]
fn sarif_names_places() {
    let document: Value = serde_json::from_str(&report().render(FormatArg::Sarif)).unwrap();
    let results = document["runs"][0]["results"].as_array().unwrap();
    assert_eq!(results.len(), 2);
    let place = &results[0]["locations"][0]["physicalLocation"];
    assert_eq!(place["artifactLocation"]["uri"], "dir/a%20b.test.yaml");
    assert_eq!(place["region"]["startLine"], 7);
}

#[test]
fn sarif_tags_untested_rules_with_their_risks() {
    let mut coverage = Coverage::default();
    let rules = coverage.policies.entry("p.yaml".into()).or_default();
    rules.entry("a".into()).or_default().tags = vec!["owasp-llm-01".into()];
    rules.entry("b".into()).or_default();
    let report = Report { coverage: Some(coverage), required: Some(100), ..Report::default() };
    let document: Value = serde_json::from_str(&report.render(FormatArg::Sarif)).unwrap();
    for (result, tag, is_tagged) in [(0, "/properties/tags/0", true), (1, "/properties", false)] {
        let found = document.pointer(&format!("/runs/0/results/{result}{tag}"));
        assert_eq!(found.is_some(), is_tagged, "{document:#}");
    }
}
