//! Reads requests.

use crate::dialect::openai_chat::stream_options::Streaming;
use crate::json::field::{count, saturate};
use crate::json::reader::{Reader, Value};
use crate::view::request::{Origin, RequestBuilder};
use crate::{Error, TextKind};

/// Reads a request body.
pub(super) fn read(reader: &mut Reader<'_, '_>, builder: &mut RequestBuilder<'_>) -> Result<(), Error> {
    builder.body(reader)?;
    let prompt = Origin::USER;
    let mut streaming = Streaming::default();
    let (mut n, mut best_of, mut prompts) = (None, None, 1);
    while let Some((key, name)) =
        reader.field(&["model", "prompt", "suffix", "stream", "stream_options", "n", "best_of", "max_tokens"])?
    {
        let value = reader.value()?;
        match (name, value) {
            ("model", value) => builder.model(reader, value)?,
            ("prompt", Value::Array(_)) => prompts = prompt_list(reader, builder, prompt)?,
            ("prompt", value) => builder.text_or_others(reader, prompt, TextKind::Content, value)?,
            // Text after the completion: not continuous with the prompt.
            ("suffix", value) => builder.text_or_others(reader, prompt, TextKind::Other, value)?,
            ("stream", value) => streaming.flag(value)?,
            ("stream_options", value) => streaming.options(reader, builder, value)?,
            ("n", value) => n = count(reader, name, value)?,
            ("best_of", value) => best_of = count(reader, name, value)?,
            ("max_tokens", value) => builder.request.max_output_tokens = count(reader, name, value)?,
            _ => builder.other(reader, Origin::OUTSIDE, key, value)?,
        }
    }
    // `best_of` completions are generated and billed for each prompt, although only `n` of them are returned.
    let per_prompt = saturate(n.max(best_of).unwrap_or(1).max(1));
    builder.request.candidates = per_prompt.saturating_mul(prompts);
    streaming.finish(builder);
    Ok(())
}

/// Reads an array of prompts (texts or arrays of tokens), or the tokens of one prompt. Returns the number of prompts.
fn prompt_list(reader: &mut Reader<'_, '_>, builder: &mut RequestBuilder<'_>, from: Origin) -> Result<u32, Error> {
    let mut prompts: u32 = 0;
    while let Some(value) = reader.element()? {
        if let Value::String(_) | Value::Array(_) = value {
            prompts = prompts.saturating_add(1);
        }
        builder.texts(reader, from, TextKind::Content, value)?;
    }
    Ok(prompts.max(1))
}
