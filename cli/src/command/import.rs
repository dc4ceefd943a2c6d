//! `tollgate import`.

use std::process::ExitCode;

use crate::args::{GitleaksArgs, ImportCommand};
use crate::import::gitleaks::{Config, Options, import};
use crate::problem::Problem;

pub(super) fn run(command: &ImportCommand) -> ExitCode {
    let ImportCommand::Gitleaks(args) = command;
    match gitleaks(args) {
        Ok(text) => super::print(text.as_bytes()),
        Err(problem) => {
            eprintln!("error: {problem}");
            ExitCode::from(2)
        }
    }
}

fn gitleaks(args: &GitleaksArgs) -> Result<String, Problem> {
    let bytes = super::count::read(&args.file)?;
    let text = String::from_utf8(bytes).map_err(|_| Problem::of(&args.file, "not UTF-8"))?;
    let config = Config::parse(&args.file, &text)?;
    let options = Options {
        prefix: args.prefix.clone(),
        action: args.action.name().to_owned(),
        max_match_bytes: args.max_match_bytes,
    };
    let imported = import(&config, &options);
    for note in &imported.notes {
        eprintln!("{note}");
    }
    eprintln!("{} of {} rules imported.", imported.rules, config.rules.len());
    Ok(imported.text)
}
