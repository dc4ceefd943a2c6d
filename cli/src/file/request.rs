//! Requests of the client.

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

/// A request: a chat completion in short form, or raw HTTP.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Request {
    /// Chat completion in short form.
    pub chat: Option<Chat>,
    /// Default: `POST`, or `GET` without a body.
    pub method: Option<String>,
    /// Default: `/v1/chat/completions`.
    pub path: Option<String>,
    /// Headers. `null` removes a default.
    pub headers: Headers,
    /// Exact body as text.
    pub body: Option<String>,
    /// Body as JSON, written without whitespace.
    pub json: Option<Value>,
    /// Exact body in base64.
    pub body_base64: Option<String>,
    /// File with the exact body, relative to the folder of the test file.
    pub body_file: Option<PathBuf>,
    /// Trailers after the body.
    pub trailers: Headers,
    /// Name of the caller. It is placed where the cost-quota filter of the chain looks for it, as the authentication in
    /// front of the filter would do.
    pub consumer: Option<String>,
    /// Dynamic metadata by filter, as e.g. jwt_authn would set it: `envoy.filters.http.jwt_authn: {payload: {sub:
    /// alice}}`.
    pub metadata: BTreeMap<String, BTreeMap<String, Value>>,
    /// The client closes the connection after this many events of a streamed response.
    pub leave_after: Option<u64>,
}

/// Chat completion in short form. The order of the messages is `system`, `messages`, `user`.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Chat {
    /// Model. Default: `gpt-4o`. `null`: no model.
    #[serde(deserialize_with = "some")]
    #[schemars(with = "Option<String>")]
    pub model: Option<Option<String>>,
    /// System message: text, or a list of parts.
    pub system: Option<Value>,
    /// Messages in the format of the API.
    pub messages: Vec<Value>,
    /// User message: text, or a list of parts.
    pub user: Option<Value>,
    /// `true` to ask for a streamed response. Default: true if the upstream's response is a stream.
    pub stream: Option<bool>,
    /// Maximum number of output tokens.
    pub max_tokens: Option<u64>,
    /// Further members of the body, e.g. `tools`.
    pub members: BTreeMap<String, Value>,
}

/// Distinguishes an explicit `null` from an absent field.
fn some<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Option<String>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}

/// Headers by name. A list of values adds several headers.
pub type Headers = BTreeMap<String, HeaderValue>;

/// Values of a header.
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
        f.write_str("a header value, a list of values, or null")
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
