//! The JSON Schemas in an editor: a YAML language server reports mistakes and completes keys.

use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};

use serde_json::{Value, json};
use tollgate_workspace as workspace;

use crate::install;

/// Schema, text below its first line, messages that the server must report by line, and completions at the end of the text.
const FILES: &[(&str, &str, &[(u64, &str)], &[&str])] = &[
    (
        "policy",
        "version: 1\nbudgetz: []\nfirewall:\n  rules:\n  - {id: a, match: {keywords: [b]}, action: deny}\n",
        &[(2, "budgetz"), (5, "\"block\"")],
        &["budgets", "counting", "identity", "limits", "mode", "models", "prices", "providers", "quota"],
    ),
    ("policy", "version: 1\nmodels:\n  fast:\n    ", &[], &["alias_of", "provider", "route", "upstream_model"]),
    ("policy", "version: 1\nmode: audit\ncounting: when_needed\n", &[], &["budgets", "firewall"]),
    ("test", "version: 1\nchains: []\n", &[(2, "chains")], &["policy", "tests", "defaults"]),
];

#[test]
fn editors_report_mistakes_and_complete_keys() {
    let client = install::editor().unwrap();
    let mut command = Command::new(&client.program);
    let mut child = command.arg(&client.script).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let mut answers = BufReader::new(child.stdout.take().unwrap()).lines();
    for (number, (schema, text, mistakes, completions)) in FILES.iter().enumerate() {
        let schema = workspace::root().join(format!("cli/schema/{schema}.schema.json"));
        let text = format!("# yaml-language-server: $schema=file://{}\n{text}", schema.display());
        let last = text.split('\n').next_back().unwrap_or_default();
        let question = json!({
            "uri": format!("file:///tmp/{number}.yaml"), "text": text,
            "line": text.matches('\n').count(), "character": last.len(),
        });
        writeln!(stdin, "{question}").unwrap();
        let answer: Value = serde_json::from_str(&answers.next().unwrap().unwrap()).unwrap();
        let found = answer["diagnostics"].as_array().unwrap();
        for (line, words) in *mistakes {
            let says = |found: &Value| found["line"] == *line && found["message"].as_str().unwrap().contains(words);
            assert!(found.iter().any(says), "{text}\n{answer}");
        }
        let labels = answer["completions"].as_array().unwrap();
        for key in *completions {
            assert!(labels.iter().any(|label| label == key), "{key} is not completed\n{text}\n{answer}");
        }
    }
    drop(stdin);
    assert!(child.wait().unwrap().success());
}
