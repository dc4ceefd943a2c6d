//! Keeps the documentation true.
//!
//! Whoever copies from a page has to get what the page says. So every configuration on a page is given to the filter that it
//! is for, every piece of an Envoy configuration is put into the reference bootstrap and given to Envoy, every field, metric,
//! property, header and verdict that a page names has to be in the sources, and the other way round: what the sources have is
//! on a page.
//!
//! What a fenced block is for stands behind its language: `yaml cost-quota` is the configuration of that filter,
//! `yaml http_filters`, `yaml routes`, ... belong in that place of a bootstrap (see `envoy.rs`), `json error` is the body of
//! an error.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test, its helpers included, fails by panicking"
)]

mod configurations;
mod envoy;
mod errors;
mod fields;
mod links;
mod names;
mod page;
mod rules;
mod sources;
