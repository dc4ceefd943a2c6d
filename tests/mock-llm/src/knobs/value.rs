//! Parsers for the values of knobs.

use std::time::Duration;

use hyper::header::{HeaderName, HeaderValue};

use super::KnobError;
use crate::text_codec::{base64_decode, percent_decode};
use crate::usage::Usage;

/// Raw value of a knob.
#[derive(Debug)]
pub(super) struct Value<'a> {
    name: &'a str,
    bytes: &'a [u8],
}

impl<'a> Value<'a> {
    /// Wraps the value of the knob `name`, without surrounding white space.
    pub(super) fn new(name: &'a str, bytes: &'a [u8]) -> Value<'a> {
        Value { name, bytes: bytes.trim_ascii() }
    }

    fn invalid(&self, expected: &'static str) -> KnobError {
        KnobError::Value { name: self.name.to_owned(), expected }
    }

    /// Parses UTF-8 text.
    pub(super) fn text(&self) -> Result<String, KnobError> {
        String::from_utf8(self.bytes.to_vec()).map_err(|_| self.invalid("UTF-8 text"))
    }

    /// Parses percent-encoded UTF-8 text.
    pub(super) fn percent_text(&self) -> Result<String, KnobError> {
        String::from_utf8(percent_decode(self.bytes)).map_err(|_| self.invalid("percent-encoded UTF-8 text"))
    }

    /// Parses bytes in base64.
    pub(super) fn base64_bytes(&self) -> Result<Vec<u8>, KnobError> {
        base64_decode(self.bytes).ok_or(self.invalid("base64"))
    }

    /// Parses UTF-8 text in base64.
    pub(super) fn base64_text(&self) -> Result<String, KnobError> {
        let expected = "UTF-8 text in base64";
        let bytes = base64_decode(self.bytes).ok_or(self.invalid(expected))?;
        String::from_utf8(bytes).map_err(|_| self.invalid(expected))
    }

    /// Parses a JSON array of strings.
    pub(super) fn texts(&self) -> Result<Vec<String>, KnobError> {
        serde_json::from_slice(self.bytes).map_err(|_| self.invalid("a JSON array of strings"))
    }

    /// Parses an integer from `min` to `max`.
    pub(super) fn number(&self, min: u64, max: u64, expected: &'static str) -> Result<u64, KnobError> {
        let number = std::str::from_utf8(self.bytes).ok().and_then(|text| text.parse::<u64>().ok());
        number.filter(|number| (min..=max).contains(number)).ok_or(self.invalid(expected))
    }

    /// Parses a size from `min` to `max`.
    pub(super) fn size(&self, min: u64, max: u64, expected: &'static str) -> Result<usize, KnobError> {
        self.number(min, max, expected).map(|number| number as usize)
    }

    /// Parses a duration in milliseconds, at most ten minutes.
    pub(super) fn milliseconds(&self) -> Result<Duration, KnobError> {
        self.number(0, 600_000, "milliseconds, at most 600000").map(Duration::from_millis)
    }

    /// Parses `true` or `false`.
    pub(super) fn flag(&self) -> Result<bool, KnobError> {
        self.one_of(&[("true", true), ("false", false)], "true or false")
    }

    /// Parses one of the named choices.
    pub(super) fn one_of<T: Copy>(&self, choices: &[(&str, T)], expected: &'static str) -> Result<T, KnobError> {
        choices
            .iter()
            .find(|(name, _)| name.as_bytes() == self.bytes)
            .map(|(_, choice)| *choice)
            .ok_or(self.invalid(expected))
    }

    /// Parses token counts: `input,output[,cached[,reasoning[,written]]]`.
    pub(super) fn usage(&self) -> Result<Usage, KnobError> {
        let expected = "input,output[,cached[,reasoning[,written]]]";
        let mut numbers = [0_u64; 5];
        let mut given = 0;
        for (at, part) in self.bytes.split(|byte| *byte == b',').enumerate() {
            let part = Value::new(self.name, part);
            // With this bound no sum of them overflows, and each is exact as a double.
            let number = part.number(0, 1 << 52, expected)?;
            *numbers.get_mut(at).ok_or(self.invalid(expected))? = number;
            given += 1;
        }
        let [input, output, cached, reasoning, written] = numbers;
        if given < 2 { Err(self.invalid(expected)) } else { Ok(Usage { input, output, cached, reasoning, written }) }
    }

    /// Parses `NAME=ARGUMENTS`.
    pub(super) fn tool_call(&self) -> Result<(String, String), KnobError> {
        let text = self.text()?;
        let (name, arguments) = text.split_once('=').ok_or(self.invalid("NAME=ARGUMENTS"))?;
        Ok((name.to_owned(), arguments.to_owned()))
    }

    /// Parses header fields: `NAME=VALUE[,NAME=VALUE]`, the values percent-encoded.
    pub(super) fn pairs(&self) -> Result<Vec<(String, Vec<u8>)>, KnobError> {
        let expected = "NAME=VALUE[,NAME=VALUE]";
        let text = self.text()?;
        let pair = |pair: &str| {
            let (name, value) = pair.split_once('=').ok_or(self.invalid(expected))?;
            let value = percent_decode(value.as_bytes());
            let valid = HeaderName::from_bytes(name.as_bytes()).is_ok() && HeaderValue::from_bytes(&value).is_ok();
            if valid { Ok((name.to_owned(), value)) } else { Err(self.invalid(expected)) }
        };
        text.split(',').map(pair).collect()
    }
}
