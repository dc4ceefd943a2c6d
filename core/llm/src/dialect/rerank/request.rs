//! Reads requests.

use crate::json::reader::Reader;
use crate::view::request::{Origin, RequestBuilder};
use crate::{Error, TextKind};

/// Reads a request body.
pub(super) fn read(reader: &mut Reader<'_, '_>, builder: &mut RequestBuilder<'_>) -> Result<(), Error> {
    builder.body(reader)?;
    while let Some((key, name)) = reader.field(&["model", "query", "documents", "texts"])? {
        let value = reader.value()?;
        match name {
            "model" => builder.model(reader, value)?,
            "query" => builder.texts(reader, Origin::USER, TextKind::Content, value)?,
            "documents" | "texts" => builder.texts(reader, Origin::FOUND, TextKind::Content, value)?,
            _ => builder.other(reader, Origin::OUTSIDE, key, value)?,
        }
    }
    Ok(())
}
