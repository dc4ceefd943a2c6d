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
use tollgate_config::{Finding, Reading};

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

    /// Returns an error with all findings, one per line.
    pub fn of(findings: &[Finding]) -> ConfigError {
        ConfigError(findings.iter().map(Finding::to_string).collect::<Vec<_>>().join("\n"))
    }
}

impl<'a> Configuration<'a> {
    /// Returns the configuration of a text.
    pub fn new(text: &'a [u8]) -> Configuration<'a> {
        Configuration { text }
    }

    /// Reads the configuration. An empty text is an empty object.
    ///
    /// # Errors
    /// All errors of the configuration, one per line.
    pub fn parse<T: DeserializeOwned + Default>(&self) -> Result<T, ConfigError> {
        let Reading { value, findings, .. } = tollgate_config::read(&self.value()?);
        if findings.is_empty() { Ok(value) } else { Err(ConfigError::of(&findings)) }
    }

    /// Decodes the configuration. An empty text is an empty object.
    ///
    /// # Errors
    /// If it is neither a Struct nor JSON.
    pub fn value(&self) -> Result<Value, ConfigError> {
        let text = self.text.trim_ascii();
        if text.starts_with(b"{") {
            return tollgate_config::parse_json(text).map_err(ConfigError::new);
        }
        Struct::decode(self.text).map(object).map_err(|_| {
            ConfigError::new(
                "neither a JSON object nor a google.protobuf.Struct: write `configuration` as a Struct (YAML in place), \
                 not as a string of YAML",
            )
        })
    }
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

    #[derive(Debug, Default, Deserialize, PartialEq)]
    #[serde(default, deny_unknown_fields)]
    struct Sample {
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
        #[derive(Debug, Default, Deserialize, PartialEq)]
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
            (r#"{"limits":"hunter2"}"#, "limits: error[wrong-type]: expected a map, found a string"),
            (
                r#"{"limits":{"max_event_bytes":"hunter2"}}"#,
                "limits.max_event_bytes: error[wrong-type]: expected a whole number, found a string",
            ),
            (r#"{"limits":["hunter2"]}"#, "limits: error[wrong-type]: expected a map, found a list"),
            (r#"{"limits":"\""}"#, "limits: error[wrong-type]: expected a map, found a string"),
        ] {
            assert_eq!(parse(text).unwrap_err(), message);
        }
    }

    #[test]
    fn all_errors_are_reported_one_per_line() {
        let error = parse(r#"{"limits":{"max_event_bytes":-1,"on_unscannable":"deny"},"limit":{}}"#).unwrap_err();
        assert_eq!(
            error.lines().collect::<Vec<_>>(),
            [
                "limit: error[unknown-key]: unknown key `limit` (did you mean `limits`?)",
                "limits.max_event_bytes: error[invalid-value]: must not be negative",
                "limits.on_unscannable: error[unknown-value]: unknown on_unscannable `deny`; one of refuse, pass (did \
                 you mean `refuse`?)",
            ]
        );
    }

    #[test]
    fn text_after_the_object_is_an_error() {
        assert!(parse("{} {}").is_err());
    }
}
