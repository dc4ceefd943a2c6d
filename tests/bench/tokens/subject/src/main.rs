//! Counts the tokens of a text and says how long that took.
//!
//! One program for every place in which counting is measured. It is told what to do by its arguments and given the text by
//! its standard input; Envoy has neither for a module, so there both are variables of the environment. Measured is the CPU
//! time of counting a text that was not seen before, after another half of the same corpus has warmed caches and the JIT.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "this is a program for the terminal")]

mod adversarial;
mod clock;
#[cfg(target_family = "wasm")]
mod envoy;
mod library;
mod memory;

use std::io::Read;
use std::process::ExitCode;

/// The variable with the arguments, where there are none.
const ARGUMENTS: &str = "TOLLGATE_BENCH";
/// The variable with the text, where there is no standard input.
const TEXT: &str = "TOLLGATE_BENCH_TEXT";

fn main() -> ExitCode {
    let mut arguments: Vec<String> = std::env::args().skip(1).collect();
    if arguments.is_empty() {
        let given = std::env::var(ARGUMENTS).unwrap_or_default();
        arguments.extend(given.split_whitespace().map(String::from));
    }
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let done = match arguments.as_slice() {
        ["count", library, encoding] => text().and_then(|text| library::count(library, encoding, &text)),
        ["stream", encoding] => text().and_then(|text| library::stream(encoding, text.as_bytes())),
        ["adversarial", encoding] => adversarial::run(encoding),
        ["start"] => library::start(),
        _ => Err("run it as `cargo xtask bench tokens`".to_owned()),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn text() -> Result<String, String> {
    if let Ok(text) = std::env::var(TEXT) {
        return Ok(text);
    }
    let mut text = String::new();
    std::io::stdin().read_to_string(&mut text).map_err(|error| format!("standard input: {error}"))?;
    Ok(text)
}
