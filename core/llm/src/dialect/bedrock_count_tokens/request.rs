//! Reads requests, which contain the request of another operation.

use crate::dialect::bedrock_converse::request as converse;
use crate::json::reader::{Reader, Value};
use crate::view::request::{Origin, RequestBuilder};
use crate::{Error, TextKind};

/// Reads a request body.
pub(super) fn read(reader: &mut Reader<'_, '_>, builder: &mut RequestBuilder<'_>) -> Result<(), Error> {
    builder.body(reader)?;
    while let Some((key, name)) = reader.field(&["input"])? {
        let value = reader.value()?;
        match (name, value) {
            ("input", Value::Object(_)) => input(reader, builder)?,
            _ => builder.other(reader, Origin::OUTSIDE, key, value)?,
        }
    }
    Ok(())
}

/// Reads the contained request.
fn input(reader: &mut Reader<'_, '_>, builder: &mut RequestBuilder<'_>) -> Result<(), Error> {
    while let Some((key, name)) = reader.field(&["converse", "invokeModel"])? {
        let value = reader.value()?;
        match (name, value) {
            ("converse", Value::Object(_)) => converse::members(reader, builder)?,
            ("invokeModel", Value::Object(_)) => {
                while let Some((key, field)) = reader.field(&["body"])? {
                    let value = reader.value()?;
                    match (field, value) {
                        // Body of an InvokeModel call in base64. It is not decoded, so it is a text of kind `Data`.
                        ("body", Value::String(str)) => builder.text(Origin::USER, TextKind::Data, str)?,
                        _ => builder.other(reader, Origin::OUTSIDE, key, value)?,
                    }
                }
            }
            _ => builder.other(reader, Origin::OUTSIDE, key, value)?,
        }
    }
    Ok(())
}
