//! The `tollgate` command; see the library.

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    tollgate::command::run(tollgate::args::Cli::parse().command)
}
