//! Search for a pattern in a text that may arrive in pieces.

pub(crate) mod active_states;
mod admit;
pub(crate) mod chain_progress;
pub(crate) mod gates;
pub(crate) mod groups;
pub(crate) mod leads;
mod literal_scan;
pub(crate) mod matcher;
pub(crate) mod meter;
pub(crate) mod prefilter;
pub(crate) mod rule_search;
pub(crate) mod scratch;
pub(crate) mod start_set;
pub(crate) mod starters;
pub(crate) mod text_gates;
pub(crate) mod window;
mod window_filter;
