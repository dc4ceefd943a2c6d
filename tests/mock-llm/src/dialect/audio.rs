//! OpenAI's transcriptions and translations of speech: a form with a file in it. What is heard is what the mock would answer
//! to the form's `prompt`. And speech from a text: as many bytes of silence.

use super::{Call, Endpoint, Form, Written};
use crate::answer::Answer;
use crate::ask::{Ask, Text};
use crate::error::ApiError;
use crate::json::{Json, object};
use crate::knobs::UsageAt;
use crate::multipart::Fields;
use crate::stream::{Events, Framing, Stream};
use crate::tokens::tokens;

pub(super) const ENDPOINTS: &[Endpoint] = &[
    Endpoint { paths: &["audio/transcriptions", "audio/translations"], form, answer, refuse: ApiError::openai },
    Endpoint { paths: &["audio/speech"], form: |_| SPEECH, answer: speak, refuse: ApiError::openai },
];

const SPEECH: Form = Form { media: "audio/wav", streamed: false };

/// What a WAV file has before its two lengths, between them (one channel of eight bits, 8000 times a second), and as a
/// sample of silence.
const WAV: [&[u8]; 3] = [b"RIFF", b"WAVEfmt \x10\0\0\0\x01\0\x01\0\x40\x1f\0\0\x40\x1f\0\0\x01\0\x08\0data", b"\x80"];

/// Bytes of audio that cost a token.
const BYTES_PER_TOKEN: u64 = 1000;
/// Bytes of audio that are made at most.
const MOST_SPEECH: usize = 1 << 20;

fn form(call: &Call<'_>) -> Form {
    let fields = Fields::of(call.content_type, call.body).unwrap_or_default();
    if fields.text("stream") == Some("true") {
        return Form::SSE;
    }
    match fields.text("response_format") {
        Some("text" | "srt" | "vtt") => Form::TEXT,
        _ => Form::JSON,
    }
}

fn answer(call: &Call<'_>) -> Result<Written, ApiError> {
    let fields = Fields::of(call.content_type, call.body)?;
    let file = fields.file("file").ok_or(ApiError::missing("file"))?;
    let model = fields.text("model").ok_or(ApiError::invalid("you must provide a model parameter", None, None))?;
    let mut ask = Ask { model: Some(Text(model.into())), ..Ask::default() };
    ask.message(true, fields.text("prompt").unwrap_or_default());
    let mut answer = call.answer(&ask)?;
    let heard = (file.len() as u64).div_ceil(BYTES_PER_TOKEN);
    if call.knobs.usage.is_none() {
        answer.usage.input += heard;
    }
    let form = form(call);
    let text = answer.said();
    Ok(match (form, fields.text("response_format")) {
        (Form::SSE, _) => Written::new(form, stream(&answer, heard, call)),
        (Form::TEXT, Some("text")) => Written::new(form, Events::whole(format!("{text}\n").into_bytes())),
        (Form::TEXT, Some("srt")) => {
            Written::new(form, Events::whole(format!("1\n00:00:00,000 --> 00:00:01,000\n{text}\n\n").into_bytes()))
        }
        (Form::TEXT, _) => {
            let body = format!("WEBVTT\n\n00:00:00.000 --> 00:00:01.000\n{text}\n\n");
            Written::new(form, Events::whole(body.into_bytes()))
        }
        (_, Some("verbose_json")) => Written::json(&object! {
            "task": "transcribe", "language": "english", "duration": 1.0, "text": text,
            "segments": Json::list([object! { "id": 0_u64, "start": 0.0, "end": 1.0, "text": text }]),
        }),
        _ => {
            let mut body = object! { "text": text };
            if call.knobs.usage_at != UsageAt::Never {
                body.add("usage", usage(&answer, heard));
            }
            Written::json(&body)
        }
    })
}

fn speak(call: &Call<'_>) -> Result<Written, ApiError> {
    let body = call.object()?;
    call.ask(&body)?;
    let text = body.get("input").and_then(|input| input.as_str()).ok_or(ApiError::missing("input"))?;
    // As long as it is to transcribe.
    let length = usize::try_from(tokens(text) * BYTES_PER_TOKEN).unwrap_or(usize::MAX).min(MOST_SPEECH);
    let [riff, format, silence] = WAV;
    let bytes = |length: usize| u32::try_from(length).unwrap_or(u32::MAX).to_le_bytes();
    let whole = bytes(format.len() + 4 + length);
    let file = [riff, &whole, format, &bytes(length), &silence.repeat(length)].concat();
    Ok(Written::new(SPEECH, Events::whole(file)))
}

fn usage(answer: &Answer<'_>, heard: u64) -> Json {
    let usage = answer.usage;
    let heard = heard.min(usage.input);
    object! {
        "type": "tokens", "input_tokens": usage.input,
        "input_token_details": object! { "text_tokens": usage.input - heard, "audio_tokens": heard },
        "output_tokens": usage.output, "total_tokens": usage.total(),
    }
}

fn stream(answer: &Answer<'_>, heard: u64, call: &Call<'_>) -> Events {
    let mut stream = Stream::new(Framing::Sse, call.knobs);
    for delta in answer.text.iter().flat_map(|said| said.deltas()) {
        stream.json("", tokens(delta), &object! { "type": "transcript.text.delta", "delta": delta });
    }
    let mut done = object! { "type": "transcript.text.done", "text": answer.said() };
    if call.knobs.usage_at != UsageAt::Never {
        done.add("usage", usage(answer, heard));
    }
    stream.json("", 0, &done);
    stream.event("", 0, |out| out.extend_from_slice(b"[DONE]"));
    stream.end(("", |out: &mut Vec<u8>| ApiError::in_the_middle().openai().body.write(out)))
}
