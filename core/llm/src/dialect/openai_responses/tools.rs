//! Reads what the provider's own tools used: web searches and generated images, which are billed beside the tokens of the model.

use super::Result;
use crate::json::field::number;
use crate::json::reader::{Reader, Value};
use crate::usage::reader::{self as usage, Convention};
use crate::view::response::{ImageTool, ResponseBuilder};
use crate::{Channel, ReportedUsage, Str};

/// Reads `tool_usage`: the number of web searches, and the tokens of the model that generated images.
pub(super) fn usage(reader: &mut Reader<'_, '_>, builder: &mut ResponseBuilder<'_>) -> Result<()> {
    while let Some((_, field)) = reader.field(&["web_search", "image_gen"])? {
        match (field, reader.value()?) {
            ("web_search", Value::Object(_)) => web_search(reader, builder)?,
            ("image_gen", Value::Object(_)) => image_generation(reader, builder)?,
            (_, value) => builder.texts(reader, Channel::OTHER, value)?,
        }
    }
    Ok(())
}

fn web_search(reader: &mut Reader<'_, '_>, builder: &mut ResponseBuilder<'_>) -> Result<()> {
    while let Some((_, field)) = reader.field(&["num_requests"])? {
        match (field, reader.value()?) {
            ("num_requests", value @ Value::Number(_)) => {
                let web_searches = number(reader, value).filter(|searches| *searches > 0);
                builder.merge_usage(ReportedUsage { web_searches, ..ReportedUsage::default() });
            }
            (_, value) => builder.texts(reader, Channel::OTHER, value)?,
        }
    }
    Ok(())
}

fn image_generation(reader: &mut Reader<'_, '_>, builder: &mut ResponseBuilder<'_>) -> Result<()> {
    let mut reported = usage::object(reader, builder, Convention::INCLUSIVE)?;
    // Output tokens without details are those of images.
    reported.image_output = reported.image_output.or(reported.output);
    let usage = reported.usage();
    if usage.total > 0 {
        builder.response.image_tool = Some(ImageTool { model: None, usage });
    }
    Ok(())
}

/// Reads the tools of the request, which a response repeats, and returns the model of the image generation tool.
pub(super) fn image_model(reader: &mut Reader<'_, '_>, builder: &mut ResponseBuilder<'_>) -> Result<Option<Str>> {
    let mut found = None;
    while let Some(value) = reader.element()? {
        let Value::Object(_) = value else {
            builder.texts(reader, Channel::OTHER, value)?;
            continue;
        };
        let (mut model, mut is_image_tool) = (None, false);
        while let Some((_, field)) = reader.field(&["type", "model"])? {
            match (field, reader.value()?) {
                ("type", Value::String(kind)) => {
                    is_image_tool = kind.is(reader.body(), "image_generation");
                    builder.texts(reader, Channel::OTHER, Value::String(kind))?;
                }
                ("model", Value::String(name)) => {
                    model = Some(name);
                    builder.text(Channel::OTHER, name)?;
                }
                (_, value) => builder.texts(reader, Channel::OTHER, value)?,
            }
        }
        if is_image_tool {
            found = model.or(found);
        }
    }
    Ok(found)
}

/// Reads the action of an item. Returns `false` for the actions of a web search call that only read a page, which are not
/// billed (OpenAI, "Web search": `open_page`, `find_in_page`).
pub(super) fn is_search(
    reader: &mut Reader<'_, '_>,
    builder: &mut ResponseBuilder<'_>,
    channel: Channel,
) -> Result<bool> {
    let mut is_search = true;
    while let Some((_, field)) = reader.field(&["type"])? {
        let value = reader.value()?;
        if let ("type", Value::String(kind)) = (field, value) {
            is_search = !["open_page", "find_in_page"].into_iter().any(|page| kind.is(reader.body(), page));
        }
        builder.texts(reader, channel, value)?;
    }
    Ok(is_search)
}
