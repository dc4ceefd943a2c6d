//! Strict JSON over the original bytes: a forward scan that yields spans and never builds a document.

pub(crate) mod duplicate_keys;
pub(crate) mod escape;
pub(crate) mod field;
pub(crate) mod literal;
pub(crate) mod pointer;
pub(crate) mod reader;
pub(crate) mod scan;
pub(crate) mod tokens;
