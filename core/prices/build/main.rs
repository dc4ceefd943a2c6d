//! Compiles the price list `data/models.tsv` into the built-in table: read-only data that is used in place.
//!
//! `src/built_in.rs` describes the layout. The output is a deterministic function of the list.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a failed build step panics with its reason"
)]
#![allow(clippy::print_stdout, reason = "Cargo reads a build script's standard output")]
#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "a build script reads its environment and writes files"
)]
#![allow(dead_code, unreachable_pub, reason = "the crate uses the rest of these modules")]

#[path = "../src/dimension.rs"]
mod dimension;
#[path = "../src/service_tier.rs"]
mod service_tier;
#[path = "../src/source.rs"]
mod source;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::PathBuf;

use source::{SourceModel, SourceRate};

/// Number of names of a block; the first one is stored whole.
const BLOCK: usize = 16;

fn main() {
    println!("cargo::rerun-if-changed=build");
    println!("cargo::rerun-if-changed=data/models.tsv");
    for file in ["dimension", "service_tier", "source"] {
        println!("cargo::rerun-if-changed=src/{file}.rs");
    }
    if std::env::var_os("CARGO_FEATURE_BUILT_IN").is_none() {
        return;
    }
    let text = std::fs::read_to_string("data/models.tsv").expect("data/models.tsv is readable");
    let mut models = source::parse(&text).unwrap_or_else(|error| panic!("data/models.tsv: {error}"));
    for model in &mut models {
        model.name.make_ascii_lowercase();
    }
    models.sort_by(|a, b| a.name.cmp(&b.name));
    write(&models);
}

/// Distinct values with their numbers.
#[derive(Default)]
struct Distinct<T> {
    numbers: BTreeMap<T, u16>,
    values: Vec<T>,
}

impl<T: Ord + Clone> Distinct<T> {
    fn number(&mut self, value: &T) -> u16 {
        if let Some(number) = self.numbers.get(value) {
            return *number;
        }
        let number = u16::try_from(self.values.len()).expect("fewer than 2^16 distinct values");
        self.numbers.insert(value.clone(), number);
        self.values.push(value.clone());
        number
    }
}

fn write(models: &[SourceModel]) {
    let above: BTreeSet<u64> = models.iter().flat_map(|model| &model.rates).map(|rate| rate.above).collect();
    let above: Vec<u64> = above.into_iter().collect();
    assert!(above.len() <= 16, "more than 16 thresholds");
    let (mut prices, mut rows, mut limits) = (Distinct::default(), Distinct::default(), Distinct::default());
    let (mut providers, mut uplifts) = (Distinct::default(), Distinct::default());
    let mut entries = Vec::new();
    for model in models {
        let mut row: Vec<u8> = Vec::new();
        let mut add = |kind: u8, detail: u8, number: u16| {
            row.extend([kind, detail]);
            row.extend(number.to_le_bytes());
        };
        let mut rates: Vec<SourceRate> = model.rates.clone();
        rates.sort();
        for rate in &rates {
            let tier = rate.tier.map_or(0, |tier| tier as u8 + 1);
            let threshold = above.iter().position(|above| *above == rate.above).expect("collected above") as u8;
            add(rate.dimension as u8, tier << 4 | threshold, prices.number(&rate.femtos));
        }
        for (name, factor) in &model.uplifts {
            add(UPLIFT, uplifts.number(name) as u8, prices.number(factor));
        }
        if model.one_search_per_call {
            add(ONE_SEARCH, 0, 0);
        }
        let limit = |number: Option<u64>| u32::try_from(number.unwrap_or(0)).expect("a limit below 2^32");
        entries.extend(rows.number(&row).to_le_bytes());
        entries.extend(limits.number(&(limit(model.max_input), limit(model.max_output))).to_le_bytes());
        entries.push(u8::try_from(providers.number(&model.provider)).expect("fewer than 256 providers"));
    }
    let (mut row_starts, mut row_data) = (Vec::new(), Vec::new());
    for row in rows.values.iter().chain([&Vec::new()]) {
        row_starts.extend(u16::try_from(row_data.len() / 4).expect("fewer than 2^16 rates").to_le_bytes());
        row_data.extend(row);
    }
    let (mut block_starts, mut names) = (Vec::new(), Vec::new());
    for block in models.chunks(BLOCK) {
        block_starts.extend(u32::try_from(names.len()).expect("fewer than 2^32 bytes").to_le_bytes());
        let mut before = "";
        for model in block {
            let name = model.name.as_str();
            let shared = before.bytes().zip(name.bytes()).take_while(|(a, b)| a == b).count();
            names.extend([
                u8::try_from(shared).expect("a short name"),
                u8::try_from(name.len() - shared).expect("a short name"),
            ]);
            names.extend(&name.as_bytes()[shared..]);
            before = name;
        }
    }
    let prices: Vec<u8> = prices.values.iter().flat_map(|price| price.to_le_bytes()).collect();
    let limits: Vec<u8> = limits
        .values
        .iter()
        .flat_map(|(input, output)| [input.to_le_bytes(), output.to_le_bytes()])
        .flatten()
        .collect();
    let out = PathBuf::from(std::env::var_os("OUT_DIR").expect("cargo sets OUT_DIR"));
    let mut table = String::new();
    let mut size = 0;
    for (field, width, bytes) in [
        ("block_starts", 4, block_starts),
        ("names", 1, names),
        ("entries", 5, entries),
        ("row_starts", 2, row_starts),
        ("rows", 4, row_data),
        ("prices", 8, prices),
        ("limits", 8, limits),
    ] {
        size += bytes.len();
        let file = format!("{field}.bin");
        std::fs::write(out.join(&file), bytes).expect("OUT_DIR is writable");
        let chunks = if width == 1 { String::new() } else { format!(".as_chunks::<{width}>().0") };
        writeln!(table, "    {field}: include_bytes!({file:?}){chunks},").expect("writing to a String cannot fail");
    }
    for (field, value) in [
        ("thresholds", format!("{above:?}")),
        ("providers", format!("{:?}", providers.values)),
        ("uplifts", format!("{:?}", uplifts.values)),
    ] {
        writeln!(table, "    {field}: &{value},").expect("writing to a String cannot fail");
    }
    writeln!(table, "    models: {},\n    bytes: {size},", models.len()).expect("writing to a String cannot fail");
    std::fs::write(out.join("built_in.rs"), format!("Table {{\n{table}}}\n")).expect("OUT_DIR is writable");
}

/// Kinds of an element of a row that are no dimensions, see `src/built_in.rs`.
const UPLIFT: u8 = 200;
const ONE_SEARCH: u8 = 201;
