//! Generates the tables of the crate: vocabularies from the `tiktoken-rs` crate, character classes from `regex-syntax`.
//!
//! The tables are bytes that are used in place, in the module's read-only data. `src/vocabulary.rs` and
//! `src/pretokenizer/class.rs` describe the layouts. The output is a deterministic function of the two crates.

// A failed build step panics with its reason.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
// Cargo reads a build script's standard output.
#![allow(clippy::print_stdout)]
#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "a build script reads its environment and writes files"
)]

mod classes;
#[path = "../src/vocabulary/hash.rs"]
#[allow(dead_code)] // Lookups use the remaining functions.
mod hash;
#[path = "../src/compile/layout_error.rs"]
mod layout_error;
#[path = "../src/compile/merge_tree.rs"]
mod merge_tree;
#[path = "../src/compile/perfect_hash.rs"]
mod perfect_hash;
#[path = "../src/compile/tables.rs"]
mod tables;

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use layout_error::LayoutError;
use tiktoken_rs::CoreBPE;

fn main() {
    println!("cargo::rerun-if-changed=build");
    println!("cargo::rerun-if-changed=src/compile");
    println!("cargo::rerun-if-changed=src/vocabulary/hash.rs");
    let out = PathBuf::from(std::env::var_os("OUT_DIR").expect("cargo sets OUT_DIR"));
    classes::write(&out);
    for (name, cache_id, size) in VOCABULARIES {
        let feature = format!("CARGO_FEATURE_{}", name.to_uppercase());
        if *name != "o200k_base" && std::env::var_os(feature).is_none() {
            continue;
        }
        let source = match *name {
            "cl100k_base" => tiktoken_rs::cl100k_base(),
            "p50k_base" => tiktoken_rs::p50k_base(),
            "r50k_base" => tiktoken_rs::r50k_base(),
            _ => tiktoken_rs::o200k_base(),
        };
        write(&out, name, *cache_id, &source.expect("tiktoken-rs contains the vocabulary"), *size);
    }
}

/// Name, piece cache id and number of ranks of each built-in vocabulary.
const VOCABULARIES: &[(&str, usize, u32)] =
    &[("o200k_base", 1, 199_998), ("cl100k_base", 2, 100_256), ("p50k_base", 3, 50_281), ("r50k_base", 4, 50_256)];

/// Special token that occupies an ordinary rank of `p50k_base`.
const SPECIAL: &[u8] = b"<|endoftext|>";

/// Writes the sections of a vocabulary to files, and a Rust expression that builds the `Vocabulary` from them.
fn write(out: &Path, name: &str, cache_id: usize, source: &CoreBPE, size: u32) {
    let mut tokens: Vec<Vec<u8>> =
        (0..size).map(|rank| source.decode_bytes(&[rank]).expect("ranks have no gaps")).collect();
    // An empty token marks an unassigned rank.
    tokens.iter_mut().filter(|token| *token == SPECIAL).for_each(Vec::clear);
    let tables = tables::build(&tokens).unwrap_or_else(|LayoutError(why)| panic!("{name}: {why}"));
    let mut fields = String::new();
    for (field, width, bytes) in &tables.sections {
        let file = format!("{name}.{field}.bin");
        std::fs::write(out.join(&file), bytes).expect("OUT_DIR is writable");
        let chunks = if *width == 1 { String::new() } else { format!(".as_chunks::<{width}>().0") };
        writeln!(fields, "    {field}: include_bytes!({file:?}){chunks},").expect("writing to a String cannot fail");
    }
    for (field, number) in tables.numbers.iter().chain(&[("cache_id", cache_id)]) {
        writeln!(fields, "    {field}: {number},").expect("writing to a String cannot fail");
    }
    fields.push_str("    ids: &[],\n");
    std::fs::write(out.join(format!("{name}.rs")), format!("Vocabulary {{\n{fields}}}\n"))
        .expect("OUT_DIR is writable");
}
