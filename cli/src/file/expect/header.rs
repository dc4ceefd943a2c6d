//! Expected values of headers.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserializer, MapAccess, Visitor};

/// Expected value of a header: the value, `null` if the header must be absent, or a pattern.
#[derive(Clone, Debug)]
pub enum HeaderExpect {
    /// The header is absent.
    Absent,
    /// The header occurs once with this value.
    Is(String),
    /// The first value of the header matches a pattern.
    Like(HeaderPattern),
}

/// Pattern for the value of a header.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct HeaderPattern {
    /// Regular expression that matches somewhere in the value.
    pub matches: Option<String>,
    /// Substring of the value.
    pub contains: Option<String>,
}

impl<'de> Deserialize<'de> for HeaderExpect {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<HeaderExpect, D::Error> {
        deserializer.deserialize_any(HeaderExpectVisitor)
    }
}

struct HeaderExpectVisitor;

impl<'de> Visitor<'de> for HeaderExpectVisitor {
    type Value = HeaderExpect;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a header value, null, or a mapping with `matches` or `contains`")
    }

    fn visit_str<E>(self, value: &str) -> Result<HeaderExpect, E> {
        Ok(HeaderExpect::Is(value.to_owned()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<HeaderExpect, E> {
        Ok(HeaderExpect::Is(value.to_string()))
    }

    fn visit_i64<E>(self, value: i64) -> Result<HeaderExpect, E> {
        Ok(HeaderExpect::Is(value.to_string()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<HeaderExpect, E> {
        Ok(HeaderExpect::Is(value.to_string()))
    }

    fn visit_bool<E>(self, value: bool) -> Result<HeaderExpect, E> {
        Ok(HeaderExpect::Is(value.to_string()))
    }

    fn visit_unit<E>(self) -> Result<HeaderExpect, E> {
        Ok(HeaderExpect::Absent)
    }

    fn visit_none<E>(self) -> Result<HeaderExpect, E> {
        Ok(HeaderExpect::Absent)
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<HeaderExpect, A::Error> {
        HeaderPattern::deserialize(MapAccessDeserializer::new(map)).map(HeaderExpect::Like)
    }
}

impl JsonSchema for HeaderExpect {
    fn schema_name() -> Cow<'static, str> {
        "HeaderExpect".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let pattern = generator.subschema_for::<HeaderPattern>();
        json_schema!({
            "description": "Value of a header, null if the header must be absent, or a pattern.",
            "oneOf": [{"type": ["string", "number", "boolean", "null"]}, pattern],
        })
    }
}
