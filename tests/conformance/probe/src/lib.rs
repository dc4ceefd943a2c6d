//! Filter that logs every callback with its arguments, and every host call with its status and result.
//!
//! The traces of real Envoys were recorded with it, and the host is compared with them. It uses the raw ABI and shares no code
//! with the filters: the traces would otherwise confirm a misunderstanding of theirs. A [script](script) says what it does:
//! the one in the plugin's configuration for all events of the plugin, the one in the request header `x-probe` for one
//! stream. `name: f1` in the configuration sets the name at the start of every line.
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
