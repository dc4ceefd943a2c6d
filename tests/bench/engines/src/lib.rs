//! What the subject of a benchmark runs in.
//!
//! Crates of the core are measured by a program, the subject, that is built natively and as a module and prints what it has
//! measured. Here is what runs it: a process ([`output`], for the native one and for Node) and wasmtime ([`Module`]), with as
//! much of WASI as a subject asks for and a clock of the caller's choice.

use std::process::{Command, Stdio};

use tollgate_envoy_harness::{Context, Error, Result};

mod wasi;

pub use wasi::{Clock, Module};

/// What a program prints; what it complains about goes where our complaints go. Without `stdin`, there is none.
pub fn output(command: &mut Command, stdin: Stdio) -> Result<String> {
    let what = format!("{} does not run", command.get_program().display());
    let output = command.stdin(stdin).stderr(Stdio::inherit()).output().context(|| what.clone())?;
    if !output.status.success() {
        return Err(Error::new(format!("{what}: {}", output.status)));
    }
    String::from_utf8(output.stdout).context(|| what)
}

/// The Node on `PATH`: `Node v20.20.2, V8 11.3.244.8-node.38`.
pub fn node_version() -> Result<String> {
    let mut node = Command::new("node");
    let text = output(node.args(["-p", "`Node ${process.version}, V8 ${process.versions.v8}`"]), Stdio::null());
    text.map(|text| text.trim().to_owned()).context(|| "this needs Node 20 or newer on PATH".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_program_prints() {
        assert_eq!(output(Command::new("echo").arg("1 2"), Stdio::null()).unwrap(), "1 2\n");
        assert_eq!(output(&mut Command::new("cat"), Stdio::null()).unwrap(), "");
        let error = output(&mut Command::new("false"), Stdio::null()).unwrap_err().to_string();
        assert!(error.contains("false does not run"), "{error}");
    }
}
