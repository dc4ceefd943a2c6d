//! What the client sends.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;
use serde::de::value::SeqAccessDeserializer;
use serde::de::{Deserializer, SeqAccess, Visitor};
use serde_json::Value;

use super::Scalar;

/// A request: a chat in short, or raw HTTP.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Request {
    /// A chat completion, in short.
    pub chat: Option<Chat>,
    /// Default: `POST`.
    pub method: Option<String>,
    /// Default: `/v1/chat/completions`.
    pub path: Option<String>,
    /// Headers. `null` takes a default away.
    pub headers: Headers,
    /// The body as text, to the letter.
    pub body: Option<String>,
    /// The body as JSON, spelled as a serializer would.
    pub json: Option<Value>,
    /// The body as octets, in base64.
    pub body_base64: Option<String>,
    /// The body as a file, from the folder of the test file.
    pub body_file: Option<PathBuf>,
    /// Trailers behind the body.
    pub trailers: Headers,
    /// Who asks: put where the chain's cost-quota looks for it, as the authentication in front of it would.
    pub consumer: Option<String>,
    /// Dynamic metadata by filter, as e.g. jwt_authn would have left it:
    /// `envoy.filters.http.jwt_authn: {payload: {sub: alice}}`.
    pub metadata: BTreeMap<String, BTreeMap<String, Value>>,
    /// The client leaves once it has this many events of a streamed answer.
    pub leave_after: Option<u64>,
}

/// A chat completion in short. Messages stand in the order `system`, `messages`, `user`.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Chat {
    /// Default: `gpt-4o`. `null`: no model.
    #[serde(deserialize_with = "some")]
    #[schemars(with = "Option<String>")]
    pub model: Option<Option<String>>,
    /// A message of the system: text, or a list of parts.
    pub system: Option<Value>,
    /// Messages as the API has them.
    pub messages: Vec<Value>,
    /// A message of the user: text, or a list of parts.
    pub user: Option<Value>,
    /// Whether the answer is wanted as a stream. Default: if the upstream's answer is one.
    pub stream: Option<bool>,
    /// The largest answer in tokens.
    pub max_tokens: Option<u64>,
    /// Further members of the body, e.g. `tools`.
    pub members: BTreeMap<String, Value>,
}

/// A field that may be null, told from one that is not there.
fn some<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Option<String>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}

/// Headers by name. A list of values makes several headers.
pub type Headers = BTreeMap<String, HeaderValue>;

/// The values of a header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeaderValue(pub Vec<String>);

impl<'de> Deserialize<'de> for HeaderValue {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<HeaderValue, D::Error> {
        deserializer.deserialize_any(HeaderValueVisitor)
    }
}

struct HeaderValueVisitor;

impl<'de> Visitor<'de> for HeaderValueVisitor {
    type Value = HeaderValue;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the value of a header, a list of values, or null")
    }

    fn visit_str<E>(self, value: &str) -> Result<HeaderValue, E> {
        Ok(HeaderValue(vec![value.to_owned()]))
    }

    fn visit_u64<E>(self, value: u64) -> Result<HeaderValue, E> {
        Ok(HeaderValue(vec![value.to_string()]))
    }

    fn visit_i64<E>(self, value: i64) -> Result<HeaderValue, E> {
        Ok(HeaderValue(vec![value.to_string()]))
    }

    fn visit_f64<E>(self, value: f64) -> Result<HeaderValue, E> {
        Ok(HeaderValue(vec![value.to_string()]))
    }

    fn visit_bool<E>(self, value: bool) -> Result<HeaderValue, E> {
        Ok(HeaderValue(vec![value.to_string()]))
    }

    fn visit_unit<E>(self) -> Result<HeaderValue, E> {
        Ok(HeaderValue(Vec::new()))
    }

    fn visit_none<E>(self) -> Result<HeaderValue, E> {
        Ok(HeaderValue(Vec::new()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<HeaderValue, A::Error> {
        let values = Vec::<Scalar>::deserialize(SeqAccessDeserializer::new(list))?;
        Ok(HeaderValue(values.into_iter().map(|Scalar(value)| value).collect()))
    }
}

impl JsonSchema for HeaderValue {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "HeaderValue".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": ["string", "number", "boolean", "null", "array"],
            "items": {"type": ["string", "number", "boolean"]},
        })
    }
}
