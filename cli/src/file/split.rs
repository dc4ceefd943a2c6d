//! Which ways of cutting a test is run with.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;
use serde::de::{Deserializer, SeqAccess, Visitor, value::SeqAccessDeserializer, value::StrDeserializer};

/// Kinds of points of the matrix: `all`, `whole`, or a list of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Split {
    /// Every kind.
    All,
    /// These kinds. (`whole` is always among them: it is what the others are compared with.)
    Only(Vec<SplitKind>),
}

/// A way of sending a request and its answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SplitKind {
    /// In one piece over HTTP/1.
    Whole,
    /// Over HTTP/2, too, whatever else is tried.
    Http2,
    /// Byte by byte (above 16 KiB: in 16384 pieces).
    Bytes,
    /// In two pieces, at the beginning, the end and inside of every match of a rule of the policy.
    Matches,
    /// An event of a streamed answer at a time.
    Events,
    /// With trailers, so that no body callback is the last one.
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
            "description": "Which ways of cutting are tried: `all`, `whole`, or a list of kinds.",
            "oneOf": [{"enum": ["all", "whole"]}, {"type": "array", "items": kind}],
        })
    }
}

impl Split {
    /// Whether points of a kind are to be run.
    pub fn has(&self, kind: SplitKind) -> bool {
        match self {
            Split::All => true,
            Split::Only(kinds) => kind == SplitKind::Whole || kinds.contains(&kind),
        }
    }
}
