//! A compiled module and what it asks of a host.

use std::fmt;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::Path;
use std::sync::Arc;

use crate::imports::{self, Coverage};
use crate::linker;
use crate::vm::VmData;

/// A compiled module. Compiling takes seconds for megabytes of code, so compile once and clone: a clone shares the code.
#[derive(Clone)]
pub struct Module {
    inner: Arc<Inner>,
}

struct Inner {
    prepared: wasmtime::InstancePre<VmData>,
    fingerprint: u64,
    coverage: Coverage,
}

/// The calls of [`Module::tick`] that one callback may see.
pub const CALLBACK_TICKS: u64 = 10;

/// Why a module cannot be loaded.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LoadError {
    /// The file cannot be read.
    #[error("cannot read {path}: {source}")]
    Read {
        /// The file.
        path: String,
        /// What the system says.
        source: std::io::Error,
    },
    /// It is not a module, or one this machine cannot run.
    #[error("not a WebAssembly module that can be run: {0}")]
    Invalid(String),
    /// It imports what neither Envoy nor this host offers.
    #[error("the module imports what Envoy does not offer: {}", .0.join(", "))]
    UnknownImports(Vec<String>),
    /// It lacks what every proxy-wasm module must export.
    #[error("the module does not export {0}")]
    MissingExport(String),
}

impl Module {
    /// Compiles a module (binary format).
    pub fn new(bytes: &[u8]) -> Result<Module, LoadError> {
        let mut config = wasmtime::Config::new();
        // Measured on the bundle of all filters: a third less time to compile, and no exchange takes longer by as much as
        // can be told, since most of its time is host calls and memory.
        config.cranelift_opt_level(wasmtime::OptLevel::None);
        // A new instance maps the module's data and copies what it writes to.
        config.memory_init_cow(true);
        // Loops look at the epoch, see `Module::tick`.
        config.epoch_interruption(true);
        // A trap must say which function it happened in, not more.
        config.wasm_backtrace_details(wasmtime::WasmBacktraceDetails::Disable);
        let invalid = |error: wasmtime::Error| LoadError::Invalid(error.root_cause().to_string());
        let engine = wasmtime::Engine::new(&config).map_err(invalid)?;
        let module = wasmtime::Module::new(&engine, bytes).map_err(invalid)?;
        imports::exports(&module)?;
        let coverage = imports::coverage(&module)?;
        let prepared = linker::prepare(&engine, &module).map_err(invalid)?;
        let mut hasher = DefaultHasher::new();
        bytes.hash(&mut hasher);
        Ok(Module { inner: Arc::new(Inner { prepared, fingerprint: hasher.finish(), coverage }) })
    }

    /// Reads and compiles a file.
    pub fn from_file(path: impl AsRef<Path>) -> Result<Module, LoadError> {
        let path = path.as_ref();
        let bytes =
            std::fs::read(path).map_err(|source| LoadError::Read { path: path.display().to_string(), source })?;
        Module::new(&bytes)
    }

    /// Lets one unit of idle_timeout pass with guests of this module. A callback that is still running at the [`CALLBACK_TICKS`]th
    /// call since it began traps, and its virtual machine is gone; Envoy's worker would hang for ever.
    ///
    /// The host has no clock and no thread, so nothing calls this but its user: from a thread of a program's own, once a
    /// second. Who never calls it lets guests run for as long as they like.
    ///
    /// Epochs were chosen over fuel, which would count every instruction: what is asked here is not how long something
    /// takes but whether it ends, and a look at the epoch in every loop costs next to nothing.
    pub fn tick(&self) {
        self.inner.prepared.module().engine().increment_epoch();
    }

    /// What the module imports, and which of it this host offers only in part.
    pub fn imports(&self) -> &Coverage {
        &self.inner.coverage
    }

    pub(crate) fn prepared(&self) -> &wasmtime::InstancePre<VmData> {
        &self.inner.prepared
    }

    pub(crate) fn fingerprint(&self) -> u64 {
        self.inner.fingerprint
    }
}

impl fmt::Debug for Module {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Module({:016x})", self.inner.fingerprint)
    }
}
