//! `tollgate test`

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use regex::Regex;
use tollgate_envoy_harness::Envoy;

use crate::args::{BackendArg, TestArgs};
use crate::backend::Backend;
use crate::backend::envoy::EnvoyBackend;
use crate::backend::wasm::{self, Wasm};
use crate::coverage::Coverage;
use crate::discover;
use crate::plan::{self, Suite};
use crate::problem::Problem;
use crate::report::Report;
use crate::run::{self, Job};
use crate::test_result::TestResult;

use super::{module, watch};

pub(super) fn run(args: &TestArgs) -> ExitCode {
    if args.watch {
        return watch::run(args);
    }
    let (report, _) = once(args, None);
    show(args, &report);
    ExitCode::from(report.exit_code())
}

/// Prints a report where it belongs.
pub(super) fn show(args: &TestArgs, report: &Report) {
    print!("{}", report.render(args.format));
}

/// What is kept from one run to the next.
pub(super) struct Kept {
    path: PathBuf,
    modified: Option<std::time::SystemTime>,
    module: tollgate_host::Module,
}

/// Runs everything once. With the report come the files that it depends on.
pub(super) fn once(args: &TestArgs, kept: Option<&mut Option<Kept>>) -> (Report, Vec<PathBuf>) {
    let start = Instant::now();
    let mut files = Vec::new();
    let mut report = match attempt(args, kept, &mut files) {
        Ok(report) => report,
        Err(problems) => Report { problems, ..Report::default() },
    };
    report.took = start.elapsed();
    (report, files)
}

fn attempt(args: &TestArgs, kept: Option<&mut Option<Kept>>, files: &mut Vec<PathBuf>) -> Result<Report, Vec<Problem>> {
    let one = |problem: Problem| vec![problem];
    let filter = args.run.as_deref().map(Regex::new).transpose();
    let filter = filter.map_err(|_| one(Problem::new("--run is no regular expression")))?;
    let paths = discover::test_files(&args.paths).map_err(one)?;
    files.extend(paths.iter().cloned());
    let mut problems = Vec::new();
    let mut suites = Vec::new();
    for path in paths {
        match Suite::read(&path) {
            Ok(suite) => suites.push(suite),
            Err(problem) => problems.push(problem),
        }
    }
    files.extend(suites.iter().flat_map(|suite| suite.files.iter().cloned()));
    suites.extend(plan::examples(&suites));
    let wanted = |suite: &Suite, name: &str| {
        filter.as_ref().is_none_or(|regex| regex.is_match(&format!("{}: {name}", suite.path.display())))
    };
    for suite in &mut suites {
        let mut cases = std::mem::take(&mut suite.cases);
        cases.retain(|case| wanted(suite, &case.name));
        suite.cases = cases;
    }
    suites.retain(|suite| !suite.cases.is_empty());
    let path = module::find(args.module.as_deref()).map_err(one)?;
    files.push(path.clone());
    if suites.is_empty() && problems.is_empty() {
        problems.push(Problem::new("no test has a name that --run matches"));
    }
    if !problems.is_empty() {
        return Err(problems);
    }
    let results = match args.backend {
        BackendArg::Wasm => on_wasm(args, &suites, path, kept)?,
        BackendArg::Envoy => on_envoy(&suites, &path)?,
    };
    let asked = args.coverage || args.require_coverage.is_some();
    let cases = suites.iter().flat_map(|suite| suite.cases.iter().map(move |case| (suite, case)));
    let run = cases.zip(&results).map(|((suite, case), result)| (suite, case, result));
    let coverage = asked.then(|| Coverage::of(run));
    Ok(Report { coverage, required: args.require_coverage, results, ..Report::default() })
}

/// All tests, as many at a time as there are processors.
fn on_wasm(
    args: &TestArgs,
    suites: &[Suite],
    path: PathBuf,
    kept: Option<&mut Option<Kept>>,
) -> Result<Vec<TestResult>, Vec<Problem>> {
    let module = module(path, kept).map_err(|problem| vec![problem])?;
    wasm::patiently(&module, || with_module(args, suites, &module))
}

fn with_module(
    args: &TestArgs,
    suites: &[Suite],
    module: &tollgate_host::Module,
) -> Result<Vec<TestResult>, Vec<Problem>> {
    let (mut backends, mut problems) = (Vec::new(), Vec::new());
    for suite in suites {
        match Wasm::new(module, &suite.chain) {
            Ok(backend) => backends.push(backend),
            Err(problem) => problems.push(problem),
        }
    }
    if !problems.is_empty() {
        return Err(problems);
    }
    let jobs: Vec<Job<'_>> = suites.iter().zip(&backends).flat_map(|(suite, backend)| jobs(suite, backend)).collect();
    let processors = || std::thread::available_parallelism().map_or(1, usize::from);
    Ok(run::all(&jobs, args.jobs.unwrap_or_else(processors)))
}

/// One file after the other, each with an Envoy of its own.
fn on_envoy(suites: &[Suite], module: &Path) -> Result<Vec<TestResult>, Vec<Problem>> {
    let envoy = Envoy::find_or_install().map_err(|error| vec![Problem::new(error.to_string())])?;
    let (mut results, mut problems) = (Vec::new(), Vec::new());
    for suite in suites {
        match EnvoyBackend::new(&envoy, module, suite) {
            Ok(backend) => results.extend(run::all(&jobs(suite, &backend).collect::<Vec<_>>(), 1)),
            Err(problem) => problems.push(problem),
        }
    }
    if problems.is_empty() { Ok(results) } else { Err(problems) }
}

fn jobs<'a>(suite: &'a Suite, backend: &'a dyn Backend) -> impl Iterator<Item = Job<'a>> {
    suite.cases.iter().map(move |case| Job { suite, case, backend })
}

/// The module, compiled once for as long as its file stays as it is.
fn module(path: PathBuf, kept: Option<&mut Option<Kept>>) -> Result<tollgate_host::Module, Problem> {
    let modified = std::fs::metadata(&path).and_then(|data| data.modified()).ok();
    if let Some(Some(kept)) = kept.as_deref()
        && kept.path == path
        && kept.modified == modified
    {
        return Ok(kept.module.clone());
    }
    let module = wasm::module(&path)?;
    if let Some(kept) = kept {
        *kept = Some(Kept { path, modified, module: module.clone() });
    }
    Ok(module)
}
