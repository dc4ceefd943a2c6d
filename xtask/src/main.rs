//! The project's commands: `cargo xtask <command>`.
//!
//! What a person types is here in full, so that nothing about building, trying or testing Tollgate is kept in a CI file or in
//! somebody's head. Progress and errors go to standard error; standard output has what was asked for. Every process that is
//! started here ends with this one, however it ends (see `tollgate_testbed::child`).
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "this is a program for the terminal")]
#![allow(clippy::indexing_slicing, reason = "of JSON values only, where what is not there is null")]

use std::process::ExitCode;

use tollgate_testbed::{Error, Result};

mod bench;
mod cargo;
mod check;
mod conformance;
mod demo;
mod modules;
mod mutants;
mod progress;
mod setup;
mod suite;

const HELP: &str = "\
cargo xtask <command>

  demo [--keep [--json]]   an AI gateway at work: Envoy with the four filters, a mock provider, and a tour of requests
                           --keep: leave it running until interrupted; --json: no tour, one line of JSON with its URLs
  test                     the whole test suite: natively, and in a real Envoy
  build                    the modules, in release, and their sizes
  setup                    what is missing of the wasm32-wasip1 target and of Envoy
  check                    that the crates depend on each other as the design says
  conformance [--only X]   the host against what was recorded of real Envoys
                           --record [--envoy VERSION]: records it anew, from an Envoy that is installed if need be
  mutants [NAME]           filters broken on purpose, one way after the other: whether the *.test.yaml notice
  bench [--quick|--write]  what the filters cost, as ratios to an Envoy without wasm
                           --quick: only whether it works; --write: into docs/benchmarks.md
  bench tokens [--quick]   how fast tokens are counted, natively, in wasmtime, V8 and Envoy, next to other tokenizers
  bench llm [...]          how fast core/llm reads requests, natively, in wasmtime and in V8 (needs node)
  bench instructions [...] instructions that the filters execute for the *.test.yaml files, and counting for each text
                           --against MODULE, --against-counter MODULE: with the ratio to another build
  help                     this text

Variables: ENVOY, an Envoy of your own (1.36 or newer, with wasm); CARGO_TARGET_DIR.
";

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    match run(&args) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(args: &[&str]) -> Result<ExitCode> {
    match args {
        ["help" | "--help" | "-h"] => print!("{HELP}"),
        ["setup"] => setup::run()?,
        ["build"] => modules::run()?,
        ["check"] => check::run()?,
        ["test"] => suite::run()?,
        ["mutants"] => mutants::run(None)?,
        ["mutants", name] => mutants::run(Some(name))?,
        ["conformance", flags @ ..] => conformance::run(flags)?,
        ["bench", flags @ ..] => bench::run(flags)?,
        ["demo", flags @ ..] => return demo::run(demo::Mode::parse(flags)?),
        [] => {
            eprint!("{HELP}");
            return Ok(ExitCode::from(2));
        }
        _ => return Err(Error::new(format!("no such command: `{}` (see `cargo xtask help`)", args.join(" ")))),
    }
    Ok(ExitCode::SUCCESS)
}
