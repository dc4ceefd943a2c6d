//! Detects the vendor format of a body.
//!
//! The path contains the model, but the name of a model need not contain its vendor (inference profiles and imported
//! models have arbitrary names), and responses do not contain the model. The members of the body therefore determine
//! the format of requests and of responses.

use crate::json::reader::{Reader, Scratch, Value};
use crate::json::scan::Side;
use crate::{Error, ParseLimits};

/// Format of a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    /// Anthropic Messages.
    Anthropic,
    /// OpenAI chat completions, also used by Mistral, AI21, DeepSeek and Qwen.
    OpenAi,
    /// Converse, used by Amazon Nova.
    Converse,
    /// Prompt and completion, under names that differ by vendor.
    Prompt,
}

/// Passes the members of the top object to `classify` until it returns a format.
fn detect(body: &[u8], mut classify: impl FnMut(&str, Value) -> Option<Format>) -> Result<Format, Error> {
    let mut scratch = Scratch::default();
    // The size of the body has been checked already.
    let limits = ParseLimits { max_bytes: usize::MAX, ..ParseLimits::default() };
    let mut reader = Reader::new(body, &limits, Side::Response, &mut scratch)?;
    let Value::Object(_) = reader.value()? else { return Ok(Format::Prompt) };
    while let Some(key) = reader.key()? {
        let value = reader.value()?;
        if let Some(format) = classify(&key.decode(body), value) {
            return Ok(format);
        }
        reader.walk(value, |_| Ok(()))?;
    }
    Ok(Format::Prompt)
}

/// Returns the format of a request body.
pub(crate) fn request_format(body: &[u8]) -> Result<Format, Error> {
    let mut messages = false;
    let found = detect(body, |name, _| {
        messages |= name == "messages";
        match name {
            "anthropic_version" => Some(Format::Anthropic),
            "inferenceConfig" | "toolConfig" | "schemaVersion" => Some(Format::Converse),
            _ => None,
        }
    })?;
    Ok(if found == Format::Prompt && messages { Format::OpenAi } else { found })
}

/// Returns the format of a response body or of the data of an event.
pub(super) fn response_format(body: &[u8]) -> Result<Format, Error> {
    detect(body, |name, value| match (name, value) {
        ("choices", Value::Array(_)) => Some(Format::OpenAi),
        ("output", Value::Object(_)) => Some(Format::Converse),
        ("messageStart" | "contentBlockStart" | "contentBlockDelta" | "contentBlockStop" | "messageStop", _)
        | ("metadata", _) => Some(Format::Converse),
        ("type", Value::String(_)) | ("content", Value::Array(_)) => Some(Format::Anthropic),
        _ => None,
    })
}
