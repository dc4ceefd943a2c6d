//! Runs the subject in a real Envoy, as a singleton WasmService that does its work when it is loaded.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::json;
use tollgate_envoy_harness::{Context, Envoy, Error, Result};

/// Log prefix of a line that a module printed.
const PRINTED: &str = "wasm log";
/// Log line of Envoy once everything is loaded.
const LOADED: &str = "starting main dispatch loop";

/// Runs the subject and returns what it prints.
pub(crate) fn run(envoy: &Envoy, module: &Path, arguments: &[&str], text: &str, scratch: &Path) -> Result<String> {
    let variables = json!({"TOLLGATE_BENCH": arguments.join(" "), "TOLLGATE_BENCH_TEXT": text});
    let service = json!({
        "@type": "type.googleapis.com/envoy.extensions.wasm.v3.WasmService",
        "singleton": true,
        "config": {"name": "bench", "vm_config": {
            "vm_id": "bench",
            "runtime": "envoy.wasm.runtime.v8",
            "code": {"local": {"filename": module}},
            "environment_variables": {"key_values": variables},
        }},
    });
    let bootstrap = json!({"bootstrap_extensions": [{"name": "envoy.bootstrap.wasm", "typed_config": service}]});
    let path = scratch.join("envoy.json");
    std::fs::write(&path, bootstrap.to_string()).context(|| path.display().to_string())?;
    let mut command = Command::new(envoy.path());
    command.args(["--disable-hot-restart", "--concurrency", "1", "-l", "info", "-c"]).arg(&path);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
    let mut child = command.spawn().context(|| "cannot start Envoy".into())?;
    let read = read(child.stderr.take().map(BufReader::new).ok_or_else(|| Error::new("Envoy has no standard error"))?);
    // Envoy has nothing more to do, or has exited.
    let _ = child.kill();
    let _ = child.wait();
    read
}

/// Returns the lines that the last VM printed: Envoy starts the module more than once, and each VM prints as many
/// lines.
fn read(log: impl BufRead) -> Result<String> {
    let (mut printed, mut log_lines) = (Vec::new(), Vec::new());
    for line in log.lines() {
        let line = line.context(|| "cannot read Envoy's log".into())?;
        if line.contains(LOADED) {
            return last(&printed)
                .ok_or_else(|| Error::new(format!("the module printed nothing in Envoy: {}", log_lines.join("\n"))));
        }
        match line.split_once(PRINTED).and_then(|(_, rest)| rest.split_once(": ")) {
            Some((_, text)) => printed.push(text.to_owned()),
            None => log_lines.push(line),
        }
    }
    Err(Error::new(format!("Envoy did not start: {}", log_lines.join("\n"))))
}

/// Returns the lines of the last run. Lines of a table start with a name, which repeats; other runs print one line.
fn last(printed: &[String]) -> Option<String> {
    let name = |line: &String| line.split_once('\t').map(|(name, _)| name.to_owned());
    let first = name(printed.first()?);
    let start = printed.iter().rposition(|line| name(line) == first)?;
    Some(printed.get(start..)?.join("\n"))
}
