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
    while let Some((key, name)) = reader.field(&[
        "model",
        "prompt",
        "prompt_token_ids",
        "suffix",
        "stream",
        "stream_options",
        "n",
        "best_of",
        "max_tokens",
        "min_tokens",
    ])? {
        let value = reader.value()?;
        match (name, value) {
            ("model", value) => builder.model(reader, value)?,
            ("prompt", Value::Array(start)) => prompts = builder.prompt_list(reader, prompt, start, None)?,
            ("prompt_token_ids", Value::Array(start)) => {
                builder.prompt_list(reader, prompt, start, None)?;
            }
            ("prompt", value) => builder.text_or_others(reader, prompt, TextKind::Content, value)?,
            // Text after the completion: not continuous with the prompt.
            ("suffix", value) => builder.text_or_others(reader, prompt, TextKind::Other, value)?,
            ("stream", value) => streaming.flag(value)?,
            ("stream_options", value) => streaming.options(reader, builder, value)?,
            ("n", value) => n = count(reader, name, value)?,
            ("best_of", value) => best_of = count(reader, name, value)?,
            ("max_tokens", value) => builder.output_limit(reader, name, value)?,
            ("min_tokens", value) => builder.output_floor(reader, value),
            _ => builder.other(reader, Origin::OUTSIDE, key, value)?,
        }
    }
    // `best_of` completions are generated and billed for each prompt, although only `n` of them are returned.
    let per_prompt = saturate(n.max(best_of).unwrap_or(1).max(1));
    builder.request.candidates = per_prompt.saturating_mul(prompts);
    streaming.finish(builder);
    Ok(())
}
