//! Makes the tables of the crate: vocabularies from the `tiktoken-rs` crate, character classes from `regex-syntax`.
//!
//! Everything is written as bytes that are used where they lie, in the module's read-only data; `src/vocabulary.rs`
//! and `src/pattern/class.rs` describe the layouts. The output depends on the two crates only, byte for byte.

// A build that cannot go on stops, and says why.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
// This is how a build script speaks to cargo.
#![allow(clippy::print_stdout)]

mod classes;
#[path = "../src/vocabulary/hash.rs"]
#[allow(dead_code)] // The other half of it is for lookups.
mod hash;
mod merges;
mod perfect;
mod tables;

use std::path::{Path, PathBuf};

use tiktoken_rs::CoreBPE;

fn main() {
    println!("cargo::rerun-if-changed=build");
    println!("cargo::rerun-if-changed=src/vocabulary/hash.rs");
    let out = PathBuf::from(std::env::var_os("OUT_DIR").expect("cargo sets OUT_DIR"));
    classes::write(&out);
    write(&out, "o200k_base", 1, &tiktoken_rs::o200k_base().expect("o200k_base is part of tiktoken-rs"), 199_998);
    write(&out, "cl100k_base", 2, &tiktoken_rs::cl100k_base().expect("cl100k_base is part of tiktoken-rs"), 100_256);
}

fn write(out: &Path, name: &str, number: usize, source: &CoreBPE, size: u32) {
    let tokens: Vec<Vec<u8>> =
        (0..size).map(|rank| source.decode_bytes(&[rank]).expect("ranks have no gaps")).collect();
    let spines = merges::spines(&tokens);
    tables::write(out, name, number, &tokens, &spines);
}
