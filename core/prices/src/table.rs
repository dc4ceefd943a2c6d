//! Prices by model name.

use serde::Deserialize;
use tollgate_names::{Entries, Names};

use crate::money::NanoUsd;
use crate::price::ModelPrice;

/// The `prices` of a configuration: dollars per million tokens by model.
///
/// A name is exact (`gpt-4o`) or ends in `*` and stands for every name that begins like it (`gpt-4o*`; `*` alone is
/// every model).
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct RawPrices(pub Entries<RawPrice>);

/// The price of one model, in dollars per million tokens: `"2.50"`, or a plain number of at most 15 digits.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawPrice {
    /// A million prompt tokens.
    pub input: NanoUsd,
    /// A million prompt tokens read from the provider's cache. Default: as `input`.
    #[serde(default)]
    pub cached_input: Option<NanoUsd>,
    /// A million prompt tokens written to the provider's cache, for its shortest time (Anthropic: 5 minutes, 1.25 times
    /// `input`). Default: as `input`.
    #[serde(default)]
    pub cache_write: Option<NanoUsd>,
    /// A million prompt tokens written to the provider's cache for an hour (Anthropic: twice `input`). Default: as
    /// `cache_write`.
    #[serde(default)]
    pub cache_write_1h: Option<NanoUsd>,
    /// A million answer tokens, reasoning included.
    pub output: NanoUsd,
    /// The most tokens that the model answers with: a client that asks for more reserves no more than this.
    /// Default: the quota's own `max_output_tokens`.
    #[serde(default)]
    pub max_output_tokens: Option<u64>,
}

/// A price table that was refused: the path of the entry, from the table on, and what is wrong with it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{path}: {problem}")]
pub struct PriceError {
    /// Where, e.g. `"gpt-*-mini"` or `"gpt-4o".max_output_tokens`.
    pub path: String,
    /// What.
    pub problem: &'static str,
}

/// Prices by model name, validated.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PriceTable(Names<ModelPrice>);

impl PriceTable {
    /// Checks the names and the caps of `raw`.
    pub fn new(raw: RawPrices) -> Result<PriceTable, PriceError> {
        let mut table = Names::default();
        for (name, raw) in raw.0.0 {
            let refuse = |field: &str, problem| PriceError { path: format!("{name:?}{field}"), problem };
            if raw.max_output_tokens == Some(0) {
                return Err(refuse(".max_output_tokens", "must be at least 1"));
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
            table.insert(&name, price).map_err(|error| refuse("", error.problem()))?;
        }
        Ok(PriceTable(table))
    }

    /// The price of a model: of its exact name; else of its name without a version date or of the prefix that it
    /// begins with, whichever is longer (the undated name if they are the same). `None`: nobody knows.
    pub fn find(&self, model: &str) -> Option<&ModelPrice> {
        if let Some(price) = self.0.exact(model) {
            return Some(price);
        }
        let undated = undated(model).and_then(|name| Some((name.len(), self.0.exact(name)?)));
        match (undated, self.0.by_prefix(model)) {
            (Some((name_len, _)), Some((prefix_len, price))) if prefix_len > name_len => Some(price),
            (Some((_, price)), _) | (None, Some((_, price))) => Some(price),
            (None, None) => None,
        }
    }

    /// Whether the table holds nothing.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// The name before a version date: `-2024-08-06` (OpenAI), `-20241022` (Anthropic), `@20241022` (Vertex AI).
///
/// Shorter endings such as the `-0613` of `gpt-4-0613` are not taken for dates: they may as well be sizes, and versions
/// named like this did differ in price.
fn undated(model: &str) -> Option<&str> {
    let bytes = model.as_bytes();
    let dashed = bytes.last_chunk::<11>().and_then(|end| match end {
        [b'-', y1, y2, y3, y4, b'-', m1, m2, b'-', d1, d2] => Some([*y1, *y2, *y3, *y4, *m1, *m2, *d1, *d2]),
        _ => None,
    });
    let (date, length) = match dashed {
        Some(date) => (date, 11),
        None => match bytes.last_chunk::<9>() {
            Some([b'-' | b'@', date @ ..]) => (*date, 9),
            _ => return None,
        },
    };
    let [b'2', b'0', y3, y4, month @ .., d1, d2] = date else { return None };
    let is_date = y3.is_ascii_digit()
        && y4.is_ascii_digit()
        && matches!(month, [b'0', b'1'..=b'9'] | [b'1', b'0'..=b'2'])
        && matches!([d1, d2], [b'0', b'1'..=b'9'] | [b'1' | b'2', b'0'..=b'9'] | [b'3', b'0' | b'1']);
    if is_date { model.get(..model.len() - length).filter(|name| !name.is_empty()) } else { None }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn table(yaml: &str) -> Result<PriceTable, String> {
        let raw: RawPrices = serde_saphyr::from_str(yaml).map_err(|error| error.to_string())?;
        PriceTable::new(raw).map_err(|error| error.to_string())
    }

    #[test]
    fn yaml_and_json_say_the_same() {
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
    fn the_cache_costs_as_much_as_the_prompt_unless_said() {
        for (said, prices) in [
            ("", [3, 3, 3]),
            ("cached_input: 0,", [0, 3, 3]),
            ("cached_input: 1,", [1, 3, 3]),
            ("cache_write: 4,", [3, 4, 4]),
            ("cache_write_1h: 6,", [3, 3, 6]),
            ("cache_write: 0, cache_write_1h: 6,", [3, 0, 6]),
            ("cached_input: 1, cache_write: 4, cache_write_1h: 6,", [1, 4, 6]),
        ] {
            let table = table(&format!("m: {{ input: 3, {said} output: 5 }}")).unwrap();
            let price = table.find("m").unwrap();
            let found = [price.cached_input, price.cache_write, price.cache_write_1h];
            assert_eq!(found, prices.map(|usd| NanoUsd(usd * 1_000_000_000)), "{said}");
        }
    }

    #[test]
    fn names() {
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
            ("claude-3-5-sonnet-latest", 1),
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
    fn what_is_refused_says_where() {
        for (yaml, words) in [
            ("\"\": { input: 1, output: 1 }", "\"\": a model name must not be empty"),
            ("\"a*b\": { input: 1, output: 1 }", "\"a*b\": `*` may only stand at the end"),
            ("\"a**\": { input: 1, output: 1 }", "\"a**\": `*` may only"),
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

    proptest! {
        #[test]
        fn any_name_has_an_answer(model in ".{0,4}(-20[0-9]{2}-[01][0-9]-[0-3][0-9])?(@[0-9]{8})?") {
            let name = undated(&model);
            prop_assert!(name.is_none_or(|name| model.starts_with(name) && !name.is_empty()));
        }
    }
}
