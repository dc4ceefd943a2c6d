//! The project's commands: `cargo xtask <command>`.
//!
//! Every step of building, trying and testing Tollgate is a command here; CI files only call them. Progress and errors are
//! printed to standard error, results to standard output. Every process that is started here ends with this one, even if this
//! one is killed (see `tollgate_envoy_harness::child`).
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "this is a program for the terminal")]
#![allow(clippy::indexing_slicing, reason = "only JSON values are indexed, where a missing member is null")]

use std::process::ExitCode;

use tollgate_envoy_harness::{Error, Result};

mod bench;
mod binary;
mod cargo;
mod check;
mod conformance;
mod demo;
mod deny;
mod envoy;
mod modules;
mod mutants;
mod prices;
mod progress;
mod proofs;
mod release;
mod schemas;
mod setup;
mod soak;
mod suite;

const HELP: &str = "\
cargo xtask <command>

  demo [--keep [--json]]   start Envoy with the four filters and a mock provider, and send a tour of requests
                           --keep: leave them running until interrupted; --json: no tour, print the URLs as one line of JSON
  test                     run the whole test suite, natively and in a real Envoy
  build                    build the modules in release, and print their sizes
  setup                    install the wasm32-wasip1 target and Envoy, if missing
  check                    check the house rules: dependency directions, doc comments, commit subjects
  deny [CHECK...]          check the dependencies against deny.toml: bans, licenses, sources (the default), advisories
  schemas [--write]        compare the checked-in schemas and envoy/envoy.yaml with what the command prints; --write: update them
  prices --update [--from FILE]
                           write the price list of the built-in table from the newest package, and print the difference
         --compare         write the costs that the package computes, which a test compares with ours
  check-binary [PATH]      check that the command contains no path of this machine, and runs with the checkout hidden
  conformance [--only X]   compare the host with the recordings of real Envoys
                           --record [--envoy VERSION]: record them again, from an Envoy that is installed if need be
  mutants [NAME]           break the filters on purpose, one defect at a time: the *.test.yaml files have to fail
  envoy VERSION            run the conformance recordings, the end-to-end tests and the validation of rendered bootstraps
                           against this version of Envoy
  soak [...]               compare the bills of 20,000 random calls in a real Envoy with what the mock provider sent
  soak slow-clients [...]  measure the memory of 2,000 clients that stall in a real Envoy
                           --requests=N: more or fewer; --seed=N: other calls; --workers=N: calls at the same time;
                           --only=N: only the call with this number
  proofs                   run the fuzz targets and the comparison with tiktoken for hours, and `bench sizes`
  release binary TARGET    build the release files in target/dist: the command for a target,
          modules          the modules,
          checksums        and the checksums of what is there
  bench [...]              measure the cost of the filters, as ratios to an Envoy without wasm
                           --quick: only check that the benchmark runs; --write: update docs/benchmarks.md;
                           --rounds=N: fewer or more rounds than 7; --access-log: log every request
  bench tokens [--quick]   measure token counting natively, in wasmtime, V8 and Envoy, next to other tokenizers
  bench firewall [...]     measure the rules of all packs natively and in V8, next to aho-corasick alone (needs node)
  bench inspect FILE [...] measure the rules of a gitleaks configuration natively, next to aho-corasick alone
  bench llm [...]          measure how core/llm reads requests natively, in wasmtime and in V8 (needs node)
  bench instructions [...] count the instructions that the filters execute for the *.test.yaml files, and counting per text
                           --against MODULE, --against-counter MODULE: with the ratio to another build
  bench sizes [...]        count the instructions per byte of bodies of 1 to 8 MiB of all kinds
                           --write: update docs/measurements/sizes.md; --only=NAME: only inputs with this in their name
  help                     print this text

Environment: ENVOY, path of an Envoy to use (1.36 or newer, with wasm); CARGO_TARGET_DIR.
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
        ["check-binary"] => binary::check(None)?,
        ["check-binary", path] => binary::check(Some(path))?,
        ["test"] => suite::run()?,
        ["deny", checks @ ..] => deny::run(checks)?,
        ["schemas", flags @ ..] => schemas::run(flags)?,
        ["envoy", version] => envoy::run(version)?,
        ["prices", flags @ ..] => prices::run(flags)?,
        ["soak", flags @ ..] => soak::run(flags)?,
        ["proofs"] => proofs::run()?,
        ["release", arguments @ ..] => release::run(arguments)?,
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
