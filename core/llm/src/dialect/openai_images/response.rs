//! Reads responses.

use crate::json::reader::{Reader, Value};
use crate::usage::reader::{self as usage, Convention};
use crate::view::response::ResponseBuilder;
use crate::{Channel, Error, Part};

/// Reads a whole response, or an event, which contains an image itself.
pub(super) fn read(reader: &mut Reader<'_, '_>, builder: &mut ResponseBuilder<'_>) -> Result<(), Error> {
    reader.object()?;
    while let Some((_, field)) = reader.field(&[
        "data",
        "usage",
        "error",
        "type",
        "b64_json",
        "background",
        "output_format",
        "quality",
        "size",
        "created",
    ])? {
        let value = reader.value()?;
        match (field, value) {
            ("data", Value::Array(_)) => {
                let mut index = 0;
                while let Some(value) = reader.element()? {
                    image(reader, builder, index, value)?;
                    index = index.saturating_add(1);
                }
            }
            ("usage", Value::Object(_)) => image_usage(reader, builder)?,
            ("type", Value::String(str)) => {
                let kind = str.decode(reader.body());
                let is_completed = kind.ends_with(".completed");
                builder.response.ends |= is_completed;
                builder.response.images += u32::from(is_completed);
                builder.response.is_error |= kind == "error";
            }
            ("error", value) => {
                builder.response.is_error |= !value.is_null();
                builder.texts(reader, Channel::OTHER, value)?;
            }
            ("" | "data" | "usage", value) => builder.texts(reader, Channel::OTHER, value)?,
            // The image, and the settings that it was generated with.
            (_, value) => builder.no_text(reader, 0, value)?,
        }
    }
    builder.response.choices += 1;
    Ok(())
}

/// Reads an image and its revised prompt.
fn image(
    reader: &mut Reader<'_, '_>,
    builder: &mut ResponseBuilder<'_>,
    index: u32,
    value: Value,
) -> Result<(), Error> {
    let channel = |part| Channel { choice: index, part };
    let Value::Object(_) = value else { return builder.texts(reader, channel(Part::Other), value) };
    builder.response.images = builder.response.images.saturating_add(1);
    while let Some((_, field)) = reader.field(&["b64_json", "revised_prompt"])? {
        let value = reader.value()?;
        match field {
            "b64_json" => builder.no_text(reader, index, value)?,
            "revised_prompt" => builder.text_or_others(reader, channel(Part::Content), value)?,
            _ => builder.texts(reader, channel(Part::Other), value)?,
        }
    }
    Ok(())
}

/// Reads the usage. Output tokens without details are those of images.
fn image_usage(reader: &mut Reader<'_, '_>, builder: &mut ResponseBuilder<'_>) -> Result<(), Error> {
    usage::read(reader, builder, Convention::INCLUSIVE)?;
    if let Some(usage) = &mut builder.response.usage {
        usage.image_output = usage.image_output.or(usage.output);
        usage.complete = true;
    }
    Ok(())
}
