//! Records traces from a real Envoy. `cargo xtask conformance` builds the probe and runs this.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "this is a program for the terminal")]

use std::path::Path;
use std::process::ExitCode;

use tollgate_conformance::comparison::Comparison;
use tollgate_conformance::golden::Golden;
use tollgate_conformance::scenario::{Setup, Theme};
use tollgate_conformance::{GOLDENS, SCENARIOS, envoy, module};
use tollgate_envoy_harness::{Envoy, Error, Result};

const USAGE: &str = "\
tollgate-conformance compare [--only THEME/SETUP/SCENARIO]
tollgate-conformance record [--envoy VERSION] [--only THEME/SETUP] [--twice]";

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    match run(&args) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Arguments of the command line.
#[derive(Default)]
struct Arguments {
    version: Option<String>,
    only: Option<String>,
    twice: bool,
}

/// Runs the command; `true` on success.
fn run(args: &[String]) -> Result<bool> {
    let mut args = args.iter();
    let mut arguments = Arguments::default();
    let recording = match args.next().map(String::as_str) {
        Some("record") => true,
        Some("compare") => false,
        _ => return Err(Error::new(USAGE)),
    };
    while let Some(flag) = args.next() {
        match flag.as_str() {
            "--envoy" if recording => arguments.version = Some(args.next().ok_or_else(|| Error::new(USAGE))?.clone()),
            "--only" => arguments.only = Some(args.next().ok_or_else(|| Error::new(USAGE))?.clone()),
            "--twice" if recording => arguments.twice = true,
            _ => return Err(Error::new(USAGE)),
        }
    }
    if !recording {
        let comparison = Comparison::run(arguments.only.as_deref())?;
        println!("{comparison}");
        return Ok(comparison.is_clean());
    }
    let envoy = match &arguments.version {
        Some(version) => Envoy::install(version)?,
        None => Envoy::find_or_install()?,
    };
    record(&envoy, &arguments)?;
    Ok(true)
}

fn record(envoy: &Envoy, arguments: &Arguments) -> Result<()> {
    let module = module()?;
    for theme in Theme::all(Path::new(SCENARIOS))? {
        let mut golden = Golden::read(Path::new(GOLDENS), &theme.name)?;
        for setup in &theme.setups {
            let name = format!("{}/{}", theme.name, setup.name);
            if !setup.recorded_from(envoy.version()) {
                continue;
            }
            if arguments.only.as_ref().is_some_and(|only| !name.starts_with(only)) {
                continue;
            }
            eprintln!("{name} in Envoy {}", envoy.version());
            let recorded = envoy::run(envoy, &module, setup)?;
            if arguments.twice {
                print_differences(&name, &recorded, &envoy::run(envoy, &module, setup)?);
            }
            golden.record(envoy.version(), &setup.name, recorded);
        }
        golden.write(Path::new(GOLDENS), &theme.name, &order(&theme.setups))?;
    }
    Ok(())
}

/// Prints the scenarios whose traces differ between two runs, which must not be recorded.
fn print_differences(
    setup: &str,
    first: &[tollgate_conformance::trace::Recorded],
    second: &[tollgate_conformance::trace::Recorded],
) {
    for (one, other) in first.iter().zip(second).filter(|(one, other)| one != other) {
        println!("{setup}/{} differs from run to run:", one.scenario);
        for (left, right) in one.lines.iter().zip(&other.lines).filter(|(left, right)| left != right) {
            println!("  {left}\n  {right}");
        }
        if one.lines.len() != other.lines.len() {
            println!("  {} and {} lines", one.lines.len(), other.lines.len());
        }
    }
}

/// Returns the names of all scenarios, in the order of the theme.
fn order(setups: &[Setup]) -> Vec<String> {
    setups.iter().flat_map(|setup| setup.names().into_iter().map(|name| format!("{}/{name}", setup.name))).collect()
}
