//! Mutation tests: breaks the filters on purpose, one defect at a time in a copy of the sources, and checks that the suite of
//! `*.test.yaml` fails each time.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tollgate_envoy_harness::child::ChildBuilder;
use tollgate_envoy_harness::{Context, Error, Result};
use tollgate_workspace as workspace;

use crate::setup::TARGET;
use crate::{cargo, progress, setup};

mod table;

use table::{MUTANTS, Mutant};

/// Folders of the `*.test.yaml` files that every mutant is tested with.
const SUITE: [&str; 2] = ["examples", "tests/scenarios"];

/// Cargo profile of the mutants (see the root `Cargo.toml`): quick to build, with the checks of the release profile.
const PROFILE: &str = "mutants";

/// Result of the suite for one mutant.
enum Outcome {
    /// A test failed, as it should.
    Caught,
    /// Every test passed: no test covers the defect.
    Survived,
    /// The mutant was not tested: it does not apply, does not build, or the suite did not run.
    Error(String),
}

/// Runs `cargo xtask mutants [NAME]`: all mutants, or those whose name contains `only`.
///
/// One mutant that cannot be tested does not keep the others from being tested; the command fails at the end.
pub(crate) fn run(only: Option<&str>) -> Result<()> {
    let selected: Vec<_> = MUTANTS.iter().filter(|mutant| only.is_none_or(|part| mutant.name.contains(part))).collect();
    if selected.is_empty() {
        let names: Vec<_> = MUTANTS.iter().map(|mutant| mutant.name).collect();
        return Err(Error::new(format!("no mutant has such a name; there are: {}", names.join(", "))));
    }
    setup::target()?;
    progress::step("building the command that runs the suite");
    cargo::run(&["build", "--package", "tollgate"])?;
    progress::step("copying the sources");
    let copy = SourceCopy::new()?;
    progress::step("running the suite on the unchanged filters");
    copy.build()?;
    if !copy.passes()? {
        return Err(Error::new("the suite fails on the unchanged filters"));
    }
    let mut failures = Vec::new();
    for mutant in selected {
        progress::step(&format!("{}: {}", mutant.name, mutant.breaks));
        let outcome = copy.test(mutant)?;
        let shown = match &outcome {
            Outcome::Caught => "caught",
            Outcome::Survived => "SURVIVED",
            Outcome::Error(_) => "ERROR",
        };
        println!("{shown:<10} {:<20} {}", mutant.name, mutant.breaks);
        match outcome {
            Outcome::Caught => {}
            Outcome::Survived => failures.push(format!("{}: no test fails", mutant.name)),
            Outcome::Error(error) => failures.push(format!("{}: {error}", mutant.name)),
        }
    }
    if failures.is_empty() { Ok(()) } else { Err(Error::new(failures.join("\n  "))) }
}

impl Mutant {
    /// Returns the source with the defect in it and the line (from 1) that it begins at.
    ///
    /// The replaced text has to occur exactly once: otherwise the mutant would break nothing, or something else.
    fn apply(&self, source: &str) -> std::result::Result<(String, usize), String> {
        let line = |at: usize| source.get(..at).unwrap_or_default().matches('\n').count() + 1;
        let lines: Vec<usize> = source.match_indices(self.from).map(|(at, _)| line(at)).collect();
        if let [line] = lines[..] {
            return Ok((source.replace(self.from, self.to), line));
        }
        let Mutant { name, file, from, .. } = self;
        let mut message = format!("mutant {name}: the text to replace occurs {} times in {file}", lines.len());
        if lines.is_empty() {
            let first = from.lines().next().unwrap_or_default();
            let similar: Vec<usize> = source.match_indices(first).map(|(at, _)| line(at)).collect();
            message += &format!(", its first line `{}` {}", first.trim(), at_lines(&similar));
        } else {
            message += &format!(", {}", at_lines(&lines));
        }
        Err(message + "; update xtask/src/mutants/table.rs")
    }
}

/// Renders line numbers for a message.
fn at_lines(lines: &[usize]) -> String {
    if lines.is_empty() {
        return "nowhere".into();
    }
    let lines: Vec<String> = lines.iter().map(usize::to_string).collect();
    format!("at line {}", lines.join(", "))
}

/// Copy of the sources in the target directory, and the target directory that it is built in.
struct SourceCopy {
    tree: PathBuf,
    target: PathBuf,
}

impl SourceCopy {
    /// Copies every file that git tracks.
    fn new() -> Result<SourceCopy> {
        let dir = workspace::target_dir().join("mutants");
        let copy = SourceCopy { tree: dir.join("tree"), target: dir.join("target") };
        if copy.tree.exists() {
            fs::remove_dir_all(&copy.tree).context(|| format!("cannot remove {}", copy.tree.display()))?;
        }
        let listed = Command::new("git").args(["ls-files", "-z"]).current_dir(workspace::root()).output();
        let listed = listed.context(|| "cannot start git".into())?.stdout;
        for file in listed.split(|&byte| byte == 0).filter(|file| !file.is_empty()) {
            let file = Path::new(std::str::from_utf8(file).context(|| "a file name that is not UTF-8".into())?);
            let (from, to) = (workspace::root().join(file), copy.tree.join(file));
            fs::create_dir_all(to.parent().unwrap_or(&to))
                .context(|| format!("cannot create the folder of {}", to.display()))?;
            fs::copy(&from, &to).context(|| format!("cannot copy {}", from.display()))?;
        }
        Ok(copy)
    }

    /// Applies a mutant, builds it, runs the suite on it, and restores the file.
    ///
    /// Returns an error only if the file cannot be restored, since no later mutant could be trusted then.
    fn test(&self, mutant: &Mutant) -> Result<Outcome> {
        let path = self.tree.join(mutant.file);
        let original = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) => return Ok(Outcome::Error(format!("cannot read {}: {error}", mutant.file))),
        };
        let (broken, line) = match mutant.apply(&original) {
            Ok(applied) => applied,
            Err(message) => return Ok(Outcome::Error(message)),
        };
        progress::note(&format!("{}:{line}", mutant.file));
        let tested = fs::write(&path, broken)
            .context(|| format!("cannot write {}", path.display()))
            .and_then(|()| self.build())
            .and_then(|()| self.passes());
        fs::write(&path, original).context(|| format!("cannot restore {}", path.display()))?;
        Ok(match tested {
            Ok(true) => Outcome::Survived,
            Ok(false) => Outcome::Caught,
            Err(error) => Outcome::Error(error.to_string()),
        })
    }

    /// Builds the bundle.
    fn build(&self) -> Result<()> {
        let status = ChildBuilder::new("cargo")
            .args(["build", "--quiet", "--profile", PROFILE, "--target", TARGET, "--package", "tollgate-bundle"])
            .current_dir(&self.tree)
            .env("CARGO_TARGET_DIR", &self.target)
            .run()?;
        if status.success() { Ok(()) } else { Err(Error::new("the build failed, see above")) }
    }

    /// Runs the suite on the bundle; returns `true` if every test passes.
    fn passes(&self) -> Result<bool> {
        let module = self.target.join(TARGET).join(PROFILE).join(workspace::module_file(workspace::BUNDLE));
        let program = workspace::target_dir().join("debug").join("tollgate");
        let status = ChildBuilder::new(program)
            .arg("test")
            .args(SUITE)
            .arg("--module")
            .arg(module)
            .current_dir(workspace::root())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .run()?;
        match status.code() {
            Some(0) => Ok(true),
            Some(1) => Ok(false),
            code => Err(Error::new(format!("the suite did not run (exit code {code:?})"))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A full run takes half an hour and is part of the nightly workflow; this keeps the quoted lines current until then.
    #[test]
    fn every_mutant_applies_exactly_once() {
        let mut stale = Vec::new();
        for mutant in MUTANTS {
            match fs::read_to_string(workspace::root().join(mutant.file)) {
                Ok(source) => stale.extend(mutant.apply(&source).err()),
                Err(error) => stale.push(format!("mutant {}: cannot read {}: {error}", mutant.name, mutant.file)),
            }
        }
        assert!(stale.is_empty(), "\n  {}", stale.join("\n  "));
    }

    #[test]
    fn names_of_mutants_are_unique() {
        let mut names: Vec<_> = MUTANTS.iter().map(|mutant| mutant.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), MUTANTS.len());
    }

    #[test]
    fn a_stale_mutant_is_reported_with_file_and_line() {
        let mutant = Mutant { name: "m", breaks: "", file: "a.rs", from: "b\nc", to: "d" };
        assert_eq!(mutant.apply("a\nb\nc\n").unwrap(), ("a\nd\n".to_owned(), 2));
        for (source, expected) in [
            ("a\nb\n", "mutant m: the text to replace occurs 0 times in a.rs, its first line `b` at line 2"),
            ("a\n", "mutant m: the text to replace occurs 0 times in a.rs, its first line `b` nowhere"),
            ("b\nc\nb\nc\n", "mutant m: the text to replace occurs 2 times in a.rs, at line 1, 3"),
        ] {
            let message = mutant.apply(source).unwrap_err();
            assert_eq!(message, format!("{expected}; update xtask/src/mutants/table.rs"));
        }
    }
}
