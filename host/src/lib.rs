//! A proxy-wasm host on wasmtime that behaves as Envoy does.
//!
//! FilterCallbacks run as the modules that ship, in chains, over streams that behave as Envoy's do: what a callback sees, when the
//! next one comes and what a host call answers is what the real proxy would have done, down to the filters where it differs
//! from the specification. Nothing is expected of a sequence of calls. The host has *state* (header maps, buffers, a route,
//! shared data, timers), guests change it, and a test looks at the outcome: what the client got, what the upstream got and
//! when, what was logged, counted and published.
//!
//! ```
//! use tollgate_host::{End, Listener, Module, Plugin, Process, UpstreamResponse, Request, Route};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! // FilterCallbacks are usually read with `Module::from_file`. This one answers 403 to everybody.
//! let module = Module::new(&wat::parse_str(r#"(module
//!     (import "env" "proxy_send_local_response"
//!         (func $reply (param i32 i32 i32 i32 i32 i32 i32 i32) (result i32)))
//!     (memory (export "memory") 1)
//!     (data (i32.const 16) "not today")
//!     (func (export "proxy_abi_version_0_2_1"))
//!     (func (export "proxy_on_memory_allocate") (param i32) (result i32) (i32.const 4096))
//!     (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
//!         (drop (call $reply (i32.const 403) (i32.const 0) (i32.const 0) (i32.const 16) (i32.const 9)
//!                            (i32.const 0) (i32.const 0) (i32.const -1)))
//!         (i32.const 1)))"#)?)?;
//!
//! let process = Process::builder().seed(7).build();
//! process.cluster("up", |request| UpstreamResponse::json(request.body()));
//! let listener = Listener::builder()
//!     .plugin(Plugin::new("refuse", module).root_id("refuse"))
//!     .route(Route::prefix("/").cluster("up"))
//!     .start(&process)?;
//!
//! let exchange = listener.send(Request::post("/v1/chat").body("hello"));
//! assert_eq!((exchange.client.status, exchange.client.text()), (403, "not today".to_owned()));
//! assert_eq!(exchange.client.end, End::Complete);
//! assert!(exchange.upstream.is_empty(), "nothing has left");
//! # Ok(())
//! # }
//! ```
//!
//! # How it is built
//!
//! * A [`Process`] is one Envoy: workers, shared data, stats, scripted clusters, a virtual clock, seeded randomness. There
//!   are no globals; tests run in parallel, each with processes of its own. A compiled [`Module`] is shared between them.
//! * A stream is a state machine that knows no guest (`stream`): Envoy's filter manager, filter by filter, both ways. It is
//!   tested with filters that are rules, against what was recorded from Envoy.
//! * Everything guests can reach is one value, which is moved into a virtual machine for the time of a callback and taken
//!   back: host functions work on it directly, without a lock and without a static.
//! * What a guest asks for in a callback (continue, reply, call) happens when the callback has returned. Guests are never
//!   re-entered.
//! * Time is virtual. [`Listener::send`] lets it pass as far as the exchange needs: a delayed answer comes, a callout times
//!   out, timers tick. When nothing is left that could move a stream, the exchange ends as [`End::Stalled`], with the reason
//!   in words.
//! * A guest that loops for ever hangs the thread it runs on, as it does Envoy's worker. A user of this library that has a
//!   clock can have it trap instead: [`Module::tick`].
//!
//! # What it does not do
//!
//! TLS, retries, HTTP upgrades, load balancing and metadata frames; TCP filters; CEL and the other foreign functions that
//! [`Module::imports`] names. Backpressure has no effect: what Envoy would stop reading is buffered here.

#![forbid(unsafe_code)]

mod abi;
mod callout;
mod event_queue;
mod exchange;
mod guest;
mod headers;
mod host_state;
mod hostcalls;
mod imports;
mod linker;
mod listener;
mod log;
mod metrics;
mod module;
mod open_stream;
mod plugin;
mod process;
mod property;
mod random;
mod request;
mod route;
mod server;
mod shared;
mod stats;
mod stream;
mod trace;
mod upstream;
mod vm;
mod wasi;

pub use exchange::{ClientResponse, End, Exchange, ReceivedRequest};
pub use headers::Headers;
pub use imports::Coverage;
pub use listener::{Listener, ListenerBuilder, OpenStream, StartError};
pub use log::{Level, LogEntry, Thread};
pub use module::{CALLBACK_TICKS, LoadError, Module};
pub use plugin::{FailurePolicy, Plugin};
pub use process::{Process, ProcessBuilder};
pub use request::{Disconnect, Framing, MetadataValue, Request, Split};
pub use route::Route;
pub use stats::Stats;
pub use trace::{Trace, TraceEvent, TraceLine};
pub use upstream::{Origin, ResponseTrigger, UpstreamRequest, UpstreamResponse};
