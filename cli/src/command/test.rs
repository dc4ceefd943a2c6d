//! `tollgate test`.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use regex::Regex;
use tollgate_envoy_harness::Envoy;

use crate::args::{BackendArg, TestArgs};
use crate::backend::Backend;
use crate::backend::envoy::{self, EnvoyBackend};
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

/// Prints a report in the requested format.
pub(super) fn show(args: &TestArgs, report: &Report) {
    print!("{}", report.render(args.format));
}

/// Compiled module that `--watch` keeps between runs.
pub(super) struct CachedModule {
    path: PathBuf,
    modified: Option<std::time::SystemTime>,
    module: tollgate_host::Module,
}

/// Runs all tests once. Also returns the files that the report depends on.
pub(super) fn once(args: &TestArgs, cache: Option<&mut Option<CachedModule>>) -> (Report, BTreeSet<PathBuf>) {
    let start = Instant::now();
    let mut files = BTreeSet::new();
    let mut report = match attempt(args, cache, &mut files) {
        Ok(report) => report,
        Err(problems) => Report { problems, ..Report::default() },
    };
    report.took = start.elapsed();
    (report, files)
}

fn attempt(
    args: &TestArgs,
    cache: Option<&mut Option<CachedModule>>,
    files: &mut BTreeSet<PathBuf>,
) -> Result<Report, Vec<Problem>> {
    let one = |problem: Problem| vec![problem];
    let filter = args.run.as_deref().map(Regex::new).transpose();
    let filter = filter.map_err(|_| one(Problem::new("--run is not a valid regular expression")))?;
    let paths = discover::test_files(&args.paths).map_err(one)?;
    let mut problems = Vec::new();
    let mut suites = Vec::new();
    for path in paths {
        match Suite::read(&path, files) {
            Ok(suite) => suites.push(suite),
            Err(found) => problems.extend(found.0),
        }
    }
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
    if suites.is_empty() && problems.is_empty() {
        problems.push(Problem::new("no test matches --run"));
    }
    let path = match module::find(args.module.as_deref()) {
        Ok(path) if problems.is_empty() => path,
        found => {
            files.extend(found.as_ref().ok().cloned());
            problems.extend(found.err());
            return Err(problems);
        }
    };
    files.insert(path.clone());
    let results = match args.backend {
        BackendArg::Wasm => on_wasm(args, &suites, path, cache)?,
        BackendArg::Envoy => on_envoy(&suites, &path)?,
    };
    let with_coverage = args.coverage || args.require_coverage.is_some();
    let cases = suites.iter().flat_map(|suite| suite.cases.iter().map(move |case| (suite, case)));
    let run = cases.zip(&results).map(|((suite, case), result)| (suite, case, result));
    let coverage = with_coverage.then(|| Coverage::of(run));
    Ok(Report { coverage, required: args.require_coverage, results, ..Report::default() })
}

/// Runs all suites in Tollgate's own host, with one thread per processor by default.
fn on_wasm(
    args: &TestArgs,
    suites: &[Suite],
    path: PathBuf,
    cache: Option<&mut Option<CachedModule>>,
) -> Result<Vec<TestResult>, Vec<Problem>> {
    let module = module(path, cache).map_err(|problem| vec![problem])?;
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

/// Runs the suites one after the other in one Envoy.
fn on_envoy(suites: &[Suite], module: &Path) -> Result<Vec<TestResult>, Vec<Problem>> {
    let envoy = Envoy::find_or_install().map_err(|error| vec![Problem::new(error.to_string())])?;
    let process = envoy::Process::new(&envoy, module);
    let (mut results, mut problems) = (Vec::new(), Vec::new());
    for suite in suites {
        match EnvoyBackend::new(&process, suite) {
            Ok(backend) => results.extend(run::all(&jobs(suite, &backend).collect::<Vec<_>>(), 1)),
            Err(problem) => problems.push(problem),
        }
    }
    if problems.is_empty() { Ok(results) } else { Err(problems) }
}

fn jobs<'a>(suite: &'a Suite, backend: &'a dyn Backend) -> impl Iterator<Item = Job<'a>> {
    suite.cases.iter().map(move |case| Job { suite, case, backend })
}

/// Loads the module; recompiles it only if its file has changed.
fn module(path: PathBuf, cache: Option<&mut Option<CachedModule>>) -> Result<tollgate_host::Module, Problem> {
    let modified = std::fs::metadata(&path).and_then(|data| data.modified()).ok();
    if let Some(Some(cached)) = cache.as_deref()
        && cached.path == path
        && cached.modified == modified
    {
        return Ok(cached.module.clone());
    }
    let module = wasm::module(&path)?;
    if let Some(cache) = cache {
        *cache = Some(CachedModule { path, modified, module: module.clone() });
    }
    Ok(module)
}
