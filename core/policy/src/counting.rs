//! Part `counting`: which prompts are counted.

use std::fmt;

use serde::de::value::{MapAccessDeserializer, StrDeserializer};
use serde::de::{self, Deserialize, Deserializer, MapAccess, Visitor};
use tollgate_tokens::RawMargins;

/// Counting of prompts: `exact`, `when_needed` or `off`, or a map with `mode`, `references` and `estimate_margin`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counting {
    /// Prompts that are counted. Default: `exact`.
    pub mode: CountingMode,
    /// Policy for references to content outside of the request (image URLs, file ids, stored conversations), whose size is
    /// unknown. Default: `estimate`.
    pub references: References,
    /// Margins to reserve on the counts of prompts.
    pub estimate_margin: RawMargins,
}

/// Prompts that are counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum CountingMode {
    /// Every prompt.
    #[default]
    Exact,
    /// Prompts whose count decides something: a budget in reach of the bound, or a rule or route that needs tokens.
    WhenNeeded,
    /// No prompt. Usage comes from the provider.
    Off,
}

/// Policy for references to content outside of the request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum References {
    /// A request with a reference is refused.
    Refuse,
    /// The size is estimated.
    #[default]
    Estimate,
}

/// Counting of prompts, the policy for references, and margins.
#[derive(serde::Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
struct RawCounting {
    /// Prompts that are counted.
    mode: CountingMode,
    /// Policy for references to content outside of the request.
    #[serde(default)]
    references: References,
    /// Factor on the counts of prompts, for what is reserved: `"1.4"` for all models, or a map of models to factors. What is
    /// reported stays the count. From 1 to 10. Default: 1.4 for Claude, whose tokenizer is not public, 1 for others.
    #[serde(default)]
    estimate_margin: RawMargins,
}

#[cfg(feature = "schema")]
impl schemars::JsonSchema for Counting {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Counting".into()
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        let (word, map) = (generator.subschema_for::<CountingMode>(), generator.subschema_for::<RawCounting>());
        schemars::json_schema!({"anyOf": [word, map]})
    }
}

impl<'de> Deserialize<'de> for Counting {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Counting, D::Error> {
        struct Form;
        impl<'de> Visitor<'de> for Form {
            type Value = Counting;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("`exact`, `when_needed`, `off`, or a map with `mode`")
            }
            fn visit_str<E: de::Error>(self, name: &str) -> Result<Counting, E> {
                let mode = CountingMode::deserialize(StrDeserializer::new(name))?;
                Ok(Counting { mode, ..Counting::default() })
            }
            fn visit_bool<E: de::Error>(self, value: bool) -> Result<Counting, E> {
                // YAML 1.1 reads `off` as false.
                if value { Err(E::invalid_type(de::Unexpected::Bool(true), &self)) } else { self.visit_str("off") }
            }
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Counting, A::Error> {
                let RawCounting { mode, references, estimate_margin } =
                    serde::Deserialize::deserialize(MapAccessDeserializer::new(map))?;
                Ok(Counting { mode, references, estimate_margin })
            }
        }
        deserializer.deserialize_any(Form)
    }
}
