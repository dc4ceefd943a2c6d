use tollgate_envoy_harness::scratch::Scratch;

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
    Suite::parse(Path::new("a.test.yaml"), &format!("{CHAIN}{tests}")).map_err(|problems| problems.to_string())
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
chain: {envoy: ../envoy/chain.yaml, only: [prompt-inspector, cost-quota], extend: {prompt-inspector: {rules: [{id: x, match: {keywords: [x]}, action: log}]}}}
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

const POLICY_TESTS: &str = r#"
version: 1
policy: policies/tollgate.yaml
tests:
- {name: a, request: {chat: {}, consumer: alice}, expect: {rules: [word], not_rules: [number]}}
"#;

/// Writes `tollgate.yaml` and the file that it includes into a folder with a test file, and reads the test file.
fn with_policy(policy: &str, included: &str) -> (Result<Suite, Vec<String>>, Vec<String>) {
    let scratch = Scratch::new("tollgate-suite").unwrap();
    let folder = scratch.path();
    std::fs::create_dir(folder.join("policies")).unwrap();
    let write = |name: &str, text: &str| std::fs::write(folder.join(name), text).unwrap();
    write("policies/tollgate.yaml", policy);
    write("policies/rules.yaml", included);
    write("a.test.yaml", POLICY_TESTS);
    let relative = |text: String| text.replace(&format!("{}/", folder.display()), "");
    let mut files = BTreeSet::new();
    let suite = Suite::read(&folder.join("a.test.yaml"), &mut files);
    let suite = suite.map_err(|found| found.0.iter().map(|problem| relative(problem.to_string())).collect());
    (suite, files.iter().map(|file| relative(file.display().to_string())).collect())
}

const POLICY: &str = "version: 1
include: [rules.yaml]
identity: {consumer: {header: X-Who}}
models: {a: {route: one}, b: {route: two}, c: {route: one}, d: {alias_of: a}}
firewall: {rules: [{id: word, match: {keywords: [heron]}, action: block}]}
";

#[test]
fn a_policy_is_a_chain_of_the_filter_that_enforces_it() {
    let included = "firewall: {rules: [{id: number, match: {regex: '[0-9]{4}'}, action: log}]}";
    let (suite, files) = with_policy(POLICY, included);
    let suite = suite.unwrap();
    assert_eq!(files, ["a.test.yaml", "policies/rules.yaml", "policies/tollgate.yaml"]);
    let [filter] = suite.chain.filters.as_slice() else { panic!("one filter") };
    assert_eq!(filter.name.root_id(), "tollgate");
    assert!(filter.configuration.get("include").is_none());
    assert_eq!(filter.configuration.pointer("/firewall/rules/1/id").unwrap(), "number");
    assert_eq!(suite.chain.clusters(), ["one", "two", "upstream"]);
    assert_eq!(suite.chain.routes[0].headers, [("x-tollgate-route".to_owned(), Some("one".to_owned()))]);
    let sent = &suite.cases[0].exchanges().next().unwrap().request;
    assert!(sent.headers.contains(&("x-who".into(), b"alice".to_vec())));
    let examples = crate::plan::examples(&[suite]);
    assert!(examples.is_empty(), "the rules have no examples");
}

#[test]
fn all_errors_of_a_policy_are_reported_with_their_positions() {
    let (suite, files) = with_policy(
        &format!("{POLICY}budget: []\n"),
        "firewall: {rules: [{id: a, match: {regex: '('}, action: deny}]}",
    );
    let problems = suite.unwrap_err();
    assert_eq!(files.len(), 3, "files with errors are watched, too");
    let starts = ["policies/tollgate.yaml:6:1: error[unknown-key]", "policies/rules.yaml:1:57: error[unknown-value]"];
    assert_eq!(problems.len(), starts.len(), "{problems:?}");
    for (problem, start) in problems.iter().zip(starts) {
        assert!(problem.starts_with(start), "{problem}");
    }
    assert!(problems[1].contains("did you mean `block`?"), "{problems:?}");
    let (suite, _) = with_policy("version: 1\nmode: [", "");
    assert!(suite.unwrap_err()[0].contains("error[syntax]"));
}

#[test]
fn a_file_has_either_a_policy_or_a_chain() {
    for given in ["", "policy: a.yaml\nchain: [{filter: tollgate}]\n"] {
        let problems = Suite::parse(Path::new("a.test.yaml"), &format!("version: 1\n{given}tests: []\n")).unwrap_err();
        assert_eq!(problems.to_string(), "a.test.yaml: a test file has either `policy` or `chain`");
    }
}
