//! Reads requests.

use super::format::{Format, request_format};
use crate::dialect::{anthropic, bedrock_converse, openai_chat};
use crate::json::reader::{Reader, Value};
use crate::view::request::{Origin, RequestBuilder};
use crate::{Error, TextKind};

/// Reads a request body.
pub(super) fn read(reader: &mut Reader<'_, '_>, builder: &mut RequestBuilder<'_>) -> Result<(), Error> {
    // A malformed body has no format: the reader of any format refuses it.
    match request_format(reader.body()).unwrap_or(Format::Prompt) {
        Format::Anthropic => (anthropic::MESSAGES.request)(reader, builder),
        Format::OpenAi => (openai_chat::SPEC.request)(reader, builder),
        Format::Converse => (bedrock_converse::SPEC.request)(reader, builder),
        Format::Prompt => prompt(reader, builder),
    }
}

/// Reads a prompt and its settings (Bedrock user guide: "Meta Llama models", "Mistral AI text completion", "Amazon
/// Titan Text models", "Cohere Command models", "AI21 Labs models").
fn prompt(reader: &mut Reader<'_, '_>, builder: &mut RequestBuilder<'_>) -> Result<(), Error> {
    builder.body(reader)?;
    members(reader, builder, true)
}

/// Reads the members of a prompt request, or of `textGenerationConfig`, which contains the settings of Titan.
fn members(reader: &mut Reader<'_, '_>, builder: &mut RequestBuilder<'_>, is_top: bool) -> Result<(), Error> {
    while let Some((key, name)) = reader.field(&[
        "prompt",
        "inputText",
        "message",
        "texts",
        "query",
        "documents",
        "preamble",
        "system",
        "max_gen_len",
        "max_tokens",
        "max_tokens_to_sample",
        "maxTokenCount",
        "maxTokens",
        "textGenerationConfig",
    ])? {
        let value = reader.value()?;
        match (name, value) {
            ("prompt" | "inputText" | "message" | "texts" | "query" | "documents", value) => {
                builder.texts(reader, Origin::USER, TextKind::Content, value)?;
            }
            ("preamble" | "system", value) => builder.texts(reader, Origin::SYSTEM, TextKind::Content, value)?,
            ("textGenerationConfig", Value::Object(_)) if is_top => members(reader, builder, false)?,
            ("", value) | ("textGenerationConfig", value) => builder.other(reader, Origin::OUTSIDE, key, value)?,
            (limit, value) => builder.output_limit(reader, limit, value)?,
        }
    }
    Ok(())
}
