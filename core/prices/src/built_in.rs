//! Built-in table: list prices of the providers as read-only data, written by the build script from `data/models.tsv`.
//!
//! Names are in lower case and sorted, in blocks of 16. A name is the number of bytes that it shares with the name before it in its
//! block, the number of its other bytes, and these bytes. Models with equal prices share a row of elements of four bytes: the
//! dimension, the service tier (high half) and the threshold (low half), and the number of the price.

use crate::dimension::Dimension;
use crate::multiplier::Multiplier;
use crate::price::{ModelPrice, Rate};
use crate::service_tier::ServiceTier;
use crate::unit_price::UnitPrice;

/// Built-in table.
struct Table {
    /// Start of each block of names.
    block_starts: &'static [[u8; 4]],
    names: &'static [u8],
    /// Row (2 bytes), limits (2 bytes) and provider (1 byte) of each model.
    entries: &'static [[u8; 5]],
    /// First element of each row, and the end of the last one.
    row_starts: &'static [[u8; 2]],
    rows: &'static [[u8; 4]],
    /// Distinct prices in femto-dollars, and factors of uplifts in millionths.
    prices: &'static [[u8; 8]],
    /// Distinct pairs of the maximum numbers of prompt and output tokens; 0 if unknown.
    limits: &'static [[u8; 8]],
    thresholds: &'static [u64],
    providers: &'static [&'static str],
    /// Names of uplifts.
    uplifts: &'static [&'static str],
    /// Number of models.
    models: usize,
    /// Size of the data in bytes.
    #[allow(dead_code, reason = "a test compares it with the documented size")]
    bytes: usize,
}

static TABLE: Table = include!(concat!(env!("OUT_DIR"), "/built_in.rs"));

/// Number of names of a block.
const BLOCK: usize = 16;

/// Kinds of an element of a row that are no dimensions.
const UPLIFT: u8 = 200;
const ONE_SEARCH: u8 = 201;

/// Returns the prices and the provider of a model by its exact name in lower case.
pub(crate) fn find(name: &str) -> Option<(ModelPrice, &'static str)> {
    let index = index_of(name.as_bytes())?;
    let &[row0, row1, limits0, limits1, provider] = TABLE.entries.get(index)?;
    let mut price = row(usize::from(u16::from_le_bytes([row0, row1])))?;
    let &[in0, in1, in2, in3, out0, out1, out2, out3] =
        TABLE.limits.get(usize::from(u16::from_le_bytes([limits0, limits1])))?;
    let known = |number: u32| Some(u64::from(number)).filter(|number| *number > 0);
    price.max_input_tokens = known(u32::from_le_bytes([in0, in1, in2, in3]));
    price.max_output_tokens = known(u32::from_le_bytes([out0, out1, out2, out3]));
    Some((price, TABLE.providers.get(usize::from(provider))?))
}

/// Returns the index of a name: binary search of its block, then a walk through it.
fn index_of(name: &[u8]) -> Option<usize> {
    let start = |block: &[u8; 4]| u32::from_le_bytes(*block) as usize;
    // The first name of a block is stored whole.
    let after =
        TABLE.block_starts.partition_point(|block| entry_name(start(block)).is_some_and(|(_, first, _)| first <= name));
    let block = after.checked_sub(1)?;
    let mut at = start(TABLE.block_starts.get(block)?);
    let mut current: Vec<u8> = Vec::new();
    for index in block * BLOCK..((block + 1) * BLOCK).min(TABLE.models) {
        let (shared, rest, next) = entry_name(at)?;
        current.truncate(shared);
        current.extend_from_slice(rest);
        if current == name {
            return Some(index);
        }
        at = next;
    }
    None
}

/// Returns the number of shared bytes, the other bytes of the name at an offset, and the next offset.
fn entry_name(at: usize) -> Option<(usize, &'static [u8], usize)> {
    let [shared, length] = *TABLE.names.get(at..)?.first_chunk::<2>()?;
    let end = at + 2 + usize::from(length);
    Some((usize::from(shared), TABLE.names.get(at + 2..end)?, end))
}

/// Decodes a row.
fn row(number: usize) -> Option<ModelPrice> {
    let start = |row: usize| TABLE.row_starts.get(row).map(|start| usize::from(u16::from_le_bytes(*start)));
    let (mut rates, mut uplifts, mut one_search_per_call) = (Vec::new(), Vec::new(), false);
    for &[kind, detail, number0, number1] in TABLE.rows.get(start(number)?..start(number + 1)?)? {
        let value = || {
            TABLE
                .prices
                .get(usize::from(u16::from_le_bytes([number0, number1])))
                .map(|value| u64::from_le_bytes(*value))
        };
        match kind {
            ONE_SEARCH => one_search_per_call = true,
            UPLIFT => {
                let name = TABLE.uplifts.get(usize::from(detail))?;
                uplifts.push(((*name).into(), Multiplier::from_millionths(value()?)?));
            }
            _ => rates.push(Rate {
                dimension: Dimension::from_index(kind)?,
                tier: (detail >> 4).checked_sub(1).and_then(ServiceTier::from_index),
                above: *TABLE.thresholds.get(usize::from(detail & 15))?,
                price: UnitPrice(value()?),
            }),
        }
    }
    Some(ModelPrice { uplifts, one_search_per_call, ..ModelPrice::new(rates) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source;

    #[test]
    fn every_line_of_the_list_is_found_unchanged() {
        let models = source::parse(source::TEXT).unwrap();
        assert_eq!(models.len(), TABLE.models);
        for model in &models {
            let (price, provider) = find(&model.name.to_ascii_lowercase()).unwrap_or_else(|| panic!("{}", model.name));
            let mut rates: Vec<_> =
                price.rates().iter().map(|rate| (rate.dimension, rate.above, rate.tier, rate.price.0)).collect();
            let mut expected: Vec<_> =
                model.rates.iter().map(|rate| (rate.dimension, rate.above, rate.tier, rate.femtos)).collect();
            rates.sort();
            expected.sort();
            assert_eq!((rates, provider), (expected, model.provider.as_str()), "{}", model.name);
            assert_eq!((price.max_input_tokens, price.max_output_tokens), (model.max_input, model.max_output));
            assert_eq!(
                (price.uplifts.len(), price.one_search_per_call),
                (model.uplifts.len(), model.one_search_per_call)
            );
        }
    }

    #[test]
    fn other_names_are_not_found() {
        for name in ["", "0", "gpt-4o-", "gpt-4", "zzz", "GPT-4o", "a\0", "é"] {
            let listed = source::parse(source::TEXT).unwrap();
            let is_listed = listed.iter().any(|model| model.name.to_ascii_lowercase() == name);
            assert_eq!(find(name).is_some(), is_listed, "{name}");
        }
    }

    #[test]
    fn the_table_is_small() {
        assert!(TABLE.bytes < 200 << 10, "{} bytes: update docs/prices.md", TABLE.bytes);
    }
}
