//! The mock over real connections, HTTP/1.1 and HTTP/2, knob by knob.

mod answers;
mod client;
mod cuts;
mod program;
mod record;
mod streams;
mod wire;
