//! Reads whole responses, and the objects that events repeat.

use super::{Result, tools};
use crate::json::field::{number, saturate};
use crate::json::reader::{Reader, Value};
use crate::usage::reader::{self as usage, Convention};
use crate::view::response::{OffsetAnnotation, ResponseBuilder};
use crate::{Channel, ListedSearches, Part, ReportedUsage, Span};

/// Reads a whole response, or an error.
pub(super) fn read(reader: &mut Reader<'_, '_>, builder: &mut ResponseBuilder<'_>) -> Result<()> {
    reader.object()?;
    response(reader, builder, false)?;
    if let Some(usage) = &mut builder.response.usage {
        usage.complete = true;
    }
    Ok(())
}

/// Returns the channel number of a part of an item: the index of the item times 256 plus that of the part. Neither is
/// large in practice; larger indices share a channel.
pub(super) fn choice(item: u32, part: u32) -> u32 {
    item.saturating_mul(256).saturating_add(part.min(255))
}

/// Returns the number of a part of a reasoning summary among the parts of its item: 128 to 255, which keeps it apart
/// from the parts of the content.
pub(super) fn summary(part: u32) -> u32 {
    part.min(127) + 128
}

/// Reads the members of a response. `is_repeated`: its texts were streamed before.
///
/// A response repeats members of the request (instructions, tools, metadata); their strings are other texts.
pub(super) fn response(
    reader: &mut Reader<'_, '_>,
    builder: &mut ResponseBuilder<'_>,
    is_repeated: bool,
) -> Result<()> {
    let known = [
        "model",
        "output",
        "usage",
        "error",
        "id",
        "object",
        "created_at",
        "completed_at",
        "status",
        "previous_response_id",
        "service_tier",
        "background",
        "truncation",
        "input_tokens",
        "tool_usage",
        "tools",
    ];
    let mut image_model = None;
    while let Some((_, field)) = reader.field(&known)? {
        let value = reader.value()?;
        match (field, value) {
            ("model", Value::String(str)) => builder.response.model = Some(str),
            ("output", Value::Array(_)) => {
                let mut index = 0;
                while let Some(value) = reader.element()? {
                    item(reader, builder, index, value, is_repeated)?;
                    index = index.saturating_add(1);
                }
                builder.response.choices += 1;
            }
            ("usage", Value::Object(_)) => usage::read(reader, builder, Convention::INCLUSIVE)?,
            ("service_tier", Value::String(tier)) => builder.service_tier(reader, tier),
            ("tool_usage", Value::Object(_)) => tools::usage(reader, builder)?,
            ("tools", Value::Array(_)) => image_model = tools::image_model(reader, builder)?,
            ("error", value) => {
                builder.response.is_error |= !value.is_null();
                builder.texts(reader, Channel::OTHER, value)?;
            }
            ("" | "model" | "output" | "usage", value) => builder.texts(reader, Channel::OTHER, value)?,
            (_, value) => builder.no_text(reader, 0, value)?,
        }
    }
    if let Some(tool) = &mut builder.response.image_tool {
        tool.model = image_model;
    }
    if builder.searches > 0 {
        let listed_searches = ListedSearches::listed(builder.searches);
        builder.merge_usage(ReportedUsage { listed_searches, ..ReportedUsage::default() });
    }
    Ok(())
}

/// Reads an item of the output.
pub(super) fn item(
    reader: &mut Reader<'_, '_>,
    builder: &mut ResponseBuilder<'_>,
    index: u32,
    value: Value,
    is_repeated: bool,
) -> Result<()> {
    let channel = |part| Channel { choice: choice(index, 0), part };
    let Value::Object(_) = value else { return builder.texts(reader, channel(Part::Other), value) };
    let known = [
        "content",
        "summary",
        "name",
        "arguments",
        "input",
        "id",
        "type",
        "role",
        "status",
        "call_id",
        "encrypted_content",
        "action",
    ];
    let (mut is_web_search, mut is_search) = (false, true);
    while let Some((_, field)) = reader.field(&known)? {
        let value = reader.value()?;
        match (field, value) {
            ("content" | "summary", Value::Array(_)) => {
                let mut number = 0;
                while let Some(value) = reader.element()? {
                    let is_summary = field == "summary";
                    let choice = choice(index, if is_summary { summary(number) } else { number });
                    part(reader, builder, value, PartContext { choice, is_repeated, is_summary })?;
                    number = number.saturating_add(1);
                }
            }
            ("type", Value::String(kind)) => is_web_search = kind.is(reader.body(), "web_search_call"),
            ("action", Value::Object(_)) => is_search = tools::is_search(reader, builder, channel(Part::Other))?,
            ("name", value) => builder.text_or_others(reader, channel(Part::ToolName(0)), value)?,
            ("arguments" | "input", value) => {
                let part = if is_repeated { Part::WholeArguments } else { Part::ToolArguments(0) };
                builder.texts(reader, channel(part), value)?;
            }
            ("" | "content" | "summary" | "action", value) => builder.texts(reader, channel(Part::Other), value)?,
            (_, value) => builder.no_text(reader, choice(index, 0), value)?,
        }
    }
    builder.searches = builder.searches.saturating_add(u64::from(is_web_search && is_search));
    Ok(())
}

/// Context of a part.
#[derive(Clone, Copy)]
pub(super) struct PartContext {
    /// Channel number of the item and the part.
    pub(super) choice: u32,
    /// `true` if the text was streamed before.
    pub(super) is_repeated: bool,
    /// `true` if the part belongs to a reasoning summary.
    pub(super) is_summary: bool,
}

/// Reads a part of a content, or of a reasoning summary.
pub(super) fn part(
    reader: &mut Reader<'_, '_>,
    builder: &mut ResponseBuilder<'_>,
    value: Value,
    PartContext { choice, is_repeated, is_summary }: PartContext,
) -> Result<()> {
    let channel = |part| Channel { choice, part };
    let text_channel = |part| channel(if is_repeated { Part::Whole } else { part });
    let Value::Object(_) = value else { return builder.texts(reader, channel(Part::Other), value) };
    // The type may follow the text that it applies to.
    let first = builder.response.texts.len();
    let mut is_thought = is_summary;
    while let Some((_, field)) = reader.field(&["type", "text", "refusal", "annotations", "logprobs", "transcript"])? {
        let value = reader.value()?;
        match (field, value) {
            ("type", Value::String(str)) => is_thought |= str.is(reader.body(), "reasoning_text"),
            ("text", value) => builder.text_or_others(reader, text_channel(Part::Content), value)?,
            ("refusal", value) => builder.text_or_others(reader, text_channel(Part::Refusal), value)?,
            ("transcript", value) => builder.text_or_others(reader, text_channel(Part::Transcript), value)?,
            ("annotations", Value::Array(start)) => {
                builder.texts(reader, channel(Part::Other), value)?;
                builder.response.offsets.push(OffsetAnnotation { choice, span: Span::new(start, reader.offset()) });
            }
            ("logprobs", value) => logprobs(reader, builder, choice, value)?,
            (_, value) => builder.texts(reader, channel(Part::Other), value)?,
        }
    }
    for text in builder.response.texts.iter_mut().skip(first) {
        if is_thought && text.channel.part == Part::Content {
            text.channel.part = Part::Reasoning;
        }
    }
    Ok(())
}

/// Reads log probabilities. The chosen tokens form one text; alternatives are other texts.
pub(super) fn logprobs(
    reader: &mut Reader<'_, '_>,
    builder: &mut ResponseBuilder<'_>,
    choice: u32,
    value: Value,
) -> Result<()> {
    let channel = |part| Channel { choice, part };
    let Value::Array(start) = value else { return builder.texts(reader, channel(Part::Other), value) };
    while let Some(value) = reader.element()? {
        let Value::Object(_) = value else {
            builder.texts(reader, channel(Part::Other), value)?;
            continue;
        };
        while let Some((_, field)) = reader.field(&["token"])? {
            let part = if field == "token" { Part::Logprobs } else { Part::Other };
            let value = reader.value()?;
            builder.texts(reader, channel(part), value)?;
        }
    }
    builder.response.logprobs.push(Span::new(start, reader.offset()));
    Ok(())
}

/// Returns the value of an index; 0 if it is not a whole number.
pub(super) fn index(reader: &Reader<'_, '_>, value: Value) -> u32 {
    number(reader, value).map_or(0, saturate)
}
