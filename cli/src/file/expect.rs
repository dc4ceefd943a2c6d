//! What has to come of a request.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;
use serde::de::value::{MapAccessDeserializer, StrDeserializer};
use serde::de::{Deserializer, Error, MapAccess, Visitor};
use serde_json::Value;

use super::Scalar;

/// What has to come of a request. What is not said is not looked at, but for rules: one that matches and is not listed
/// fails the test.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Expect {
    /// What the filters made of the call, as in `tollgate.verdict`.
    pub verdict: Option<ExpectedVerdict>,
    /// The firewall rules that match, all of them. Default: none.
    pub rules: Option<Vec<String>>,
    /// Firewall rules that match, others perhaps, too. In place of `rules`.
    pub rules_include: Option<Vec<String>>,
    /// Firewall rules that must not match: near misses. They count as negative tests of these rules (`--coverage`).
    pub not_rules: Vec<String>,
    /// The status that the client gets.
    pub status: Option<u16>,
    /// Headers that the client gets.
    pub headers: BTreeMap<String, HeaderExpect>,
    /// What else the client gets.
    pub client: Option<ClientExpect>,
    /// What reaches an upstream: `untouched` if nothing does, else what.
    pub upstream: Option<UpstreamExpect>,
    /// The tokens that are recorded of the call.
    pub tokens: Option<TokensExpect>,
    /// What it cost, in US dollars, to the nano-dollar.
    pub cost: Option<Usd>,
    /// How much counters grow, by name (without `wasmcustom.`).
    pub metrics: BTreeMap<String, u64>,
    /// Properties of the call by name, e.g. `tollgate.route`. `null`: it has none of the name.
    pub properties: BTreeMap<String, Option<Scalar>>,
    /// Envoy's response code details.
    pub details: Option<String>,
}

/// What the filters made of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs, reason = "the names are the documentation's")]
pub enum ExpectedVerdict {
    Allow,
    Log,
    Redact,
    Block,
    Limited,
    Unidentified,
    Unpriced,
    Unavailable,
    ModelMissing,
    UnknownModel,
    Malformed,
    UnknownPath,
    TooLarge,
    Unscannable,
    Error,
}

impl ExpectedVerdict {
    /// As the property has it.
    pub fn name(self) -> &'static str {
        match self {
            ExpectedVerdict::Allow => "allow",
            ExpectedVerdict::Log => "log",
            ExpectedVerdict::Redact => "redact",
            ExpectedVerdict::Block => "block",
            ExpectedVerdict::Limited => "limited",
            ExpectedVerdict::Unidentified => "unidentified",
            ExpectedVerdict::Unpriced => "unpriced",
            ExpectedVerdict::Unavailable => "unavailable",
            ExpectedVerdict::ModelMissing => "model_missing",
            ExpectedVerdict::UnknownModel => "unknown_model",
            ExpectedVerdict::Malformed => "malformed",
            ExpectedVerdict::UnknownPath => "unknown_path",
            ExpectedVerdict::TooLarge => "too_large",
            ExpectedVerdict::Unscannable => "unscannable",
            ExpectedVerdict::Error => "error",
        }
    }
}

/// What the client gets.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ClientExpect {
    /// The text of the answer's first choice, streamed or not.
    pub text: Option<String>,
    /// The texts of all choices.
    pub texts: Option<Vec<String>>,
    /// Why the first choice ended.
    pub finish: Option<String>,
    /// Whether `[DONE]` came.
    pub done: Option<bool>,
    /// Whether the client saw a usage.
    pub usage: Option<bool>,
    /// Tool calls of the first choice, each as `name(arguments)`.
    pub tool_calls: Option<Vec<String>>,
    /// The error object.
    pub error: Option<ErrorExpect>,
    /// The body, to the letter.
    pub body: Option<String>,
    /// The body, as a file from the folder of the test file.
    pub body_file: Option<PathBuf>,
    /// Members of the body, which is JSON; others may be there, too.
    pub json: Option<Value>,
    /// Texts that are in the body.
    pub contains: Vec<String>,
    /// Texts that are not in the body.
    pub not_contains: Vec<String>,
    /// How the answer ends. Default: `complete`.
    pub end: Option<ResponseEnd>,
    /// Trailers.
    pub trailers: BTreeMap<String, HeaderExpect>,
}

/// How an answer ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ResponseEnd {
    /// As it should.
    Complete,
    /// It breaks off.
    Broken,
    /// The client left.
    Left,
}

impl ResponseEnd {
    /// As users write it.
    pub fn name(self) -> &'static str {
        match self {
            ResponseEnd::Complete => "complete",
            ResponseEnd::Broken => "broken",
            ResponseEnd::Left => "left",
        }
    }
}

/// An error object in OpenAI's shape.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ErrorExpect {
    /// `error.type`
    #[serde(rename = "type")]
    pub kind: Option<String>,
    /// `error.code`
    pub code: Option<String>,
    /// `error.param`
    pub param: Option<String>,
    /// A part of `error.message`.
    pub message: Option<String>,
}

/// What reaches an upstream.
#[derive(Clone, Debug)]
pub enum UpstreamExpect {
    /// Nothing at all.
    Untouched,
    /// One request, such as this.
    Seen(Box<UpstreamSeen>),
}

/// The request that reaches an upstream.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct UpstreamSeen {
    /// Which upstream (chains of a bootstrap only).
    pub cluster: Option<String>,
    /// The path.
    pub path: Option<String>,
    /// Headers.
    pub headers: BTreeMap<String, HeaderExpect>,
    /// Whether the body is what the client sent, to the letter.
    pub unchanged: Option<bool>,
    /// The body, to the letter.
    pub body: Option<String>,
    /// The body, as a file from the folder of the test file.
    pub body_file: Option<PathBuf>,
    /// Members of the body, which is JSON; others may be there, too.
    pub json: Option<Value>,
    /// Texts that are in the body.
    pub contains: Vec<String>,
    /// Texts that are not in the body.
    pub not_contains: Vec<String>,
}

/// The tokens that are recorded of a call.
#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct TokensExpect {
    /// Cached ones included.
    pub input: Option<u64>,
    /// Those of `input` that were cached.
    pub cached: Option<u64>,
    /// Reasoning included.
    pub output: Option<u64>,
    /// Those of `output` that went into reasoning.
    pub reasoning: Option<u64>,
    /// All together.
    pub total: Option<u64>,
    /// Who says so.
    pub source: Option<UsageSource>,
}

/// Who says what a call used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs, reason = "the names are the documentation's")]
pub enum UsageSource {
    Provider,
    Counted,
    Mixed,
    None,
}

impl UsageSource {
    /// As the property has it.
    pub fn name(self) -> &'static str {
        match self {
            UsageSource::Provider => "provider",
            UsageSource::Counted => "counted",
            UsageSource::Mixed => "mixed",
            UsageSource::None => "none",
        }
    }
}

/// US dollars, in nano-dollars.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Usd {
    /// Billionths of a dollar.
    pub nanos: u64,
}

impl Usd {
    /// Reads decimals of at most nine places, e.g. `0.00615`.
    pub fn parse(text: &str) -> Option<Usd> {
        let text = text.strip_prefix('$').unwrap_or(text);
        let (whole, part) = text.split_once('.').unwrap_or((text, ""));
        let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        if whole.is_empty() || part.len() > 9 || !digits(whole) || !digits(part) {
            return None;
        }
        let part: u64 = format!("{part:0<9}").parse().ok()?;
        Some(Usd { nanos: whole.parse::<u64>().ok()?.checked_mul(1_000_000_000)?.checked_add(part)? })
    }
}

impl<'de> Deserialize<'de> for Usd {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Usd, D::Error> {
        let Scalar(text) = Scalar::deserialize(deserializer)?;
        Usd::parse(&text).ok_or_else(|| D::Error::custom("not an amount of dollars: write e.g. \"0.00615\""))
    }
}

impl JsonSchema for Usd {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Usd".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": ["string", "number"], "examples": ["0.00615"]})
    }
}

/// What a header has to be: its value, `null` if it must not be there, or a pattern.
#[derive(Clone, Debug)]
pub enum HeaderExpect {
    /// It is not there.
    Absent,
    /// It is there once, with this value.
    Is(String),
    /// It is there, and its first value is such.
    Like(HeaderPattern),
}

/// What the value of a header looks like.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct HeaderPattern {
    /// A regular expression that matches somewhere in it.
    pub matches: Option<String>,
    /// A part of it.
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
        f.write_str("the value of a header, null, or `matches:` or `contains:`")
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
            "description": "The value of a header; null: it is not there; or a pattern.",
            "oneOf": [{"type": ["string", "number", "boolean", "null"]}, pattern],
        })
    }
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
        f.write_str("`untouched`, or what the upstream sees")
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
            "description": "`untouched` if nothing reaches an upstream, else the one request that does.",
            "oneOf": [{"const": "untouched"}, seen],
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dollars_are_read_exactly() {
        for (text, nanos) in [
            ("0.00615", Some(6_150_000)),
            ("$1", Some(1_000_000_000)),
            ("1.000000001", Some(1_000_000_001)),
            ("0", Some(0)),
            ("1.0000000001", None),
            (".5", None),
            ("1e-3", None),
            ("-1", None),
            ("", None),
            ("99999999999999", None),
        ] {
            assert_eq!(Usd::parse(text), nanos.map(|nanos| Usd { nanos }), "{text}");
        }
    }
}
