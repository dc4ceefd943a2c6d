//! Reads requests.

use crate::dialect::openai_chat::request;
use crate::json::reader::{Reader, Value};
use crate::view::request::{Origin, RequestBuilder};
use crate::{Error, TextKind};

/// Reads a request body.
pub(super) fn read(reader: &mut Reader<'_, '_>, builder: &mut RequestBuilder<'_>) -> Result<(), Error> {
    builder.body(reader)?;
    // An embedding has no output tokens.
    builder.request.max_output_tokens = Some(0);
    while let Some((key, name)) = reader.field(&["model", "input", "inputs"])? {
        let value = reader.value()?;
        match name {
            "model" => builder.model(reader, value)?,
            // A text, an array of texts or tokens, or parts like those of chat completions.
            "input" => match value {
                Value::Array(start) => {
                    builder.prompt_list(reader, Origin::USER, start, Some(request::part))?;
                }
                value => request::content(reader, builder, Origin::USER, value)?,
            },
            // Voyage: lists of contents, or of texts.
            "inputs" => builder.texts(reader, Origin::USER, TextKind::Content, value)?,
            _ => builder.other(reader, Origin::OUTSIDE, key, value)?,
        }
    }
    Ok(())
}
