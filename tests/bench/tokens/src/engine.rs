//! Engines that run the subject.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tollgate_bench_engines::{Module, node_version, output};
use tollgate_envoy_harness::scratch::Scratch;
use tollgate_envoy_harness::{Context, Envoy, Error, Result};

use crate::{clock, envoy};

/// Builds of the subject.
#[derive(Clone, Debug)]
pub(crate) struct Programs {
    /// Native program.
    pub(crate) native: PathBuf,
    /// WebAssembly module.
    pub(crate) module: PathBuf,
    /// WebAssembly module with `o200k_base` only.
    pub(crate) small: PathBuf,
}

/// Engine that runs the subject.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Engine {
    Native,
    Wasmtime,
    V8,
    Envoy,
}

impl Engine {
    pub(crate) const ALL: [Engine; 4] = [Engine::Native, Engine::Wasmtime, Engine::V8, Engine::Envoy];

    /// Returns its name in tables.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Engine::Native => "native",
            Engine::Wasmtime => "wasmtime",
            Engine::V8 => "V8",
            Engine::Envoy => "Envoy",
        }
    }
}

/// All engines, ready to run.
pub(crate) struct Engines {
    programs: Programs,
    scratch: Scratch,
    wasmtime: Module,
    envoy: Envoy,
}

impl Engines {
    pub(crate) fn new(programs: Programs) -> Result<Engines> {
        let scratch = Scratch::new("bench-tokens")?;
        let write = |name: &str, text: &str| fs::write(scratch.path().join(name), text);
        write(SCRIPT, include_str!("node.mjs")).context(|| "cannot write the script for Node".into())?;
        let module = fs::read(&programs.module).context(|| programs.module.display().to_string())?;
        let wasmtime = Module::compile(&module)?;
        let envoy = Envoy::find_or_install()?;
        println!("{}; Envoy {}; wasmtime 48\n", node_version()?, envoy.version());
        Ok(Engines { programs, scratch, wasmtime, envoy })
    }

    /// Returns the scratch directory.
    pub(crate) fn scratch(&self) -> &Path {
        self.scratch.path()
    }

    pub(crate) fn programs(&self) -> &Programs {
        &self.programs
    }

    /// Runs the subject with these arguments and the text of a file, and returns what it prints.
    pub(crate) fn run(&self, engine: Engine, arguments: &[&str], text: Option<&Path>) -> Result<String> {
        match engine {
            Engine::Native => {
                let mut command = Command::new(&self.programs.native);
                let stdin = match text {
                    Some(path) => Stdio::from(File::open(path).context(|| path.display().to_string())?),
                    None => Stdio::null(),
                };
                output(command.args(arguments), stdin)
            }
            Engine::Wasmtime => {
                let text = text.map_or(Ok(Vec::new()), fs::read).context(|| "a corpus".into())?;
                self.wasmtime.run(arguments, text, clock::now)
            }
            Engine::V8 => self.node(&self.programs.module, arguments, text),
            Engine::Envoy => {
                let text = text.map_or(Ok(String::new()), fs::read_to_string).context(|| "a corpus".into())?;
                envoy::run(&self.envoy, &self.programs.module, arguments, &text, self.scratch())
            }
        }
    }

    /// Runs a module in Node and returns what it prints.
    pub(crate) fn node(&self, module: &Path, arguments: &[&str], text: Option<&Path>) -> Result<String> {
        let mut command = Command::new("node");
        command.arg("--no-warnings").arg(self.scratch.path().join(SCRIPT)).arg(module);
        command.arg(text.unwrap_or("/dev/null".as_ref())).args(arguments);
        output(&mut command, Stdio::null())
    }

    /// Runs the subject and returns the numbers in its single line of output.
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

/// Parses the numbers of a line; `None` if there are not exactly `N`.
pub(crate) fn numbers<const N: usize>(line: &str) -> Option<[f64; N]> {
    let numbers: Vec<f64> = line.split_whitespace().map_while(|number| number.parse().ok()).collect();
    numbers.try_into().ok()
}
