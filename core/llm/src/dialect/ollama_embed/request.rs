//! Reads requests.

use crate::json::reader::Reader;
use crate::view::request::{Origin, RequestBuilder};
use crate::{Error, TextKind};

/// Reads a request body.
pub(super) fn read(reader: &mut Reader<'_, '_>, builder: &mut RequestBuilder<'_>) -> Result<(), Error> {
    builder.body(reader)?;
    // An embedding has no output tokens.
    builder.request.max_output_tokens = Some(0);
    while let Some((key, name)) = reader.field(&["model", "input", "prompt"])? {
        let value = reader.value()?;
        match name {
            "model" => builder.model(reader, value)?,
            // One text or an array of texts; the older operation has one text in `prompt`.
            "input" | "prompt" => builder.texts(reader, Origin::USER, TextKind::Content, value)?,
            _ => builder.other(reader, Origin::OUTSIDE, key, value)?,
        }
    }
    Ok(())
}
