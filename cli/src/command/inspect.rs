//! `tollgate inspect`.

use std::collections::BTreeSet;
use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;

use tollgate_inspect::{Direction, Policy};
use tollgate_llm::Endpoint;
use tollgate_policy::document::Document;

use crate::args::{DirectionArg, InspectArgs};
use crate::inspection::{self, Input, Inspector, Output};
use crate::policy_file;
use crate::problem::Problem;

pub(super) fn run(args: &InspectArgs) -> ExitCode {
    match inspect(args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(problems) => {
            problems.iter().for_each(|problem| eprint!("{problem}"));
            ExitCode::from(2)
        }
    }
}

fn inspect(args: &InspectArgs) -> Result<(), Vec<String>> {
    let fail = |problem: Problem| vec![format!("error: {problem}\n")];
    let policy = rules(&args.policy)?;
    let endpoint = Endpoint::detect(b"POST", args.path.as_bytes())
        .ok_or_else(|| fail(Problem::new(format!("--path: `{}` is no path of a supported API", args.path))))?;
    let direction = args.direction.map(DirectionArg::direction);
    let inspector = Inspector { policy: &policy, direction, endpoint: &endpoint, show_text: args.show_text };
    let bytes = super::count::read(&args.file).map_err(fail)?;
    let text = String::from_utf8(bytes).map_err(|_| fail(Problem::of(&args.file, "not UTF-8")))?;
    if !args.jsonl {
        let output = inspector.inspect(&Input { text: Some(text), ..Input::default() });
        return write(&output.map_err(|error| fail(Problem::of(&args.file, error)))?).map_err(fail);
    }
    for (at, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let at_line =
            |message: String| fail(Problem { line: at as u64 + 1, column: 1, ..Problem::of(&args.file, message) });
        let input = inspection::parse(line).map_err(at_line)?;
        write(&inspector.inspect(&input).map_err(at_line)?).map_err(fail)?;
    }
    Ok(())
}

/// Prints a line of output.
fn write(output: &Output) -> Result<(), Problem> {
    let line = serde_json::to_string(output).map_err(|error| Problem::new(error.to_string()))?;
    match writeln!(io::stdout().lock(), "{line}") {
        // A closed pipe is not an error: the reader has seen enough.
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(Problem::new(error.to_string())),
        _ => Ok(()),
    }
}

/// Reads the rules of a policy file. Without rules, nothing matches.
pub(super) fn rules(file: &Path) -> Result<Policy, Vec<String>> {
    let document =
        policy_file::load(file, &mut BTreeSet::new()).map_err(|problem| vec![format!("error: {problem}\n")])?;
    let show = |found: Vec<_>| found.iter().map(|located| Document::show(&document, located)).collect::<Vec<_>>();
    let policy = document.compile().map_err(show)?;
    policy.firewall.ok_or_else(|| vec![format!("error: {}: the policy has no `firewall`\n", file.display())])
}

impl DirectionArg {
    /// Returns the direction of the rules.
    pub(super) fn direction(self) -> Direction {
        match self {
            DirectionArg::Request => Direction::Request,
            DirectionArg::Response => Direction::Response,
        }
    }
}
