//! The JSON Schemas in an editor: a YAML language server reports mistakes and completes keys.

use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};

use serde_json::{Value, json};
use tollgate_workspace as workspace;

use crate::install;

/// File that is opened, and what the server must say about it.
struct Opened {
    schema: &'static str,
    /// Text below the line that names the schema.
    text: &'static str,
    /// Line and a part of the message of each mistake.
    mistakes: &'static [(u64, &'static str)],
    /// Keys that are completed at the end of the text.
    completions: &'static [&'static str],
}

const FILES: &[Opened] = &[
    Opened {
        schema: "policy",
        text: "version: 1\nbudgetz: []\nfirewall:\n  rules:\n  - {id: a, match: {keywords: [b]}, action: deny}\n",
        mistakes: &[(2, "budgetz"), (5, "\"block\"")],
        completions: &["budgets", "counting", "identity", "limits", "mode", "models", "prices", "providers", "quota"],
    },
    Opened {
        schema: "policy",
        text: "version: 1\nmodels:\n  fast:\n    ",
        mistakes: &[],
        completions: &["alias_of", "provider", "route", "upstream_model"],
    },
    Opened {
        schema: "policy",
        text: "version: 1\nmode: audit\ncounting: when_needed\n",
        mistakes: &[],
        completions: &["budgets", "firewall"],
    },
    Opened {
        schema: "test",
        text: "version: 1\nchains: []\n",
        mistakes: &[(2, "chains")],
        completions: &["policy", "tests", "defaults"],
    },
];

#[test]
fn editors_report_mistakes_and_complete_keys() {
    let client = install::editor().unwrap();
    let mut command = Command::new(&client.program);
    let mut child = command.arg(&client.script).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let mut answers = BufReader::new(child.stdout.take().unwrap()).lines();
    for (number, Opened { schema, text, mistakes, completions }) in FILES.iter().enumerate() {
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
