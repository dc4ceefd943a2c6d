//! Runs the command as users do: exit codes, messages, and the project's own tests.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use tollgate_envoy_harness::scratch::Scratch;

mod workspace;

/// Returns the module of `$TOLLGATE_MODULE`, or the one built in this checkout.
fn module(name: &str) -> PathBuf {
    match std::env::var_os("TOLLGATE_MODULE").map(PathBuf::from) {
        Some(bundle) => Some(bundle.with_file_name(module_file(name))).filter(|p| p.is_file()).unwrap_or(bundle),
        None => workspace::module(&module_file(name)),
    }
}

fn module_file(name: &str) -> String {
    format!("{}.wasm", name.replace('-', "_"))
}

/// Runs `tollgate` in a folder.
fn tollgate(folder: &Path, args: &[&str]) -> Output {
    tollgate_with(&module("tollgate"), folder, args)
}

fn tollgate_with(module: &Path, folder: &Path, args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tollgate"));
    command.args(args).current_dir(folder).env("TOLLGATE_MODULE", module).output().unwrap()
}

fn text(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// Creates a folder with a test file.
fn folder(tests: &str) -> (Scratch, PathBuf) {
    let scratch = Scratch::new("tollgate-test").unwrap();
    let path = scratch.path().to_owned();
    std::fs::write(path.join("a.test.yaml"), tests).unwrap();
    (scratch, path)
}

const PASSES: &str = r#"
version: 1
chain:
- filter: prompt-inspector
  config:
    rules:
    - id: key
      match: {regex: '\bAKIA[0-9]{8}\b'}
      action: block
      examples: {match: ["AKIA00001111"], no_match: ["AKIA0"]}
tests:
- name: a key is blocked
  request: {chat: {user: "use AKIA12345678 now"}}
  expect: {verdict: block, rules: [key], upstream: untouched}
"#;

#[test]
fn exit_codes_and_messages() {
    let wrong =
        PASSES.replace("verdict: block, rules: [key]", "verdict: allow").replace("untouched", "{unchanged: true}");
    let example = PASSES.replace("AKIA00001111", "AKIA-no");
    let policy = PASSES.replace("action: block", "action: stop");
    for (tests, args, code, words) in [
        (PASSES, vec!["test"], 0, "3 passed, 0 failed"),
        (PASSES, vec!["test", "--coverage"], 0, "rules with matching and non-matching tests: 1 of 1 (100 %)"),
        (PASSES, vec!["test", "--require-coverage", "100"], 0, "100 % required"),
        (PASSES, vec!["test", "--run", "blocked$"], 0, "1 passed"),
        (PASSES, vec!["test", "--run", "blocked$", "--require-coverage", "100"], 1, "no test expects it not to match"),
        (PASSES, vec!["test", "--run", "nobody"], 2, "no test matches --run"),
        (PASSES, vec!["test", "--run", "("], 2, "not a valid regular expression"),
        (PASSES, vec!["test", "nowhere"], 2, "nowhere"),
        (PASSES, vec!["test", "--module", "nowhere.wasm"], 2, "nowhere.wasm"),
        (PASSES, vec!["test", "--format", "xml"], 2, "possible values"),
        (&wrong, vec!["test"], 1, "rules: expected none, found key"),
        (&wrong, vec!["test", "--format", "github"], 1, "::error file="),
        (&example, vec!["test"], 1, "key matches its example 1"),
        (&policy, vec!["test"], 2, "prompt-inspector rejects its configuration"),
        ("version: 1\nchain: []\ntests: []", vec!["test"], 2, "a.test.yaml: the chain has no filters"),
        ("version: 1\nchains: []\n", vec!["test"], 2, "a.test.yaml:2:1: unknown key `chains`: did you mean `chain`?"),
    ] {
        let (_scratch, folder) = folder(tests);
        // The module with the firewall alone is small and compiles quickly.
        let output = tollgate_with(&module("prompt-inspector"), &folder, &args);
        let printed = text(&output);
        assert_eq!(output.status.code(), Some(code), "{args:?}\n{printed}");
        assert!(printed.contains(words), "{args:?}\n{printed}\n{words}");
        // No output may contain the secret.
        assert!(!printed.contains("AKIA12345678") && !printed.contains("12345678"), "{printed}");
    }
}

#[test]
fn completions_man_page_and_schema_are_printed() {
    let here = workspace::root();
    for (args, words) in [
        (vec!["completions", "bash"], "--require-coverage"),
        (vec!["completions", "zsh"], "--require-coverage"),
        (vec!["man"], "require\\-coverage"),
        (vec!["schema", "test"], "\"known_failures\""),
        (vec!["test", "--help"], "byte by byte"),
    ] {
        let output = tollgate(here, &args);
        assert!(output.status.success() && text(&output).contains(words), "{args:?}");
    }
}

/// The project's own tests: every policy under `examples/`, and the scenarios of the foundation.
#[test]
fn the_projects_own_tests_pass() {
    let output = tollgate(workspace::root(), &["test", "examples", "tests/scenarios"]);
    assert!(output.status.success(), "{}", text(&output));
}

/// No rule of an example lacks a test that it matches, or one that it does not.
#[test]
fn the_rules_of_the_examples_are_tested() {
    let output = tollgate(workspace::root(), &["test", "examples", "--require-coverage", "100"]);
    assert!(output.status.success(), "{}", text(&output));
}

/// Every policy under `examples/` has its tests beside it.
#[test]
fn every_example_has_its_tests() {
    let examples = workspace::root().join("examples");
    let mut policies = 0;
    for folder in std::fs::read_dir(examples).unwrap() {
        let policy = folder.unwrap().path().join("policy.yaml");
        if policy.is_file() {
            policies += 1;
            assert!(policy.with_extension("test.yaml").is_file(), "{} has no tests", policy.display());
        }
    }
    assert!(policies >= 4);
}

/// Runs the test files that the documentation shows.
#[test]
fn the_documentation_shows_tests_that_pass() {
    let page = std::fs::read_to_string(workspace::root().join("docs/testing-rules.md")).unwrap();
    let blocks = page.split("```yml\n").skip(1).map(|rest| rest.split_once("```").unwrap().0);
    let blocks: Vec<&str> = blocks.filter(|block| block.starts_with("version: ")).collect();
    assert!(blocks.len() >= 2);
    let scratch = Scratch::new("tollgate-docs").unwrap();
    for (at, block) in blocks.iter().enumerate() {
        std::fs::write(scratch.path().join(format!("{at}.test.yaml")), block).unwrap();
    }
    for (policy, name) in [("pii/policy.yaml", "policy.yaml"), ("gateway/tollgate.yaml", "tollgate.yaml")] {
        std::fs::copy(workspace::root().join("examples").join(policy), scratch.path().join(name)).unwrap();
    }
    let output = tollgate(scratch.path(), &["test"]);
    assert!(output.status.success(), "{}", text(&output));
}
