//! Instructions that the filters execute for the `*.test.yaml` files: `cargo xtask bench instructions`.
//!
//! Each test runs in the host in one way, everything sent whole, and wasmtime counts the instructions (units of fuel) that
//! the module executes, including those that start and configure its virtual machines. Seed and clock of the host are fixed,
//! so the same module gives the same numbers in every run and on every machine: unlike a time, a change of one percent is
//! visible.
//!
//! `sizes` counts them per byte, for bodies of several sizes and kinds: `cargo xtask bench sizes`.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "this is a program for the terminal")]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use tollgate::backend::Backend;
use tollgate::backend::wasm::Wasm;
use tollgate::plan::{self, Suite};
use tollgate::problem::Problems;
use tollgate::{discover, matrix};
use tollgate_bench_instructions::sizes;
use tollgate_envoy_harness::{Context, Error, Result};
use tollgate_host::Module;
use tollgate_workspace as workspace;

const HELP: &str = "\
tollgate-bench-instructions <module> [--against <module>]; run it as `cargo xtask bench instructions`
tollgate-bench-instructions sizes <module> [--write] [--quick] [--only=<part of a name>]; run it as `cargo xtask bench sizes`
";

/// Folders with the test files, from the root of the workspace.
const FOLDERS: [&str; 2] = ["examples", "tests/scenarios"];

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let done = match arguments.as_slice() {
        ["--help" | "-h"] => {
            print!("{HELP}");
            Ok(())
        }
        ["sizes", module, flags @ ..] => measure_sizes(Path::new(module), flags),
        [module] => run(Path::new(module), None),
        [module, "--against", other] => run(Path::new(module), Some(Path::new(other))),
        _ => Err(Error::new(HELP.trim_end())),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Prints the instructions per byte for all inputs and sizes, and fails if some exceed the bounds.
fn measure_sizes(module: &Path, flags: &[&str]) -> Result<()> {
    let (mut writes, mut only, mut sizes_of) = (false, None, sizes::all_sizes());
    for flag in flags {
        match flag.strip_prefix("--only=") {
            Some(part) => only = Some(part),
            None if *flag == "--write" => writes = true,
            None if *flag == "--quick" => sizes_of = sizes::QUICK.to_vec(),
            None => return Err(Error::new(format!("sizes takes --write, --quick or --only=NAME, not `{flag}`"))),
        }
    }
    if writes && only.is_some() {
        return Err(Error::new("--write needs all inputs"));
    }
    let mut inputs = sizes::inputs();
    inputs.retain(|input| input.name == sizes::PROSE || only.is_none_or(|part| input.name.contains(part)));
    let module = sizes::module(module)?;
    let rows = sizes::measure(&module, &inputs, &sizes_of, |row| println!("{row}"))?;
    if writes {
        sizes::write_page(&rows)?;
    }
    let excess = sizes::excess(&rows, sizes::BOUNDS);
    if excess.is_empty() { Ok(()) } else { Err(Error::new(format!("above the bounds:\n{}", excess.join("\n")))) }
}

fn run(module: &Path, against: Option<&Path>) -> Result<()> {
    let suites = suites()?;
    let counts = count(module, &suites)?;
    let before = against.map(|path| count(path, &suites)).transpose()?;
    match &before {
        Some(_) => println!("{:>14} {:>14} {:>7}  file", "before", "instructions", "ratio"),
        None => println!("{:>14}  file", "instructions"),
    }
    let line = |name: &str, count: u64, before: Option<u64>| match before {
        Some(before) => println!("{before:>14} {count:>14} {:>7.4}  {name}", ratio(count, before)),
        None => println!("{count:>14}  {name}"),
    };
    for (at, (suite, count)) in suites.iter().zip(&counts).enumerate() {
        let path = suite.path.strip_prefix(workspace::root()).unwrap_or(&suite.path);
        line(&path.display().to_string(), *count, before.as_ref().and_then(|before| before.get(at).copied()));
    }
    line("total", counts.iter().sum(), before.map(|before| before.iter().sum()));
    Ok(())
}

/// Reads all test files and the examples of the policies that they name.
fn suites() -> Result<Vec<Suite>> {
    let folders: Vec<PathBuf> = FOLDERS.iter().map(|folder| workspace::root().join(folder)).collect();
    let problems = |found: Problems| Error::new(found.to_string());
    let files = discover::test_files(&folders).map_err(|problem| problems(problem.into()))?;
    let mut suites: Vec<Suite> = files
        .iter()
        .map(|path| Suite::read(path, &mut BTreeSet::new()))
        .collect::<std::result::Result<_, _>>()
        .map_err(problems)?;
    suites.extend(plan::examples(&suites));
    Ok(suites)
}

/// Runs every test once and returns the instructions of each suite.
fn count(path: &Path, suites: &[Suite]) -> Result<Vec<u64>> {
    let bytes = std::fs::read(path).context(|| path.display().to_string())?;
    let module = Module::new_counting(&bytes).context(|| path.display().to_string())?;
    suites
        .iter()
        .map(|suite| {
            let start = module.instructions();
            let backend = Wasm::new(&module, &suite.chain).map_err(|problem| Error::new(problem.to_string()))?;
            for case in &suite.cases {
                let cut_points = matrix::cut_points(case, &suite.chain.firewall);
                // The first way sends everything whole.
                let deliveries = matrix::deliveries(case, &cut_points);
                let Some(whole) = deliveries.first() else { continue };
                backend
                    .run(case, &cut_points, whole)
                    .map_err(|error| Error::new(format!("{}: {}: {error}", suite.path.display(), case.name)))?;
            }
            Ok(module.instructions() - start)
        })
        .collect()
}

#[allow(clippy::cast_precision_loss, reason = "shown with four digits")]
fn ratio(count: u64, before: u64) -> f64 {
    count as f64 / before as f64
}
