//! Compiled modules.

use std::fmt;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use wasmtime::Store;

use crate::imports::{self, Coverage};
use crate::linker;
use crate::vm_data::VmData;

/// Compiled module. Compiling takes seconds for megabytes of code, so compile once and clone: a clone shares the code.
#[derive(Clone)]
pub struct Module {
    inner: Arc<Inner>,
}

struct Inner {
    prepared: wasmtime::InstancePre<VmData>,
    fingerprint: u64,
    coverage: Coverage,
    /// Instructions executed so far, if they are counted.
    instructions: Option<AtomicU64>,
}

/// Number of calls of [`Module::tick`] during which a callback may run.
pub const CALLBACK_TICKS: u64 = 10;

/// Fuel of one call when instructions are counted: more than any call can use.
const FUEL: u64 = 1 << 62;

/// Reason a module cannot be loaded.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LoadError {
    /// The file cannot be read.
    #[error("cannot read {path}: {source}")]
    Read {
        /// The file.
        path: String,
        /// The system's error.
        source: std::io::Error,
    },
    /// The bytes are not a module, or one that this machine cannot run.
    #[error("not a WebAssembly module that can be run: {0}")]
    Invalid(String),
    /// The module imports functions that neither Envoy nor this host offers.
    #[error("the module imports functions that Envoy does not offer: {}", .0.join(", "))]
    UnknownImports(Vec<String>),
    /// The module lacks an export that every proxy-wasm module must have.
    #[error("the module does not export {0}")]
    MissingExport(String),
}

impl Module {
    /// Compiles a module (binary format).
    ///
    /// # Errors
    /// A module that Envoy would not load.
    pub fn new(bytes: &[u8]) -> Result<Module, LoadError> {
        Module::compile(bytes, false)
    }

    /// Compiles a module so that the instructions its guests execute are counted, see [`Module::instructions`]. Guests run
    /// slower; nothing else changes.
    ///
    /// # Errors
    /// A module that Envoy would not load.
    pub fn new_counting(bytes: &[u8]) -> Result<Module, LoadError> {
        Module::compile(bytes, true)
    }

    fn compile(bytes: &[u8], counting: bool) -> Result<Module, LoadError> {
        let mut config = wasmtime::Config::new();
        // Measured on the bundle of all filters: compiling takes a third less time, and no exchange takes measurably longer,
        // since most of its time is host calls and memory.
        config.cranelift_opt_level(wasmtime::OptLevel::None);
        // A new instance maps the module's data and copies the pages it writes to.
        config.memory_init_cow(true);
        // Loops check the epoch, see `Module::tick`.
        config.epoch_interruption(true);
        config.consume_fuel(counting);
        // A trap must name the function it happened in, nothing more.
        config.wasm_backtrace_details(wasmtime::WasmBacktraceDetails::Disable);
        let invalid = |error: wasmtime::Error| LoadError::Invalid(error.root_cause().to_string());
        let engine = wasmtime::Engine::new(&config).map_err(invalid)?;
        let module = wasmtime::Module::new(&engine, bytes).map_err(invalid)?;
        if let Some(missing) = imports::missing_export(&module) {
            return Err(LoadError::MissingExport(missing.to_owned()));
        }
        let coverage = imports::coverage(&module).map_err(LoadError::UnknownImports)?;
        let prepared = linker::prepare(&engine, &module).map_err(invalid)?;
        let mut hasher = DefaultHasher::new();
        bytes.hash(&mut hasher);
        let instructions = counting.then(AtomicU64::default);
        Ok(Module { inner: Arc::new(Inner { prepared, fingerprint: hasher.finish(), coverage, instructions }) })
    }

    /// Reads and compiles a file.
    ///
    /// # Errors
    /// A file that cannot be read, or a module that Envoy would not load.
    pub fn from_file(path: impl AsRef<Path>) -> Result<Module, LoadError> {
        let path = path.as_ref();
        let bytes =
            std::fs::read(path).map_err(|source| LoadError::Read { path: path.display().to_string(), source })?;
        Module::new(&bytes)
    }

    /// Advances the watchdog of this module's guests by one tick. A callback that is still running at the
    /// [`CALLBACK_TICKS`]th tick since it began traps, and its virtual machine fails; Envoy's worker would hang for ever.
    ///
    /// The host has no clock and no thread, so only its user calls this: a program does it from a thread, once a second.
    /// Without ticks, guests run for as long as they like.
    ///
    /// The watchdog uses epochs because it has to find out whether a callback returns, not how long it takes: checking the
    /// epoch in every loop costs next to nothing, counting instructions costs half of the speed.
    pub fn tick(&self) {
        self.inner.prepared.module().engine().increment_epoch();
    }

    /// Returns the number of instructions that guests of this module have executed, in all processes since it was compiled;
    /// 0 unless it was compiled with [`Module::new_counting`]. An instruction is a unit of wasmtime's fuel: the same module
    /// and the same requests give the same number on every machine.
    pub fn instructions(&self) -> u64 {
        self.inner.instructions.as_ref().map_or(0, |count| count.load(Ordering::Relaxed))
    }

    /// Returns the module's imports, with those that this host offers only in part.
    pub fn imports(&self) -> &Coverage {
        &self.inner.coverage
    }

    pub(crate) fn prepared(&self) -> &wasmtime::InstancePre<VmData> {
        &self.inner.prepared
    }

    pub(crate) fn fingerprint(&self) -> u64 {
        self.inner.fingerprint
    }

    /// Runs guest code and adds its instructions to the module's count, if instructions are counted.
    pub(crate) fn count_instructions<R>(
        &self,
        store: &mut Store<VmData>,
        run: impl FnOnce(&mut Store<VmData>) -> wasmtime::Result<R>,
    ) -> wasmtime::Result<R> {
        let Some(count) = &self.inner.instructions else { return run(store) };
        store.set_fuel(FUEL)?;
        let result = run(store);
        count.fetch_add(FUEL.saturating_sub(store.get_fuel()?), Ordering::Relaxed);
        result
    }
}

impl fmt::Debug for Module {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Module({:016x})", self.inner.fingerprint)
    }
}
