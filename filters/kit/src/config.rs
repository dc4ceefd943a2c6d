//! Configuration: JSON text to a type, with the path of what is wrong.
//!
//! Users write YAML: in a `google.protobuf.Struct`, Istio's `pluginConfig` or Envoy Gateway's `config`, and the control
//! plane hands it on as JSON. A YAML parser in the module would serve only a `google.protobuf.StringValue` full of YAML,
//! and was measured at 0.8 MB of module (0.24 MB to 1.05 MB), which every worker's V8 would hold compiled.

use serde::Deserialize;
use serde::de::DeserializeOwned;

/// The text a plugin was configured with.
#[derive(Clone, Copy, Debug)]
pub struct Configuration<'a> {
    text: &'a [u8],
}

/// Why a configuration was refused. Shown in Envoy's log; Envoy then refuses the listener or keeps the old one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ConfigError(String);

impl ConfigError {
    /// An error with its sentence, which starts with the path of the field.
    pub fn new(message: impl ToString) -> ConfigError {
        ConfigError(message.to_string())
    }
}

impl<'a> Configuration<'a> {
    /// A configuration from its text.
    pub fn new(text: &'a [u8]) -> Configuration<'a> {
        Configuration { text }
    }

    /// Reads the text; no text at all is an empty object.
    pub fn parse<T: DeserializeOwned>(&self) -> Result<T, ConfigError> {
        let text = match self.text.trim_ascii() {
            b"" => b"{}",
            text => text,
        };
        if !text.starts_with(b"{") {
            return Err(ConfigError::new(
                "not a JSON object: write `configuration` as a google.protobuf.Struct (YAML in place), not as a string of \
                 YAML",
            ));
        }
        let mut json = serde_json::Deserializer::from_slice(text);
        let value = serde_path_to_error::deserialize(&mut json).map_err(|error| {
            let path = error.path().to_string();
            let inner = error.into_inner();
            if path == "." { ConfigError::new(inner) } else { ConfigError(format!("{path}: {inner}")) }
        })?;
        json.end().map_err(ConfigError::new)?;
        Ok(value)
    }
}

/// What to do with a call that cannot be read: malformed, compressed, or too large an answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnUnscannable {
    /// Refuse it: 400, 413 or 415 for a request, 502 for an answer that would have to be read before it may leave.
    #[default]
    Refuse,
    /// Let it through as it is; `tollgate.unscanned` and a metric say so.
    Pass,
}

/// Bounds of what one stream may make a filter read; every filter's configuration has them under `limits`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// Largest request body, in bytes; larger ones get 413. Keep it below Envoy's own limit
    /// (`per_connection_buffer_limit_bytes`), whose 413 does not speak the caller's dialect. Default: 1 MiB less 64 KiB.
    pub max_request_bytes: usize,
    /// Largest answer that is read as a whole (JSON), in bytes. Default: 1 MiB less 64 KiB.
    pub max_response_bytes: usize,
    /// Largest event of a streamed answer, in bytes. Default: 256 KiB.
    pub max_event_bytes: usize,
    /// What to do with a call that cannot be read. Default: `refuse`.
    pub on_unscannable: OnUnscannable,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            max_request_bytes: (1 << 20) - (64 << 10),
            max_response_bytes: (1 << 20) - (64 << 10),
            max_event_bytes: 256 << 10,
            on_unscannable: OnUnscannable::Refuse,
        }
    }
}

impl Limits {
    /// The bounds as the parsers of `core/llm` take them.
    pub(crate) fn for_parser(&self) -> tollgate_llm::Limits {
        tollgate_llm::Limits {
            max_bytes: self.max_request_bytes.max(self.max_response_bytes),
            max_event_bytes: self.max_event_bytes,
            ..tollgate_llm::Limits::default()
        }
    }
}

#[cfg(test)]
mod tests {
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
    fn a_struct_is_read() {
        let sample = parse(r#"{"limits":{"max_request_bytes":10,"on_unscannable":"pass"}}"#).unwrap();
        assert_eq!(sample.limits.max_request_bytes, 10);
        assert_eq!(sample.limits.on_unscannable, OnUnscannable::Pass);
    }

    #[test]
    fn a_string_of_yaml_is_told_what_to_do() {
        assert!(parse("limits: {}").unwrap_err().contains("google.protobuf.Struct"));
    }

    #[test]
    fn nothing_is_the_default() {
        assert_eq!(parse("").unwrap().limits, Limits::default());
    }

    #[test]
    fn an_unknown_key_is_an_error_that_says_where() {
        let error = parse(r#"{"limits":{"max_bytes":1}}"#).unwrap_err();
        assert!(error.starts_with("limits") && error.contains("max_bytes"), "{error}");
    }

    #[test]
    fn text_after_the_object_is_an_error() {
        assert!(parse("{} {}").is_err());
    }
}
