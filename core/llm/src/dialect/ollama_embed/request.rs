//! Embeddings: texts go in, and numbers come out ("Generate Embeddings", and the older "Generate Embedding").

use crate::json::reader::Reader;
use crate::view::request::{Origin, RequestBuilder};
use crate::{Error, TextKind};

pub(super) fn read(reader: &mut Reader<'_, '_>, builder: &mut RequestBuilder<'_>) -> Result<(), Error> {
    builder.body(reader)?;
    // Numbers are no tokens.
    builder.request.max_output_tokens = Some(0);
    while let Some((key, name)) = reader.field(&["model", "input", "prompt"])? {
        let value = reader.value()?;
        match name {
            "model" => builder.model(reader, value)?,
            // A text or several; the older call has one, under another name.
            "input" | "prompt" => builder.texts(reader, Origin::USER, TextKind::Content, value)?,
            _ => builder.other(reader, Origin::OUTSIDE, key, value)?,
        }
    }
    Ok(())
}
