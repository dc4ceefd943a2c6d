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
#[path = "../src/compile/perfect.rs"]
mod perfect;
#[path = "../src/compile/spines.rs"]
mod spines;
#[path = "../src/compile/tables.rs"]
mod tables;
#[path = "../src/compile/unfit.rs"]
mod unfit;

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use tiktoken_rs::CoreBPE;
use unfit::Unfit;

fn main() {
    println!("cargo::rerun-if-changed=build");
    println!("cargo::rerun-if-changed=src/compile");
    println!("cargo::rerun-if-changed=src/vocabulary/hash.rs");
    let out = PathBuf::from(std::env::var_os("OUT_DIR").expect("cargo sets OUT_DIR"));
    classes::write(&out);
    write(&out, "o200k_base", 1, &tiktoken_rs::o200k_base().expect("o200k_base is part of tiktoken-rs"), 199_998);
    write(&out, "cl100k_base", 2, &tiktoken_rs::cl100k_base().expect("cl100k_base is part of tiktoken-rs"), 100_256);
}

/// Writes the sections of a vocabulary into files, and the expression that makes a `Vocabulary` of them.
fn write(out: &Path, name: &str, number: usize, source: &CoreBPE, size: u32) {
    let tokens: Vec<Vec<u8>> =
        (0..size).map(|rank| source.decode_bytes(&[rank]).expect("ranks have no gaps")).collect();
    let tables = tables::make(&tokens).unwrap_or_else(|Unfit(why)| panic!("{name}: {why}"));
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
