//! OpenAI audio: transcriptions and translations of a file in a form, and speech.
//!
//! A transcript is the text that the mock generates for the form's `prompt`; speech is silence of a length that fits the text.

use super::{BodyFormat, Call, EncodedResponse, Endpoint};
use crate::error::ApiError;
use crate::generation::Generation;
use crate::json::{Json, object};
use crate::knobs::UsageAt;
use crate::llm_request::{LlmRequest, Text};
use crate::multipart::Fields;
use crate::stream::{Events, Framing, Stream};
use crate::tokens::tokens;

pub(super) const ENDPOINTS: &[Endpoint] = &[
    Endpoint { paths: &["audio/transcriptions", "audio/translations"], format, respond, error_body: ApiError::openai },
    Endpoint { paths: &["audio/speech"], format: |_| SPEECH, respond: speak, error_body: ApiError::openai },
];

const SPEECH: BodyFormat = BodyFormat { media: "audio/wav", streamed: false };

/// Parts of a WAV file: before the first length, between the two lengths (one channel, eight bits, 8000 Hz), and one sample of
/// silence.
const WAV: [&[u8]; 3] = [b"RIFF", b"WAVEfmt \x10\0\0\0\x01\0\x01\0\x40\x1f\0\0\x40\x1f\0\0\x01\0\x08\0data", b"\x80"];

/// Bytes of audio per token.
const BYTES_PER_TOKEN: u64 = 1000;
/// Maximum bytes of generated audio.
const MAX_SPEECH: usize = 1 << 20;

fn format(call: &Call<'_>) -> BodyFormat {
    let fields = Fields::parse(call.content_type, call.body).unwrap_or_default();
    if fields.text("stream") == Some("true") {
        return BodyFormat::SSE;
    }
    match fields.text("response_format") {
        Some("text" | "srt" | "vtt") => BodyFormat::TEXT,
        _ => BodyFormat::JSON,
    }
}

fn respond(call: &Call<'_>) -> Result<EncodedResponse, ApiError> {
    let fields = Fields::parse(call.content_type, call.body)?;
    let file = fields.file("file").ok_or(ApiError::missing("file"))?;
    let model = fields.text("model").ok_or(ApiError::invalid("you must provide a model parameter", None, None))?;
    let mut request = LlmRequest { model: Some(Text(model.into())), ..LlmRequest::default() };
    request.add_message(true, fields.text("prompt").unwrap_or_default());
    let mut generation = call.generate(&request)?;
    let audio_tokens = (file.len() as u64).div_ceil(BYTES_PER_TOKEN);
    if call.knobs.usage.is_none() {
        generation.usage.input += audio_tokens;
    }
    let format = format(call);
    let text = generation.text_or_empty();
    Ok(match (format, fields.text("response_format")) {
        (BodyFormat::SSE, _) => EncodedResponse::new(format, stream(&generation, audio_tokens, call)),
        (BodyFormat::TEXT, Some("text")) => {
            EncodedResponse::new(format, Events::whole(format!("{text}\n").into_bytes()))
        }
        (BodyFormat::TEXT, Some("srt")) => EncodedResponse::new(
            format,
            Events::whole(format!("1\n00:00:00,000 --> 00:00:01,000\n{text}\n\n").into_bytes()),
        ),
        (BodyFormat::TEXT, _) => {
            let body = format!("WEBVTT\n\n00:00:00.000 --> 00:00:01.000\n{text}\n\n");
            EncodedResponse::new(format, Events::whole(body.into_bytes()))
        }
        (_, Some("verbose_json")) => EncodedResponse::json(&object! {
            "task": "transcribe", "language": "english", "duration": 1.0, "text": text,
            "segments": Json::list([object! { "id": 0_u64, "start": 0.0, "end": 1.0, "text": text }]),
        }),
        _ => {
            let mut body = object! { "text": text };
            if call.knobs.usage_at != UsageAt::Never {
                body.add("usage", usage(&generation, audio_tokens));
            }
            EncodedResponse::json(&body)
        }
    })
}

fn speak(call: &Call<'_>) -> Result<EncodedResponse, ApiError> {
    let body = call.object()?;
    call.llm_request(&body)?;
    let text = body.get("input").and_then(|input| input.as_str()).ok_or(ApiError::missing("input"))?;
    // The same rule as for transcription: a thousand bytes per token.
    let length = usize::try_from(tokens(text) * BYTES_PER_TOKEN).unwrap_or(usize::MAX).min(MAX_SPEECH);
    let [riff, format, silence] = WAV;
    let bytes = |length: usize| u32::try_from(length).unwrap_or(u32::MAX).to_le_bytes();
    let whole = bytes(format.len() + 4 + length);
    let file = [riff, &whole, format, &bytes(length), &silence.repeat(length)].concat();
    Ok(EncodedResponse::new(SPEECH, Events::whole(file)))
}

fn usage(generation: &Generation<'_>, audio_tokens: u64) -> Json {
    let usage = generation.usage;
    let audio_tokens = audio_tokens.min(usage.input);
    object! {
        "type": "tokens", "input_tokens": usage.input,
        "input_token_details": object! { "text_tokens": usage.input - audio_tokens, "audio_tokens": audio_tokens },
        "output_tokens": usage.output, "total_tokens": usage.total(),
    }
}

fn stream(generation: &Generation<'_>, audio_tokens: u64, call: &Call<'_>) -> Events {
    let mut stream = Stream::new(Framing::Sse, call.knobs);
    for delta in generation.text.iter().flat_map(|segmented| segmented.deltas()) {
        stream.json("", tokens(delta), &object! { "type": "transcript.text.delta", "delta": delta });
    }
    let mut done = object! { "type": "transcript.text.done", "text": generation.text_or_empty() };
    if call.knobs.usage_at != UsageAt::Never {
        done.add("usage", usage(generation, audio_tokens));
    }
    stream.json("", 0, &done);
    stream.event("", 0, |out| out.extend_from_slice(b"[DONE]"));
    stream.finish(("", |out: &mut Vec<u8>| ApiError::mid_stream().openai().body.write(out)))
}
