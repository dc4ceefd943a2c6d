//! OpenAI's audio (API reference, "Audio"): what is said in a sound, and a sound of what is to be said.
//!
//! A sound comes as a form, of which the model and the stream flag are read. What was heard comes as JSON, or in formats
//! without JSON (`text`, `srt`, `vtt`), which are one text each. What is to be said comes in JSON; the answer is a sound.

use super::openai_images::usage;
use super::{Echo, Indexed, Row, openai_chat};
use crate::path::Pattern;
use crate::reader::{Reader, Value};
use crate::request::{Draft, Origin};
use crate::response::Sketch;
use crate::{Channel, Error, Part, Span, TextKind};

pub(super) const TRANSCRIPTIONS: Row = Row {
    name: "openai.transcriptions",
    paths: &[
        Pattern::new("audio/transcriptions"),
        Pattern::new("deployments/{model}/audio/transcriptions"),
        Pattern::new("audio/translations"),
        Pattern::new("deployments/{model}/audio/translations"),
    ],
    form: Some(&["model", "stream", "prompt"]),
    request: read,
    response: heard,
    chunk: heard,
    plain: &["text/plain", "text/vtt", "application/x-subrip"],
    echo: Echo { top: &["type", "segment_id"], inner: &[], null: &[], indexed: Indexed { choices: "", calls: "" } },
    ..openai_chat::ROW
};

pub(super) const SPEECH: Row = Row {
    name: "openai.speech",
    paths: &[Pattern::new("audio/speech"), Pattern::new("deployments/{model}/audio/speech")],
    form: None,
    response: said,
    chunk: said,
    textless: &["audio/", "application/octet-stream"],
    plain: &[],
    echo: Echo::NONE,
    ..TRANSCRIPTIONS
};

fn read(reader: &mut Reader<'_, '_>, draft: &mut Draft<'_>) -> Result<(), Error> {
    draft.body(reader)?;
    let mut to_say = 0;
    while let Some((key, name)) = reader.field(&["model", "input", "instructions", "stream_format"])? {
        let value = reader.value()?;
        match (name, value) {
            ("model", value) => draft.model(reader, value)?,
            ("input", value) => {
                if let Value::String(str) = value {
                    to_say = str.span.len();
                }
                draft.texts(reader, Origin::USER, TextKind::Content, value)?;
            }
            ("instructions", value) => draft.texts(reader, Origin::SYSTEM, TextKind::Content, value)?,
            ("stream_format", Value::String(str)) => {
                draft.request.stream = str.is(reader.body(), "sse");
                draft.text(Origin::OUTSIDE, TextKind::Other, str)?;
            }
            _ => draft.other(reader, Origin::OUTSIDE, key, value)?,
        }
    }
    if to_say > 0 {
        draft.request.max_output_tokens = Some(TOKENS_PER_BYTE.saturating_mul(to_say as u64));
    }
    Ok(())
}

/// Tokens of sound for what takes a byte to write, at the most: a minute of speech is some 1,250 tokens (OpenAI, "Pricing",
/// `gpt-4o-mini-tts`: $0.015 a minute at $12 for a million tokens) and some 900 letters. A sound does not say what it cost.
const TOKENS_PER_BYTE: u64 = 2;

/// What was heard, whole or in events.
fn heard(reader: &mut Reader<'_, '_>, sketch: &mut Sketch<'_>) -> Result<(), Error> {
    reader.object()?;
    let channel = |part| Channel { choice: 0, part };
    let first = sketch.answer.texts.len();
    let mut repeats = false;
    while let Some((_, field)) = reader.field(&[
        "text",
        "delta",
        "type",
        "usage",
        "error",
        "segments",
        "words",
        "logprobs",
        "segment_id",
        "id",
        "task",
    ])? {
        let value = reader.value()?;
        match (field, value) {
            ("text" | "delta", value) => sketch.text_or_others(reader, channel(Part::Content), value)?,
            ("type", Value::String(str)) => match &*str.decode(reader.body()) {
                // The text as a whole, or a part of it once more with who said it.
                "transcript.text.done" => (sketch.answer.ends, repeats) = (true, true),
                "transcript.text.segment" => repeats = true,
                "error" => sketch.answer.is_error = true,
                _ => {}
            },
            ("usage", Value::Object(_)) => sketch.answer.usage = usage(reader, sketch)?,
            ("error", value) => {
                sketch.answer.is_error |= !value.is_null();
                sketch.texts(reader, Channel::OTHER, value)?;
            }
            ("segments", value) => sketch.texts(reader, channel(Part::Whole), value)?,
            // The text word by word, token by token.
            ("words" | "logprobs", value @ Value::Array(_)) => {
                sketch.texts(reader, channel(Part::Logprobs), value)?;
                sketch.answer.logprobs.push(Span::new(value.start(), reader.offset()));
            }
            ("segment_id" | "id" | "task", value) => sketch.nothing(reader, 0, value)?,
            (_, value) => sketch.texts(reader, Channel::OTHER, value)?,
        }
    }
    if repeats {
        for text in sketch.answer.texts.iter_mut().skip(first) {
            if text.channel.part == Part::Content {
                text.channel.part = Part::Whole;
            }
        }
    }
    sketch.answer.choices += 1;
    Ok(())
}

/// An event with a piece of the sound, or an error.
fn said(reader: &mut Reader<'_, '_>, sketch: &mut Sketch<'_>) -> Result<(), Error> {
    reader.object()?;
    while let Some((_, field)) = reader.field(&["type", "audio", "usage", "error"])? {
        let value = reader.value()?;
        match (field, value) {
            ("type", Value::String(str)) => {
                let kind = str.decode(reader.body());
                sketch.answer.ends |= kind == "speech.audio.done";
                sketch.answer.is_error |= kind == "error";
            }
            ("audio", value) => sketch.nothing(reader, 0, value)?,
            ("usage", Value::Object(_)) => sketch.answer.usage = usage(reader, sketch)?,
            ("error", value) => {
                sketch.answer.is_error |= !value.is_null();
                sketch.texts(reader, Channel::OTHER, value)?;
            }
            (_, value) => sketch.texts(reader, Channel::OTHER, value)?,
        }
    }
    sketch.answer.choices += 1;
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::dialect::fixtures::{edited, errors, request, streamed, told, typed_events, whole};
    use crate::{Dialect, Endpoint, Framing, Limits, Response, Usage};

    const HEARD: Dialect = Dialect::OpenAiTranscriptions;
    const SAID: Dialect = Dialect::OpenAiSpeech;

    #[test]
    fn paths() {
        for (path, want) in [
            ("/v1/audio/transcriptions", Some((HEARD, None))),
            ("/v1/audio/translations", Some((HEARD, None))),
            (
                "/openai/deployments/whisper/audio/transcriptions?api-version=1",
                Some((HEARD, Some("whisper".to_owned()))),
            ),
            ("/v1/audio/speech", Some((SAID, None))),
            ("/v1/audio", None),
        ] {
            let found = Endpoint::detect(b"POST", path.as_bytes());
            assert_eq!(found.map(|found| (found.dialect, found.model.map(|model| model.name))), want, "{path}");
        }
        assert_eq!((HEARD.form(), SAID.form()), (Some(&["model", "stream", "prompt"][..]), None));
    }

    #[test]
    fn requests() {
        let body = r#"{"model":"tts-1","input":"Hello","voice":"alloy","instructions":"Whisper","stream_format":"sse","later":"z"}"#;
        assert_eq!(
            told(SAID, body),
            [
                "- Model tts-1",
                "u Content Hello",
                "- Other alloy",
                "s Content Whisper",
                "- Other sse",
                "- Other later",
                "- Other z"
            ]
        );
        assert_eq!(request(SAID, body).max_output_tokens, Some(10));
        assert!(request(SAID, body).stream && !request(SAID, r#"{"stream_format":"audio"}"#).stream);
        assert_eq!(edited(SAID, r#"{"model":"a","input":""}"#, "b"), r#"{"model":"b","input":""}"#);
    }

    #[test]
    fn answers() {
        let body = r#"{"text":"Hi \u00e9","task":"transcribe","language":"english","duration":1.5,"segments":[{"id":0,"text":" Hi",
            "tokens":[1]}],"words":[{"word":"Hi","start":0,"end":1}],"usage":{"type":"tokens","input_tokens":14,"output_tokens":5,
            "total_tokens":19,"input_token_details":{"text_tokens":4,"audio_tokens":10}}}"#;
        let told = whole(HEARD, body);
        assert_eq!(told.lines(), ["0 Content Hi é", "0 Logprobs Hi", "0 Whole  Hi", "0 Other english"]);
        let want = Usage { input: 14, audio_input: 10, output: 5, total: 19, ..Usage::default() };
        assert_eq!((told.usage, told.complete), (Some(want), true));
        let response = Response::parse(HEARD, body.as_bytes(), &Limits::default()).unwrap();
        assert!(response.logprobs[0].of(body.as_bytes()).starts_with(b"[{\"word\""));
        // charged by the second
        let told = whole(HEARD, r#"{"text":"Hi","usage":{"type":"duration","seconds":9}}"#);
        assert_eq!((told.usage, told.lines()), (None, vec!["0 Content Hi".to_owned()]));

        let events = [
            r#"{"type":"transcript.text.delta","delta":"Hel"}"#,
            r#"{"delta":"lo","type":"transcript.text.delta","logprobs":[{"token":"lo","logprob":-1,"bytes":[1]}]}"#,
            r#"{"text":"Hello","type":"transcript.text.segment","id":"seg_1","speaker":"A"}"#,
            r#"{"text":"Hello","type":"transcript.text.done","usage":{"type":"tokens","input_tokens":14,"output_tokens":5,"total_tokens":19}}"#,
        ];
        let told = streamed(HEARD, Framing::Sse, &typed_events(&events));
        assert_eq!(told.meant(), ["0 Content Hello", "0 Logprobs lo", "0 Whole HelloHello"]);
        assert_eq!((told.usage.map(|usage| usage.total), told.ends, told.is_error), (Some(19), true, false));

        let events = [
            r#"{"type":"speech.audio.delta","audio":"aGk="}"#,
            r#"{"type":"speech.audio.done","usage":{"input_tokens":14,"output_tokens":101,"total_tokens":115}}"#,
        ];
        let told = streamed(SAID, Framing::Sse, &typed_events(&events));
        assert_eq!((told.lines().len(), told.usage.map(|usage| usage.output), told.ends), (0, Some(101), true));
        for dialect in [HEARD, SAID] {
            assert_eq!(errors(dialect, 400).0["error"]["param"], "model");
        }
    }
}
