//! The proxy-wasm layer of every Tollgate filter.
//!
//! A filter judges calls; the kit does everything between that judgement and Envoy: the ABI without panics, holding of
//! heads and bodies, the three ends of a request (`end_of_stream` on the head, on a body frame, or trailers), local
//! replies that return through the response path, framing of streamed responses, `content-length` after an edit, and
//! settlement exactly once. These are easy to get wrong, and mistakes show only under load, on HTTP/2, or when a client
//! disconnects.
//!
//! A filter crate implements [`Filter`] (a configuration) and [`Exchange`] (the work on one call), invokes [`filter!`]
//! once, and uses neither the SDK nor its traits:
//!
//! ```
//! use std::rc::Rc;
//! use tollgate_kit::{Call, ConfigError, Configuration, Exchange, Filter, Limits, LocalReply, Verdict};
//!
//! #[derive(Default)]
//! pub struct NoBots(Limits);
//!
//! impl Filter for NoBots {
//!     fn name() -> &'static str {
//!         "no-bots"
//!     }
//!     fn configure(_: &Configuration<'_>) -> Result<Self, ConfigError> {
//!         Ok(NoBots::default())
//!     }
//!     fn limits(&self) -> &Limits {
//!         &self.0
//!     }
//!     fn exchange(self: Rc<Self>) -> Box<dyn Exchange> {
//!         Box::new(Judge)
//!     }
//! }
//!
//! struct Judge;
//!
//! impl Exchange for Judge {
//!     fn on_request(&mut self, call: &mut Call<'_>) -> Verdict {
//!         match call.header("x-bot") {
//!             None => Verdict::Continue,
//!             Some(_) => Verdict::Reply(Box::new(LocalReply::new(403, "bot", "No bots."))),
//!         }
//!     }
//! }
//!
//! tollgate_kit::filter!(NoBots);
//! ```
//!
//! Guarantees to an exchange: `on_request` gets a complete, well-formed request of which nothing has been sent upstream;
//! if it replies, nothing ever is. `on_log` runs exactly once for every call that `on_request` let pass, however the
//! stream ended, unless the virtual machine itself was lost.

// The native build has no Envoy that runs the lifecycle. It exists for unit tests of the filters.
#![cfg_attr(not(target_arch = "wasm32"), allow(dead_code))]

mod abi;
mod call;
mod callout;
mod clock;
mod config;
#[cfg(target_arch = "wasm32")]
mod entry;
mod environment;
mod filter;
mod headers;
mod held_bytes;
mod local_reply;
mod logger;
pub mod metrics;
mod parse_cache;
mod plugin;
pub mod property;
mod random;
mod response;
pub mod shared_data;
mod stream;
mod unreadable;
mod watchdog;

pub use call::Call;
pub use callout::{Callout, CalloutError, CalloutResponse};
pub use config::{ConfigError, Configuration};
pub use environment::environment;
pub use filter::{BodyMode, BodyScope, Exchange, Filter, StreamAction, TextAction, Verdict};
pub use headers::Headers;
pub use local_reply::LocalReply;
pub use parse_cache::ParsedRequest;
pub use random::random_key;
pub use response::{BodyKind, Origin, Response, ResponseHead, StreamEnd};
pub use tollgate_llm::{OnUnscannable, StreamLimits as Limits};

#[doc(hidden)]
pub use plugin::Entry;
#[doc(hidden)]
#[cfg(target_arch = "wasm32")]
pub use {entry::start, proxy_wasm as sdk};

/// Returns nanoseconds since the Unix epoch, by Envoy's clock; the same number all through a callback.
pub fn now_ns() -> u64 {
    clock::now_ns()
}

/// Returns the time if it is `time` or later, in nanoseconds since the Unix epoch. Costs nothing long before `time`, unlike
/// [`now_ns`].
pub fn reached(time: u64) -> Option<u64> {
    clock::reached(time)
}

/// Writes a warning to Envoy's log. It must not hold content of a request or a response.
pub fn warn(message: &str) {
    log::warn!("tollgate: {message}");
}

/// Defines the entry point of a module of one or more [`Filter`]s; with several, the plugin's `root_id` selects one.
///
/// A module has one entry point, so a crate that is also linked into the bundle invokes this under a feature that the
/// bundle leaves off.
#[macro_export]
macro_rules! filter {
    ($($filter:ty),+ $(,)?) => {
        #[cfg(target_arch = "wasm32")]
        #[allow(unsafe_code, missing_docs, unreachable_pub)]
        mod module_entry {
            use super::*;
            static ENTRIES: &[$crate::Entry] = &[$($crate::Entry::of::<$filter>()),+];
            $crate::sdk::main! {{ $crate::start(ENTRIES) }}
        }
    };
}
