//! The proxy-wasm shell of every Tollgate filter.
//!
//! A filter judges; everything between its judgement and Envoy is here, once: the ABI without panics, the holding of
//! heads and bodies, the end of a request in its three spellings (`end_of_stream` on the head, on a body frame, or
//! trailers), local replies that come back through the response path, framing of streamed answers, `content-length`
//! after an edit, settling exactly once. Those are the things that filters get wrong, and the things that are wrong only
//! under load, on HTTP/2, or when a client leaves.
//!
//! A filter crate implements [`Filter`] (a configuration) and [`Exchange`] (the judgement of one call), says
//! [`filter!`] once, and names neither the SDK nor its traits:
//!
//! ```
//! use std::rc::Rc;
//! use tollgate_kit::{Call, ConfigError, Configuration, Exchange, Filter, Limits, Reply, Verdict};
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
//!         match call.headers().get("x-bot") {
//!             None => Verdict::Continue,
//!             Some(_) => Verdict::Reply(Box::new(Reply::invalid_request(403, "bot", "No bots."))),
//!         }
//!     }
//! }
//!
//! tollgate_kit::filter!(NoBots);
//! ```
//!
//! What an exchange may rely on: `on_request` sees a complete, well-formed request of which nothing has gone upstream;
//! if it answers, nothing ever does. `on_log` comes exactly once for every call that `on_request` let pass, however the
//! stream ended, unless the virtual machine itself was lost.

// Natively there is no Envoy to call the lifecycle: the crate is built so that filters can be unit-tested.
#![cfg_attr(not(target_arch = "wasm32"), allow(dead_code))]

mod abi;
mod call;
mod config;
#[cfg(target_arch = "wasm32")]
mod entry;
mod filter;
mod headers;
mod logger;
pub mod metrics;
mod plugin;
pub mod property;
mod recent;
mod reply;
mod response;
pub mod shared_data;
mod stream;
mod watchdog;

pub use call::Call;
pub use config::{ConfigError, Configuration, Limits, OnUnscannable};
pub use filter::{Exchange, Filter, Flow, Needs, Reading, Verdict};
pub use headers::Headers;
pub use recent::Parsed;
pub use reply::Reply;
pub use response::{BodyKind, End, Origin, Response, ResponseHead};

#[doc(hidden)]
pub use plugin::Entry;
#[doc(hidden)]
#[cfg(target_arch = "wasm32")]
pub use {entry::start, proxy_wasm as sdk};

/// Nanoseconds since the Unix epoch, by Envoy's clock.
pub fn now_ns() -> u64 {
    abi::now_ns()
}

/// Writes a warning to Envoy's log. Never of what a client or a model said.
pub fn warn(message: &str) {
    log::warn!("tollgate: {message}");
}

/// Makes a module of one or more [`Filter`]s; with several, the plugin's `root_id` chooses.
///
/// A module has one entry point, so a crate that is also linked into the bundle says this under a feature that the
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
