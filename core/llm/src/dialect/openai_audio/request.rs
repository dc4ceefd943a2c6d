//! Reads requests.

use crate::json::reader::{Reader, Value};
use crate::view::request::{Origin, RequestBuilder};
use crate::{Error, TextKind};

pub(super) fn read(reader: &mut Reader<'_, '_>, builder: &mut RequestBuilder<'_>) -> Result<(), Error> {
    builder.body(reader)?;
    let mut to_say = 0;
    while let Some((key, name)) = reader.field(&["model", "input", "instructions", "stream_format"])? {
        let value = reader.value()?;
        match (name, value) {
            ("model", value) => builder.model(reader, value)?,
            ("input", value) => {
                if let Value::String(str) = value {
                    to_say = str.span.len();
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
    if to_say > 0 {
        builder.request.max_output_tokens = Some(TOKENS_PER_BYTE.saturating_mul(to_say as u64));
    }
    Ok(())
}

/// Tokens of sound for what takes a byte to write, at the most: a minute of speech is some 1,250 tokens (OpenAI, "Pricing",
/// `gpt-4o-mini-tts`: $0.015 a minute at $12 for a million tokens) and some 900 letters. A sound does not say what it cost.
const TOKENS_PER_BYTE: u64 = 2;
