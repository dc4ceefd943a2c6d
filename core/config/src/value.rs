//! Deserializer of `serde_json::Value` with structured errors.
//!
//! The errors of serde_json are texts that name Rust types and quote values; these are data, from which a message is made
//! that names keys of the policy only.

use serde::de::value::StrDeserializer;
use serde::de::{self, DeserializeSeed, Deserializer, Expected, MapAccess, SeqAccess, Unexpected, Visitor};
use serde::forward_to_deserialize_any;
use serde_json::{Map, Value};

use crate::path::{Path, Step};
use crate::removed::Removed;

/// Error of a value, with its path.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct ReadError {
    pub(crate) problem: ReadProblem,
    /// Steps of the path, last one first.
    steps: Vec<Step>,
}

/// Kind of error of a value.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum ReadProblem {
    UnknownKey { key: String, known: &'static [&'static str] },
    UnknownWord { word: String, known: &'static [&'static str] },
    MissingKey(&'static str),
    Type { found: &'static str, expected: String },
    Other(String),
}

impl ReadError {
    fn new(problem: ReadProblem) -> ReadError {
        ReadError { problem, steps: Vec::new() }
    }

    #[cold]
    #[inline(never)]
    fn below(mut self, step: Step) -> ReadError {
        self.steps.push(step);
        self
    }

    #[cold]
    #[inline(never)]
    fn below_key(self, key: &str) -> ReadError {
        self.below(Step::Key(key.to_owned()))
    }

    /// Returns the path of the value with the error.
    pub(crate) fn path(&self) -> Path {
        Path(self.steps.iter().rev().cloned().collect())
    }
}

impl std::fmt::Display for ReadError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {:?}", self.path(), self.problem)
    }
}

impl std::error::Error for ReadError {}

impl de::Error for ReadError {
    fn custom<T: std::fmt::Display>(message: T) -> ReadError {
        ReadError::new(ReadProblem::Other(message.to_string()))
    }

    fn invalid_type(found: Unexpected<'_>, expected: &dyn Expected) -> ReadError {
        ReadError::new(ReadProblem::Type { found: kind(&found), expected: plain(&expected.to_string()) })
    }

    fn invalid_value(found: Unexpected<'_>, expected: &dyn Expected) -> ReadError {
        match found {
            Unexpected::Signed(number) if number < 0 => ReadError::custom("must not be negative"),
            Unexpected::Signed(_) | Unexpected::Unsigned(_) => ReadError::custom("the number is too large"),
            other => ReadError::invalid_type(other, expected),
        }
    }

    fn unknown_variant(word: &str, known: &'static [&'static str]) -> ReadError {
        ReadError::new(ReadProblem::UnknownWord { word: word.to_owned(), known })
    }

    fn unknown_field(key: &str, known: &'static [&'static str]) -> ReadError {
        ReadError::new(ReadProblem::UnknownKey { key: key.to_owned(), known })
    }

    fn missing_field(key: &'static str) -> ReadError {
        ReadError::new(ReadProblem::MissingKey(key))
    }
}

/// Returns the type of a value in the words of a reader of YAML.
fn kind(found: &Unexpected<'_>) -> &'static str {
    match found {
        Unexpected::Bool(_) => "a boolean",
        Unexpected::Unsigned(_) | Unexpected::Signed(_) => "a whole number",
        Unexpected::Float(_) => "a number with a fraction",
        Unexpected::Char(_) | Unexpected::Str(_) | Unexpected::Bytes(_) => "a string",
        Unexpected::Unit | Unexpected::Option => "nothing",
        Unexpected::Seq => "a list",
        Unexpected::Map => "a map",
        _ => "another type",
    }
}

/// Replaces names of Rust types in an expectation.
fn plain(expected: &str) -> String {
    match expected {
        "u8" | "u16" | "u32" | "u64" | "usize" | "i8" | "i16" | "i32" | "i64" => "a whole number".to_owned(),
        "f32" | "f64" => "a number".to_owned(),
        "a boolean" => "`true` or `false`".to_owned(),
        "a sequence" => "a list".to_owned(),
        "a map with unique names" => "a map".to_owned(),
        struct_name if struct_name.starts_with("struct ") => "a map".to_owned(),
        other => other.to_owned(),
    }
}

/// Deserializer of a value that skips removed members.
#[derive(Clone, Copy)]
pub(crate) struct ValueReader<'de> {
    value: &'de Value,
    removed: Option<&'de Removed>,
}

impl<'de> ValueReader<'de> {
    pub(crate) fn new(value: &'de Value, removed: &'de Removed) -> ValueReader<'de> {
        ValueReader { value, removed: Some(removed) }
    }

    fn unexpected(self) -> Unexpected<'de> {
        match self.value {
            Value::Null => Unexpected::Unit,
            Value::Bool(value) => Unexpected::Bool(*value),
            Value::Number(number) => match (number.as_u64(), number.as_i64()) {
                (Some(value), _) => Unexpected::Unsigned(value),
                (None, Some(value)) => Unexpected::Signed(value),
                (None, None) => Unexpected::Float(number.as_f64().unwrap_or_default()),
            },
            Value::String(text) => Unexpected::Str(text),
            Value::Array(_) => Unexpected::Seq,
            Value::Object(_) => Unexpected::Map,
        }
    }

    fn mismatch<T>(self, expected: &dyn Expected) -> Result<T, ReadError> {
        Err(de::Error::invalid_type(self.unexpected(), expected))
    }

    fn map<V: Visitor<'de>>(self, members: &'de Map<String, Value>, visitor: V) -> Result<V::Value, ReadError> {
        visitor.visit_map(Members { members: members.iter(), removed: self.removed, current: None })
    }

    fn list<V: Visitor<'de>>(self, elements: &'de [Value], visitor: V) -> Result<V::Value, ReadError> {
        visitor.visit_seq(Elements { elements: elements.iter().enumerate(), removed: self.removed })
    }
}

impl<'de> Deserializer<'de> for ValueReader<'de> {
    type Error = ReadError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        match self.value {
            Value::Null => visitor.visit_unit(),
            Value::Bool(value) => visitor.visit_bool(*value),
            Value::Number(number) => match (number.as_u64(), number.as_i64()) {
                (Some(value), _) => visitor.visit_u64(value),
                (None, Some(value)) => visitor.visit_i64(value),
                (None, None) => visitor.visit_f64(number.as_f64().unwrap_or_default()),
            },
            Value::String(text) => visitor.visit_str(text),
            Value::Array(elements) => self.list(elements, visitor),
            Value::Object(members) => self.map(members, visitor),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        if self.value.is_null() { visitor.visit_none() } else { visitor.visit_some(self) }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, ReadError> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        match self.value {
            Value::Array(elements) => self.list(elements, visitor),
            _ => self.mismatch(&"a list"),
        }
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        match self.value {
            Value::Object(members) => self.map(members, visitor),
            _ => self.mismatch(&"a map"),
        }
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, ReadError> {
        self.deserialize_map(visitor)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        words: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, ReadError> {
        match self.value {
            Value::String(word) => visitor.visit_enum(StrDeserializer::new(word)),
            _ => self.mismatch(&format!("one of {}", words.join(", ")).as_str()),
        }
    }

    /// Envoy reads `2.7` in a configuration in YAML as a string, though not `2`.
    fn deserialize_f64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        let number = self.value.as_str().and_then(|text| text.parse::<f64>().ok()).filter(|number| number.is_finite());
        match number {
            Some(number) => visitor.visit_f64(number),
            None => self.deserialize_any(visitor),
        }
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 char str string bytes byte_buf unit unit_struct tuple
        tuple_struct identifier ignored_any
    }
}

struct Members<'de> {
    members: serde_json::map::Iter<'de>,
    removed: Option<&'de Removed>,
    current: Option<(&'de str, ValueReader<'de>)>,
}

// What does not depend on the type that is read is compiled once.

impl<'de> Members<'de> {
    /// Goes to the next member that is not removed, and returns its key.
    #[inline(never)]
    fn advance(&mut self) -> Option<&'de str> {
        for (key, value) in self.members.by_ref() {
            let removed = self.removed.and_then(|removed| removed.member(|| Step::Key(key.clone())));
            if !removed.is_some_and(Removed::is_whole) {
                self.current = Some((key, ValueReader { value, removed }));
                return Some(key);
            }
        }
        None
    }
}

impl<'de> MapAccess<'de> for Members<'de> {
    type Error = ReadError;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, ReadError> {
        let Some(key) = self.advance() else { return Ok(None) };
        seed.deserialize(StrDeserializer::new(key)).map(Some).map_err(|error: ReadError| error.below_key(key))
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, ReadError> {
        let Some((key, reader)) = self.current.take() else {
            debug_assert!(false, "a value is read after its key");
            return Err(de::Error::custom("a value without a key"));
        };
        seed.deserialize(reader).map_err(|error| error.below_key(key))
    }
}

struct Elements<'de> {
    elements: std::iter::Enumerate<std::slice::Iter<'de, Value>>,
    removed: Option<&'de Removed>,
}

impl<'de> Elements<'de> {
    /// Returns the next element that is not removed, with its index.
    #[inline(never)]
    fn advance(&mut self) -> Option<(usize, ValueReader<'de>)> {
        for (index, value) in self.elements.by_ref() {
            let removed = self.removed.and_then(|removed| removed.member(|| Step::Index(index)));
            if !removed.is_some_and(Removed::is_whole) {
                return Some((index, ValueReader { value, removed }));
            }
        }
        None
    }
}

impl<'de> SeqAccess<'de> for Elements<'de> {
    type Error = ReadError;

    fn next_element_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, ReadError> {
        let Some((index, reader)) = self.advance() else { return Ok(None) };
        seed.deserialize(reader).map(Some).map_err(|error| error.below(Step::Index(index)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn numbers_with_a_fraction_may_be_strings() {
        for (value, expected) in [
            (json!(2.7), Some(2.7)),
            (json!("2.7"), Some(2.7)),
            (json!(3), Some(3.0)),
            (json!("1e3"), Some(1000.0)),
            (json!("high"), None),
            (json!("NaN"), None),
            (json!("inf"), None),
            (json!(""), None),
            (json!([2.7]), None),
        ] {
            let removed = Removed::default();
            let read = <Option<f64> as serde::Deserialize>::deserialize(ValueReader::new(&value, &removed));
            assert_eq!(read.ok().flatten(), expected, "{value}");
        }
        // Whole numbers are no strings: Envoy reads them as numbers.
        let removed = Removed::default();
        assert!(<u64 as serde::Deserialize>::deserialize(ValueReader::new(&json!("3"), &removed)).is_err());
    }
}
