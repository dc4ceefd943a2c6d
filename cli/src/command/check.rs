//! `tollgate check`.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::ExitCode;

use serde_json::Value;
use tollgate_inspect::{ExampleError, RawExamples};
use tollgate_policy::document::Document;
use tollgate_policy::{CompiledPolicy, FAILING_EXAMPLE, Finding, Path as ValuePath};

use crate::args::CheckArgs;
use crate::envoy_routes::EnvoyRoutes;
use crate::policy_file;
use crate::problem::Problem;
use crate::report::findings::{CheckedFile, Checks};

pub(super) fn run(args: &CheckArgs) -> ExitCode {
    let checks = checks(args);
    if args.print {
        for file in &checks.files {
            print!("{}", file.document.print());
        }
    }
    print!("{}", checks.render(args.format));
    ExitCode::from(checks.exit_code())
}

fn checks(args: &CheckArgs) -> Checks {
    let mut checks = Checks::default();
    let routes = match args.envoy.as_deref().map(envoy).transpose() {
        Ok(value) => value.as_ref().map(EnvoyRoutes::of),
        Err(problem) => {
            checks.problems.push(problem);
            None
        }
    };
    for path in &args.files {
        match policy_file::load(path, &mut BTreeSet::new()) {
            Ok(document) => checks.files.push(check(document, routes.as_ref())),
            Err(problem) => checks.problems.push(problem),
        }
    }
    checks
}

fn check(document: Document, routes: Option<&EnvoyRoutes>) -> CheckedFile {
    let mut findings = match document.compile() {
        Ok(policy) => {
            let mut findings = document.locate(policy.warnings.clone());
            findings.extend(document.locate(examples(document.value(), &policy)));
            findings
        }
        Err(findings) => findings,
    };
    if let Some(routes) = routes {
        findings.extend(document.locate(routes.findings(document.value())));
    }
    CheckedFile { document, findings }
}

/// Runs the examples of all rules, and returns those that contradict their rule.
fn examples(document: &Value, policy: &CompiledPolicy) -> Vec<Finding> {
    let Some(rules) = &policy.firewall else { return Vec::new() };
    let errors = rules.check_examples().err().unwrap_or_default();
    let finding = |error: ExampleError| {
        let rule = rules.rules().iter().position(|rule| rule.id() == error.rule)?;
        let member = |key: &&&str| document.pointer(&format!("/firewall/rules/{rule}/{key}")).is_some();
        let examples = RawExamples::KEYS.iter().find(member)?;
        let (list, message) = match error.should_match {
            true => ("match", "the rule does not match this example"),
            false => ("no_match", "the rule matches this example"),
        };
        let path = ValuePath::part("firewall").key("rules").index(rule);
        let path = path.key(examples).key(list).index(error.index);
        Some(Finding::error(FAILING_EXAMPLE.code, path, message))
    };
    errors.into_iter().filter_map(finding).collect()
}

/// Reads an Envoy configuration.
fn envoy(path: &Path) -> Result<Value, Problem> {
    let text = std::fs::read_to_string(path).map_err(|error| Problem::of(path, format!("cannot read: {error}")))?;
    let document = Document::parse(&path.display().to_string(), &text);
    match document.errors().first() {
        None => Ok(document.value().clone()),
        Some(found) => Err(Problem {
            line: found.position.line as u64,
            column: found.position.column as u64,
            ..Problem::of(path, found.finding.message.clone())
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn examples_that_contradict_their_rule_are_errors_with_their_place() {
        let text = "version: 1\nfirewall:\n  rules:\n  - id: a\n    match: {regex: 'k-[0-9]{4}', not_after: digit}\n    action: log\n    \
                    tests:\n      match: [k-1234, k-12345]\n      no_match: [k-1]\n  - id: b\n    match: {keywords: [heron]}\n    \
                    action: log\n    examples: {no_match: [herons, a heron]}\n";
        let checked = check(Document::parse("p.yaml", text), None);
        let lines: Vec<String> = checked.findings.iter().map(tollgate_policy::document::Located::line).collect();
        assert_eq!(
            lines,
            [
                "p.yaml:8:23: error[failing-example]: the rule does not match this example",
                "p.yaml:13:35: error[failing-example]: the rule matches this example",
            ]
        );
    }
}
