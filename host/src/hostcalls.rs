//! Host functions of module `env`, by subject.
//!
//! Parameters are those of the ABI, in its order.

pub(crate) mod buffers;
pub(crate) mod callouts;
pub(crate) mod contexts;
pub(crate) mod foreign;
pub(crate) mod headers;
pub(crate) mod logging;
pub(crate) mod metrics;
pub(crate) mod properties;
pub(crate) mod shared;
pub(crate) mod streams;
