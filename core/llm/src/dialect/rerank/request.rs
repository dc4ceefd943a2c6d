//! Reads requests.

use crate::json::reader::Reader;
use crate::view::request::{Draft, Origin};
use crate::{Error, TextKind};

pub(super) fn read(reader: &mut Reader<'_, '_>, draft: &mut Draft<'_>) -> Result<(), Error> {
    draft.body(reader)?;
    while let Some((key, name)) = reader.field(&["model", "query", "documents", "texts"])? {
        let value = reader.value()?;
        match name {
            "model" => draft.model(reader, value)?,
            "query" => draft.texts(reader, Origin::USER, TextKind::Content, value)?,
            "documents" | "texts" => draft.texts(reader, Origin::FOUND, TextKind::Content, value)?,
            _ => draft.other(reader, Origin::OUTSIDE, key, value)?,
        }
    }
    Ok(())
}
