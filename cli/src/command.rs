//! Implementations of the subcommands.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "this is a program for the terminal")]

mod bench;
mod check;
mod count;
mod explain;
mod import;
mod inspect;
mod module;
mod price;
mod prices;
mod render;
mod test;
mod tokenizer;
mod watch;

use std::io::{self, Write};
use std::process::ExitCode;

use clap::CommandFactory;

use crate::args::{Cli, Command, SchemaKind};
use crate::{paths_page, policy_page, schema};

/// Runs a subcommand. The exit code is 0, 1 (a test failed) or 2 (invalid input).
pub fn run(command: Command) -> ExitCode {
    match command {
        Command::Test(args) => test::run(&args),
        Command::Check(args) => check::run(&args),
        Command::Explain(args) => explain::run(&args),
        Command::Inspect(args) => inspect::run(&args),
        Command::Bench(command) => bench::run(&command),
        Command::Import(command) => import::run(&command),
        Command::Render(args) => render::run(&args),
        Command::Count(args) => count::run(&args),
        Command::Price(args) => price::run(&args),
        Command::Prices(command) => prices::run(&command),
        Command::Tokenizer(command) => tokenizer::run(&command),
        Command::Schema { kind: SchemaKind::Test } => print(schema::test_files().as_bytes()),
        Command::Schema { kind: SchemaKind::PolicyPage } => print(policy_page::page().as_bytes()),
        Command::Schema { kind: SchemaKind::PathsPage } => print(paths_page::page().as_bytes()),
        Command::Schema { kind: SchemaKind::Policy } => print(schema::policy_files().as_bytes()),
        Command::Completions { shell } => {
            let mut text = Vec::new();
            clap_complete::generate(shell, &mut Cli::command(), "tollgate", &mut text);
            print(&text)
        }
        Command::Man => print(&man()),
    }
}

/// Renders the man page: the command itself, then the options of `test`.
fn man() -> Vec<u8> {
    let mut text = Vec::new();
    let mut command = Cli::command();
    command.build();
    // Writing to memory cannot fail.
    let _ = clap_mangen::Man::new(command.clone()).render(&mut text);
    for subcommand in command.get_subcommands().filter(|subcommand| subcommand.get_name() == "test") {
        let page = clap_mangen::Man::new(subcommand.clone());
        let _ = page.render_description_section(&mut text);
        let _ = page.render_options_section(&mut text);
    }
    text
}

fn print(text: &[u8]) -> ExitCode {
    // A closed pipe is not an error: the reader has seen enough.
    match io::stdout().lock().write_all(text) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => ExitCode::from(2),
        _ => ExitCode::SUCCESS,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_argument_definitions_are_valid() {
        Cli::command().debug_assert();
    }

    #[test]
    fn the_help_of_commands_that_check_input_has_their_exit_status() {
        for name in ["test", "check", "explain", "inspect", "render", "count", "price"] {
            let mut command = Cli::command();
            let help = command.find_subcommand_mut(name).unwrap().render_long_help().to_string();
            assert!(help.contains("Exit status: 0"), "{help}");
        }
    }

    #[test]
    fn the_man_page_lists_every_option() {
        let text = String::from_utf8(man()).unwrap();
        for option in ["backend", "run", "format", "coverage", "watch", "module"] {
            assert!(text.contains(option), "{option}");
        }
    }
}
