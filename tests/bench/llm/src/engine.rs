//! What the subject runs in.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tollgate_testbed::{Context, Error, Result, workspace};

use crate::wasi::{self, World};

/// The built subjects.
#[derive(Clone, Debug)]
pub(crate) struct Subjects {
    /// A program of this machine.
    pub(crate) native: PathBuf,
    /// The module as modules are shipped: with the vector instructions.
    pub(crate) module: PathBuf,
    /// The module without them.
    pub(crate) scalar: PathBuf,
}

/// One way to run it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Engine {
    Native,
    Wasmtime,
    V8,
    V8Scalar,
}

impl Engine {
    pub(crate) const ALL: [Engine; 4] = [Engine::V8, Engine::V8Scalar, Engine::Wasmtime, Engine::Native];

    /// Its name in the table.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Engine::Native => "native",
            Engine::Wasmtime => "wasmtime",
            Engine::V8 => "V8",
            Engine::V8Scalar => "V8, no simd128",
        }
    }

    /// What the subject prints.
    pub(crate) fn run(self, subjects: &Subjects, args: &[&str]) -> Result<String> {
        match self {
            Engine::Native => output(Command::new(&subjects.native).args(args)),
            Engine::Wasmtime => in_wasmtime(&subjects.module, args).context(|| "in wasmtime".into()),
            Engine::V8 => output(node(&subjects.module).args(args)),
            Engine::V8Scalar => output(node(&subjects.scalar).args(args)),
        }
    }
}

/// `v20.20.2`, and of its V8: `11.3.244.8`.
pub(crate) fn node_version() -> Result<String> {
    let text = output(Command::new("node").args(["-p", "`Node ${process.version}, V8 ${process.versions.v8}`"]));
    text.map(|text| text.trim().to_owned()).context(|| "this needs Node 20 or newer on PATH".into())
}

fn node(module: &Path) -> Command {
    let mut command = Command::new("node");
    command.arg("--no-warnings").arg(workspace::root().join("tests/bench/llm/src/node.mjs")).arg(module);
    command
}

fn output(command: &mut Command) -> Result<String> {
    let what = || format!("{} does not run", command.get_program().display());
    let context = what();
    let output = command.stdin(Stdio::null()).stderr(Stdio::inherit()).output().context(|| context.clone())?;
    if !output.status.success() {
        return Err(Error::new(format!("{context}: {}", output.status)));
    }
    String::from_utf8(output.stdout).context(|| context)
}

fn in_wasmtime(module: &Path, args: &[&str]) -> wasmtime::Result<String> {
    let engine = wasmtime::Engine::default();
    let module = wasmtime::Module::new(&engine, std::fs::read(module)?)?;
    let mut linker = wasmtime::Linker::new(&engine);
    wasi::link(&mut linker)?;
    let mut store = wasmtime::Store::new(&engine, World::new(args));
    let instance = linker.instantiate(&mut store, &module)?;
    let result = instance.get_typed_func::<(), ()>(&mut store, "_start")?.call(&mut store, ());
    let World { printed, code, .. } = store.into_data();
    let printed = String::from_utf8_lossy(&printed).into_owned();
    match (result, code) {
        (Ok(()), _) | (Err(_), Some(0)) => Ok(printed),
        (Err(_), Some(code)) => Err(wasmtime::Error::msg(format!("the subject ended with {code}: {printed}"))),
        (Err(error), None) => Err(error),
    }
}
