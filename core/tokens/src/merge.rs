//! Byte-pair encoding of a piece that is not itself a token.
//!
//! Definition: of all adjacent pairs of symbols (single bytes, at first) whose bytes together are a token, replace the
//! pair of lowest rank, the leftmost of equals, by that token; repeat until no such pair remains. Three implementations
//! give that result:
//!
//! - [`merge_short`] follows the definition; it is the fastest for the dozen bytes that most pieces have.
//! - [`merge_linear`] encodes left to right with backtracking, in linear time.
//! - [`IncrementalMerge`] does the same for a piece whose end has not arrived yet.

mod incremental;
mod linear;
mod short;

pub(crate) use incremental::IncrementalMerge;
pub(crate) use linear::{LinearMerge, Workspace, merge_linear};
pub(crate) use short::{ShortMerge, merge_short, merge_short_ascii};
