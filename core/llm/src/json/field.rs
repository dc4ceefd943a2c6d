//! Typed fields that the gateway acts on, and saturation of numbers that do not fit.

use crate::Error;
use crate::json::reader::{Reader, Value};
use crate::json::scan::whole;

pub(crate) use crate::json::reader::wrong_type;

/// Converts a number to 32 bits; larger ones become the maximum.
pub(crate) fn saturate(number: u64) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

/// Reads a count in a request; null means absent.
pub(crate) fn count(reader: &Reader<'_, '_>, field: &'static str, value: Value) -> Result<Option<u64>, Error> {
    match value {
        Value::Null(_) => Ok(None),
        Value::Number(span) => whole(reader.body(), span).map(Some).ok_or_else(|| wrong_type(field, value)),
        value => Err(wrong_type(field, value)),
    }
}

/// Limit on output tokens in a request. A larger limit compares as greater.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum TokenLimit {
    /// The request sets no limit.
    #[default]
    Absent,
    /// Maximum number of tokens.
    Tokens(u64),
    /// Explicitly no limit.
    Unlimited,
}

impl TokenLimit {
    /// Returns the maximum number of tokens, if there is one.
    pub(crate) fn tokens(self) -> Option<u64> {
        match self {
            TokenLimit::Tokens(tokens) => Some(tokens),
            TokenLimit::Absent | TokenLimit::Unlimited => None,
        }
    }
}

/// Reads a limit on output tokens in a request; null means absent. -1 means no limit: llama.cpp, LM Studio and vLLM's
/// clients send it ("n_predict: -1 = infinity", llama.cpp server documentation).
pub(crate) fn token_limit(reader: &Reader<'_, '_>, field: &'static str, value: Value) -> Result<TokenLimit, Error> {
    match value {
        Value::Number(span) if span.of(reader.body()) == b"-1" => Ok(TokenLimit::Unlimited),
        value => Ok(count(reader, field, value)?.map_or(TokenLimit::Absent, TokenLimit::Tokens)),
    }
}

/// Reads a flag in a request; null means absent.
pub(crate) fn flag(field: &'static str, value: Value) -> Result<Option<bool>, Error> {
    match value {
        Value::Null(_) => Ok(None),
        Value::Bool(value, _) => Ok(Some(value)),
        value => Err(wrong_type(field, value)),
    }
}

/// Reads a number in a response if it is a whole number of 0 or more.
pub(crate) fn number(reader: &Reader<'_, '_>, value: Value) -> Option<u64> {
    match value {
        Value::Number(span) => whole(reader.body(), span),
        _ => None,
    }
}
