//! What goes through InvokeModel: the format of whoever made the model.
//!
//! The path names the model, but its name need not name the maker (profiles and imported models have names of their
//! own), and answers come without it. So the members of the body decide, on both ways: Anthropic's, OpenAI's (Mistral,
//! AI21, DeepSeek, Qwen, OpenAI's own), Converse's (Amazon Nova), or a prompt and a text under one of the names that
//! other makers have for these (`prompt`).

use super::{Result, response};
use crate::dialect::{anthropic, openai_chat};
use crate::json::reader::{Reader, Scratch, Value};
use crate::json::scan::Side;
use crate::view::request::RequestBuilder;
use crate::view::response::ResponseBuilder;
use crate::{Error, ParseLimits};

mod prompt;

/// A format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Format {
    Anthropic,
    OpenAi,
    Converse,
    Prompt,
}

pub(super) fn request(reader: &mut Reader<'_, '_>, builder: &mut RequestBuilder<'_>) -> Result<()> {
    match asked_in(reader.body()).unwrap_or(Format::Prompt) {
        Format::Anthropic => (anthropic::MESSAGES.request)(reader, builder),
        Format::OpenAi => (openai_chat::SPEC.request)(reader, builder),
        Format::Converse => super::request::read(reader, builder),
        Format::Prompt => prompt::request(reader, builder),
    }
}

pub(super) fn response(reader: &mut Reader<'_, '_>, builder: &mut ResponseBuilder<'_>) -> Result<()> {
    match said_in(reader.body()).unwrap_or(Format::Prompt) {
        Format::Anthropic => (anthropic::MESSAGES.response)(reader, builder),
        Format::OpenAi => (openai_chat::SPEC.response)(reader, builder),
        Format::Converse => response::read(reader, builder),
        Format::Prompt => prompt::answer(reader, builder),
    }
}

pub(super) fn event(reader: &mut Reader<'_, '_>, builder: &mut ResponseBuilder<'_>) -> Result<()> {
    builder.response.is_error |= builder.event.is_some_and(|name| name.ends_with(b"Exception"));
    let is_error = builder.response.is_error;
    match said_in(reader.body()).unwrap_or(Format::Prompt) {
        Format::Anthropic => (anthropic::MESSAGES.chunk)(reader, builder)?,
        Format::OpenAi => (openai_chat::SPEC.chunk)(reader, builder)?,
        Format::Converse => prompt::named(reader, builder)?,
        Format::Prompt => prompt::answer(reader, builder)?,
    }
    builder.response.is_error |= is_error;
    Ok(())
}

/// The members of the top object, shown one after the other, until `tell` knows.
fn members(body: &[u8], mut tell: impl FnMut(&str, Value) -> Option<Format>) -> std::result::Result<Format, Error> {
    let mut scratch = Scratch::default();
    // The body is read again, within its limits.
    let limits = ParseLimits { max_bytes: usize::MAX, ..ParseLimits::default() };
    let mut reader = Reader::new(body, &limits, Side::Response, &mut scratch)?;
    let Value::Object(_) = reader.value()? else { return Ok(Format::Prompt) };
    while let Some(key) = reader.key()? {
        let value = reader.value()?;
        if let Some(format) = tell(&key.decode(body), value) {
            return Ok(format);
        }
        reader.walk(value, |_| Ok(()))?;
    }
    Ok(Format::Prompt)
}

fn asked_in(body: &[u8]) -> std::result::Result<Format, Error> {
    let mut messages = false;
    let found = members(body, |name, _| {
        messages |= name == "messages";
        match name {
            "anthropic_version" => Some(Format::Anthropic),
            "inferenceConfig" | "toolConfig" | "schemaVersion" => Some(Format::Converse),
            _ => None,
        }
    })?;
    Ok(if found == Format::Prompt && messages { Format::OpenAi } else { found })
}

fn said_in(body: &[u8]) -> std::result::Result<Format, Error> {
    members(body, |name, value| match (name, value) {
        ("choices", Value::Array(_)) => Some(Format::OpenAi),
        ("output", Value::Object(_)) => Some(Format::Converse),
        ("messageStart" | "contentBlockStart" | "contentBlockDelta" | "contentBlockStop" | "messageStop", _)
        | ("metadata", _) => Some(Format::Converse),
        ("type", Value::String(_)) | ("content", Value::Array(_)) => Some(Format::Anthropic),
        _ => None,
    })
}
