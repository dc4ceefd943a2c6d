//! Filter that logs every callback with its arguments, and every host call with its status and result.
//!
//! The traces of real Envoys are recorded with it, and the host is compared with them. It uses the raw ABI and shares no code
//! with the filters, because the traces would otherwise confirm a misunderstanding of the filters. A script determines
//! its behaviour: the script in the plugin's configuration applies to all events of the plugin, the one in the request header
//! `x-probe` to one stream. `name: f1` in the configuration sets the name at the start of every line.
//!
//! ```text
//! PROBE f1 c2 req_headers n=5 eos=true      a callback: filter, context, arguments
//! PROBE f1 c2 . get req :path -> 0 "/p"      a host call in it: command -> status and result
//! PROBE f1 c2 = 1                           return value of the callback, unless it is the default
//! ```
#![cfg(target_arch = "wasm32")]

#[allow(unsafe_code, reason = "host functions are foreign functions")]
mod abi;
mod command;
#[allow(unsafe_code, reason = "the host finds entry points by their names, which needs no_mangle")]
mod entry;
mod probe;
mod script;
mod show;
