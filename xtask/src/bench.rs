//! What the filters cost, and the reading of a request: builds what is measured and runs what measures, in `tests/bench`.

use std::path::PathBuf;

use tollgate_testbed::child::ChildBuilder;
use tollgate_testbed::{Error, Result, workspace};

use crate::setup::TARGET;
use crate::{cargo, modules, progress, setup};

/// `cargo xtask bench`
pub(crate) fn run(flags: &[&str]) -> Result<()> {
    if let ["tokens", flags @ ..] = flags {
        return tokens(flags);
    }
    if let ["llm", flags @ ..] = flags {
        return llm(flags);
    }
    if !matches!(flags, [] | ["--quick" | "--write"]) {
        return Err(Error::new(format!("bench takes --quick or --write, not `{}`", flags.join(" "))));
    }
    setup::target()?;
    let envoy = setup::envoy()?;
    modules::build()?;
    progress::step("building the load (release)");
    cargo::run(&["build", "--release", "--package", PROGRAM])?;
    progress::step(&format!("measuring Envoy {} ({})", envoy.version(), envoy.path().display()));
    let program = workspace::target_dir().join("release").join(PROGRAM);
    let status = ChildBuilder::new(program).args(flags).run()?;
    if status.success() { Ok(()) } else { Err(Error::new("the benchmark failed, see above")) }
}

const PROGRAM: &str = "tollgate-bench";

/// `cargo xtask bench llm`
fn llm(flags: &[&str]) -> Result<()> {
    if !matches!(flags, [] | ["--quick" | "--write"]) {
        return Err(Error::new(format!("bench llm takes --quick or --write, not `{}`", flags.join(" "))));
    }
    setup::target()?;
    progress::step("building what is measured (release; natively, as a module, and as one without simd128)");
    let target = workspace::target_dir();
    let scalar = target.join("scalar");
    let build = ["build", "--release", "--package", SUBJECT];
    cargo::run(&build)?;
    let module = [&build[..], &["--target", TARGET]].concat();
    cargo::run(&module)?;
    // This variable stands in for the flags in .cargo/config.toml, which ask for the vector instructions.
    let built = cargo::cargo().env("CARGO_TARGET_DIR", &scalar).env("RUSTFLAGS", NO_VECTORS).args(&module).run()?;
    if !built.success() {
        return Err(Error::new("the module without simd128 cannot be built, see above"));
    }
    progress::step("measuring");
    let file = PathBuf::from(TARGET).join("release").join(SUBJECT).with_extension("wasm");
    let subjects = [target.join("release").join(SUBJECT), target.join(&file), scalar.join(&file)];
    let run = cargo::cargo().args(["run", "--package", RUNNER, "--"]).args(subjects).args(flags).run()?;
    if run.success() { Ok(()) } else { Err(Error::new("the benchmark failed, see above")) }
}

const SUBJECT: &str = "tollgate-bench-llm-subject";
const RUNNER: &str = "tollgate-bench-llm";
const NO_VECTORS: &str = "-Ctarget-feature=-simd128";

/// `cargo xtask bench tokens`: the program measures itself, natively and as a module in Node.
fn tokens(flags: &[&str]) -> Result<()> {
    if !matches!(flags, [] | ["--quick"]) {
        return Err(Error::new(format!("bench tokens takes --quick, not `{}`", flags.join(" "))));
    }
    setup::target()?;
    progress::step("building the counter and what it is compared with (release)");
    cargo::run(&["build", "--release", "--package", TOKENS, "--features", "compare"])?;
    cargo::run(&["build", "--release", "--package", TOKENS, "--target", setup::TARGET])?;
    progress::step("measuring, natively and in Node");
    let target = workspace::target_dir();
    let module = target.join(setup::TARGET).join("release").join(format!("{TOKENS}.wasm"));
    let program = ChildBuilder::new(target.join("release").join(TOKENS)).arg("drive").arg(module).args(flags);
    if program.run()?.success() { Ok(()) } else { Err(Error::new("the benchmark failed, see above")) }
}

const TOKENS: &str = "tollgate-bench-tokens";
