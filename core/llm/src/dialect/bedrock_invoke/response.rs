//! Reads responses.

use super::format::{Format, response_format};
use crate::dialect::bedrock_converse::{self, response as converse};
use crate::dialect::{anthropic, openai_chat};
use crate::json::field::number;
use crate::json::reader::{Reader, Value};
use crate::view::response::ResponseBuilder;
use crate::{Channel, Error, ErrorKind, Part, ReportedUsage};

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
    let mut usage = ReportedUsage::default();
    result(reader, builder, &mut usage, 0)?;
    builder.response.choices += 1;
    if !usage.is_empty() {
        builder.response.usage = Some(usage);
    }
    Ok(())
}

/// Member names of completions and results, of all vendors.
const RESULT_MEMBERS: [&str; 19] = [
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
];

/// Token counts of Bedrock itself, in `amazon-bedrock-invocationMetrics`.
const METRICS: [&str; 4] =
    ["inputTokenCount", "outputTokenCount", "cacheReadInputTokenCount", "cacheWriteInputTokenCount"];

/// Reads the members of a completion, or of one result (`index`) in its array of results.
fn result(
    reader: &mut Reader<'_, '_>,
    builder: &mut ResponseBuilder<'_>,
    usage: &mut ReportedUsage,
    index: u32,
) -> Result<(), Error> {
    let channel = |part| Channel { choice: index, part };
    let (mut finished, mut metrics) = (false, None);
    while let Some((_, name)) = reader.field(&RESULT_MEMBERS)? {
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
            (
                "inputTextTokenCount"
                | "prompt_token_count"
                | "tokenCount"
                | "totalOutputTextTokenCount"
                | "generation_token_count",
                Value::Number(_),
            ) => add_count(usage, name, number(reader, value)),
            ("amazon-bedrock-invocationMetrics", Value::Object(_)) => {
                metrics = Some(builder.numbers(reader, METRICS)?);
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
    if let Some(metrics) = metrics {
        add_metrics(usage, metrics);
    }
    usage.complete |= finished;
    if finished {
        builder.response.finished.push(index);
    }
    Ok(())
}

/// Adds a token count of the model, which has this member name.
fn add_count(usage: &mut ReportedUsage, name: &str, tokens: Option<u64>) {
    match name {
        "inputTextTokenCount" | "prompt_token_count" => usage.input = usage.input.max(tokens),
        // Each of several results has its own count.
        "tokenCount" => {
            let tokens = tokens.unwrap_or_default();
            usage.output = Some(usage.output.unwrap_or_default().saturating_add(tokens));
        }
        _ => usage.output = usage.output.max(tokens),
    }
}

/// Adds the counts of [`METRICS`] for models that report none.
fn add_metrics(usage: &mut ReportedUsage, [input, output, cached, cache_write]: [Option<u64>; 4]) {
    if usage.input.is_none() {
        *usage = ReportedUsage { input, cached, cache_write, input_excludes_cache: true, ..*usage };
    }
    usage.output = usage.output.or(output);
    usage.complete = true;
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
