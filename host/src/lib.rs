//! A proxy-wasm host on wasmtime that behaves as Envoy does.
//!
//! Filters run as the modules that ship, in chains, over streams that behave as Envoy's do.

#![forbid(unsafe_code)]

mod abi;
mod calls;
mod events;
mod exchange;
mod guest;
mod headers;
mod hostcalls;
mod imports;
mod linker;
mod listener;
mod log;
mod machine;
mod metrics;
mod module;
mod open_stream;
mod plugin;
mod process;
mod property;
mod random;
mod request;
mod route;
mod shared;
mod stats;
mod stream;
mod trace;
mod upstream;
mod vm;
mod wasi;
mod world;

pub use exchange::{Client, End, Exchange, UpstreamSeen};
pub use headers::Headers;
pub use imports::Coverage;
pub use listener::{Listener, ListenerBuilder, OpenStream, StartError};
pub use log::{Level, LogEntry, Thread};
pub use module::{LoadError, Module};
pub use plugin::{FailurePolicy, Plugin};
pub use process::{Process, ProcessBuilder};
pub use request::{Framing, Leaves, Request, Split, Value};
pub use route::Route;
pub use stats::Stats;
pub use trace::{Event, Line, Trace};
pub use upstream::{Asked, Origin, Reply, UpstreamRequest};
