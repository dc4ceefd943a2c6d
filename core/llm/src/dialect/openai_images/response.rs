//! Reads responses.

use crate::json::field::number;
use crate::json::reader::{Reader, Value};
use crate::view::response::ResponseBuilder;
use crate::{Channel, Error, Part, ReportedUsage};

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
            ("usage", Value::Object(_)) => builder.response.usage = usage(reader, builder)?,
            ("type", Value::String(str)) => {
                let kind = str.decode(reader.body());
                builder.response.ends |= kind.ends_with(".completed");
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

/// Reads the usage, with token counts by modality; `None` if it has no token count (some models are billed by duration
/// or by image).
pub(in crate::dialect) fn usage(
    reader: &mut Reader<'_, '_>,
    builder: &mut ResponseBuilder<'_>,
) -> Result<Option<ReportedUsage>, Error> {
    let mut usage = ReportedUsage { complete: true, ..ReportedUsage::default() };
    while let Some((_, field)) = reader.field(&[
        "input_tokens",
        "output_tokens",
        "total_tokens",
        "input_tokens_details",
        "input_token_details",
        "output_tokens_details",
        "type",
    ])? {
        match (field, reader.value()?) {
            ("input_tokens", value @ Value::Number(_)) => usage.input = number(reader, value),
            ("output_tokens", value @ Value::Number(_)) => usage.output = number(reader, value),
            ("total_tokens", value @ Value::Number(_)) => usage.total = number(reader, value),
            ("input_tokens_details" | "input_token_details", Value::Object(_)) => {
                [usage.cached, usage.audio_input] = builder.numbers(reader, ["cached_tokens", "audio_tokens"])?;
            }
            ("output_tokens_details", Value::Object(_)) => {
                [usage.reasoning, usage.audio_output] =
                    builder.numbers(reader, ["reasoning_tokens", "audio_tokens"])?;
            }
            ("type", value) => builder.no_text(reader, 0, value)?,
            (_, value) => builder.texts(reader, Channel::OTHER, value)?,
        }
    }
    Ok(Some(usage).filter(|usage| !usage.is_empty()))
}
