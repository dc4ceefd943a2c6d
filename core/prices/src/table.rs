//! Price table: prices by model name.

use serde::Deserialize;
use tollgate_names::{Entries, Resolution, Resolver, ResolverBuilder};

use crate::money::NanoUsd;
use crate::price::ModelPrice;

/// Section `prices` of a configuration: dollars per million tokens, by model.
///
/// A name is exact (`gpt-4o`) or ends in `*` and matches every name with this prefix (`gpt-4o*`; `*` alone matches every
/// model). The exact name wins, then the name without prefixes and versions, then the longest wildcard.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(transparent)]
pub struct RawPrices(pub Entries<RawPrice>);

/// Prices of one model in dollars per million tokens: `"2.50"`, or a plain number of at most 15 digits.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct RawPrice {
    /// Price of a million prompt tokens.
    pub input: NanoUsd,
    /// Price of a million prompt tokens read from the provider's cache. Default: `input`.
    #[serde(default)]
    pub cached_input: Option<NanoUsd>,
    /// Price of a million prompt tokens written to the provider's cache with its shortest lifetime (Anthropic: 5 minutes,
    /// 1.25 times `input`). Default: `input`.
    #[serde(default)]
    pub cache_write: Option<NanoUsd>,
    /// Price of a million prompt tokens written to the provider's cache for one hour (Anthropic: twice `input`). Default:
    /// `cache_write`.
    #[serde(default)]
    pub cache_write_1h: Option<NanoUsd>,
    /// Price of a million output tokens, including reasoning.
    pub output: NanoUsd,
    /// Maximum number of output tokens of the model: a client that requests more reserves no more than this. Default: the
    /// quota's `max_output_tokens`.
    #[serde(default)]
    pub max_output_tokens: Option<u64>,
}

/// Invalid price table: the path of the entry, relative to the table, and the problem.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{path}: {problem}")]
pub struct PriceError {
    /// Path of the entry, e.g. `"gpt-*-mini"` or `"gpt-4o".max_output_tokens`.
    pub path: String,
    /// Description of the problem.
    pub problem: &'static str,
}

/// Validated prices by model name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PriceTable(Resolver<ModelPrice>);

impl PriceTable {
    /// Validates the names and maxima of `raw`.
    pub fn new(raw: RawPrices) -> Result<PriceTable, PriceError> {
        let mut table = ResolverBuilder::default();
        for (name, raw) in raw.0.0 {
            let error = |field: &str, problem| PriceError { path: format!("{name:?}{field}"), problem };
            if raw.max_output_tokens == Some(0) {
                return Err(error(".max_output_tokens", "must be at least 1"));
            }
            let cache_write = raw.cache_write.unwrap_or(raw.input);
            let price = ModelPrice {
                input: raw.input,
                cached_input: raw.cached_input.unwrap_or(raw.input),
                cache_write,
                cache_write_1h: raw.cache_write_1h.unwrap_or(cache_write),
                output: raw.output,
                max_output_tokens: raw.max_output_tokens,
            };
            table.insert(&name, price).map_err(|name_error| error("", name_error.problem()))?;
        }
        // Without aliases, there are no errors.
        let table = table.build();
        debug_assert!(table.is_ok());
        Ok(PriceTable(table.unwrap_or_default()))
    }

    /// Returns the price of a model; `None` if the table has none.
    ///
    /// A fine-tuned model costs more than its base model, so the entry of the base model is no price for it. An entry such as
    /// `ft:gpt-4o` or `ft:gpt-4o*` is.
    pub fn find(&self, model: &str) -> Option<&ModelPrice> {
        self.resolve(model).filter(|resolution| !resolution.is_base_model).map(|resolution| resolution.value)
    }

    /// Returns the entry that applies to a model, also that of the base model of a fine-tuned one.
    pub fn resolve<'m, 't: 'm>(&'t self, model: &'m str) -> Option<Resolution<'m, 't, ModelPrice>> {
        self.0.resolve(model)
    }

    /// Like [`find`](Self::find), but the entry `*` does not apply: the price of a name that the table knows.
    #[must_use]
    pub fn find_known(&self, model: &str) -> Option<&ModelPrice> {
        let found = self.resolve(model).filter(|resolution| !resolution.is_base_model && resolution.entry != "*");
        found.map(|resolution| resolution.value)
    }

    /// Returns `true` if the table has no entries.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(yaml: &str) -> Result<PriceTable, String> {
        let raw: RawPrices = serde_saphyr::from_str(yaml).map_err(|error| error.to_string())?;
        PriceTable::new(raw).map_err(|error| error.to_string())
    }

    #[test]
    fn yaml_and_json_give_the_same_table() {
        let yaml = table("gpt-4o: { input: 2.50, cached_input: \"1.25\", output: 10 }").unwrap();
        let json: RawPrices =
            serde_json::from_str(r#"{"gpt-4o":{"input":2.5,"cached_input":1.25,"output":"10.00"}}"#).unwrap();
        assert_eq!(PriceTable::new(json).unwrap(), yaml);
        let price = yaml.find("gpt-4o").unwrap();
        assert_eq!(
            (price.input, price.cached_input, price.output),
            (NanoUsd(2_500_000_000), NanoUsd(1_250_000_000), NanoUsd(10_000_000_000))
        );
        assert!(!yaml.is_empty());
    }

    #[test]
    fn cache_prices_default_to_the_input_price() {
        for (fields, prices) in [
            ("", [3, 3, 3]),
            ("cached_input: 0,", [0, 3, 3]),
            ("cached_input: 1,", [1, 3, 3]),
            ("cache_write: 4,", [3, 4, 4]),
            ("cache_write_1h: 6,", [3, 3, 6]),
            ("cache_write: 0, cache_write_1h: 6,", [3, 0, 6]),
            ("cached_input: 1, cache_write: 4, cache_write_1h: 6,", [1, 4, 6]),
        ] {
            let table = table(&format!("m: {{ input: 3, {fields} output: 5 }}")).unwrap();
            let price = table.find("m").unwrap();
            let found = [price.cached_input, price.cache_write, price.cache_write_1h];
            assert_eq!(found, prices.map(|usd| NanoUsd(usd * 1_000_000_000)), "{fields}");
        }
    }

    #[test]
    fn finds_exact_undated_and_prefix_names() {
        let table = table(
            "\"*\": { input: 1, output: 0 }\n\
             \"gpt-4o*\": { input: 2, output: 0 }\n\
             gpt-4o: { input: 3, output: 0 }\n\
             gpt-4o-2024-05-13: { input: 4, output: 0 }\n\
             \"gpt-4o-mini*\": { input: 5, output: 0 }\n\
             \"gpt-4o-2025*\": { input: 6, output: 0 }\n\
             claude-3-5-sonnet: { input: 7, output: 0 }\n\
             \"tie*\": { input: 8, output: 0 }\n\
             tie: { input: 9, output: 0 }\n",
        )
        .unwrap();
        for (model, input) in [
            ("gpt-4o", 3),
            ("gpt-4o-2024-08-06", 3),
            ("gpt-4o-2024-05-13", 4),
            ("gpt-4o-2025-01-01", 6),
            ("gpt-4o-2024-13-06", 2),
            ("gpt-4o-2024-08-32", 2),
            ("gpt-4o-2024-08-00", 2),
            ("gpt-4o-audio", 2),
            ("gpt-4o-mini", 5),
            ("gpt-4o-mini-2024-07-18", 5),
            ("claude-3-5-sonnet-20241022", 7),
            ("claude-3-5-sonnet@20241022", 7),
            ("claude-3-5-sonnet@99999999", 1),
            ("claude-3-5-sonnet-latest", 7),
            ("openai/gpt-4o", 3),
            ("us.anthropic.claude-3-5-sonnet-20241022-v2:0", 7),
            ("anthropic/claude-4", 1),
            ("gpt-4-0613", 1),
            ("tie-20250101", 9),
            ("tier", 8),
            ("-20241022", 1),
            ("é-2024-08-06", 1),
            ("GPT-4o", 1),
            ("", 1),
        ] {
            assert_eq!(table.find(model).map(|price| price.input.0), Some(input * 1_000_000_000), "{model}");
        }
    }

    #[test]
    fn an_unknown_model_has_no_price() {
        let table = table("gpt-4o: { input: 3, output: 0 }").unwrap();
        assert_eq!(table.find("gpt-4"), None);
        assert_eq!(table.find("gpt-4o-mini"), None);
        assert!(PriceTable::default().is_empty());
    }

    #[test]
    fn a_fine_tuned_model_has_its_own_price() {
        let prices = table("gpt-4o: { input: 3, output: 0 }\n\"ft:gpt-4o-mini\": { input: 1, output: 0 }").unwrap();
        assert_eq!(prices.find("ft:gpt-4o-2024-08-06:acme::id"), None);
        assert!(prices.resolve("ft:gpt-4o-2024-08-06:acme::id").unwrap().is_base_model);
        assert_eq!(prices.find("ft:gpt-4o-mini-2024-07-18:acme::id"), prices.find("ft:gpt-4o-mini"));
        assert!(prices.find("ft:gpt-4o-mini").is_some());
    }

    #[test]
    fn a_name_that_only_the_catch_all_matches_is_not_known() {
        let prices = table(
            "gpt-4o: { input: 3, output: 0 }\n\"gpt-*\": { input: 2, output: 0 }\n\"*\": { input: 1, output: 0 }",
        );
        let prices = prices.unwrap();
        for known in ["gpt-4o", "gpt-4o-2024-08-06", "gpt-5"] {
            assert_eq!(prices.find_known(known), prices.find(known));
        }
        assert!(prices.find("deployment-7").is_some() && prices.find_known("deployment-7").is_none());
        assert_eq!(prices.find_known("ft:gpt-4o:acme::id"), None);
    }

    #[test]
    fn errors_name_the_entry() {
        for (yaml, words) in [
            ("\"\": { input: 1, output: 1 }", "\"\": a model name must not be empty"),
            ("\"a*b\": { input: 1, output: 1 }", "\"a*b\": `*` is only allowed at the end"),
            ("\"a**\": { input: 1, output: 1 }", "\"a**\": `*` is only allowed"),
            ("m: { input: 1, output: 1, max_output_tokens: 0 }", "\"m\".max_output_tokens: must be at least 1"),
            ("m: { input: 1 }", "output"),
            ("m: { input: 1, output: 1, price: 1 }", "price"),
            ("m: { input: \"1.0000000001\", output: 1 }", "more than 9 decimals"),
            ("m: { input: -1, output: 1 }", "negative"),
            ("m: { input: a lot, output: 1 }", "decimal number"),
        ] {
            let error = table(yaml).unwrap_err();
            assert!(error.contains(words), "{yaml}: {error}");
        }
        let long = format!("\"{}\": {{ input: 1, output: 1 }}", "m".repeat(257));
        assert!(table(&long).unwrap_err().contains("longer than 256"));
    }
}
