//! No input costs more than a small multiple of ordinary text of its size, in instructions and whatever its size.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use tollgate_bench_instructions::sizes;
use tollgate_workspace as workspace;

#[test]
fn a_byte_costs_the_same_in_bodies_of_all_sizes_and_kinds() {
    let module = sizes::module(&workspace::module(workspace::BUNDLE).unwrap()).unwrap();
    let rows = sizes::measure(&module, &sizes::inputs(), &sizes::QUICK, |row| println!("{row}")).unwrap();
    let excess = sizes::excess(&rows, sizes::BOUNDS);
    assert!(excess.is_empty(), "{}", excess.join("\n"));
}
