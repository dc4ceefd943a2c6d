//! Instructions that the filters execute, counted by wasmtime as units of fuel.

pub mod sizes;
