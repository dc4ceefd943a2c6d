//! `tollgate check`.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::ExitCode;

use serde_json::Value;
use tollgate_policy::document::Document;

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
        Ok(policy) => document.locate(policy.warnings),
        Err(findings) => findings,
    };
    if let Some(routes) = routes {
        findings.extend(document.locate(routes.findings(document.value())));
    }
    CheckedFile { document, findings }
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
