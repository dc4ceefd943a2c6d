//! Runs the project's scenarios in a real Envoy: results must be those of Tollgate's own host.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;

mod workspace;

/// Counting budgets needs a new Envoy for every delivery, which takes seconds to start. Of the budget scenarios, only
/// those run whose counting differs in kind; of the examples, whose policies also count, none. `tollgate test --backend
/// envoy tests/scenarios examples` runs all.
const BUDGETS: [(&str, &str); 2] = [
    ("budgets.test.yaml", "ten requests|a client that leaves|the charge of a streamed call"),
    ("background_settled_when_fetched.test.yaml", "and once|of another consumer|a stream that fetches the response"),
];

/// Files whose tests differ in numbers only, which Envoy has no part in, and need a new Envoy each: the first [`FIRST`] of them
/// run.
const NUMBERS: [&str; 18] = [
    "compaction",
    "errors_in_a_200",
    "estimate_margin",
    "output_cap_imposed",
    "output_limits",
    "output_maximum",
    "price_dimensions",
    "price_names",
    "price_table",
    "prices_of_provider_tools",
    "prices_per_unit",
    "responses_on_chat_path",
    "served_model_in_streams",
    "service_tiers",
    "token_ids",
    "unknown_prices",
    "usage_not_credible",
    "usage_of_reasoning",
];
const FIRST: usize = 2;

/// Number of Envoys that run at a time. They mostly wait for sockets.
const AT_ONCE: usize = 2;

#[test]
fn scenarios_in_a_real_envoy() {
    let module = std::env::var_os("TOLLGATE_MODULE").map_or_else(|| workspace::module("tollgate.wasm"), PathBuf::from);
    let folder = workspace::root().join("tests/scenarios");
    let files = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path());
    let files: Vec<PathBuf> = files.filter(|path| path.to_string_lossy().ends_with(".test.yaml")).collect();
    assert!(files.len() > 5, "{}", folder.display());
    let (files, failures) = (Mutex::new(files), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                loop {
                    let Some(file) = files.lock().unwrap().pop() else { return };
                    // Not in the argument of `extend`: the lock would be held while Envoy runs.
                    let failure = failure(&module, &file);
                    failures.lock().unwrap().extend(failure);
                }
            });
        }
    });
    let failures = failures.into_inner().unwrap();
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

/// Returns the regular expression of the tests to run; `None` for all.
fn selection(file: &Path) -> Option<String> {
    if let Some((_, tests)) = BUDGETS.iter().find(|(name, _)| file.ends_with(name)) {
        return Some((*tests).to_owned());
    }
    let name = file.file_name()?.to_str()?.strip_suffix(".test.yaml")?;
    if !NUMBERS.contains(&name) {
        return None;
    }
    let suite: serde_json::Value = serde_saphyr::from_str(&std::fs::read_to_string(file).unwrap()).unwrap();
    let names = suite["tests"].as_array().unwrap().iter().map(|test| regex::escape(test["name"].as_str().unwrap()));
    Some(names.take(FIRST).collect::<Vec<String>>().join("|"))
}

/// Returns the output of the command for a file that does not pass.
fn failure(module: &Path, file: &Path) -> Option<String> {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tollgate"));
    command.args(["test", "--backend", "envoy", "--module"]).arg(module).arg(file).current_dir(workspace::root());
    if let Some(tests) = selection(file) {
        command.args(["--run", &tests]);
    }
    let output = command.output().unwrap();
    let output_text = [output.stdout, output.stderr].concat();
    (!output.status.success())
        .then(|| format!("{}: {}\n{}", file.display(), output.status, String::from_utf8_lossy(&output_text)))
}

/// Writes tests with a picture of 3 MB, three times what Envoy buffers, and texts around it.
fn large_responses() -> PathBuf {
    let picture = "iVBORw0KGgoAAAANSUhEUgAA".repeat(130_000);
    let data = format!(r#"{{"inlineData":{{"mimeType":"image/png","data":"{picture}"}}}}"#);
    let text = r#"{"text":"write to jane@example.com now"}"#;
    let mut file = String::from(
        r#"version: 1
chain:
- filter: prompt-inspector
  config:
    rules:
    - {id: pii.email, match: {regex: '[a-z]{1,20}@[a-z]{1,20}\.com'}, action: redact, applies_to: [response], replacement: "[email]"}
- filter: token-counter
tests:
"#,
    );
    for (name, parts) in [("in front of", [text, &data]), ("behind", [&data, text])] {
        for is_streamed in [false, true] {
            let parts = parts.join(",");
            let json = format!(
                r#"{{"candidates":[{{"content":{{"role":"model","parts":[{parts}]}},"finishReason":"STOP","index":0}}],"usageMetadata":{{"promptTokenCount":5,"candidatesTokenCount":40,"totalTokenCount":45}},"modelVersion":"g"}}"#
            );
            let (method, content_type, body) = match is_streamed {
                true => ("streamGenerateContent?alt=sse", "text/event-stream", format!("data: {json}\n\n")),
                false => ("generateContent", "application/json", json),
            };
            file += &format!(
                r#"- name: "text {name} a picture, {content_type}"
  request: {{path: "/v1beta/models/g:{method}", json: {{contents: [{{role: user, parts: [{{text: "a bridge"}}]}}]}}}}
  response: {{headers: {{content-type: {content_type}}}, body: {}}}
  split: whole
  expect:
    verdict: redact
    rules: [pii.email]
    tokens: {{input: 5, output: 40, source: provider}}
    client: {{contains: ["write to [email] now", "UhEUgAA\""], not_contains: ["jane"]}}
"#,
                serde_json::to_string(&body).unwrap()
            );
        }
    }
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("large_responses.test.yaml");
    std::fs::write(&path, file).unwrap();
    path
}

#[test]
fn responses_above_the_buffer_of_envoy_pass_text_by_text() {
    let module = std::env::var_os("TOLLGATE_MODULE").map_or_else(|| workspace::module("tollgate.wasm"), PathBuf::from);
    if let Some(failure) = failure(&module, &large_responses()) {
        panic!("{failure:.4000}");
    }
}
