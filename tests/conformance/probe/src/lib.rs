//! A filter that tells every callback with its arguments, and every host call with its status and result.
//!
//! It is what real Envoys were recorded with and what the host is held against. It stands on the raw ABI and shares no code
//! with the filters: a misunderstanding of theirs would otherwise be confirmed by the record. What it does is a
//! [script](script): of the plugin's configuration, for all that happens in the plugin, and of the request's header
//! `x-probe`, for one stream. `name: f1` in the configuration gives the name before every line.
//!
//! ```text
//! PROBE f1 c2 req_headers n=5 eos=true      a callback: filter, context, arguments
//! PROBE f1 c2 . get req :path -> 0 "/p"      a host call in it: command -> status and result
//! PROBE f1 c2 = 1                           what the callback returned, if that is not "go on"
//! ```
#![cfg(target_arch = "wasm32")]

#[allow(unsafe_code, reason = "host functions are foreign to Rust")]
mod abi;
mod command;
#[allow(unsafe_code, reason = "only so far as the host finds entry points by their names")]
mod entry;
mod probe;
mod script;
mod show;
