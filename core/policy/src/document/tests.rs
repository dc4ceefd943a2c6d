use super::*;

fn lines(text: &str) -> Vec<String> {
    match Document::parse("tollgate.yaml", text).compile() {
        Ok(policy) => policy.warnings.iter().map(ToString::to_string).collect(),
        Err(located) => located.iter().map(Located::line).collect(),
    }
}

#[test]
fn all_errors_have_positions() {
    let text = "version: 1\nfirewall:\n  rules:\n  - {id: a, match: {keywords: [x]}, action: deny}\n  - id: b\n    action: log\nbudget: []\n";
    assert_eq!(
        lines(text),
        [
            "tollgate.yaml:4:45: error[unknown-value]: unknown action `deny`; one of log, tag, score, redact, mask, hash, placeholder, block",
            "tollgate.yaml:5:5: error[missing-key]: missing key `match`",
            "tollgate.yaml:7:1: error[unknown-key]: unknown key `budget`",
        ]
    );
}

#[test]
fn a_finding_is_shown_with_its_line() {
    let document = Document::parse("tollgate.yaml", "version: 1\nmode: enforced\n");
    let found = document.compile().unwrap_err();
    assert_eq!(
        document.show(&found[0]),
        "tollgate.yaml:2:7: error[unknown-value]: unknown mode `enforced`; one of enforce, audit\n\
         \x20 |\n2 | mode: enforced\n  |       ^^^^^^^^\n  = help: did you mean `enforce`?\n"
    );
}

#[test]
fn json_is_read_too() {
    assert_eq!(
        lines("{\"version\": 1,\n \"mode\": 3}"),
        ["tollgate.yaml:2:10: error[wrong-type]: expected one of enforce, audit, found a whole number"]
    );
}

#[test]
fn aliases_and_merge_keys_are_read() {
    let text = "version: 1\nmodels:\n  a: &a {route: x, provider: y}\n  b: *a\n  c: {<<: *a, route: z}\n";
    let document = Document::parse("t", text);
    assert_eq!(document.value()["models"]["b"], document.value()["models"]["a"]);
    assert_eq!(document.value()["models"]["c"], serde_json::json!({"route": "z", "provider": "y"}));
    assert_eq!(lines(text), Vec::<String>::new());
}

#[test]
fn syntax_errors_and_duplicate_keys_have_positions() {
    assert_eq!(
        lines("version: 1\nmode: enforce\nmode: audit\n"),
        ["tollgate.yaml:3:1: error[duplicate-key]: duplicate key"]
    );
    let found = lines("version: 1\nmodels: {a: [\n");
    assert!(found.len() == 1 && found[0].contains("error[syntax]"), "{found:?}");
    let found = lines("version: 1\n---\nversion: 1\n");
    assert!(found.len() == 1 && found[0].starts_with("tollgate.yaml:2:1: error[syntax]"), "{found:?}");
}

#[test]
fn aliases_cannot_grow_a_document_without_bound() {
    let mut text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for level in 1..9 {
        let list = vec![format!("*a{}", level - 1); 10].join(", ");
        text.push_str(&format!("a{level}: &a{level} [{list}]\n"));
    }
    assert!(lines(&text)[0].contains("more than 200000 values"));
}

#[test]
fn an_included_file_may_only_narrow() {
    let mut base = Document::parse(
        "base.yaml",
        "version: 1\ninclude: [team.yaml]\nlimits: {max_event_bytes: 1000}\n\
        identity: {consumer: {header: x-user}}\n",
    );
    assert_eq!(base.take_includes(&Path::default())[0].0, "team.yaml");
    let team = "version: 1\nmode: audit\nlimits: {max_event_bytes: 2000, max_request_bytes: 10}\n\
        budgets:\n- {name: a, unit: tokens, limit: 1, window: 1m}\n- {name: b, unit: token, limit: 1, window: 1m, for: [x]}\n";
    base.include(Document::parse("team.yaml", team));
    assert_eq!(base.value()["limits"]["max_request_bytes"], 10);
    let found: Vec<String> = base.compile().unwrap_err().iter().map(Located::line).collect();
    assert_eq!(
        found,
        [
            "team.yaml:2:1: error[include-widens]: an included file must not have `mode`",
            "team.yaml:3:27: error[include-widens]: an included file must not raise `max_event_bytes`",
            "team.yaml:6:19: error[unknown-value]: unknown unit `token`; one of tokens, requests, usd",
            "team.yaml:6:53: error[include-widens]: `for` takes a consumer out of the common budgets of the including file",
        ]
    );
}

#[test]
fn effective_values_have_their_origin() {
    let text = Document::parse("t.yaml", "version: 1\nmode: audit\n").print();
    assert!(text.contains("# t.yaml:2") && text.contains("limits.max_event_bytes: 8388608"), "{text}");
    assert!(text.lines().any(|line| line.starts_with("quota.lease: \"15m\"") && line.ends_with("# default")), "{text}");
}

#[test]
fn an_included_pack_adds_its_allow_lists_and_raises_the_longest_match() {
    let pack = "version: 1\nfirewall:\n  max_match_bytes: 4096\n  allow_lists: {names: {values: [a]}}\n  \
                rules: [{id: p, match: {regex: x, allow: {lists: [names]}}, action: log}]\n";
    let include = |own: &str| {
        let mut base = Document::parse("tollgate.yaml", &format!("version: 1\nfirewall: {own}\n"));
        base.include(Document::parse("pack.yaml", pack));
        let lines: Vec<String> = base.compile().err().into_iter().flatten().map(|found| found.line()).collect();
        (base.value()["firewall"]["max_match_bytes"].clone(), lines)
    };
    assert_eq!(include("{}"), (4096.into(), vec![]));
    assert_eq!(include("{max_match_bytes: 512}"), (4096.into(), vec![]));
    assert_eq!(include("{max_match_bytes: 8192}"), (8192.into(), vec![]));
    let (_, lines) = include("{allow_lists: {names: {values: [b]}}}");
    assert_eq!(lines, ["pack.yaml:4:17: error[include-widens]: the including file has an allow list `names`, too"]);
}
