//! Prices of a model as configured.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{self, Deserialize, DeserializeSeed, Deserializer, MapAccess, Visitor};

use crate::decimal::Decimal;
use crate::dimension::Dimension;
use crate::service_tier::ServiceTier;

/// Prices of one model: dollars per million tokens (`"2.50"`, or a plain number of at most 15 digits), and dollars per second,
/// image, page, character, request or search.
///
/// Members are the names of [`Dimension`]s and those of this type. `tiers` and `above` have the same members, but for those of
/// the whole model.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RawPrice {
    /// Prices by dimension.
    pub rates: Vec<(Dimension, Decimal)>,
    /// Prices of the whole call if the prompt has more tokens than the key, e.g. `272000`.
    pub above: BTreeMap<String, RawPrice>,
    /// Prices of service tiers: `flex`, `priority`, `batch`, `balanced`, `fast`, `ultrafast`.
    pub tiers: BTreeMap<String, RawPrice>,
    /// Maximum number of prompt tokens of the model.
    pub max_input_tokens: Option<u64>,
    /// Maximum number of output tokens of the model: a client that requests more reserves no more than this.
    pub max_output_tokens: Option<u64>,
    /// Charges one web search per call, however many the provider runs. Default: `false`.
    pub one_search_per_call: bool,
    /// Surcharges that the policy may apply by name, as factors: `{eu: "1.1"}`.
    pub uplifts: BTreeMap<String, Decimal>,
}

/// Names of the members: the dimensions, then `above`, then those of the whole model.
const MODEL_KEYS: &[&str] = &[
    "input",
    "cached_input",
    "cache_write",
    "cache_write_1h",
    "cache_write_12h",
    "audio_input",
    "cached_audio_input",
    "image_input",
    "cached_image_input",
    "video_input",
    "citation",
    "output",
    "reasoning",
    "audio_output",
    "image_output",
    "video_output",
    "audio_second",
    "video_second",
    "output_second",
    "input_image",
    "output_image",
    "character",
    "page",
    "query",
    "request",
    "web_search",
    "web_search_low",
    "web_search_high",
    "above",
    "tiers",
    "max_input_tokens",
    "max_output_tokens",
    "one_search_per_call",
    "uplifts",
];
const DIMENSIONS: usize = Dimension::ALL.len();

/// Names of service tiers.
const TIER_KEYS: &[&str] = &["flex", "priority", "batch", "balanced", "fast", "ultrafast"];

/// Part of a model's prices.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Level {
    Model,
    Tier,
    Threshold,
}

impl Level {
    fn keys(self) -> &'static [&'static str] {
        match self {
            Level::Model => MODEL_KEYS,
            Level::Tier => const { MODEL_KEYS.split_at(DIMENSIONS + 1).0 },
            Level::Threshold => const { MODEL_KEYS.split_at(DIMENSIONS).0 },
        }
    }
}

impl<'de> Deserialize<'de> for RawPrice {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<RawPrice, D::Error> {
        Level::Model.deserialize(deserializer)
    }
}

impl<'de> DeserializeSeed<'de> for Level {
    type Value = RawPrice;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<RawPrice, D::Error> {
        deserializer.deserialize_struct("RawPrice", self.keys(), self)
    }
}

impl<'de> Visitor<'de> for Level {
    type Value = RawPrice;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a map")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<RawPrice, A::Error> {
        let mut price = RawPrice::default();
        while let Some(key) = map.next_key_seed(Key(self.keys()))? {
            if let Some(dimension) = Dimension::from_name(key) {
                if price.rates.iter().any(|(other, _)| *other == dimension) {
                    return Err(de::Error::duplicate_field(key));
                }
                // A price that is absent differs from a price of zero.
                if let Some(dollars) = map.next_value::<Option<Decimal>>()? {
                    price.rates.push((dimension, dollars));
                }
                continue;
            }
            match key {
                "above" => price.above = map.next_value_seed(Parts { level: Level::Threshold, keys: None })?,
                "tiers" => price.tiers = map.next_value_seed(Parts { level: Level::Tier, keys: Some(TIER_KEYS) })?,
                "max_input_tokens" => price.max_input_tokens = map.next_value()?,
                "max_output_tokens" => price.max_output_tokens = map.next_value()?,
                "one_search_per_call" => price.one_search_per_call = map.next_value()?,
                _ => price.uplifts = map.next_value()?,
            }
        }
        if self == Level::Model {
            price.requires_input_and_output()?;
        }
        Ok(price)
    }
}

impl RawPrice {
    /// Returns the prices by dimension with their service tier and threshold, and the path of each below the model.
    pub(crate) fn all_rates(
        &self,
    ) -> impl Iterator<Item = (Option<ServiceTier>, Option<&str>, Dimension, Decimal, String)> {
        let levels = self.thresholds(None, String::new()).chain(
            self.tiers
                .iter()
                .flat_map(|(name, prices)| prices.thresholds(ServiceTier::from_name(name), format!(".tiers.{name}"))),
        );
        levels.flat_map(|(tier, above, prices, path)| {
            let rate = move |(dimension, dollars): &(Dimension, Decimal)| {
                (tier, above, *dimension, *dollars, format!("{path}.{}", dimension.name()))
            };
            prices.rates.iter().map(rate)
        })
    }

    /// Returns the dimensions with prices that are never charged, and their paths below the model: `tiers.flex.video_second`.
    pub fn unmeasured(&self) -> impl Iterator<Item = (Dimension, String)> {
        let rates = self.all_rates().filter(|(_, _, dimension, ..)| !dimension.is_measured());
        rates.map(|(_, _, dimension, _, path)| (dimension, path))
    }

    /// Returns this level and those of its thresholds.
    fn thresholds(
        &self,
        tier: Option<ServiceTier>,
        path: String,
    ) -> impl Iterator<Item = (Option<ServiceTier>, Option<&str>, &RawPrice, String)> {
        let above = self.above.iter().map({
            let path = path.clone();
            move |(above, prices)| (tier, Some(above.as_str()), prices, format!("{path}.above.{above:?}"))
        });
        std::iter::once((tier, None, self, path)).chain(above)
    }

    /// Requires prices of both the prompt and the output if tokens have prices: an output that is free by mistake is costly.
    fn requires_input_and_output<E: de::Error>(&self) -> Result<(), E> {
        let has = |dimension| self.rates.iter().any(|(own, _)| *own == dimension);
        let any = |dimensions: &[Dimension]| dimensions.iter().any(|dimension| has(*dimension));
        let has_tokens = any(&Dimension::INPUT) || any(&Dimension::OUTPUT);
        match (has(Dimension::Input), has(Dimension::Output)) {
            (false, _) if has_tokens || self.rates.is_empty() => Err(E::missing_field("input")),
            (_, false) if has_tokens => Err(E::missing_field("output")),
            _ => Ok(()),
        }
    }
}

/// Key of a price, one of those listed.
struct Key(&'static [&'static str]);

impl<'de> DeserializeSeed<'de> for Key {
    type Value = &'static str;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<&'static str, D::Error> {
        deserializer.deserialize_identifier(self)
    }
}

impl Visitor<'_> for Key {
    type Value = &'static str;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_str<E: de::Error>(self, key: &str) -> Result<&'static str, E> {
        self.0.iter().find(|known| **known == key).copied().ok_or_else(|| E::unknown_field(key, self.0))
    }
}

/// Map of parts of a model's prices, with any keys or those listed.
struct Parts {
    level: Level,
    keys: Option<&'static [&'static str]>,
}

impl<'de> DeserializeSeed<'de> for Parts {
    type Value = BTreeMap<String, RawPrice>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Parts {
    type Value = BTreeMap<String, RawPrice>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a map")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut parts = BTreeMap::new();
        loop {
            let key = match self.keys {
                Some(keys) => map.next_key_seed(Key(keys))?.map(str::to_owned),
                None => map.next_key::<String>()?,
            };
            let Some(key) = key else { return Ok(parts) };
            let prices = map.next_value_seed(self.level)?;
            if parts.insert(key, prices).is_some() {
                return Err(de::Error::custom("duplicate key"));
            }
        }
    }
}

#[cfg(feature = "schema")]
impl schemars::JsonSchema for RawPrice {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "RawPrice".into()
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schema::price(generator, Level::Model)
    }
}

#[cfg(feature = "schema")]
mod schema {
    use std::borrow::Cow;

    use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
    use serde_json::{Map, Value, json};

    use super::Level;
    use crate::decimal::Decimal;
    use crate::dimension::{Dimension, Per};
    use crate::service_tier::ServiceTier;

    /// Schema of the prices of a service tier.
    struct TierPrice;

    /// Schema of the prices above a threshold.
    struct ThresholdPrice;

    impl JsonSchema for TierPrice {
        fn schema_name() -> Cow<'static, str> {
            "TierPrice".into()
        }

        fn json_schema(generator: &mut SchemaGenerator) -> Schema {
            price(generator, Level::Tier)
        }
    }

    impl JsonSchema for ThresholdPrice {
        fn schema_name() -> Cow<'static, str> {
            "ThresholdPrice".into()
        }

        fn json_schema(generator: &mut SchemaGenerator) -> Schema {
            price(generator, Level::Threshold)
        }
    }

    /// Returns the schema of one level of a model's prices.
    pub(super) fn price(generator: &mut SchemaGenerator, level: Level) -> Schema {
        let mut properties = Map::new();
        for dimension in Dimension::ALL {
            let mut schema = generator.subschema_for::<Decimal>();
            schema.insert("description".to_owned(), description(dimension).into());
            properties.insert(dimension.name().to_owned(), schema.into());
        }
        if level != Level::Threshold {
            let above = generator.subschema_for::<ThresholdPrice>();
            properties.insert(
                "above".to_owned(),
                json!({
                    "type": "object", "propertyNames": {"pattern": "^[0-9]+k?$"}, "additionalProperties": above,
                    "description": "Prices of the whole call if the prompt has more tokens than the key, e.g. `272000` or `272k`. \
                                    Default: those without a threshold.",
                }),
            );
        }
        if level == Level::Model {
            let tier = generator.subschema_for::<TierPrice>();
            let tiers: Map<String, Value> = ServiceTier::ALL
                .into_iter()
                .map(|name| {
                    let mut schema = tier.clone();
                    schema.insert("description".to_owned(), described(name).into());
                    (name.name().to_owned(), schema.into())
                })
                .collect();
            let number = |minimum: u8, description: &str| json!({"type": ["integer", "null"], "format": "uint64", "minimum": minimum, "description": description});
            for (key, schema) in [
                (
                    "tiers",
                    json!({
                        "type": "object", "properties": tiers, "additionalProperties": false,
                        "description": "Prices of service tiers. The response names its tier; if it does not, the dearer of the requested and \
                                        the default one applies. Default: those without a tier.",
                    }),
                ),
                ("max_input_tokens", number(0, "Maximum number of prompt tokens of the model. Default: unknown.")),
                (
                    "max_output_tokens",
                    number(
                        1,
                        "Maximum number of output tokens of the model: a client that requests more reserves no more than this. \
                         Default: the quota's `max_output_tokens`.",
                    ),
                ),
                (
                    "one_search_per_call",
                    json!({"type": "boolean", "description": "Charges one web search per call, however many the provider runs. Default: `false`."}),
                ),
                (
                    "uplifts",
                    json!({
                        "type": "object", "additionalProperties": {"type": ["string", "number"]},
                        "description": "Factors that `prices.uplifts` applies by name, e.g. `{eu: \"1.1\"}`. Default: none.",
                    }),
                ),
            ] {
                properties.insert(key.to_owned(), schema);
            }
        }
        let description = match level {
            Level::Model => "Prices of a model.",
            Level::Tier => "Prices of calls of a service tier. Default of each: the price without a tier.",
            Level::Threshold => {
                "Prices of calls whose prompt has more tokens than the key. Default of each: the price without a threshold."
            }
        };
        json_schema!({
            "type": "object", "description": description, "properties": properties, "additionalProperties": false,
        })
    }

    fn described(tier: ServiceTier) -> &'static str {
        match tier {
            ServiceTier::Flex => "Prices of slower processing at a lower price. Default: those without a tier.",
            ServiceTier::Priority => "Prices of faster processing at a higher price. Default: those without a tier.",
            ServiceTier::Batch => "Prices of processing within hours. Default: those without a tier.",
            ServiceTier::Balanced => {
                "Prices of the tier between flex and the default one. Default: those without a tier."
            }
            ServiceTier::Fast => "Prices of Anthropic's fast mode (`speed: fast`). Default: those without a tier.",
            ServiceTier::Ultrafast => "Prices of the tier above priority. Default: those without a tier.",
        }
    }

    fn description(dimension: Dimension) -> String {
        let per = match dimension.per() {
            Per::MillionTokens => "Dollars per million",
            Per::Second => "Dollars per second:",
            Per::Piece => "Dollars each:",
        };
        let what = match dimension {
            Dimension::Input => "prompt tokens",
            Dimension::CachedInput => "prompt tokens read from the provider's cache",
            Dimension::CacheWrite => "prompt tokens written to the provider's cache with its shortest lifetime",
            Dimension::CacheWrite1h => "prompt tokens written to the provider's cache for one hour",
            Dimension::CacheWrite12h => "prompt tokens written to the provider's cache for 12 hours",
            Dimension::AudioInput => "audio tokens of the prompt",
            Dimension::CachedAudioInput => "audio tokens read from the provider's cache",
            Dimension::ImageInput => "image tokens of the prompt",
            Dimension::CachedImageInput => "image tokens read from the provider's cache",
            Dimension::VideoInput => "video tokens of the prompt",
            Dimension::Citation => "tokens of cited documents",
            Dimension::Output => "output tokens",
            Dimension::Reasoning => "output tokens that are reasoning",
            Dimension::AudioOutput => "output tokens that are audio",
            Dimension::ImageOutput => "output tokens that are images",
            Dimension::VideoOutput => "output tokens that are video",
            Dimension::AudioSecond => "audio of the request",
            Dimension::VideoSecond => "video of the request",
            Dimension::OutputSecond => "generated audio or video",
            Dimension::InputImage => "images of the request",
            Dimension::OutputImage => "generated images",
            Dimension::Character => "characters of the request",
            Dimension::Page => "pages of documents",
            Dimension::Query => "search queries",
            Dimension::Request => "requests",
            Dimension::WebSearch => "web searches",
            Dimension::WebSearchLow => "web searches with a small context",
            Dimension::WebSearchHigh => "web searches with a large context",
        };
        match dimension.parent() {
            Some(parent) => format!("{per} {what}. Default: `{}`.", parent.name()),
            None => format!("{per} {what}."),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_keys_are_those_of_the_dimensions_and_tiers() {
        assert_eq!(MODEL_KEYS[..DIMENSIONS], Dimension::ALL.map(Dimension::name));
        assert_eq!(TIER_KEYS, ServiceTier::ALL.map(ServiceTier::name));
        assert_eq!(
            (Level::Tier.keys().last(), Level::Threshold.keys().last()),
            (Some(&"above"), Some(&"web_search_high"))
        );
    }

    #[test]
    fn tiers_and_thresholds_are_parts_of_a_price() {
        let yaml = "{input: 2, output: 12, above: {272k: {input: 4}}, max_output_tokens: 128000,
                     tiers: {flex: {input: 1, above: {'272000': {output: 9}}}}, uplifts: {eu: '1.1'}}";
        let price: RawPrice = serde_saphyr::from_str(yaml).unwrap();
        let rates: Vec<String> = price
            .all_rates()
            .map(|(tier, above, _, dollars, path)| {
                format!("{:?} {above:?} {dollars} {path}", tier.map(ServiceTier::name))
            })
            .collect();
        assert_eq!(
            rates,
            [
                "None None 2 .input",
                "None None 12 .output",
                "None Some(\"272k\") 4 .above.\"272k\".input",
                "Some(\"flex\") None 1 .tiers.flex.input",
                "Some(\"flex\") Some(\"272000\") 9 .tiers.flex.above.\"272000\".output",
            ]
        );
        for (yaml, words) in [
            ("{input: 2}", "output"),
            ("{audio_output: 2}", "input"),
            ("{}", "input"),
            ("{input: 1, output: 1, price: 1}", "price"),
            ("{input: 1, output: 1, tiers: {slow: {}}}", "slow"),
            ("{input: 1, output: 1, tiers: {flex: {tiers: {}}}}", "tiers"),
            ("{input: 1, output: 1, above: {1k: {above: {}}}}", "above"),
            ("{input: 1, input: 2, output: 1}", "input"),
            ("{input: [], output: 1}", "decimal number"),
        ] {
            let error = serde_saphyr::from_str::<RawPrice>(yaml).unwrap_err().to_string();
            assert!(error.contains(words), "{yaml}: {error}");
        }
        assert!(
            serde_saphyr::from_str::<RawPrice>("{audio_second: '0.0001'}").is_ok(),
            "no tokens, no prices of tokens"
        );
    }
}
