//! OpenAI's audio (API reference, "Audio"): what is said in a sound, and a sound of what is to be said.
//!
//! A sound comes as a form, of which the model and the stream flag are read. What was heard comes as JSON, or in formats
//! without JSON (`text`, `srt`, `vtt`), which are one text each. What is to be said comes in JSON; the answer is a sound.

use super::{DeltaMembers, DialectSpec, Indexed, openai_chat};
use crate::dialect::path::Pattern;

mod names;
mod request;
pub(super) mod response;
#[cfg(test)]
mod tests;

pub(super) const TRANSCRIPTIONS: DialectSpec = DialectSpec {
    name: "openai.transcriptions",
    paths: &[
        Pattern::new("audio/transcriptions"),
        Pattern::new("deployments/{model}/audio/transcriptions"),
        Pattern::new("audio/translations"),
        Pattern::new("deployments/{model}/audio/translations"),
    ],
    names: names::NAMES,
    form: Some(&["model", "stream", "prompt"]),
    request: request::read,
    response: response::transcript,
    chunk: response::transcript,
    plain: &["text/plain", "text/vtt", "application/x-subrip"],
    delta_members: DeltaMembers {
        top: &["type", "segment_id"],
        inner: &[],
        null: &[],
        indexed: Indexed { choices: "", calls: "" },
    },
    ..openai_chat::SPEC
};

pub(super) const SPEECH: DialectSpec = DialectSpec {
    name: "openai.speech",
    paths: &[Pattern::new("audio/speech"), Pattern::new("deployments/{model}/audio/speech")],
    form: None,
    response: response::speech,
    chunk: response::speech,
    textless: &["audio/", "application/octet-stream"],
    plain: &[],
    delta_members: DeltaMembers::NONE,
    ..TRANSCRIPTIONS
};
