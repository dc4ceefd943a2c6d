//! What goes through InvokeModel: the format of whoever made the model.
//!
//! The path names the model, but its name need not name the maker (profiles and imported models have names of their
//! own), and answers come without it. So the members of the body decide, on both ways: Anthropic's, OpenAI's (Mistral,
//! AI21, DeepSeek, Qwen, OpenAI's own), Converse's (Amazon Nova), or a prompt and a text under one of the names that
//! other makers have for these (`prompt`).

use crate::json::reader::{Reader, Scratch, Value};
use crate::json::scan::Side;
use crate::{Error, ParseLimits};

/// A format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    Anthropic,
    OpenAi,
    Converse,
    Prompt,
}

/// The members of the top object, shown one after the other, until `tell` knows.
fn members(body: &[u8], mut tell: impl FnMut(&str, Value) -> Option<Format>) -> Result<Format, Error> {
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

pub(super) fn asked_in(body: &[u8]) -> Result<Format, Error> {
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

pub(super) fn said_in(body: &[u8]) -> Result<Format, Error> {
    members(body, |name, value| match (name, value) {
        ("choices", Value::Array(_)) => Some(Format::OpenAi),
        ("output", Value::Object(_)) => Some(Format::Converse),
        ("messageStart" | "contentBlockStart" | "contentBlockDelta" | "contentBlockStop" | "messageStop", _)
        | ("metadata", _) => Some(Format::Converse),
        ("type", Value::String(_)) | ("content", Value::Array(_)) => Some(Format::Anthropic),
        _ => None,
    })
}
