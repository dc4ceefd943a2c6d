//! Why a vocabulary cannot be laid out.

/// What does not fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct LayoutError(pub(crate) &'static str);
