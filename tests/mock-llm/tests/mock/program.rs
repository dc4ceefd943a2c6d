//! Tests of the command-line program.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Output, Stdio};

use tollgate_mock_llm::KNOBS;

fn mock_llm(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_mock-llm")).args(arguments).output().unwrap()
}

/// Child process that is killed at the end of the test.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn help_names_every_knob() {
    let help = mock_llm(&["--help"]);
    let text = String::from_utf8(help.stdout).unwrap();
    assert!(help.status.success());
    for knob in KNOBS {
        assert!(text.contains(&format!("\n  {} ", knob.name)), "{}", knob.name);
    }
    assert!(text.lines().all(|line| line.len() <= 130), "{text}");
}

#[test]
fn invalid_arguments_are_reported() {
    for (arguments, expected) in [
        (&["serve"][..], "unknown argument `serve`"),
        (&["--listen"], "--listen requires a value"),
        (&["--listen", "127.0.0.1:0"], "NAME=ADDRESS"),
        (&["--listen", "a=nowhere"], "nowhere"),
        (&["--speed", "1"], "unknown knob `speed`"),
        (&["--words=many"], "invalid value of knob `words`"),
        (&["--record", "maybe"], "on or off"),
        (&["--probe", "127.0.0.1:1"], "127.0.0.1:1"),
    ] {
        let output = mock_llm(arguments);
        let text = String::from_utf8(output.stderr).unwrap();
        assert!(!output.status.success() && text.contains(expected), "{arguments:?}: {text}");
    }
}

#[test]
fn the_program_prints_its_addresses_and_serves() {
    let arguments = ["--listen", "openai=127.0.0.1:0", "--listen=local=127.0.0.1:0", "--words", "3"];
    let mut child =
        Command::new(env!("CARGO_BIN_EXE_mock-llm")).args(arguments).stdout(Stdio::piped()).spawn().unwrap();
    let stdout = child.stdout.take().unwrap();
    let _running = Running(child);
    let mut line = String::new();
    BufReader::new(stdout).read_line(&mut line).unwrap();
    let bound: serde_json::Value = serde_json::from_str(&line).unwrap();
    for name in ["openai", "local"] {
        let address = bound[name].as_str().unwrap();
        assert!(mock_llm(&["--probe", address]).status.success(), "{address}");
    }
}
