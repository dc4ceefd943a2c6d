//! Counts the tokens of a text and reports the time.
//!
//! One program for all engines. It reads its task from its arguments and the text from standard input; Envoy has
//! neither for a module, so there both are environment variables. It measures the CPU time of counting text that was
//! not seen before, after the first half of the same corpus has warmed the caches and the JIT.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "this is a program for the terminal")]

mod adversarial;
mod clock;
mod conversation;
#[cfg(target_family = "wasm")]
mod envoy;
mod library;
mod memory;

use std::io::Read;
use std::process::ExitCode;

/// Environment variable with the arguments, if there are none.
const ARGUMENTS: &str = "TOLLGATE_BENCH";
/// Environment variable with the text, if there is no standard input.
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
        ["conversation", mode, bytes, turns] => text().and_then(|text| conversation::run(mode, bytes, turns, &text)),
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

/// Reads the text.
fn text() -> Result<String, String> {
    if let Ok(text) = std::env::var(TEXT) {
        return Ok(text);
    }
    let mut text = String::new();
    std::io::stdin().read_to_string(&mut text).map_err(|error| format!("standard input: {error}"))?;
    Ok(text)
}
