//! Runs the project's scenarios in a real Envoy: results must be those of Tollgate's own host.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;

mod workspace;

/// Number of Envoys that run at a time. They mostly wait for sockets.
const AT_ONCE: usize = 2;

#[test]
fn scenarios_in_a_real_envoy() {
    let module = std::env::var_os("TOLLGATE_MODULE").map_or_else(|| workspace::module("tollgate.wasm"), PathBuf::from);
    let folder = workspace::root().join("tests/scenarios");
    let files = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<PathBuf> = files.filter(|path| path.to_string_lossy().ends_with(".test.yaml")).collect();
    files.sort();
    assert!(files.len() > 5, "{}", folder.display());
    let failures: Vec<String> = std::thread::scope(|scope| {
        // Every second file, so that files of one kind are shared out.
        let parts = (0..AT_ONCE).map(|part| files.iter().skip(part).step_by(AT_ONCE).collect::<Vec<&PathBuf>>());
        let running: Vec<_> = parts.map(|part| scope.spawn(|| failure(&module, part))).collect();
        running.into_iter().filter_map(|part| part.join().unwrap()).collect()
    });
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

/// Returns the output of the command for files that do not pass.
fn failure(module: &Path, files: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Option<String> {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tollgate"));
    command.args(["test", "--backend", "envoy", "--module"]).arg(module).args(files).current_dir(workspace::root());
    let output = command.output().unwrap();
    let text = [output.stdout, output.stderr].concat();
    let failed = |line: &&str| !line.trim_start().starts_with("ok ");
    let text = String::from_utf8_lossy(&text).lines().filter(failed).collect::<Vec<_>>().join("\n");
    (!output.status.success()).then(|| format!("{}\n{text}", output.status))
}

/// Writes tests with a picture of 10 MB, more than Envoy buffers, and texts around it.
fn large_responses() -> PathBuf {
    let picture = "iVBORw0KGgoAAAANSUhEUgAA".repeat(430_000);
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
        for (is_streamed, trailers) in [(false, "{}"), (false, "{x-checksum: ab}"), (true, "{}")] {
            let parts = parts.join(",");
            let json = format!(
                r#"{{"candidates":[{{"content":{{"role":"model","parts":[{parts}]}},"finishReason":"STOP","index":0}}],"usageMetadata":{{"promptTokenCount":5,"candidatesTokenCount":40,"totalTokenCount":45}},"modelVersion":"g"}}"#
            );
            let (method, content_type, body) = match is_streamed {
                true => ("streamGenerateContent?alt=sse", "text/event-stream", format!("data: {json}\n\n")),
                false => ("generateContent", "application/json", json),
            };
            file += &format!(
                r#"- name: "text {name} a picture, {content_type}, trailers {trailers}"
  request: {{path: "/v1beta/models/g:{method}", json: {{contents: [{{role: user, parts: [{{text: "a bridge"}}]}}]}}}}
  response: {{headers: {{content-type: {content_type}}}, body: {}, trailers: {trailers}}}
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
    if let Some(failure) = failure(&module, [large_responses()]) {
        panic!("{failure:.4000}");
    }
}
