use super::*;

const CHAIN: &str = r#"
version: 1
chain:
- filter: prompt-inspector
  config: {rules: [{id: secret.key, match: {regex: "AKIA[0-9]+"}, action: block}]}
- filter: cost-quota
  config: {consumer: {header: x-who}}
tests:
"#;

fn parse(tests: &str) -> Result<Suite, String> {
    Suite::parse(Path::new("a.test.yaml"), &format!("{CHAIN}{tests}")).map_err(|problem| problem.to_string())
}

#[test]
fn errors_have_a_position_and_a_suggestion() {
    for (tests, words) in [
        (
            "- {name: a, request: {chat: {}}, expects: {}}",
            "a.test.yaml:9:34: unknown key `expects`: did you mean `expect`?",
        ),
        ("- name: a\n  request: {chat: {usr: hi}}", "a.test.yaml:10:20: unknown key `usr`: did you mean `user`?"),
        (
            "- name: a\n  request: {chat: {}}\n  expect: {verdict: blok}",
            "a.test.yaml:11:21: unknown value `blok`: did you mean `block`?",
        ),
        (
            "- name: a\n  request: {chat: {}}\n  expect: {upstream: {bdoy: x}}",
            "a.test.yaml:11:23: unknown key `bdoy`: did you mean `body`?",
        ),
        (
            "- name: a\n  request: {chat: {}}\n  expect: {rules: [secret.kye]}",
            "a.test.yaml:9:3: the chain has no rule `secret.kye`: did you mean `secret.key`?",
        ),
        ("- name: a\n  request: {chat: {}}\n  expect: {status: AKIA1}", "a.test.yaml:11:20: "),
        ("- {name: a, request: {chat: {}}}", "a.test.yaml:9:3: this test has no `expect`"),
        ("- {name: a, expect: {}}", "a test needs a `request` or `steps`"),
        ("- {name: a, request: {chat: {}, body: x}, expect: {}}", "a request has only one of"),
        ("- {name: a, steps: [{advance: 1s, expect: {}}]}", "a.test.yaml:9:21: a step is either"),
        ("- {name: a, steps: [{advance: 1}]}", "a.test.yaml:9:31: not a duration"),
        ("- {name: a, split: hole, request: {chat: {}}, expect: {}}", "did you mean `whole`?"),
        (
            "- &a {name: a, request: {chat: {}}, expect: {}}\n- *a",
            "a.test.yaml:10:3: another test of this file has the same name",
        ),
        (
            "- {name: a, request: {chat: {}}, expect: {}}\nknown_failures: [{test: b, reason: c}]",
            "a.test.yaml:10:18: `known_failures` names a test that does not exist",
        ),
        ("- {name: a, request: {body_file: nowhere}, expect: {}}", "nowhere"),
    ] {
        let error = parse(tests).unwrap_err();
        assert!(error.contains(words), "{tests}\n  {error}\n  {words}");
        assert!(!error.contains("AKIA1"), "{error}");
    }
}

#[test]
fn the_chain_of_a_bootstrap_includes_its_routes() {
    let text = r#"
version: 1
chain: {envoy: ../envoy/envoy.yaml, only: [prompt-inspector, cost-quota], extend: {prompt-inspector: {rules: [{id: x, match: {keywords: [x]}, action: log}]}}}
tests:
- {name: a, request: {chat: {}, consumer: trial}, expect: {rules: []}}
"#;
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("a.test.yaml");
    let suite = Suite::parse(&path, text).unwrap();
    let chain = &suite.chain;
    let names: Vec<_> = chain.filters.iter().map(|filter| filter.name.root_id()).collect();
    assert_eq!(names, ["prompt-inspector", "cost-quota"]);
    assert!(chain.clusters().starts_with(&["openai", "local"]), "{:?}", chain.clusters());
    assert_eq!(chain.firewall.rules.last().unwrap().id, "x");
    assert!(chain.routes.len() >= 5);
    let sent = &suite.cases[0].exchanges().next().unwrap().request;
    assert!(sent.headers.contains(&("x-tollgate-consumer".into(), b"trial".to_vec())));
}

#[test]
fn steps_defaults_and_known_failures_are_resolved() {
    let suite = parse(
        r#"
- name: a
  steps:
  - request: {chat: {}, consumer: alice}
  - advance: 61s
  - {request: {chat: {}}, expect: {status: 200}}
defaults: {request: {headers: {x-a: 1}, consumer: bob}, split: whole}
known_failures: [{test: a, reason: because, backend: envoy}]
"#,
    )
    .unwrap();
    let case = &suite.cases[0];
    assert_eq!(case.split, Split::Only(vec![crate::file::SplitKind::Whole]));
    assert_eq!(case.known_failure(BackendName::Envoy), Some("because"));
    assert_eq!(case.known_failure(BackendName::Wasm), None);
    let who =
        |exchange: &Exchange| exchange.request.headers.iter().find(|(name, _)| name == "x-who").unwrap().1.clone();
    assert_eq!(case.exchanges().map(who).collect::<Vec<_>>(), [b"alice".to_vec(), b"bob".to_vec()]);
    assert_eq!(case.exchanges().last().unwrap().step, Some(3));
}
