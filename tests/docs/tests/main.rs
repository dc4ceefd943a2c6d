//! Tests of the documentation against the sources.
//!
//! An example that is copied from a page has to work. So the filters parse every configuration on a page, Envoy validates every
//! piece of an Envoy configuration as part of the reference bootstrap, and every field, metric, property, header and verdict on
//! a page has to exist in the sources. The other way round, fields, metrics and properties in the sources have to be on a page.
//!
//! The word after the language of a fenced block names its purpose: `yaml cost-quota` is the configuration of that filter,
//! `yaml http_filters`, `yaml routes` and so on belong in that place of a bootstrap (see `envoy.rs`), `json error` is the body
//! of an error.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests and their support code fail by panicking"
)]

mod configurations;
mod envoy;
mod errors;
mod fields;
mod links;
mod names;
mod page;
mod policy;
mod rules;
mod sources;
mod traps;
mod versions;
