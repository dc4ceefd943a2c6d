//! Runs the measurements in turn, and prints what came of them.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::corpora;

/// What is measured of every corpus: a name, whether in V8, and the library.
const SUBJECTS: &[(&str, bool, &str)] = &[
    ("tiktoken-rs, native", false, "tiktoken-rs"),
    #[cfg(feature = "compare")]
    ("bpe-openai, native", false, "bpe-openai"),
    #[cfg(feature = "compare")]
    ("tiktoken-fast, native", false, "tiktoken-fast"),
    ("Tollgate, native", false, "tollgate"),
    ("Tollgate, V8", true, "tollgate"),
];

struct Programs {
    native: PathBuf,
    module: PathBuf,
    /// The script for Node, and the corpora.
    directory: PathBuf,
}

impl Programs {
    /// The three numbers that a measurement prints.
    fn run(&self, in_v8: bool, arguments: &[&str]) -> Result<[f64; 3], String> {
        let line = self.lines(in_v8, arguments)?;
        let numbers: Vec<f64> = line.split_whitespace().filter_map(|number| number.parse().ok()).collect();
        numbers.try_into().map_err(|_| format!("{arguments:?} printed `{line}`"))
    }

    fn lines(&self, in_v8: bool, arguments: &[&str]) -> Result<String, String> {
        let mut command = if in_v8 {
            let mut command = Command::new("node");
            command.arg("--no-warnings").arg(self.directory.join("node.mjs")).arg(&self.module).arg(&self.directory);
            command
        } else {
            Command::new(&self.native)
        };
        let output = command.args(arguments).output().map_err(|error| format!("{arguments:?}: {error}"))?;
        if !output.status.success() {
            return Err(format!("{arguments:?}: {}", String::from_utf8_lossy(&output.stderr)));
        }
        String::from_utf8(output.stdout).map_err(|error| error.to_string())
    }
}

/// Runs everything.
pub(crate) fn run(module: &str, is_quick: bool) -> Result<(), String> {
    let failed = |error: std::io::Error| error.to_string();
    let directory = std::env::temp_dir().join(format!("tollgate-bench-tokens-{}", std::process::id()));
    std::fs::create_dir_all(&directory).map_err(failed)?;
    std::fs::write(directory.join("node.mjs"), include_str!("node.mjs")).map_err(failed)?;
    let native = std::env::current_exe().map_err(failed)?;
    let programs = Programs { native, module: module.into(), directory };
    let done = measure(&programs, if is_quick { 1 } else { 5 });
    std::fs::remove_dir_all(&programs.directory).map_err(failed)?;
    done
}

fn measure(programs: &Programs, rounds: usize) -> Result<(), String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../..");
    let mut corpora = Vec::new();
    for corpus in corpora::all(&root) {
        let path = programs.directory.join(corpus.name.replace(' ', "-"));
        std::fs::write(&path, &corpus.text).map_err(|error| error.to_string())?;
        if corpus.text.len() < 200_000 {
            println!("(There is too little of {} on this machine.)\n", corpus.name);
            continue;
        }
        corpora.push((corpus.name, path.to_string_lossy().into_owned()));
    }
    for encoding in ["o200k_base", "cl100k_base"] {
        println!("MB/s of CPU time, {encoding}, median of {rounds} (times tiktoken-rs, native)\n");
        println!("| | {} |", corpora.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(" | "));
        println!("|---|{}", "---:|".repeat(corpora.len()));
        let mut cells = vec![vec![Vec::new(); corpora.len()]; SUBJECTS.len()];
        for round in 0..rounds {
            for (place, (name, path)) in corpora.iter().enumerate() {
                let mut tokens = None;
                for turn in 0..SUBJECTS.len() {
                    let which = (turn + round) % SUBJECTS.len();
                    let Some((_, in_v8, library)) = SUBJECTS.get(which) else { continue };
                    let [bytes, seconds, counted] = programs.run(*in_v8, &["count", library, encoding, path])?;
                    if *tokens.get_or_insert(counted) != counted {
                        return Err(format!("{library} counts {counted} tokens of {name}, others do not"));
                    }
                    let cell = cells.get_mut(which).and_then(|row| row.get_mut(place));
                    cell.into_iter().for_each(|cell: &mut Vec<f64>| cell.push(bytes / seconds / 1e6));
                }
            }
        }
        let medians: Vec<Vec<f64>> = cells.into_iter().map(|row| row.into_iter().map(median).collect()).collect();
        for (row, (subject, ..)) in medians.iter().zip(SUBJECTS) {
            let cells =
                row.iter().zip(medians.iter().flatten()).map(|(own, base)| format!("{own:.1} ({:.1}x)", own / base));
            println!("| {subject} | {} |", cells.collect::<Vec<_>>().join(" | "));
        }
        println!();
    }
    streams(programs, &corpora, rounds)?;
    adversarial(programs)?;
    let starts: Result<Vec<f64>, String> =
        (0..rounds.max(3)).map(|_| Ok(programs.run(true, &["start"])?[1] * 1e3)).collect();
    println!("\nFirst count in a new VM: {:.3} ms", median(starts?));
    let size = std::fs::metadata(&programs.module).map_err(|error| error.to_string())?.len();
    println!("\nThis program as a module, with both encodings: {size} bytes");
    println!("Memory of the module after a first text, and after one adversarial megabyte of each kind:");
    for (what, arguments) in [("start", &["start"][..]), ("adversarial", &["adversarial", "o200k_base"])] {
        let out = programs.lines(true, &[&["memory"], arguments].concat())?;
        println!("- {what}: {}", out.lines().last().unwrap_or_default());
    }
    Ok(())
}

fn streams(programs: &Programs, corpora: &[(&str, String)], rounds: usize) -> Result<(), String> {
    println!("A stream of four-byte deltas with the count after each, o200k_base, ns a delta\n");
    println!("| | native | V8 |\n|---|---:|---:|");
    for (name, path) in corpora {
        let mut cells = Vec::new();
        for in_v8 in [false, true] {
            let times: Result<Vec<f64>, String> = (0..rounds)
                .map(|_| {
                    let [deltas, seconds, _] = programs.run(in_v8, &["stream", "o200k_base", path])?;
                    Ok(seconds * 1e9 / deltas)
                })
                .collect();
            cells.push(format!("{:.0}", median(times?)));
        }
        println!("| {name} | {} |", cells.join(" | "));
    }
    Ok(())
}

fn adversarial(programs: &Programs) -> Result<(), String> {
    println!("\nOne adversarial megabyte, o200k_base, ms of CPU time (times that of half of it)\n");
    println!("| | native | V8 |\n|---|---:|---:|");
    let [native, v8] = [false, true].map(|in_v8| programs.lines(in_v8, &["adversarial", "o200k_base"]));
    for (native, v8) in native?.lines().zip(v8?.lines()) {
        let cells = [native, v8].map(|line| {
            let numbers: Vec<f64> = line.split('\t').skip(1).filter_map(|number| number.parse().ok()).collect();
            let [half, all] = numbers[..] else { return "?".to_owned() };
            format!("{all:.1} ({:.1})", all / half)
        });
        println!("| {} | {} |", native.split('\t').next().unwrap_or_default(), cells.join(" | "));
    }
    Ok(())
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}
