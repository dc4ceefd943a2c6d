//! Reads requests.

use crate::Error;
use crate::dialect::openai_chat::request;
use crate::json::reader::Reader;
use crate::view::request::{Origin, RequestBuilder};

pub(super) fn read(reader: &mut Reader<'_, '_>, builder: &mut RequestBuilder<'_>) -> Result<(), Error> {
    builder.body(reader)?;
    // Numbers are no tokens.
    builder.request.max_output_tokens = Some(0);
    while let Some((key, name)) = reader.field(&["model", "input"])? {
        let value = reader.value()?;
        match name {
            "model" => builder.model(reader, value)?,
            // A text or several, tokens, or parts as chat completions have them.
            "input" => request::content(reader, builder, Origin::USER, value)?,
            _ => builder.other(reader, Origin::OUTSIDE, key, value)?,
        }
    }
    Ok(())
}
