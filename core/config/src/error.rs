//! Errors of decoding.

use std::fmt;

use serde::de::{Error, Expected, Unexpected};

use crate::path::{Path, Step};

/// Reason why a configuration cannot be decoded, and the path of the value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DecodeError(Box<Inner>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Inner {
    /// Steps from the value to the root: the error collects them on its way up.
    steps: Vec<Step>,
    problem: Problem,
}

/// Problem of a value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Problem {
    /// Key that the object does not have.
    #[error("unknown key `{key}`; {}", list(.known))]
    UnknownKey {
        /// The key.
        key: String,
        /// Keys that the object has.
        known: &'static [&'static str],
    },
    /// Name that is none of those the value can have.
    #[error("unknown value `{value}`; {}", list(.known))]
    UnknownValue {
        /// The name.
        value: String,
        /// Names that the value can have.
        known: &'static [&'static str],
    },
    /// Missing member of an object.
    #[error("the key `{0}` is required")]
    MissingKey(&'static str),
    /// Key that occurs twice.
    #[error("the key `{0}` occurs twice")]
    DuplicateKey(&'static str),
    /// Value of another type.
    #[error("must be {expected}, not {found}")]
    WrongType {
        /// Type that is expected, e.g. `a whole number`.
        expected: String,
        /// Type of the value, e.g. `a string`.
        found: &'static str,
    },
    /// Number of the right type that is too large, or negative.
    #[error("{0} is out of range; must be {1}")]
    OutOfRange(String, String),
    /// Problem that the type itself reports.
    #[error("{0}")]
    Invalid(String),
}

impl DecodeError {
    pub(crate) fn new(problem: Problem) -> DecodeError {
        DecodeError(Box::new(Inner { steps: Vec::new(), problem }))
    }

    /// Adds the step that leads to the value in which the error occurred.
    #[cold]
    pub(crate) fn at(mut self, step: Step) -> DecodeError {
        self.0.steps.push(step);
        self
    }

    /// Returns the path of the value. Of an unknown or missing key it is the path of the object.
    pub fn path(&self) -> Path {
        Path(self.0.steps.iter().rev().cloned().collect())
    }

    /// Returns the problem.
    pub fn problem(&self) -> &Problem {
        &self.0.problem
    }
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.path();
        if !path.is_empty() {
            write!(f, "{path}: ")?;
        }
        self.0.problem.fmt(f)
    }
}

impl std::error::Error for DecodeError {}

impl Error for DecodeError {
    fn custom<T: fmt::Display>(problem: T) -> DecodeError {
        DecodeError::new(Problem::Invalid(problem.to_string()))
    }

    #[cold]
    fn invalid_type(found: Unexpected<'_>, expected: &dyn Expected) -> DecodeError {
        DecodeError::new(Problem::WrongType { expected: plain(&expected.to_string()), found: kind(&found) })
    }

    #[cold]
    fn invalid_value(found: Unexpected<'_>, expected: &dyn Expected) -> DecodeError {
        let expected = plain(&expected.to_string());
        DecodeError::new(match found {
            Unexpected::Unsigned(number) => Problem::OutOfRange(number.to_string(), expected),
            Unexpected::Signed(number) => Problem::OutOfRange(number.to_string(), expected),
            found => Problem::WrongType { expected, found: kind(&found) },
        })
    }

    #[cold]
    fn unknown_variant(value: &str, known: &'static [&'static str]) -> DecodeError {
        DecodeError::new(Problem::UnknownValue { value: value.to_owned(), known })
    }

    #[cold]
    fn unknown_field(key: &str, known: &'static [&'static str]) -> DecodeError {
        DecodeError::new(Problem::UnknownKey { key: key.to_owned(), known })
    }

    #[cold]
    fn missing_field(key: &'static str) -> DecodeError {
        DecodeError::new(Problem::MissingKey(key))
    }

    #[cold]
    fn duplicate_field(key: &'static str) -> DecodeError {
        DecodeError::new(Problem::DuplicateKey(key))
    }
}

/// Returns the type of a value without the value.
fn kind(found: &Unexpected<'_>) -> &'static str {
    match found {
        Unexpected::Bool(_) => "true or false",
        Unexpected::Signed(number) if *number < 0 => "a negative number",
        Unexpected::Unsigned(_) | Unexpected::Signed(_) => "a number",
        Unexpected::Float(_) => "a number with a fraction",
        Unexpected::Char(_) | Unexpected::Str(_) | Unexpected::Bytes(_) => "a string",
        Unexpected::Unit | Unexpected::Option => "null",
        Unexpected::Seq => "a list",
        Unexpected::Map | Unexpected::NewtypeStruct => "an object",
        _ => "another value",
    }
}

/// Returns serde's name of an expected type in the words of a configuration.
fn plain(expected: &str) -> String {
    let name = match expected {
        "a boolean" => "true or false",
        "a sequence" => "a list",
        "a map" | "map" => "an object",
        "f32" | "f64" => "a number",
        "u8" | "u16" | "u32" | "u64" | "u128" | "usize" | "i8" | "i16" | "i32" | "i64" | "i128" | "isize" => {
            "a whole number"
        }
        "variant identifier" => "a name",
        _ if expected.starts_with("struct ") => "an object",
        _ if expected.starts_with("enum ") => "a name",
        _ => expected,
    };
    name.to_owned()
}

/// Returns the known names, for the end of a message.
fn list(known: &[&str]) -> String {
    if known.is_empty() {
        return "none is known here".to_owned();
    }
    format!("known: `{}`", known.join("`, `"))
}
