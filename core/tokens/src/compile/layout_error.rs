//! Error of a vocabulary whose tables cannot be built.

/// Reason why the tables cannot be built.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct LayoutError(pub(crate) &'static str);
