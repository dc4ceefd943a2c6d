//! `tollgate import`.

use std::path::Path;
use std::process::ExitCode;

use tollgate_inspect::RawPolicy;

use crate::args::{GitleaksArgs, ImportCommand, PresidioArgs};
use crate::import::{Imported, Options, gitleaks, presidio};
use crate::problem::Problem;

pub(super) fn run(command: &ImportCommand) -> ExitCode {
    let imported = match command {
        ImportCommand::Gitleaks(args) => from_gitleaks(args),
        ImportCommand::Presidio(args) => from_presidio(args),
    };
    match imported {
        Ok((imported, summary)) => {
            imported.notes.iter().for_each(|note| eprintln!("{note}"));
            eprintln!("{summary}");
            super::print(imported.text.as_bytes())
        }
        Err(problem) => {
            eprintln!("error: {problem}");
            ExitCode::from(2)
        }
    }
}

fn from_gitleaks(args: &GitleaksArgs) -> Result<(Imported, String), Problem> {
    let config = gitleaks::Config::parse(&args.file, &text(&args.file)?)?;
    let options = Options {
        prefix: args.prefix.clone(),
        action: args.action.name().to_owned(),
        max_match_bytes: args.max_match_bytes,
    };
    let imported = gitleaks::import(&config, &options);
    let summary = format!("{} of {} rules imported.", imported.rules, config.rules.len());
    Ok((imported, summary))
}

fn from_presidio(args: &PresidioArgs) -> Result<(Imported, String), Problem> {
    let config = presidio::Config::parse(&args.file, &text(&args.file)?)?;
    let options = Options {
        prefix: args.prefix.clone(),
        action: args.action.name().to_owned(),
        max_match_bytes: RawPolicy::default_max_match_bytes(),
    };
    let imported = presidio::import(&config, &options);
    let summary = format!("{} rules imported from {} recognizers.", imported.rules, config.recognizers.len());
    Ok((imported, summary))
}

fn text(file: &Path) -> Result<String, Problem> {
    let bytes = super::count::read(file)?;
    String::from_utf8(bytes).map_err(|_| Problem::of(file, "not UTF-8"))
}
