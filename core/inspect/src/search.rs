//! Finding a pattern in a text that may come in pieces.

pub(crate) mod matcher;
pub(crate) mod scratch;
pub(crate) mod screen;
pub(crate) mod starts;
pub(crate) mod view;
