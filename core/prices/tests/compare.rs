//! Costs compared with those that the package litellm computes for the same models and quantities.
//!
//! `compare/pairs.tsv` has its results. `cargo xtask prices --compare` writes the file again: it installs the version of the
//! package that `data/models.tsv` names into a temporary environment and runs `compare/generate.py` there. Costs are equal to the
//! nano-dollar, except for [`DIFFERENCES`].
#![cfg(feature = "built-in")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a failed test panics with its reason")]

use tollgate_prices::{NanoUsd, PriceTable, Quantities, RawAdjustments, RawPriceTable, ServiceTier};

/// Model, tier, quantities, our cost, and the reason.
const DIFFERENCES: &[(&str, &str, &str, &str, &str)] = &[(
    "gemini-2.5-flash",
    "-",
    "input=300000 audio_input=200000 output=100",
    "0.23025",
    "Audio costs $1 per million at any length (ai.google.dev, \"Gemini API pricing\"). The package's data has $0.30 above 200k \
     tokens, the price of text. Ours never lowers a price for a longer prompt.",
)];

#[test]
fn costs_equal_those_of_the_package() {
    let pairs: Vec<&str> = include_str!("compare/pairs.tsv").lines().filter(|line| !line.starts_with('#')).collect();
    assert!(pairs.len() >= 60, "{} pairs", pairs.len());
    let mut different = Vec::new();
    for pair in &pairs {
        let [model, provider, tier, amounts, theirs] = pair.split('\t').collect::<Vec<_>>().try_into().unwrap();
        let uplift = tier.strip_prefix("uplift:").unwrap_or_default();
        let table = table(uplift);
        let price = table.find(model, Some(provider)).unwrap_or_else(|| panic!("{model} has no price"));
        let ours = price.cost(&quantities(amounts), ServiceTier::from_name(tier));
        let known =
            DIFFERENCES.iter().find(|(other, of_tier, with, ..)| (*other, *of_tier, *with) == (model, tier, amounts));
        let expected = known.map_or_else(|| nano_usd(theirs), |(.., expected, _)| expected.parse().unwrap());
        if ours != expected {
            different.push(format!("{pair}: ours is {ours}"));
        }
        assert!(known.is_none() || ours != nano_usd(theirs), "{pair}: no longer a difference");
    }
    assert!(different.is_empty(), "{}", different.join("\n"));
}

/// Returns the built-in table with one uplift for all models.
fn table(uplift: &str) -> PriceTable {
    let mut adjustments = RawAdjustments::default();
    if !uplift.is_empty() {
        adjustments.uplifts.0.insert("*".to_owned(), uplift.to_owned());
    }
    PriceTable::compile(RawPriceTable { built_in: true, adjustments, ..RawPriceTable::default() }).unwrap()
}

fn quantities(text: &str) -> Quantities {
    let mut used = Quantities { requests: 1, ..Quantities::default() };
    for amount in text.split(' ') {
        let (name, amount) = amount.split_once('=').unwrap();
        let field = match name {
            "input" => &mut used.input,
            "cached" => &mut used.cached,
            "cached_audio" => &mut used.cached_audio,
            "cache_write" => &mut used.cache_write,
            "cache_write_1h" => &mut used.cache_write_1h,
            "cache_write_12h" => &mut used.cache_write_12h,
            "audio_input" => &mut used.audio_input,
            "image_input" => &mut used.image_input,
            "video_input" => &mut used.video_input,
            "output" => &mut used.output,
            "reasoning" => &mut used.reasoning,
            "audio_output" => &mut used.audio_output,
            "image_output" => &mut used.image_output,
            "audio_ms" => &mut used.audio_ms,
            "characters" => &mut used.characters,
            "queries" => &mut used.queries,
            "web_searches" => &mut used.web_searches,
            other => panic!("{other}"),
        };
        *field = amount.parse().unwrap();
    }
    used
}

/// Rounds dollars half up to nano-dollars.
fn nano_usd(dollars: &str) -> NanoUsd {
    let (whole, fraction) = dollars.split_once('.').unwrap_or((dollars, ""));
    let digits = format!("{whole}{fraction:0<10.10}");
    NanoUsd((digits.parse::<u64>().unwrap() + 5) / 10)
}
