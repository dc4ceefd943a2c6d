//! A proxy-wasm host on wasmtime that behaves as Envoy does.
//!
//! Filters run as the modules that ship, in chains, over streams that behave as Envoy's do: the data that a callback sees, the
//! order of callbacks and the results of host calls are those of the real proxy, including the places where it deviates from
//! the specification. Tests expect no sequence of calls. The host has *state* (header maps, buffers, a route, shared data,
//! timers), guests change it, and a test checks the outcome: what the client and the upstream received and when, what was
//! logged, counted and published.
//!
//! ```
//! use tollgate_host::{End, Listener, Module, Plugin, Process, Request, Route, UpstreamResponse};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! // Filters are usually read with `Module::from_file`. This one responds 403 to every request.
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
//! assert!(exchange.upstream.is_empty(), "nothing was sent upstream");
//! # Ok(())
//! # }
//! ```
//!
//! # Architecture
//!
//! * A [`Process`] is one Envoy: workers, shared data, stats, scripted clusters, a virtual clock, seeded random numbers. There
//!   are no globals; tests run in parallel, each with its own processes. They share a compiled [`Module`].
//! * `stream` is a state machine that knows no guest: Envoy's filter manager, filter by filter, in both directions. Its tests
//!   run filters that are rules, and expect what was recorded from Envoy.
//! * `host_state` is everything that guests can access, in one value. It is moved into a virtual machine for the time of a
//!   callback and moved back, so host functions use it directly, without a lock and without a static.
//! * `hostcalls` are the functions of the ABI, on `guest` (the memory of the caller) and `vm_data` (the state of its virtual
//!   machine). `linker` and `module` tie them to a compiled module; `vm` runs one.
//! * `server` drives everything: it starts plugins, runs filters, routes requests, and advances virtual time.
//!
//! Actions that a guest asks for in a callback (continue, reply, call) are deferred until the callback has returned. Guests
//! are never re-entered.
//!
//! Time is virtual. [`Listener::send`] advances it as far as the exchange needs: a delayed response arrives, a callout times
//! out, timers tick. When no event can advance a stream any more, the exchange ends as [`End::Stalled`], with the reason.
//!
//! A guest that loops for ever hangs the thread it runs on, as it does Envoy's worker. A program that has a clock can trap it
//! instead: [`Module::tick`].
//!
//! # Limits
//!
//! Not emulated are TLS, retries, HTTP upgrades, load balancing and metadata frames; TCP filters; CEL and the other foreign
//! functions that [`Module::imports`] lists. Backpressure has no effect: the host buffers data that Envoy would stop reading.

#![forbid(unsafe_code)]

mod abi;
mod callout;
mod event_queue;
mod exchange;
mod guest;
mod header_maps;
mod headers;
mod host_state;
mod hostcalls;
mod imports;
mod linker;
mod listener;
mod listener_config;
mod log;
mod metrics;
mod module;
mod open_stream;
mod plugin;
mod plugin_settings;
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
mod vm_data;
mod wasi;

pub use exchange::{ClientResponse, End, Exchange, ReceivedRequest};
pub use headers::Headers;
pub use imports::Coverage;
pub use listener::{Listener, ListenerBuilder};
pub use listener_config::StartError;
pub use log::{Level, LogEntry, Thread};
pub use module::{CALLBACK_TICKS, LoadError, Module};
pub use open_stream::OpenStream;
pub use plugin::{FailurePolicy, Plugin};
pub use process::{Process, ProcessBuilder};
pub use request::{Disconnect, Framing, MetadataValue, Request, Split};
pub use route::Route;
pub use stats::Stats;
pub use trace::{Trace, TraceEvent, TraceLine};
pub use upstream::{Origin, ResponseTrigger, UpstreamRequest, UpstreamResponse};
