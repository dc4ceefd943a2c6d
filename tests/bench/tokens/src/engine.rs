//! What the subject runs in.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tollgate_testbed::scratch::Scratch;
use tollgate_testbed::{Context, Envoy, Error, Result};

use crate::envoy;
use crate::wasi::{self, World};

/// The built subjects.
#[derive(Clone, Debug)]
pub(crate) struct Programs {
    /// A program of this machine.
    pub(crate) native: PathBuf,
    /// The same as a module.
    pub(crate) module: PathBuf,
    /// The module with `o200k_base` alone.
    pub(crate) small: PathBuf,
}

/// One way to run it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Engine {
    Native,
    Wasmtime,
    V8,
    Envoy,
}

impl Engine {
    pub(crate) const ALL: [Engine; 4] = [Engine::Native, Engine::Wasmtime, Engine::V8, Engine::Envoy];

    /// Its name in tables.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Engine::Native => "native",
            Engine::Wasmtime => "wasmtime",
            Engine::V8 => "V8",
            Engine::Envoy => "Envoy",
        }
    }
}

/// All of them, ready.
pub(crate) struct Engines {
    programs: Programs,
    scratch: Scratch,
    wasmtime: wasmtime::Module,
    envoy: Envoy,
}

impl Engines {
    pub(crate) fn new(programs: Programs) -> Result<Engines> {
        let scratch = Scratch::new("bench-tokens")?;
        let write = |name: &str, text: &str| fs::write(scratch.path().join(name), text);
        write(SCRIPT, include_str!("node.mjs")).context(|| "cannot write the script for Node".into())?;
        let compile = || wasmtime::Module::new(&wasmtime::Engine::default(), fs::read(&programs.module)?);
        let wasmtime = compile().context(|| "wasmtime does not compile the module".into())?;
        let envoy = Envoy::find_or_install()?;
        let node = output(Command::new("node").args(["-p", "`Node ${process.version}, V8 ${process.versions.v8}`"]))
            .context(|| "this needs Node 20 or newer on PATH".into())?;
        println!("{}; Envoy {}; wasmtime 48\n", node.trim(), envoy.version());
        Ok(Engines { programs, scratch, wasmtime, envoy })
    }

    /// Where files may be.
    pub(crate) fn scratch(&self) -> &Path {
        self.scratch.path()
    }

    pub(crate) fn programs(&self) -> &Programs {
        &self.programs
    }

    /// What the subject prints, told these arguments and given the text of a file.
    pub(crate) fn run(&self, engine: Engine, arguments: &[&str], text: Option<&Path>) -> Result<String> {
        match engine {
            Engine::Native => {
                let mut command = Command::new(&self.programs.native);
                command.args(arguments).stdin(match text {
                    Some(path) => Stdio::from(File::open(path).context(|| path.display().to_string())?),
                    None => Stdio::null(),
                });
                output(&mut command)
            }
            Engine::Wasmtime => {
                let text = text.map_or(Ok(Vec::new()), fs::read).context(|| "a corpus".into())?;
                in_wasmtime(&self.wasmtime, arguments, text).context(|| "in wasmtime".into())
            }
            Engine::V8 => self.node(&self.programs.module, arguments, text),
            Engine::Envoy => {
                let text = text.map_or(Ok(String::new()), fs::read_to_string).context(|| "a corpus".into())?;
                envoy::run(&self.envoy, &self.programs.module, arguments, &text, self.scratch())
            }
        }
    }

    /// What the script for Node prints.
    pub(crate) fn node(&self, module: &Path, arguments: &[&str], text: Option<&Path>) -> Result<String> {
        let mut command = Command::new("node");
        command.arg("--no-warnings").arg(self.scratch.path().join(SCRIPT)).arg(module);
        command.arg(text.unwrap_or("/dev/null".as_ref())).args(arguments);
        output(command.stdin(Stdio::null()))
    }

    /// The numbers in the one line that the subject prints.
    pub(crate) fn numbers<const N: usize>(
        &self,
        engine: Engine,
        arguments: &[&str],
        text: Option<&Path>,
    ) -> Result<[f64; N]> {
        let printed = self.run(engine, arguments, text)?;
        numbers(&printed)
            .ok_or_else(|| Error::new(format!("{} in {} printed {printed:?}", arguments.join(" "), engine.name())))
    }
}

const SCRIPT: &str = "node.mjs";

/// The numbers of a line, if there are so many.
pub(crate) fn numbers<const N: usize>(line: &str) -> Option<[f64; N]> {
    let numbers: Vec<f64> = line.split_whitespace().map_while(|number| number.parse().ok()).collect();
    numbers.try_into().ok()
}

fn output(command: &mut Command) -> Result<String> {
    let what = format!("{} does not run", command.get_program().display());
    let output = command.stderr(Stdio::inherit()).output().context(|| what.clone())?;
    if !output.status.success() {
        return Err(Error::new(format!("{what}: {}", output.status)));
    }
    String::from_utf8(output.stdout).context(|| what)
}

fn in_wasmtime(module: &wasmtime::Module, arguments: &[&str], text: Vec<u8>) -> wasmtime::Result<String> {
    let mut linker = wasmtime::Linker::new(module.engine());
    wasi::link(&mut linker)?;
    let mut store = wasmtime::Store::new(module.engine(), World::new(arguments, text));
    let instance = linker.instantiate(&mut store, module)?;
    let result = instance.get_typed_func::<(), ()>(&mut store, "_start")?.call(&mut store, ());
    let (printed, code) = store.into_data().end();
    match (result, code) {
        (Ok(()), _) | (Err(_), Some(0)) => Ok(printed),
        (Err(_), Some(code)) => Err(wasmtime::Error::msg(format!("the subject ended with {code}: {printed}"))),
        (Err(error), None) => Err(error),
    }
}
