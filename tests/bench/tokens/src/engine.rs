//! What the subject runs in.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tollgate_bench_engines::{Module, node_version, output};
use tollgate_testbed::scratch::Scratch;
use tollgate_testbed::{Context, Envoy, Error, Result};

use crate::{clock, envoy};

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

    /// What the script for Node prints.
    pub(crate) fn node(&self, module: &Path, arguments: &[&str], text: Option<&Path>) -> Result<String> {
        let mut command = Command::new("node");
        command.arg("--no-warnings").arg(self.scratch.path().join(SCRIPT)).arg(module);
        command.arg(text.unwrap_or("/dev/null".as_ref())).args(arguments);
        output(&mut command, Stdio::null())
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
