//! The host functions of module `env`, by what they are about.

pub(crate) mod buffers;
pub(crate) mod callouts;
pub(crate) mod foreign;
pub(crate) mod headers;
pub(crate) mod metrics;
pub(crate) mod plumbing;
pub(crate) mod shared;
pub(crate) mod streams;
