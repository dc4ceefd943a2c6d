//! The mock over real connections, HTTP/1.1 and HTTP/2, knob by knob.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test that cannot go on has failed")]

mod answers;
mod client;
mod clients;
mod cuts;
mod dialects;
mod frames;
mod others;
mod program;
mod record;
mod streams;
mod wire;
