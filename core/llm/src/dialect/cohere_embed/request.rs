//! Reads requests.

use crate::dialect::openai_chat::request::content;
use crate::json::reader::{Reader, Value};
use crate::view::request::{Origin, RequestBuilder};
use crate::{Error, Image, TextKind};

/// Reads a request body.
pub(super) fn read(reader: &mut Reader<'_, '_>, builder: &mut RequestBuilder<'_>) -> Result<(), Error> {
    builder.body(reader)?;
    // An embedding has no output tokens.
    builder.request.max_output_tokens = Some(0);
    while let Some((key, name)) = reader.field(&["model", "texts", "inputs", "images"])? {
        let value = reader.value()?;
        match (name, value) {
            ("model", value) => builder.model(reader, value)?,
            ("texts", value) => builder.texts(reader, Origin::USER, TextKind::Content, value)?,
            ("inputs", Value::Array(_)) => {
                while let Some(value) = reader.element()? {
                    input(reader, builder, value)?;
                }
            }
            ("images", Value::Array(_)) => {
                while let Some(value) = reader.element()? {
                    let Value::String(str) = value else {
                        builder.texts(reader, Origin::USER, TextKind::Other, value)?;
                        builder.image(Image::default());
                        continue;
                    };
                    builder.url(reader.body(), Origin::USER, str)?;
                    builder.image(Image { str: Some(str), detail: None });
                }
            }
            _ => builder.other(reader, Origin::OUTSIDE, key, value)?,
        }
    }
    Ok(())
}

/// Reads an input: parts with texts and images that are embedded together.
fn input(reader: &mut Reader<'_, '_>, builder: &mut RequestBuilder<'_>, value: Value) -> Result<(), Error> {
    let Value::Object(_) = value else { return builder.texts(reader, Origin::USER, TextKind::Content, value) };
    while let Some((key, field)) = reader.field(&["content"])? {
        let value = reader.value()?;
        match field {
            "content" => content(reader, builder, Origin::USER, value)?,
            _ => builder.other(reader, Origin::USER, key, value)?,
        }
    }
    Ok(())
}
