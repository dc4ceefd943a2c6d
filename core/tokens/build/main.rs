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
#[path = "../src/compile/perfect_hash.rs"]
mod perfect_hash;
#[path = "../src/compile/merge_tree.rs"]
mod merge_tree;
#[path = "../src/compile/tables.rs"]
mod tables;
#[path = "../src/compile/layout_error.rs"]
mod layout_error;

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use tiktoken_rs::CoreBPE;
use layout_error::LayoutError;

fn main() {
    println!("cargo::rerun-if-changed=build");
    println!("cargo::rerun-if-changed=src/compile");
    println!("cargo::rerun-if-changed=src/vocabulary/hash.rs");
    let out = PathBuf::from(std::env::var_os("OUT_DIR").expect("cargo sets OUT_DIR"));
    classes::write(&out);
    for (name, number, size) in VOCABULARIES {
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
        write(&out, name, *number, &source.expect("the vocabulary is part of tiktoken-rs"), *size);
    }
}

/// Name, number, and how many ranks there are.
const VOCABULARIES: &[(&str, usize, u32)] =
    &[("o200k_base", 1, 199_998), ("cl100k_base", 2, 100_256), ("p50k_base", 3, 50_281), ("r50k_base", 4, 50_256)];

/// A rank of `p50k_base` that is that of a special token.
const SPECIAL: &[u8] = b"<|endoftext|>";

/// Writes the sections of a vocabulary into files, and the expression that makes a `Vocabulary` of them.
fn write(out: &Path, name: &str, number: usize, source: &CoreBPE, size: u32) {
    let mut tokens: Vec<Vec<u8>> =
        (0..size).map(|rank| source.decode_bytes(&[rank]).expect("ranks have no gaps")).collect();
    // An empty token is a rank without one.
    tokens.iter_mut().filter(|token| *token == SPECIAL).for_each(Vec::clear);
    let tables = tables::make(&tokens).unwrap_or_else(|LayoutError(why)| panic!("{name}: {why}"));
    let mut fields = String::new();
    for (field, width, bytes) in &tables.sections {
        let file = format!("{name}.{field}.bin");
        std::fs::write(out.join(&file), bytes).expect("OUT_DIR can be written to");
        let chunks = if *width == 1 { String::new() } else { format!(".as_chunks::<{width}>().0") };
        writeln!(fields, "    {field}: include_bytes!({file:?}){chunks},").expect("strings grow");
    }
    for (field, number) in tables.numbers.iter().chain(&[("number", number)]) {
        writeln!(fields, "    {field}: {number},").expect("strings grow");
    }
    fields.push_str("    ids: &[],\n");
    std::fs::write(out.join(format!("{name}.rs")), format!("Vocabulary {{\n{fields}}}\n"))
        .expect("OUT_DIR can be written to");
}
