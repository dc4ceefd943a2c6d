//! Selection of the deliveries in which a test runs.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;
use serde::de::{Deserializer, SeqAccess, Visitor, value::SeqAccessDeserializer, value::StrDeserializer};

/// Selected kinds of deliveries: `all`, `whole`, or a list of kinds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Split {
    /// All kinds.
    All,
    /// The listed kinds, and always `whole`, with which the others are compared.
    Only(Vec<SplitKind>),
}

/// Kinds of deliveries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SplitKind {
    /// In one piece over HTTP/1.
    Whole,
    /// Over HTTP/2 as well, combined with the other kinds.
    Http2,
    /// Byte by byte (bodies above 16 KiB: in 16384 pieces).
    Bytes,
    /// In two pieces, cut at the beginning, the end and inside of every match of a rule.
    Matches,
    /// Event by event of a streamed response.
    Events,
    /// With trailers, so that no body callback has `end_of_stream`.
    Trailers,
    /// With an empty last frame.
    EmptyLast,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Word {
    All,
    Whole,
}

impl<'de> Deserialize<'de> for Split {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Split, D::Error> {
        deserializer.deserialize_any(SplitVisitor)
    }
}

struct SplitVisitor;

impl<'de> Visitor<'de> for SplitVisitor {
    type Value = Split;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("`all`, `whole` or a list of kinds")
    }

    fn visit_str<E: serde::de::Error>(self, word: &str) -> Result<Split, E> {
        Ok(match Word::deserialize(StrDeserializer::new(word))? {
            Word::All => Split::All,
            Word::Whole => Split::Only(vec![SplitKind::Whole]),
        })
    }

    fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<Split, A::Error> {
        Vec::deserialize(SeqAccessDeserializer::new(list)).map(Split::Only)
    }
}

impl JsonSchema for Split {
    fn schema_name() -> Cow<'static, str> {
        "Split".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let kind = generator.subschema_for::<SplitKind>();
        json_schema!({
            "description": "Selected kinds of deliveries: `all`, `whole`, or a list of kinds.",
            "oneOf": [{"enum": ["all", "whole"]}, {"type": "array", "items": kind}],
        })
    }
}

impl Split {
    /// Returns `true` if deliveries of this kind are selected.
    pub fn has(&self, kind: SplitKind) -> bool {
        match self {
            Split::All => true,
            Split::Only(kinds) => kind == SplitKind::Whole || kinds.contains(&kind),
        }
    }
}
