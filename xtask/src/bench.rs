//! Benchmarks: builds the subjects and runs the programs in `tests/bench` that measure them.

use std::path::PathBuf;

use tollgate_envoy_harness::child::ChildBuilder;
use tollgate_envoy_harness::{Context, Error, Result};
use tollgate_workspace as workspace;

use crate::setup::TARGET;
use crate::{cargo, modules, progress, setup};

/// Runs `cargo xtask bench`.
pub(crate) fn run(flags: &[&str]) -> Result<()> {
    if let ["tokens", flags @ ..] = flags {
        return tokens(flags);
    }
    if let ["llm", flags @ ..] = flags {
        return llm(flags);
    }
    if let ["instructions", flags @ ..] = flags {
        return instructions(flags);
    }
    if let ["sizes", flags @ ..] = flags {
        return sizes(flags);
    }
    if let ["firewall", flags @ ..] = flags {
        return firewall(flags);
    }
    if let ["inspect", args @ ..] = flags {
        return inspect(args);
    }
    let is_known = |flag: &str| matches!(flag, "--quick" | "--write" | "--access-log") || flag.starts_with("--rounds=");
    if let Some(flag) = flags.iter().find(|flag| !is_known(flag)) {
        return Err(Error::new(format!("bench takes --quick, --write, --rounds=N and --access-log, not `{flag}`")));
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

/// Runs `cargo xtask bench llm`.
fn llm(flags: &[&str]) -> Result<()> {
    if !matches!(flags, [] | ["--quick" | "--write"]) {
        return Err(Error::new(format!("bench llm takes --quick or --write, not `{}`", flags.join(" "))));
    }
    setup::target()?;
    progress::step("building the subjects (release: native, as a module, and as a module without simd128)");
    let target = workspace::target_dir();
    let scalar = target.join("scalar");
    let build = ["build", "--release", "--package", SUBJECT];
    cargo::run(&build)?;
    let module = [&build[..], &["--target", TARGET]].concat();
    cargo::run(&module)?;
    // RUSTFLAGS replaces the flags in .cargo/config.toml, which enable the vector instructions.
    let built = cargo::cargo().env("CARGO_TARGET_DIR", &scalar).env("RUSTFLAGS", NO_VECTORS).args(&module).run()?;
    if !built.success() {
        return Err(Error::new("the module without simd128 does not build, see above"));
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

/// Runs `cargo xtask bench inspect`: the rules of a gitleaks configuration, natively.
fn inspect(args: &[&str]) -> Result<()> {
    progress::step("building the program (release)");
    cargo::run(&["build", "--release", "--package", INSPECT])?;
    progress::step("measuring");
    let run = ChildBuilder::new(workspace::target_dir().join("release").join(INSPECT)).args(args).run()?;
    if run.success() { Ok(()) } else { Err(Error::new("the benchmark failed, see above")) }
}

/// Runs `cargo xtask bench firewall`: the rules of all packs natively and in the V8 of Node.
fn firewall(flags: &[&str]) -> Result<()> {
    if !matches!(flags, [] | ["--quick" | "--write"]) {
        return Err(Error::new(format!("bench firewall takes --quick or --write, not `{}`", flags.join(" "))));
    }
    setup::target()?;
    progress::step("building the program (release: native, and as a module)");
    let build = ["build", "--release", "--package", INSPECT];
    cargo::run(&build)?;
    cargo::run(&[&build[..], &["--target", TARGET]].concat())?;
    progress::step("measuring");
    let target = workspace::target_dir();
    let module = target.join(TARGET).join("release").join(INSPECT).with_extension("wasm");
    let run = ChildBuilder::new(target.join("release").join(INSPECT)).arg("compare").arg(module).args(flags).run()?;
    if run.success() { Ok(()) } else { Err(Error::new("the benchmark failed, see above")) }
}

const INSPECT: &str = "tollgate-bench-inspect";

/// Runs `cargo xtask bench tokens`: the same program natively and as a module in wasmtime, Node and Envoy.
fn tokens(flags: &[&str]) -> Result<()> {
    if !matches!(flags, [] | ["--quick"]) {
        return Err(Error::new(format!("bench tokens takes --quick, not `{}`", flags.join(" "))));
    }
    setup::target()?;
    let envoy = setup::envoy()?;
    progress::step("building the counter and the tokenizers to compare it with (release)");
    let build = ["build", "--release", "--package", COUNTER];
    cargo::run(&[&build[..], &["--features", "compare"]].concat())?;
    let target = workspace::target_dir();
    let module = target.join(TARGET).join("release").join(COUNTER).with_extension("wasm");
    let small = module.with_file_name(format!("{COUNTER}-o200k_base.wasm"));
    cargo::run(&[&build[..], &["--target", TARGET, "--no-default-features"]].concat())?;
    std::fs::copy(&module, &small).context(|| format!("cannot write {}", small.display()))?;
    cargo::run(&[&build[..], &["--target", TARGET]].concat())?;
    progress::step(&format!("measuring, also in Envoy {} ({})", envoy.version(), envoy.path().display()));
    let subjects = [target.join("release").join(COUNTER), module, small];
    let run = cargo::cargo().env("ENVOY", envoy.path());
    let run = run.args(["run", "--package", TOKENS, "--"]).args(subjects).args(flags).run()?;
    if run.success() { Ok(()) } else { Err(Error::new("the benchmark failed, see above")) }
}

/// `cargo xtask bench instructions`: for the filters and for counting, each optionally against another build of the module.
fn instructions(flags: &[&str]) -> Result<()> {
    let (mut filters, mut counter): (Vec<&str>, Vec<&str>) = (Vec::new(), Vec::new());
    let mut rest = flags;
    while let [flag, module, others @ ..] = rest {
        match *flag {
            "--against" => filters = vec!["--against", module],
            "--against-counter" => counter = vec!["--against", module],
            _ => break,
        }
        rest = others;
    }
    if !rest.is_empty() {
        let given = rest.join(" ");
        return Err(Error::new(format!("bench instructions takes --against or --against-counter, not `{given}`")));
    }
    setup::target()?;
    modules::build_bundle()?;
    progress::step("building the counter (release)");
    cargo::run(&["build", "--release", "--package", COUNTER, "--target", TARGET])?;
    progress::step("counting instructions");
    let run = ["run", "--package", INSTRUCTIONS, "--"];
    let filters = cargo::cargo().args(run).arg(workspace::module(workspace::BUNDLE)?).args(filters).run()?;
    let run = ["run", "--package", TOKENS, "--", "instructions"];
    let counted = workspace::target_dir().join(TARGET).join("release").join(COUNTER).with_extension("wasm");
    let counting = cargo::cargo().args(run).arg(counted).args(counter).run()?;
    if filters.success() && counting.success() { Ok(()) } else { Err(Error::new("counting failed, see above")) }
}

/// Runs `cargo xtask bench sizes`: instructions per byte of bodies of 1 to 8 MiB.
pub(crate) fn sizes(flags: &[&str]) -> Result<()> {
    setup::target()?;
    modules::build_bundle()?;
    progress::step("counting instructions per byte");
    let module = workspace::module(workspace::BUNDLE)?;
    let run = cargo::cargo().args(["run", "--package", INSTRUCTIONS, "--", "sizes"]).arg(module).args(flags).run()?;
    if run.success() { Ok(()) } else { Err(Error::new("a byte costs too much, see above")) }
}

const INSTRUCTIONS: &str = "tollgate-bench-instructions";
const COUNTER: &str = "tollgate-bench-tokens-subject";
const TOKENS: &str = "tollgate-bench-tokens";
