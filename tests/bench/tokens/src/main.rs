//! How fast tokens are counted: `cargo xtask bench tokens`.
//!
//! This program is what measures and what is measured: the driver runs it again for every measurement, natively or, as a
//! module, in the V8 of Node, which is what Envoy has. Measured is the CPU time of counting a text that was not seen before,
//! after another half of the same corpus has warmed caches and the JIT. Everything takes turns, round by round, and what is
//! to be compared are ratios: machines differ, and this one does other things as well.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "this is a program for the terminal")]

mod adversarial;
mod clock;
#[cfg(not(target_family = "wasm"))]
mod corpora;
#[cfg(not(target_family = "wasm"))]
mod driver;
mod subject;

use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let done = match arguments.as_slice() {
        ["count", library, encoding, path] => subject::count(library, encoding, path),
        ["stream", encoding, path] => subject::stream(encoding, path),
        ["adversarial", encoding] => adversarial::run(encoding),
        ["start"] => subject::start(),
        #[cfg(not(target_family = "wasm"))]
        ["drive", module, flags @ ..] if matches!(flags, [] | ["--quick"]) => driver::run(module, flags == ["--quick"]),
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
