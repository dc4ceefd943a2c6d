//! Byte-pair encoding of a piece that is not a token by itself.
//!
//! Merging is: of all neighbouring pairs of symbols (bytes, at first) whose bytes together are a token, replace the
//! one of lowest rank, the leftmost of equals, by that token; and again, until there is none. Two ways lead to the same
//! result: [`few`] does just that, which is quickest for the dozen of bytes that most pieces have, and [`many`] finds
//! it from left to right in linear time. [`Grow`] does the same for a piece of which the end is not there yet.

mod few;
mod grow;
mod many;

pub(crate) use few::{Few, few, few_ascii};
pub(crate) use grow::Grow;
pub(crate) use many::{lengths, many};
