//! `tollgate check`.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::ExitCode;

use serde_json::Value;
use tollgate_inspect::{Date, ExampleError, RawExamples, RawException};
use tollgate_policy::document::Document;
use tollgate_policy::{CompiledPolicy, ENDED_EXCEPTION, FAILING_EXAMPLE, Finding, Path as ValuePath, Policy};

use crate::args::CheckArgs;
use crate::envoy_routes::EnvoyRoutes;
use crate::envoy_version::EnvoyVersion;
use crate::policy_file;
use crate::problem::Problem;
use crate::report::findings::{CheckedFile, Checks};
use crate::rule_costs;
use crate::today::today;

pub(super) fn run(args: &CheckArgs) -> ExitCode {
    let checks = checks(args);
    if args.print {
        for file in &checks.files {
            print!("{}", file.document.print());
        }
    }
    if args.costs {
        for file in &checks.files {
            let rules = file.document.compile().ok().and_then(|policy| policy.firewall);
            print!("{}", rules.as_ref().map(rule_costs::table).unwrap_or_default());
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
            Ok(document) => checks.files.push(check(document, routes.as_ref(), args.envoy_version, today())),
            Err(problem) => checks.problems.push(problem),
        }
    }
    checks
}

fn check(document: Document, routes: Option<&EnvoyRoutes>, version: Option<EnvoyVersion>, today: Date) -> CheckedFile {
    let mut findings = match document.compile() {
        Ok(policy) => {
            let mut findings = document.locate(policy.warnings.clone());
            findings.extend(document.locate(examples(document.value(), &policy)));
            findings.extend(document.locate(ended_exceptions(document.value(), today)));
            findings.extend(document.locate(version.map(|version| version.findings(&policy)).unwrap_or_default()));
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

/// Returns the exceptions whose last day is over.
fn ended_exceptions(document: &Value, today: Date) -> Vec<Finding> {
    // A policy with errors is not checked.
    let firewall = Policy::from_value(document).ok().and_then(|policy| policy.firewall).unwrap_or_default();
    let path = ValuePath::part("firewall");
    let mut lists: Vec<(ValuePath, Vec<RawException>)> = Vec::new();
    for (index, rule) in firewall.rules.into_iter().enumerate() {
        lists.push((path.key("rules").index(index).key("exceptions"), rule.exceptions));
    }
    lists.push((path.key("exceptions"), firewall.exceptions));
    let mut findings = Vec::new();
    for (path, list) in lists {
        for (index, _) in list.iter().enumerate().filter(|(_, own)| own.until.is_some_and(|until| until < today)) {
            let message = "the exception has ended, and its rules apply again";
            let finding = Finding::warning(ENDED_EXCEPTION.code, path.index(index).key("until"), message);
            findings.push(finding.with_help("remove it, or set a later day"));
        }
    }
    findings
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
        let checked = check(Document::parse("p.yaml", text), None, None, Date::of_unix_ns(0));
        let lines: Vec<String> = checked.findings.iter().map(tollgate_policy::document::Located::line).collect();
        assert_eq!(
            lines,
            [
                "p.yaml:8:23: error[failing-example]: the rule does not match this example",
                "p.yaml:13:35: error[failing-example]: the rule matches this example",
            ]
        );
    }

    #[test]
    fn exceptions_that_have_ended_are_warnings_with_their_place() {
        let text = "version: 1\nidentity: {consumer: {header: x-consumer}}\nfirewall:\n  rules:\n  - id: a\n    match: {keywords: [heron]}\n    \
                    action: log\n    exceptions:\n    - {consumers: a, reason: r}\n    - {consumers: b, reason: r, until: 2027-01-31}\n  \
                    exceptions:\n  - {rules: a, consumers: c, reason: r, until: 2027-02-01}\n";
        let warning = "warning[ended-exception]: the exception has ended, and its rules apply again";
        for (today, places) in [
            ("2027-01-31", &[][..]),
            ("2027-02-01", &["p.yaml:10:40"]),
            ("2027-02-02", &["p.yaml:10:40", "p.yaml:12:48"]),
        ] {
            let checked = check(Document::parse("p.yaml", text), None, None, Date::parse(today).unwrap());
            let lines: Vec<String> = checked.findings.iter().map(tollgate_policy::document::Located::line).collect();
            assert_eq!(lines, places.iter().map(|place| format!("{place}: {warning}")).collect::<Vec<_>>(), "{today}");
        }
    }
}
