//! Sends random calls through a real Envoy and compares the bill. `cargo xtask soak` builds the module and runs this.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "this is a program for the terminal")]

use std::process::ExitCode;
use std::time::Instant;

use tollgate_envoy_harness::{Context as _, Error, Result};
use tollgate_soak::Options;

fn main() -> ExitCode {
    match run() {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Runs the comparison; `true` if nothing differs.
fn run() -> Result<bool> {
    let mut options = Options::default();
    for argument in std::env::args().skip(1) {
        let (flag, value) = argument.split_once('=').unwrap_or((&argument, ""));
        let number = || value.parse::<u64>().context(|| format!("{flag} takes a number"));
        match flag {
            "--requests" => options.requests = number()?,
            "--seed" => options.seed = number()?,
            "--workers" => options.workers = usize::try_from(number()?).unwrap_or(usize::MAX),
            "--only" => (options.first, options.requests) = (number()?, 1),
            _ => return Err(Error::new(format!("unknown argument `{argument}`"))),
        }
    }
    let Options { requests, seed, workers, .. } = options;
    println!("{requests} requests, seed {seed}, {workers} at the same time");
    let start = Instant::now();
    let tally = tollgate_soak::run(&options, |done| {
        if done.is_multiple_of(1000) {
            eprintln!("{done} requests in {} s", start.elapsed().as_secs());
        }
    })?;
    print!("{tally}");
    let (count, seconds) = (tally.differences().len(), start.elapsed().as_secs());
    println!("{count} differences in {seconds} s (seed {seed})");
    Ok(count == 0)
}
