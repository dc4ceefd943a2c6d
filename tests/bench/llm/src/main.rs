//! Measures how fast `core/llm` parses requests: `cargo xtask bench llm`.
//!
//! The same program, the subject, parses the same bodies with the same methods natively, in wasmtime and in V8, the
//! engine in which Envoy runs modules; in V8 also as a module without SIMD instructions, to show their benefit. Methods
//! take turns within a run of the subject, and engines take turns from run to run.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "this is a program for the terminal")]

use std::path::PathBuf;
use std::process::{Command, ExitCode};

use tollgate_envoy_harness::{Context, Error, Result};
use tollgate_workspace as workspace;

use engine::{Engine, Subjects};
use samples::Row;

mod engine;
mod samples;
mod section;

/// Page that publishes the results.
const PAGE: &str = "docs/benchmarks.md";

/// Number of runs of each engine, and of samples of each method in a run.
const RUNS: u32 = 5;
const SAMPLES: u32 = 6;

const HELP: &str = "\
tollgate-bench-llm <native> <module> <scalar module> [--quick | --write]; run it as `cargo xtask bench llm`, which builds them

  --quick   smoke run: shows that it works, with meaningless numbers
  --write   writes a section of docs/benchmarks.md
";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let done = match arguments.as_slice() {
        ["--help" | "-h"] => {
            print!("{HELP}");
            Ok(())
        }
        [native, module, scalar, flags @ ..] if matches!(flags, [] | ["--quick" | "--write"]) => {
            let [native, module, scalar] = [native, module, scalar].map(PathBuf::from);
            run(&Subjects { native, module, scalar }, flags)
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

fn run(subjects: &Subjects, flags: &[&str]) -> Result<()> {
    let (runs, samples) = if flags == ["--quick"] { (1, 1) } else { (RUNS, SAMPLES) };
    let versions = format!("{}, modules by {}", tollgate_bench_engines::node_version()?, rustc()?);
    let mut measured: Vec<(Engine, Vec<Row>)> = Engine::ALL.map(|engine| (engine, Vec::new())).into();
    for number in 1..=runs {
        for (engine, rows) in &mut measured {
            eprintln!("    {}, run {number} of {runs}", engine.name());
            let printed = engine.run(subjects, &[&samples.to_string()])?;
            samples::join(rows, samples::read(&printed)?);
        }
    }
    let section = section::render(&measured, runs * samples, &versions)?;
    print!("{section}");
    if flags == ["--write"] {
        let path = workspace::root().join(PAGE);
        let page = std::fs::read_to_string(&path).context(|| format!("cannot read {}", path.display()))?;
        let page = section::into_page(&page, &section);
        std::fs::write(&path, page).context(|| format!("cannot write {}", path.display()))?;
        eprintln!("    written to {PAGE}");
    }
    Ok(())
}

/// Returns the compiler version, for example `rustc 1.95.0`.
fn rustc() -> Result<String> {
    let rustc = std::env::var_os("RUSTC").filter(|path| !path.is_empty()).unwrap_or_else(|| "rustc".into());
    let output = Command::new(rustc).arg("--version").current_dir(workspace::root()).output();
    let text = output.context(|| "cannot start rustc".into())?.stdout;
    let text = String::from_utf8_lossy(&text);
    Ok(text.split_whitespace().take(2).collect::<Vec<_>>().join(" "))
}
