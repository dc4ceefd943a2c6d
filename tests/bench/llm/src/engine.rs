//! Engines that run the subject.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::LazyLock;
use std::time::Instant;

use tollgate_bench_engines::{Module, output};
use tollgate_envoy_harness::{Context, Result};
use tollgate_workspace as workspace;

/// Paths of the built subjects.
#[derive(Clone, Debug)]
pub(crate) struct Subjects {
    /// Native program.
    pub(crate) native: PathBuf,
    /// Module built like the shipped ones: with SIMD instructions.
    pub(crate) module: PathBuf,
    /// Module without SIMD instructions.
    pub(crate) scalar: PathBuf,
}

/// Engine that runs the subject.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Engine {
    Native,
    Wasmtime,
    V8,
    V8Scalar,
}

impl Engine {
    pub(crate) const ALL: [Engine; 4] = [Engine::V8, Engine::V8Scalar, Engine::Wasmtime, Engine::Native];

    /// Returns the name used in the table.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Engine::Native => "native",
            Engine::Wasmtime => "wasmtime",
            Engine::V8 => "V8",
            Engine::V8Scalar => "V8, no simd128",
        }
    }

    /// Runs the subject and returns its output.
    pub(crate) fn run(self, subjects: &Subjects, args: &[&str]) -> Result<String> {
        match self {
            Engine::Native => output(Command::new(&subjects.native).args(args), Stdio::null()),
            Engine::Wasmtime => in_wasmtime(&subjects.module, args),
            Engine::V8 => output(node(&subjects.module).args(args), Stdio::null()),
            Engine::V8Scalar => output(node(&subjects.scalar).args(args), Stdio::null()),
        }
    }
}

fn node(module: &Path) -> Command {
    let mut command = Command::new("node");
    command.arg("--no-warnings").arg(workspace::root().join("tests/bench/llm/src/node.mjs")).arg(module);
    command
}

/// Start of the measurement, for the clock of WASI.
static START: LazyLock<Instant> = LazyLock::new(Instant::now);

fn in_wasmtime(module: &Path, args: &[&str]) -> Result<String> {
    let bytes = std::fs::read(module).context(|| module.display().to_string())?;
    Module::compile(&bytes)?.run(args, Vec::new(), || Ok(START.elapsed()))
}
