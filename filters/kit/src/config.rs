//! Configuration: decodes what Envoy passes to a plugin; errors name the path of the field.
//!
//! Users write YAML in place, and it arrives in one of two forms: Envoy passes a `google.protobuf.Struct` in its binary
//! encoding (seen in 1.40.0); Istio's `pluginConfig` and Envoy Gateway's `config` arrive as a string of JSON. A string of
//! YAML is refused: its parser costs 0.8 MB of module (0.24 MB became 1.05 MB), which every worker's V8 would hold
//! compiled, and a Struct serves the purpose better.

use prost::Message;
use prost_types::{Struct, value::Kind};
use serde::de::DeserializeOwned;
use serde_json::Value;

/// Text that a plugin is configured with.
#[derive(Clone, Copy, Debug)]
pub struct Configuration<'a> {
    text: &'a [u8],
}

/// Reason why a configuration was refused. Envoy logs it, and refuses the listener or keeps the old one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ConfigError(String);

impl ConfigError {
    /// Returns an error with this message, which starts with the path of the field.
    pub fn new(message: impl ToString) -> ConfigError {
        ConfigError(message.to_string())
    }
}

impl<'a> Configuration<'a> {
    /// Returns the configuration of a text.
    pub fn new(text: &'a [u8]) -> Configuration<'a> {
        Configuration { text }
    }

    /// Decodes the configuration. An empty text is an empty object.
    pub fn parse<T: DeserializeOwned>(&self) -> Result<T, ConfigError> {
        let text = self.text.trim_ascii();
        if text.starts_with(b"{") {
            let mut json = serde_json::Deserializer::from_slice(text);
            let value = serde_path_to_error::deserialize(&mut json).map_err(with_path)?;
            json.end().map_err(ConfigError::new)?;
            return Ok(value);
        }
        let Ok(message) = Struct::decode(self.text) else {
            return Err(ConfigError::new(
                "neither a JSON object nor a google.protobuf.Struct: write `configuration` as a Struct (YAML in place), \
                 not as a string of YAML",
            ));
        };
        serde_path_to_error::deserialize(object(message)).map_err(with_path)
    }
}

fn with_path(error: serde_path_to_error::Error<serde_json::Error>) -> ConfigError {
    let path = error.path().to_string();
    let inner = unquoted(&error.into_inner().to_string());
    if path == "." { ConfigError(inner) } else { ConfigError(format!("{path}: {inner}")) }
}

/// Removes from serde's message the string that was found in place of another type. A policy holds the very words that must
/// not reach a log, and a word in place of a list of words is the likeliest mistake in one.
fn unquoted(message: &str) -> String {
    const OPEN: &str = "string \"";
    const CLOSE: &str = "\", expected ";
    let found = message.find(OPEN).zip(message.rfind(CLOSE)).filter(|(open, close)| open + OPEN.len() <= *close);
    let Some((before, behind)) = found.and_then(|(open, close)| message.get(..open).zip(message.get(close + 1..)))
    else {
        return message.to_owned();
    };
    format!("{before}a string{behind}")
}

fn object(message: Struct) -> Value {
    Value::Object(message.fields.into_iter().map(|(name, value)| (name, json(value))).collect())
}

/// Converts a value of a Struct. The decoder bounds the depth, and so this recursion.
fn json(value: prost_types::Value) -> Value {
    match value.kind {
        None | Some(Kind::NullValue(_)) => Value::Null,
        Some(Kind::BoolValue(bool)) => Value::Bool(bool),
        Some(Kind::StringValue(text)) => Value::String(text),
        Some(Kind::ListValue(list)) => Value::Array(list.values.into_iter().map(json).collect()),
        Some(Kind::StructValue(message)) => object(message),
        Some(Kind::NumberValue(number)) => number_value(number),
    }
}

/// Converts a number of a Struct, which has only doubles. A whole number becomes an integer as long as a double
/// distinguishes integers (2^53).
fn number_value(number: f64) -> Value {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    if number.fract() == 0.0 && number.abs() <= EXACT {
        // The range check makes the conversion exact.
        return Value::from(number as i64);
    }
    serde_json::Number::from_f64(number).map_or(Value::Null, Value::Number)
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;
    use tollgate_llm::{OnUnscannable, StreamLimits as Limits};

    use super::*;

    #[derive(Debug, Deserialize, PartialEq)]
    #[serde(deny_unknown_fields)]
    struct Sample {
        #[serde(default)]
        limits: Limits,
    }

    fn parse(text: &str) -> Result<Sample, String> {
        Configuration::new(text.as_bytes()).parse().map_err(|e: ConfigError| e.to_string())
    }

    #[test]
    fn a_json_string_is_decoded() {
        let sample = parse(r#"{"limits":{"max_request_bytes":10,"on_unscannable":"pass"}}"#).unwrap();
        assert_eq!(sample.limits.max_request_bytes, 10);
        assert_eq!(sample.limits.on_unscannable, OnUnscannable::Pass);
    }

    #[test]
    fn the_error_for_a_yaml_string_names_the_remedy() {
        assert!(parse("limits: {}").unwrap_err().contains("google.protobuf.Struct"));
    }

    #[test]
    fn a_struct_of_envoy_1_40_is_decoded() {
        #[derive(Debug, Deserialize, PartialEq)]
        struct All {
            b: bool,
            n: u64,
            f: f64,
            neg: i64,
            s: String,
            l: Vec<Option<u8>>,
        }
        let kind = |kind| prost_types::Value { kind: Some(kind) };
        let list = prost_types::ListValue { values: vec![kind(Kind::NumberValue(1.0)), kind(Kind::NullValue(0))] };
        let fields = [
            ("b", Kind::BoolValue(true)),
            ("n", Kind::NumberValue(200_000.0)),
            ("f", Kind::NumberValue(0.075)),
            ("neg", Kind::NumberValue(-3.0)),
            ("s", Kind::StringValue("x".into())),
            ("l", Kind::ListValue(list)),
        ];
        let message = Struct { fields: fields.into_iter().map(|(n, k)| (n.to_owned(), kind(k))).collect() };
        let all: All = Configuration::new(&message.encode_to_vec()).parse().unwrap();
        let expected = All { b: true, n: 200_000, f: 0.075, neg: -3, s: "x".into(), l: vec![Some(1), None] };
        assert_eq!(all, expected);
        // Envoy 1.40.0's encoding of `value: {limits: {}}`.
        let recorded = [10, 12, 10, 6, 108, 105, 109, 105, 116, 115, 18, 2, 42, 0];
        assert_eq!(Configuration::new(&recorded).parse::<Sample>().unwrap().limits, Limits::default());
    }

    #[test]
    fn an_empty_text_is_the_default() {
        assert_eq!(parse("").unwrap().limits, Limits::default());
    }

    #[test]
    fn the_error_for_an_unknown_key_names_the_path() {
        let error = parse(r#"{"limits":{"max_bytes":1}}"#).unwrap_err();
        assert!(error.starts_with("limits") && error.contains("max_bytes"), "{error}");
    }

    #[test]
    fn a_string_in_the_wrong_place_is_not_quoted() {
        for (text, message) in [
            (r#"{"limits":"hunter2"}"#, "limits: invalid type: a string, expected struct StreamLimits"),
            (
                r#"{"limits":{"max_event_bytes":"hunter2"}}"#,
                "limits.max_event_bytes: invalid type: a string, expected usize",
            ),
            (
                r#"{"limits":"hunter2\", expected hunter3"}"#,
                "limits: invalid type: a string, expected struct StreamLimits",
            ),
            (r#"{"limits":"\""}"#, "limits: invalid type: a string, expected struct StreamLimits"),
        ] {
            let error = parse(text).unwrap_err();
            assert!(error.starts_with(message), "{error}");
        }
    }

    #[test]
    fn text_after_the_object_is_an_error() {
        assert!(parse("{} {}").is_err());
    }
}
