//! Token counting benchmark: `cargo xtask bench tokens`.
//!
//! One program, the subject, counts the same texts natively, in wasmtime, in Node's V8 and in Envoy, in turns with
//! other libraries. It measures CPU time (in V8, which compiles in other threads, wall-clock time), the minimum of
//! several rounds for each part of a text. Only ratios are comparable: machines differ, and this one may run other work
//! as well.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "this is a program for the terminal")]

use std::path::PathBuf;
use std::process::ExitCode;

use tollgate_envoy_harness::{Error, Result};

mod adversarial;
#[path = "../subject/src/clock.rs"]
mod clock;
mod corpora;
mod engine;
mod envoy;
mod instructions;
mod speed;
mod start;
mod target;

use engine::{Engines, Programs};
use target::Targets;

const HELP: &str = "\
tollgate-bench-tokens <native> <module> <module with o200k_base alone> [--quick]; run it as `cargo xtask bench tokens`

  --quick   run one round only, as a smoke test
";

/// Number of rounds; the best one counts.
const ROUNDS: usize = 7;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let done = match arguments.as_slice() {
        ["--help" | "-h"] => {
            print!("{HELP}");
            Ok(())
        }
        ["instructions", module] => instructions::run(module.as_ref(), None),
        ["instructions", module, "--against", other] => instructions::run(module.as_ref(), Some(other.as_ref())),
        [native, module, small, flags @ ..] if matches!(flags, [] | ["--quick"]) => {
            let [native, module, small] = [native, module, small].map(PathBuf::from);
            run(Programs { native, module, small }, if flags.is_empty() { ROUNDS } else { 1 })
        }
        other => Err(Error::new(format!("unknown arguments `{}` (see --help)", other.join(" ")))),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(programs: Programs, rounds: usize) -> Result<()> {
    let engines = Engines::new(programs)?;
    let corpora = corpora::write(engines.scratch())?;
    let mut targets = Targets::default();
    for encoding in ["o200k_base", "cl100k_base"] {
        speed::texts(&engines, &corpora, encoding, rounds, &mut targets)?;
    }
    speed::streams(&engines, &corpora, rounds, &mut targets)?;
    adversarial::run(&engines, rounds, &mut targets)?;
    start::run(&engines, &mut targets)?;
    targets.print();
    Ok(())
}
