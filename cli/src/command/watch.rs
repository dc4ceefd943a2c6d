//! `--watch`: again, whenever something changes.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, SystemTime};

use crate::args::TestArgs;
use crate::discover;

use super::test;

/// How often files are looked at. Looking costs some microseconds a file, needs no service of the system, and works on
/// every file system.
const EVERY: Duration = Duration::from_millis(300);

/// Runs tests until the process is ended.
pub(super) fn run(args: &TestArgs) -> ExitCode {
    let mut kept = None;
    loop {
        let (report, files) = test::once(args, Some(&mut kept));
        // Clear the screen, and what has scrolled out of it.
        print!("\x1b[2J\x1b[3J\x1b[H");
        test::show(args, &report);
        println!("watching {} files; end with ctrl-c", files.len());
        let before = times(args, &files);
        while times(args, &files) == before {
            std::thread::sleep(EVERY);
        }
    }
}

/// When each file was last changed; test files that have come since are among them.
fn times(args: &TestArgs, files: &[PathBuf]) -> BTreeMap<PathBuf, Option<(SystemTime, u64)>> {
    let found = discover::test_files(&args.paths).unwrap_or_default();
    let all = files.iter().cloned().chain(found);
    let time = |path: &PathBuf| {
        let data = std::fs::metadata(path).ok()?;
        Some((data.modified().ok()?, data.len()))
    };
    all.map(|path| (path.clone(), time(&path))).collect()
}
