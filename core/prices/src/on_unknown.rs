//! Policy for models without a price.

use std::fmt;

use serde::de::value::{MapAccessDeserializer, StrDeserializer};
use serde::de::{self, Deserialize, Deserializer, MapAccess, Visitor};

/// Policy for a call whose model has no price.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum OnUnknownPrice {
    /// The call is refused while a budget in `usd` applies to its consumer.
    #[default]
    Refuse,
    /// The call passes, is not charged to budgets in `usd`, and is counted as unpriced.
    Pass,
    /// The call is free.
    Free,
    /// The call has the price of this model.
    As(String),
}

/// Words of [`OnUnknownPrice`].
#[derive(serde::Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(rename = "OnUnknownPriceWord"))]
#[serde(rename_all = "snake_case")]
enum Word {
    /// The call is refused while a budget in `usd` applies to its consumer.
    Refuse,
    /// The call passes, is not charged to budgets in `usd`, and is counted as unpriced.
    #[serde(alias = "allow")]
    Pass,
    /// The call is free.
    Free,
}

/// Model whose price applies.
#[derive(serde::Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(rename = "OnUnknownPriceAs"))]
#[serde(deny_unknown_fields)]
struct As {
    /// Model whose price applies.
    #[serde(rename = "as")]
    model: String,
}

#[cfg(feature = "schema")]
impl schemars::JsonSchema for OnUnknownPrice {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "OnUnknownPrice".into()
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        let (word, map) = (generator.subschema_for::<Word>(), generator.subschema_for::<As>());
        schemars::json_schema!({"anyOf": [word, map]})
    }
}

impl<'de> Deserialize<'de> for OnUnknownPrice {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<OnUnknownPrice, D::Error> {
        struct Form;
        impl<'de> Visitor<'de> for Form {
            type Value = OnUnknownPrice;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("`refuse`, `pass`, `free`, or a map with `as`")
            }
            fn visit_str<E: de::Error>(self, name: &str) -> Result<OnUnknownPrice, E> {
                Ok(match Word::deserialize(StrDeserializer::new(name))? {
                    Word::Refuse => OnUnknownPrice::Refuse,
                    Word::Pass => OnUnknownPrice::Pass,
                    Word::Free => OnUnknownPrice::Free,
                })
            }
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<OnUnknownPrice, A::Error> {
                let As { model } = As::deserialize(MapAccessDeserializer::new(map))?;
                Ok(OnUnknownPrice::As(model))
            }
        }
        deserializer.deserialize_any(Form)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_and_a_model_are_read() {
        let read = |yaml: &str| serde_saphyr::from_str::<OnUnknownPrice>(yaml).ok();
        for (yaml, expected) in [
            ("refuse", Some(OnUnknownPrice::Refuse)),
            ("pass", Some(OnUnknownPrice::Pass)),
            ("allow", Some(OnUnknownPrice::Pass)),
            ("free", Some(OnUnknownPrice::Free)),
            ("{as: gpt-4o}", Some(OnUnknownPrice::As("gpt-4o".into()))),
            ("as", None),
            ("{}", None),
            ("{as: a, b: c}", None),
            ("3", None),
        ] {
            assert_eq!(read(yaml), expected, "{yaml}");
        }
    }
}
