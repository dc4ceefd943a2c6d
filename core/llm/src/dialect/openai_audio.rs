//! OpenAI's audio (API reference, "Audio"): transcriptions, translations and speech.
//!
//! Audio to transcribe is sent as a form, of which the model, the stream flag and the prompt are read. Transcripts are
//! JSON, or one plain text in the formats `text`, `srt` and `vtt`. Speech requests are JSON; the response is audio.

use super::{DeltaMembers, DialectSpec, Indexed, openai_chat};
use crate::dialect::path::Pattern;

pub(super) mod names;
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
    finish_events: None,
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
