//! Measures the memory of slow clients in a real Envoy and prints a table. `cargo xtask soak slow-clients` builds the module and
//! runs this.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "this is a program for the terminal")]

use std::process::ExitCode;

use tollgate_soak::slow_clients::{Load, ORDINARY_CALLS, Stall, run};

fn main() -> ExitCode {
    let clients =
        std::env::args().find_map(|argument| argument.strip_prefix("--clients=")?.parse().ok()).unwrap_or(2000);
    println!("| Clients | Each | Filter | wait | 503 | other | MiB before | MiB more | KiB each | Ordinary calls |");
    println!("|---|---|---|---|---|---|---|---|---|---|");
    let mut is_right = true;
    for (stall, bytes, is_filtered) in [
        (Stall::Request, 100 << 10, false),
        (Stall::Request, 100 << 10, true),
        (Stall::Request, 1 << 20, true),
        (Stall::Response, 1 << 20, false),
        (Stall::Response, 1 << 20, true),
    ] {
        let load = Load { stall, clients, bytes, max_held_bytes: 256 << 20, is_filtered };
        match run(&load) {
            Ok(measured) => {
                is_right &= measured.served == ORDINARY_CALLS && measured.failed == 0;
                let name = format!("{clients}, stalled in the {stall:?}").to_lowercase();
                println!("| {name} | {} KiB | {} | {measured} |", bytes >> 10, if is_filtered { "yes" } else { "no" });
            }
            Err(error) => {
                eprintln!("error: {error}");
                return ExitCode::FAILURE;
            }
        }
    }
    if is_right { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
