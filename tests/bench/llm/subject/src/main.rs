//! Subject of `cargo xtask bench llm`: the same program natively, in wasmtime and in V8.
//!
//! It parses each body with each method in turn and prints a line per sample: name of the body, its bytes, name of the
//! method, nanoseconds per parse. The first argument is the number of rounds; the optional second one selects a body by
//! name, the third one a method.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "this is a program for the terminal")]

use std::hint::black_box;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use bodies::Body;
use methods::{METHODS, Method};

mod bodies;
mod methods;

/// Minimum duration of a sample: far above the resolution of the clock, far below a time slice of the scheduler.
const SAMPLE: Duration = Duration::from_millis(2);

fn main() -> ExitCode {
    let rounds = std::env::args().nth(1).and_then(|rounds| rounds.parse().ok()).unwrap_or(3);
    let wanted = |number: usize, name: &str| std::env::args().nth(number).is_none_or(|wanted| wanted == name);
    let mut bodies = bodies::all();
    bodies.retain(|body| wanted(2, body.name));
    let mut cells: Vec<(&Body, Method, u32)> = Vec::new();
    for body in &bodies {
        for method in METHODS.into_iter().filter(|method| wanted(3, method.0)) {
            if !method.1(&body.json) {
                eprintln!("{} refuses {}", method.0, body.name);
                return ExitCode::FAILURE;
            }
            cells.push((body, method, repetitions(body, method)));
        }
    }
    for _ in 0..rounds {
        for (body, method, repetitions) in &cells {
            let nanoseconds = time(body, *method, *repetitions).as_nanos() as f64 / f64::from(*repetitions);
            println!("{}\t{}\t{}\t{nanoseconds:.1}", body.name, body.json.len(), method.0);
        }
    }
    ExitCode::SUCCESS
}

/// Returns the number of parses that fill a sample. Determining it also warms up the code, until an engine has compiled
/// it with optimisation.
fn repetitions(body: &Body, method: Method) -> u32 {
    let mut repetitions: u32 = 1;
    loop {
        let time = time(body, method, repetitions);
        if time >= SAMPLE {
            return repetitions;
        }
        repetitions = repetitions.saturating_mul(2);
    }
}

fn time(body: &Body, method: Method, repetitions: u32) -> Duration {
    let start = Instant::now();
    for _ in 0..repetitions {
        black_box(method.1(black_box(&body.json)));
    }
    start.elapsed()
}
