//! Runs the subject of a benchmark.
//!
//! A program, the subject, measures crates of the core. It is built natively and as a module, and prints its measurements. This
//! crate runs it in a process ([`output`], for the native program and for Node) and in wasmtime ([`Module`]), with the part of
//! WASI that a subject uses and a clock of the caller's choice.

use std::process::{Command, Stdio};

use tollgate_envoy_harness::{Context, Error, Result};

mod wasi;

pub use wasi::{Clock, Module};

/// Runs a program and returns its standard output. Standard error is inherited.
pub fn output(command: &mut Command, stdin: Stdio) -> Result<String> {
    let what = format!("{} does not run", command.get_program().display());
    let output = command.stdin(stdin).stderr(Stdio::inherit()).output().context(|| what.clone())?;
    if !output.status.success() {
        return Err(Error::new(format!("{what}: {}", output.status)));
    }
    String::from_utf8(output.stdout).context(|| what)
}

/// Returns the version of the Node on `PATH`: `Node v20.20.2, V8 11.3.244.8-node.38`.
pub fn node_version() -> Result<String> {
    let mut node = Command::new("node");
    let text = output(node.args(["-p", "`Node ${process.version}, V8 ${process.versions.v8}`"]), Stdio::null());
    text.map(|text| text.trim().to_owned()).context(|| "this needs Node 20 or newer on PATH".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn returns_the_standard_output() {
        assert_eq!(output(Command::new("echo").arg("1 2"), Stdio::null()).unwrap(), "1 2\n");
        assert_eq!(output(&mut Command::new("cat"), Stdio::null()).unwrap(), "");
        let error = output(&mut Command::new("false"), Stdio::null()).unwrap_err().to_string();
        assert!(error.contains("false does not run"), "{error}");
    }
}
