//! Expectations on what reaches an upstream.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;
use serde::de::value::{MapAccessDeserializer, StrDeserializer};
use serde::de::{Deserializer, Error, MapAccess, Visitor};
use serde_json::Value;

use super::HeaderExpect;

/// Expectation on what reaches an upstream.
#[derive(Clone, Debug)]
pub enum UpstreamExpect {
    /// No request reaches an upstream.
    Untouched,
    /// Exactly one request reaches an upstream.
    Seen(Box<UpstreamSeen>),
}

/// Request that reaches an upstream.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct UpstreamSeen {
    /// Cluster of the upstream (only for chains taken from a bootstrap).
    pub cluster: Option<String>,
    /// Path and query.
    pub path: Option<String>,
    /// Headers.
    pub headers: BTreeMap<String, HeaderExpect>,
    /// `true` if the body must equal what the client sent, `false` if it must differ.
    pub unchanged: Option<bool>,
    /// Exact body.
    pub body: Option<String>,
    /// File with the exact body, relative to the folder of the test file.
    pub body_file: Option<PathBuf>,
    /// Members of a JSON body; other members are ignored.
    pub json: Option<Value>,
    /// Substrings of the body.
    pub contains: Vec<String>,
    /// Texts that must not occur in the body.
    pub not_contains: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Word {
    Untouched,
}

impl<'de> Deserialize<'de> for UpstreamExpect {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<UpstreamExpect, D::Error> {
        deserializer.deserialize_any(UpstreamVisitor)
    }
}

struct UpstreamVisitor;

impl<'de> Visitor<'de> for UpstreamVisitor {
    type Value = UpstreamExpect;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("`untouched`, or the expected request")
    }

    fn visit_str<E: Error>(self, word: &str) -> Result<UpstreamExpect, E> {
        Word::deserialize(StrDeserializer::new(word)).map(|Word::Untouched| UpstreamExpect::Untouched)
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<UpstreamExpect, A::Error> {
        let seen = UpstreamSeen::deserialize(MapAccessDeserializer::new(map))?;
        Ok(UpstreamExpect::Seen(Box::new(seen)))
    }
}

impl JsonSchema for UpstreamExpect {
    fn schema_name() -> Cow<'static, str> {
        "UpstreamExpect".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let seen = generator.subschema_for::<UpstreamSeen>();
        json_schema!({
            "description": "`untouched` if no request reaches an upstream, else the single request that does.",
            "oneOf": [{"const": "untouched"}, seen],
        })
    }
}
