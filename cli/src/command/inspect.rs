//! `tollgate inspect`.

use std::collections::BTreeSet;
use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;

use tollgate_inspect::{Caller, Direction, Policy, RuleSet};
use tollgate_llm::Endpoint;
use tollgate_policy::CompiledPolicy;
use tollgate_policy::document::Document;

use crate::args::{DirectionArg, InspectArgs};
use crate::inspection::{self, Input, Inspector, Output};
use crate::policy_file;
use crate::problem::Problem;
use crate::today::today;

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
    let policy = compiled(&args.policy)?;
    let rules = policy.firewall.as_ref().ok_or_else(|| no_firewall(&args.policy))?;
    let excluded = excluded(&policy, rules, args);
    let endpoint = Endpoint::detect(b"POST", args.path.as_bytes())
        .ok_or_else(|| fail(Problem::new(format!("--path: `{}` is no path of a supported API", args.path))))?;
    let direction = args.direction.map(DirectionArg::direction);
    let inspector =
        Inspector { policy: rules, excluded: &excluded, direction, endpoint: &endpoint, show_text: args.show_text };
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

/// Returns the rules that do not apply to the caller of the arguments; none if they name no caller.
fn excluded(policy: &CompiledPolicy, rules: &Policy, args: &InspectArgs) -> RuleSet {
    let InspectArgs { consumer, team, model, .. } = args;
    if [consumer, team, model].iter().all(|name| name.is_none()) {
        return RuleSet::new();
    }
    let alias = model.as_deref().map(|model| policy.catalog.resolve_alias(model));
    let models: Vec<&str> = model.as_deref().into_iter().chain(alias).collect();
    let decision = policy.router.as_ref().and_then(|router| router.decide(model.as_deref()).ok());
    rules.excluded(&Caller {
        consumer: consumer.as_deref(),
        team: team.as_deref(),
        models: &models,
        route: decision.map(|decision| decision.route),
        today: Some(&today),
    })
}

/// Reads the rules of a policy file.
pub(super) fn rules(file: &Path) -> Result<Policy, Vec<String>> {
    compiled(file)?.firewall.ok_or_else(|| no_firewall(file))
}

fn no_firewall(file: &Path) -> Vec<String> {
    vec![format!("error: {}: the policy has no `firewall`\n", file.display())]
}

/// Reads and compiles a policy file.
fn compiled(file: &Path) -> Result<CompiledPolicy, Vec<String>> {
    let document =
        policy_file::load(file, &mut BTreeSet::new()).map_err(|problem| vec![format!("error: {problem}\n")])?;
    let show = |found: Vec<_>| found.iter().map(|located| Document::show(&document, located)).collect::<Vec<_>>();
    document.compile().map_err(show)
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

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Command {
        #[command(flatten)]
        args: InspectArgs,
    }

    #[test]
    fn scopes_and_exceptions_apply_to_a_caller() {
        let text = "version: 1\nidentity: {consumer: {header: x-user}, team: {header: x-team}}\n\
                    models: {gpt-4o: {route: r}, fast: {alias_of: gpt-4o}}\nfirewall:\n  rules:\n  \
                    - {id: of-a, match: {keywords: [heron]}, action: log, scope: {consumers: a}}\n  \
                    - {id: of-red, match: {keywords: [heron]}, action: log, scope: {teams: red}}\n  \
                    - {id: of-model, match: {keywords: [heron]}, action: log, scope: {models: gpt-4o}}\n  \
                    - {id: all, match: {keywords: [heron]}, action: log, exceptions: [{consumers: a, reason: r}, {consumers: b, reason: r, \
                    until: 2020-01-01}]}\n";
        let policy = Document::parse("p.yaml", text).compile().unwrap();
        let rules = policy.firewall.as_ref().unwrap();
        for (args, expected) in [
            (&[][..], &["of-a", "of-red", "of-model", "all"][..]),
            (&["--consumer", "a"], &["of-a"]),
            (&["--consumer", "b"], &["all"]),
            (&["--team", "red"], &["of-red", "all"]),
            (&["--model", "fast"], &["of-model", "all"]),
            (&["--consumer", "a", "--team", "red", "--model", "gpt-4o-2024-08-06"], &["of-a", "of-red", "of-model"]),
        ] {
            let args = Command::parse_from([&["inspect"], args].concat()).args;
            let excluded = excluded(&policy, rules, &args);
            let endpoint = Endpoint::detect(b"POST", b"/v1/chat/completions").unwrap();
            let inspector = Inspector {
                policy: rules,
                excluded: &excluded,
                direction: None,
                endpoint: &endpoint,
                show_text: false,
            };
            for input in [
                r#"{"text": "a heron"}"#,
                r#"{"body": {"messages": [{"role": "user", "content": "a heron"}]}}"#,
                r#"{"scope": "response", "text": "a heron"}"#,
                r#"{"scope": "response", "body": {"choices": [{"message": {"role": "assistant", "content": "a heron"}}]}}"#,
            ] {
                let output = inspector.inspect(&inspection::parse(input).unwrap()).unwrap();
                let found: Vec<&str> = output.rules.iter().map(|hit| hit.id.as_str()).collect();
                assert_eq!(found, expected, "{:?} {input}", (&args.consumer, &args.team, &args.model));
            }
        }
    }
}
