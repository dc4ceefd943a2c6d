//! Reads requests.

use crate::json::reader::{Reader, Value};
use crate::view::request::{Origin, RequestBuilder};
use crate::{Error, TextKind};

/// Reads a request body.
pub(super) fn read(reader: &mut Reader<'_, '_>, builder: &mut RequestBuilder<'_>) -> Result<(), Error> {
    builder.body(reader)?;
    let mut input_len = 0;
    while let Some((key, name)) = reader.field(&["model", "input", "instructions", "stream_format"])? {
        let value = reader.value()?;
        match (name, value) {
            ("model", value) => builder.model(reader, value)?,
            ("input", value) => {
                if let Value::String(str) = value {
                    input_len = str.span.len();
                    builder.request.characters = str.decode(reader.body()).chars().count() as u64;
                }
                builder.texts(reader, Origin::USER, TextKind::Content, value)?;
            }
            ("instructions", value) => builder.texts(reader, Origin::SYSTEM, TextKind::Content, value)?,
            ("stream_format", Value::String(str)) => {
                builder.request.stream = str.is(reader.body(), "sse");
                builder.text(Origin::OUTSIDE, TextKind::Other, str)?;
            }
            _ => builder.other(reader, Origin::OUTSIDE, key, value)?,
        }
    }
    if input_len > 0 {
        builder.request.max_output_tokens = Some(TOKENS_PER_BYTE.saturating_mul(input_len as u64));
    }
    Ok(())
}

/// Upper bound of audio tokens per byte of input. A minute of speech is about 1,250 tokens (OpenAI, "Pricing",
/// `gpt-4o-mini-tts`: $0.015 per minute at $12 per million tokens) and about 900 letters. An audio response reports no
/// usage.
const TOKENS_PER_BYTE: u64 = 2;
