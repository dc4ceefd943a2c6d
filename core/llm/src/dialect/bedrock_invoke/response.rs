//! Reads responses.

use super::format::{Format, said_in};
use crate::dialect::bedrock_converse::{self, response as converse};
use crate::dialect::{anthropic, openai_chat};
use crate::json::field::number;
use crate::json::reader::{Reader, Value};
use crate::view::response::ResponseBuilder;
use crate::{Channel, Error, ErrorKind, Part, ReportedUsage};

pub(super) fn read(reader: &mut Reader<'_, '_>, builder: &mut ResponseBuilder<'_>) -> Result<(), Error> {
    match said_in(reader.body()).unwrap_or(Format::Prompt) {
        Format::Anthropic => (anthropic::MESSAGES.response)(reader, builder),
        Format::OpenAi => (openai_chat::SPEC.response)(reader, builder),
        Format::Converse => (bedrock_converse::SPEC.response)(reader, builder),
        Format::Prompt => answer(reader, builder),
    }
}

pub(super) fn event(reader: &mut Reader<'_, '_>, builder: &mut ResponseBuilder<'_>) -> Result<(), Error> {
    builder.response.is_error |= builder.event.is_some_and(|name| name.ends_with(b"Exception"));
    let is_error = builder.response.is_error;
    match said_in(reader.body()).unwrap_or(Format::Prompt) {
        Format::Anthropic => (anthropic::MESSAGES.chunk)(reader, builder)?,
        Format::OpenAi => (openai_chat::SPEC.chunk)(reader, builder)?,
        Format::Converse => named(reader, builder)?,
        Format::Prompt => answer(reader, builder)?,
    }
    builder.response.is_error |= is_error;
    Ok(())
}

/// A whole answer, or an event of one.
fn answer(reader: &mut Reader<'_, '_>, builder: &mut ResponseBuilder<'_>) -> Result<(), Error> {
    reader.object()?;
    let mut said = ReportedUsage::default();
    object(reader, builder, &mut said, 0)?;
    builder.response.choices += 1;
    if !said.is_empty() {
        builder.response.usage = Some(said);
    }
    Ok(())
}

/// An answer, or one of several in an array of it (`index`).
fn object(
    reader: &mut Reader<'_, '_>,
    builder: &mut ResponseBuilder<'_>,
    said: &mut ReportedUsage,
    index: u32,
) -> Result<(), Error> {
    let channel = |part| Channel { choice: index, part };
    let (mut finished, mut metrics) = (false, None);
    while let Some((_, name)) = reader.field(&[
        "generation",
        "outputText",
        "text",
        "completion",
        "results",
        "outputs",
        "generations",
        "stop_reason",
        "completionReason",
        "finish_reason",
        "inputTextTokenCount",
        "prompt_token_count",
        "tokenCount",
        "totalOutputTextTokenCount",
        "generation_token_count",
        "amazon-bedrock-invocationMetrics",
        "message",
        "error",
        "bytes",
    ])? {
        let value = reader.value()?;
        match (name, value) {
            ("generation" | "outputText" | "text" | "completion", value) => {
                builder.text_or_others(reader, channel(Part::Content), value)?;
            }
            ("results" | "outputs" | "generations", Value::Array(_)) => {
                let mut index = index;
                while let Some(value) = reader.element()? {
                    match value {
                        Value::Object(_) => object(reader, builder, said, index)?,
                        value => builder.texts(reader, Channel::OTHER, value)?,
                    }
                    index = index.saturating_add(1);
                }
            }
            ("stop_reason" | "completionReason" | "finish_reason", Value::String(str)) => {
                finished |= !str.span.is_empty();
            }
            ("inputTextTokenCount" | "prompt_token_count", Value::Number(_)) => {
                said.input = said.input.max(number(reader, value));
            }
            // Each of several answers has its own count.
            ("tokenCount", Value::Number(_)) => {
                let tokens = number(reader, value).unwrap_or_default();
                said.output = Some(said.output.unwrap_or_default().saturating_add(tokens));
            }
            ("totalOutputTextTokenCount" | "generation_token_count", Value::Number(_)) => {
                said.output = said.output.max(number(reader, value));
            }
            ("amazon-bedrock-invocationMetrics", Value::Object(_)) => {
                let names =
                    ["inputTokenCount", "outputTokenCount", "cacheReadInputTokenCount", "cacheWriteInputTokenCount"];
                metrics = Some(builder.numbers(reader, names)?);
            }
            ("message", Value::String(_)) => {
                builder.response.is_error = true;
                builder.texts(reader, Channel::OTHER, value)?;
            }
            ("error", value) => {
                builder.response.is_error |= !value.is_null();
                builder.texts(reader, Channel::OTHER, value)?;
            }
            // What is wrapped and could not be unwrapped is not read.
            ("bytes", value) => return Err(crate::Error::new(ErrorKind::WrongType("bytes"), value.start())),
            (_, value) => builder.texts(reader, Channel::OTHER, value)?,
        }
    }
    if let Some(metrics) = metrics {
        add_metrics(said, metrics);
    }
    said.complete |= finished;
    if finished {
        builder.response.finished.push(index);
    }
    Ok(())
}

/// Adds the counts of Bedrock itself, for models that report none: input, output, cache reads, cache writes.
fn add_metrics(said: &mut ReportedUsage, [input, output, cached, cache_write]: [Option<u64>; 4]) {
    if said.input.is_none() {
        *said = ReportedUsage { input, cached, cache_write, input_excludes_cache: true, ..*said };
    }
    said.output = said.output.or(output);
    said.complete = true;
}

/// An event of Converse under its name, as models of Amazon send it.
fn named(reader: &mut Reader<'_, '_>, builder: &mut ResponseBuilder<'_>) -> Result<(), Error> {
    reader.object()?;
    while let Some((_, name)) = reader.field(&[
        "messageStart",
        "contentBlockStart",
        "contentBlockDelta",
        "contentBlockStop",
        "messageStop",
        "metadata",
    ])? {
        match (name, reader.value()?) {
            ("", value) => builder.texts(reader, Channel::OTHER, value)?,
            (name, Value::Object(_)) => converse::payload(reader, builder, name == "contentBlockStop")?,
            (_, value) => builder.texts(reader, Channel::OTHER, value)?,
        }
    }
    Ok(())
}
