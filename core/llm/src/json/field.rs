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
