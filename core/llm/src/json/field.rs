//! Fields that the gateway acts on: their types, and what becomes of numbers that do not fit.

use crate::Error;
use crate::json::reader::{Reader, Value};
use crate::json::scan::whole;

pub(crate) use crate::json::reader::wrong_type;

/// A number where 32 bits are enough; larger ones count as the largest.
pub(crate) fn saturate(number: u64) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

/// A number of something that a request asks for; null says nothing.
pub(crate) fn count(reader: &Reader<'_, '_>, field: &'static str, value: Value) -> Result<Option<u64>, Error> {
    match value {
        Value::Null(_) => Ok(None),
        Value::Number(span) => whole(reader.body(), span).map(Some).ok_or_else(|| wrong_type(field, value)),
        value => Err(wrong_type(field, value)),
    }
}

/// A flag of a request; null says nothing.
pub(crate) fn flag(field: &'static str, value: Value) -> Result<Option<bool>, Error> {
    match value {
        Value::Null(_) => Ok(None),
        Value::Bool(value, _) => Ok(Some(value)),
        value => Err(wrong_type(field, value)),
    }
}

/// A number that an answer says, if it is one that counts something.
pub(crate) fn number(reader: &Reader<'_, '_>, value: Value) -> Option<u64> {
    match value {
        Value::Number(span) => whole(reader.body(), span),
        _ => None,
    }
}
