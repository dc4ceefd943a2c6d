//! `--watch`: reruns the tests whenever a file changes.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, SystemTime};

use crate::args::TestArgs;
use crate::discover;
use crate::report::Report;

use super::test;

/// Polling interval. Polling takes microseconds per file, needs no operating system service and works on every file
/// system.
const INTERVAL: Duration = Duration::from_millis(300);

/// Reruns tests until the process is terminated.
pub(super) fn run(args: &TestArgs) -> ExitCode {
    let (mut cache, mut watched) = (None, Watched::default());
    loop {
        let (report, files) = test::once(args, Some(&mut cache));
        watched.update(&report, files);
        // Clear the screen and its scroll-back buffer.
        print!("\x1b[2J\x1b[3J\x1b[H");
        test::show(args, &report);
        println!("watching {} files; stop with ctrl-c", watched.files.len());
        let before = watched.times(args);
        while watched.times(args) == before {
            std::thread::sleep(INTERVAL);
        }
    }
}

/// Files whose changes cause another run.
#[derive(Debug, Default)]
struct Watched {
    files: BTreeSet<PathBuf>,
}

impl Watched {
    /// Replaces the watched files by those that a run has read. A run with invalid input may have ended before it found
    /// all of them (a test file with a syntax error does not name its policy), so its files are added to the earlier ones.
    fn update(&mut self, report: &Report, files: BTreeSet<PathBuf>) {
        if report.problems.is_empty() {
            self.files.clear();
        }
        self.files.extend(files);
    }

    /// Returns the modification time and size of each file, and of test files added since the last run.
    fn times(&self, args: &TestArgs) -> BTreeMap<PathBuf, Option<(SystemTime, u64)>> {
        let found = discover::test_files(&args.paths).unwrap_or_default();
        let time = |path: &PathBuf| {
            let data = std::fs::metadata(path).ok()?;
            Some((data.modified().ok()?, data.len()))
        };
        self.files.iter().cloned().chain(found).map(|path| (path.clone(), time(&path))).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use clap::Parser;
    use tollgate_envoy_harness::scratch::Scratch;

    use super::*;
    use crate::args::{Cli, Command};

    const TESTS: &str = "
version: 1
chain: [{filter: prompt-inspector, config: policy.yaml}]
tests: [{name: a, request: {body_file: body.json}, expect: {}}]
";
    const POLICY: &str = "rules: [{id: word, match: {keywords: [heron]}, action: block}]";

    /// A file with an error hides the files that it refers to; these must still be watched, so that repairing any of them
    /// causes a run.
    #[test]
    fn a_file_with_an_error_does_not_shrink_the_set_of_watched_files() {
        let scratch = Scratch::new("tollgate-watch").unwrap();
        let path = |name: &str| scratch.path().join(name);
        let write = |name: &str, text: &str| fs::write(path(name), text).unwrap();
        // The module does not exist: every run ends before a test starts, with all files read.
        let module = path("missing.wasm");
        let arguments = ["tollgate".into(), "test".into(), scratch.path().into(), "--module".into(), module.clone()];
        let Command::Test(args) = Cli::parse_from(arguments.map(PathBuf::into_os_string)).command else { panic!() };
        let all: BTreeSet<PathBuf> = ["a.test.yaml", "policy.yaml", "body.json"].map(path).into_iter().collect();
        let all: BTreeSet<PathBuf> = all.into_iter().chain([module]).collect();
        write("body.json", "{}");
        let mut watched = Watched::default();
        for (tests, policy) in [(TESTS, POLICY), (TESTS, "rules: ["), ("version: [", POLICY), (TESTS, POLICY)] {
            write("a.test.yaml", tests);
            write("policy.yaml", policy);
            let (report, files) = test::once(&args, None);
            watched.update(&report, files);
            assert_eq!(watched.files, all, "{:?}", report.problems);
        }
    }

    #[test]
    fn an_invalid_policy_is_watched_from_the_first_run_on() {
        let scratch = Scratch::new("tollgate-watch").unwrap();
        fs::write(scratch.path().join("a.test.yaml"), TESTS).unwrap();
        fs::write(scratch.path().join("policy.yaml"), "rules: [").unwrap();
        let arguments = ["tollgate".into(), "test".into(), scratch.path().to_owned()];
        let Command::Test(args) = Cli::parse_from(arguments.map(PathBuf::into_os_string)).command else { panic!() };
        let (_, files) = test::once(&args, None);
        assert!(files.contains(&scratch.path().join("policy.yaml")), "{files:?}");
    }

    #[test]
    fn the_files_that_a_policy_includes_are_watched() {
        let scratch = Scratch::new("tollgate-watch").unwrap();
        let path = |name: &str| scratch.path().join(name);
        fs::write(path("a.test.yaml"), "version: 1\npolicy: tollgate.yaml\ntests: []\n").unwrap();
        fs::write(path("tollgate.yaml"), "version: 1\ninclude: [b.yaml, none.yaml]\n").unwrap();
        fs::write(path("b.yaml"), "include: [c.yaml]\n").unwrap();
        fs::write(path("c.yaml"), "budgets: {}\n").unwrap();
        let arguments = ["tollgate".into(), "test".into(), scratch.path().to_owned()];
        let Command::Test(args) = Cli::parse_from(arguments.map(PathBuf::into_os_string)).command else { panic!() };
        let (report, files) = test::once(&args, None);
        for name in ["a.test.yaml", "tollgate.yaml", "b.yaml", "c.yaml", "none.yaml"] {
            assert!(files.contains(&path(name)), "{name}: {files:?}");
        }
        let files = report.problems.iter().filter_map(|problem| problem.file.clone());
        assert_eq!(files.collect::<Vec<_>>(), ["tollgate.yaml", "c.yaml"].map(path), "{:?}", report.problems);
    }

    #[test]
    fn a_valid_run_forgets_files_that_are_no_longer_used() {
        let mut watched = Watched { files: [PathBuf::from("old")].into() };
        watched.update(&Report::default(), [PathBuf::from("new")].into());
        assert_eq!(watched.files, [PathBuf::from("new")].into());
    }
}
