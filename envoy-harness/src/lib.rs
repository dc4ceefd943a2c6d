//! Starts and drives a real Envoy: the binary, wire clients for HTTP/1.1 and HTTP/2, scripted upstreams, decoded responses.
//!
//! An [`Envoy`] is found or installed, a [`Bootstrap`] says how it is configured, and a [`Gateway`] is the running process.
//! The gateway listens on ports that the kernel picks, so any number may run at once, and it ends with the process that
//! started it, however that process ends (see [`child`]).
//!
//! ```no_run
//! use tollgate_envoy_harness::{Bootstrap, Envoy, Gateway, gateway};
//!
//! # fn main() -> tollgate_envoy_harness::Result<()> {
//! let envoy = Envoy::find_or_install()?;
//! let bootstrap = Bootstrap::from_yaml("...")?
//!     .module("tollgate.wasm".as_ref())?
//!     .upstream("openai", ([127, 0, 0, 1], 8081).into())?;
//! let gateway = Gateway::start(&envoy, bootstrap, &gateway::Options::default())?;
//! println!("{} is up", gateway.url());
//! # Ok(())
//! # }
//! ```
//!
//! # Layers
//!
//! | module | task |
//! |---|---|
//! | [`child`], [`scratch`] | processes and directories that end with their owner |
//! | [`gateway`] | start, readiness, logs, statistics and end of an Envoy |
//! | [`message`] | requests, bodies in pieces, responses |
//! | [`http1`] | HTTP/1.1 without I/O |
//! | [`connection`], [`client`] | asynchronous clients: parts of an exchange, whole exchanges |
//! | [`blocking`] | client for programs without a runtime |
//! | [`upstream`] | servers that record requests and respond as a test says |
//! | [`read_barrier`] | one read of Envoy for each piece that is written |
//! | [`decoded_response`] | content of a chat completion |
//!
//! # Runtime
//!
//! Starting Envoy and its admin interface block: both are rare, and callers without a runtime need them. The wire clients and
//! the upstreams need tokio, because HTTP/2 comes from the h2 crate, which is asynchronous, and because a hundred connections
//! at once are cheaper as tasks than as threads. HTTP/1.1 is a state machine without I/O, so that the blocking client and
//! the asynchronous one are the same code.

pub mod blocking;
pub mod child;
pub mod client;
pub mod connection;
pub mod decoded_response;
mod empty_module;
mod error;
pub mod gateway;
pub mod http1;
pub mod message;
pub mod read_barrier;
pub mod scratch;
pub mod upstream;

mod bootstrap;
mod envoy;

pub use bootstrap::Bootstrap;
pub use decoded_response::DecodedResponse;
pub use empty_module::EMPTY_MODULE;
pub use envoy::{Envoy, OLDEST, PINNED, VERSIONS};
pub use error::{Context, Error, Result};
pub use gateway::{Gateway, StartError};
