//! Reads responses.

use super::format::{Format, response_format};
use crate::dialect::bedrock_converse::{self, response as converse};
use crate::dialect::{anthropic, openai_chat};
use crate::json::field::number;
use crate::json::reader::{Reader, Value};
use crate::usage::reader::{self as usage, Convention, UsageReader};
use crate::view::response::ResponseBuilder;
use crate::{Channel, Error, ErrorKind, Part};

/// Reads a whole response.
pub(super) fn read(reader: &mut Reader<'_, '_>, builder: &mut ResponseBuilder<'_>) -> Result<(), Error> {
    match response_format(reader.body()).unwrap_or(Format::Prompt) {
        Format::Anthropic => (anthropic::MESSAGES.response)(reader, builder),
        Format::OpenAi => (openai_chat::SPEC.response)(reader, builder),
        Format::Converse => (bedrock_converse::SPEC.response)(reader, builder),
        Format::Prompt => completion(reader, builder),
    }
}

/// Reads an event.
pub(super) fn event(reader: &mut Reader<'_, '_>, builder: &mut ResponseBuilder<'_>) -> Result<(), Error> {
    builder.response.is_error |= builder.event.is_some_and(|name| name.ends_with(b"Exception"));
    let is_error = builder.response.is_error;
    match response_format(reader.body()).unwrap_or(Format::Prompt) {
        Format::Anthropic => (anthropic::MESSAGES.chunk)(reader, builder)?,
        Format::OpenAi => (openai_chat::SPEC.chunk)(reader, builder)?,
        Format::Converse => wrapped_event(reader, builder)?,
        Format::Prompt => completion(reader, builder)?,
    }
    builder.response.is_error |= is_error;
    Ok(())
}

/// Reads a completion, or an event of one (Bedrock user guide: "Meta Llama models", "Mistral AI text completion",
/// "Amazon Titan Text models", "Cohere Command models", "AI21 Labs models").
fn completion(reader: &mut Reader<'_, '_>, builder: &mut ResponseBuilder<'_>) -> Result<(), Error> {
    reader.object()?;
    let mut usage = UsageReader::new(Convention::INCLUSIVE);
    let finished = builder.response.finished.len();
    result(reader, builder, &mut usage, 0)?;
    builder.response.choices += 1;
    let mut usage = usage.end();
    usage.complete = builder.response.finished.len() > finished;
    builder.merge_usage(usage);
    Ok(())
}

/// Member names of completions and results, of all vendors.
const RESULT_MEMBERS: [&str; 17] = [
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
    "tokenCount",
    "usage",
    "meta",
    "amazon-bedrock-invocationMetrics",
    "message",
    "error",
    "bytes",
];

/// Reads the members of a completion, or of one result (`index`) in its array of results.
fn result(
    reader: &mut Reader<'_, '_>,
    builder: &mut ResponseBuilder<'_>,
    usage: &mut UsageReader,
    index: u32,
) -> Result<(), Error> {
    let channel = |part| Channel { choice: index, part };
    let mut finished = false;
    while let Some((key, name)) = reader.field(&RESULT_MEMBERS)? {
        let value = reader.value()?;
        match (name, value) {
            ("generation" | "outputText" | "text" | "completion", value) => {
                builder.text_or_others(reader, channel(Part::Content), value)?;
            }
            ("results" | "outputs" | "generations", Value::Array(_)) => {
                let mut index = index;
                while let Some(value) = reader.element()? {
                    match value {
                        Value::Object(_) => result(reader, builder, usage, index)?,
                        value => builder.texts(reader, Channel::OTHER, value)?,
                    }
                    index = index.saturating_add(1);
                }
            }
            ("stop_reason" | "completionReason" | "finish_reason", Value::String(str)) => {
                finished |= !str.span.is_empty();
            }
            // Each of several results has its own count.
            ("tokenCount", Value::Number(_)) => usage.add_output(number(reader, value)),
            ("", Value::Number(_)) => {
                usage.number(reader, key, value);
            }
            // Models of vendors whose own API has a usage, such as Cohere's.
            ("usage" | "meta", Value::Object(_)) => {
                usage::read(reader, builder, Convention::INCLUSIVE)?;
            }
            ("amazon-bedrock-invocationMetrics", Value::Object(_)) => {
                usage::read(reader, builder, Convention::SECONDARY)?;
                if let Some(usage) = &mut builder.response.usage {
                    usage.complete = true;
                }
            }
            ("message", Value::String(_)) => {
                builder.response.is_error = true;
                builder.texts(reader, Channel::OTHER, value)?;
            }
            ("error", value) => {
                builder.response.is_error |= !value.is_null();
                builder.texts(reader, Channel::OTHER, value)?;
            }
            // A wrapped payload that the framer could not unwrap is refused: its text would pass uninspected.
            ("bytes", value) => return Err(Error::new(ErrorKind::WrongType("bytes"), value.start())),
            (_, value) => builder.texts(reader, Channel::OTHER, value)?,
        }
    }
    if finished {
        builder.response.finished.push(index);
    }
    Ok(())
}

/// Reads an event of Converse in a member with the name of the event (Amazon Nova).
fn wrapped_event(reader: &mut Reader<'_, '_>, builder: &mut ResponseBuilder<'_>) -> Result<(), Error> {
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
