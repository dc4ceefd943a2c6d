//! Whether the tests of behaviour would notice: filters broken on purpose, each in a scratch copy of the sources, must fail
//! the suite of `*.test.yaml`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tollgate_testbed::child::ChildBuilder;
use tollgate_testbed::{Context, Error, Result, workspace};

use crate::setup::TARGET;
use crate::{cargo, progress, setup};

mod table;

use table::{MUTANTS, Mutant};

/// What the suite is.
const SUITE: [&str; 2] = ["examples", "tests/scenarios"];

/// The profile of the broken modules (see the root `Cargo.toml`): quick to build, as strict as what ships.
const PROFILE: &str = "mutants";

/// `cargo xtask mutants [NAME]`: all, or those whose name contains `only`.
pub(crate) fn run(only: Option<&str>) -> Result<()> {
    setup::target()?;
    progress::step("building the command that runs the suite");
    cargo::run(&["build", "--package", "tollgate"])?;
    progress::step("copying the sources");
    let scratch = Scratch::new()?;
    progress::step("the suite on filters that are whole");
    scratch.build()?;
    if !scratch.passes()? {
        return Err(Error::new("the suite fails on filters that are whole"));
    }
    let mut survivors = Vec::new();
    for mutant in MUTANTS.iter().filter(|mutant| only.is_none_or(|part| mutant.name.contains(part))) {
        progress::step(&format!("{}: {}", mutant.name, mutant.breaks));
        let whole = scratch.break_with(mutant)?;
        let built = scratch.build();
        let survived = built.and_then(|()| scratch.passes());
        fs::write(scratch.tree.join(mutant.file), whole).context(|| format!("cannot mend {}", mutant.file))?;
        if survived? {
            survivors.push(mutant.name);
        }
        println!(
            "{:<10} {:<28} {}",
            if survivors.contains(&mutant.name) { "SURVIVED" } else { "caught" },
            mutant.name,
            mutant.breaks
        );
    }
    if survivors.is_empty() { Ok(()) } else { Err(Error::new(format!("not noticed: {}", survivors.join(", ")))) }
}

/// A copy of the sources that may be broken.
struct Scratch {
    tree: PathBuf,
    target: PathBuf,
}

impl Scratch {
    fn new() -> Result<Scratch> {
        let dir = workspace::target_dir().join("mutants");
        let scratch = Scratch { tree: dir.join("tree"), target: dir.join("target") };
        if scratch.tree.exists() {
            fs::remove_dir_all(&scratch.tree).context(|| format!("cannot remove {}", scratch.tree.display()))?;
        }
        let listed = Command::new("git").args(["ls-files", "-z"]).current_dir(workspace::root()).output();
        let listed = listed.context(|| "cannot start git".into())?.stdout;
        for file in listed.split(|&byte| byte == 0).filter(|file| !file.is_empty()) {
            let file = Path::new(std::str::from_utf8(file).context(|| "a file name that is not UTF-8".into())?);
            let (from, to) = (workspace::root().join(file), scratch.tree.join(file));
            fs::create_dir_all(to.parent().unwrap_or(&to))
                .context(|| format!("cannot make room for {}", to.display()))?;
            fs::copy(&from, &to).context(|| format!("cannot copy {}", from.display()))?;
        }
        Ok(scratch)
    }

    /// Breaks it, and gives back the file as it was. What a mutant replaces must be there, once: else it breaks nothing, or
    /// something else.
    fn break_with(&self, mutant: &Mutant) -> Result<String> {
        let path = self.tree.join(mutant.file);
        let whole = fs::read_to_string(&path).context(|| format!("cannot read {}", path.display()))?;
        let found = whole.matches(mutant.from).count();
        if found != 1 {
            let (name, file) = (mutant.name, mutant.file);
            return Err(Error::new(format!("mutant {name}: what it replaces stands {found} times in {file}")));
        }
        fs::write(&path, whole.replace(mutant.from, mutant.to))
            .context(|| format!("cannot break {}", path.display()))?;
        Ok(whole)
    }

    fn build(&self) -> Result<()> {
        let status = ChildBuilder::new("cargo")
            .args(["build", "--quiet", "--profile", PROFILE, "--target", TARGET, "--package", "tollgate-bundle"])
            .current_dir(&self.tree)
            .env("CARGO_TARGET_DIR", &self.target)
            .run()?;
        if status.success() { Ok(()) } else { Err(Error::new("it does not build, see above")) }
    }

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
