//! OpenAI chat completions, which most servers of open models implement too (with `reasoning_content` for reasoning).
//!
//! Benchmarks use this endpoint as their upstream, so it parses requests and encodes responses without a JSON tree.

mod events;

use super::{BodyFormat, Call, EncodedResponse, Endpoint};
use crate::error::ApiError;
use crate::generation::{CREATED, Generation};
use crate::json::{string, text};
use crate::knobs::UsageAt;
use crate::llm_request::LlmRequest;
use crate::stream::Events;
use crate::usage::Usage;

pub(super) const ENDPOINTS: &[Endpoint] =
    &[Endpoint { paths: &["chat/completions"], format, respond, error_body: ApiError::openai }];

fn format(call: &Call<'_>) -> BodyFormat {
    BodyFormat::choose(LlmRequest::parse(call.body).is_ok_and(|request| request.stream), BodyFormat::SSE)
}

fn respond(call: &Call<'_>) -> Result<EncodedResponse, ApiError> {
    let request = LlmRequest::parse(call.body).map_err(|error| ApiError::malformed(&error))?;
    validate(&request)?;
    let generation = call.generate(&request)?;
    let events = match request.stream {
        true => events::encode(&generation, request.include_usage, call.knobs),
        false => Events::whole(completion(&generation, call.knobs.usage_at)),
    };
    Ok(EncodedResponse::new(BodyFormat::choose(request.stream, BodyFormat::SSE), events))
}

/// Rejects the requests that OpenAI rejects.
fn validate(request: &LlmRequest<'_>) -> Result<(), ApiError> {
    if request.model.is_none() {
        return Err(ApiError::invalid("you must provide a model parameter", None, None));
    }
    match &request.messages {
        None => Err(ApiError::missing("messages")),
        Some(messages) if messages.count == 0 => Err(ApiError::empty("messages")),
        Some(_) => Ok(()),
    }
}

/// Encodes a `chat.completion`.
fn completion(generation: &Generation<'_>, usage_at: UsageAt) -> Vec<u8> {
    let text_bytes = generation.text.as_ref().map_or(0, |segmented| segmented.text.len());
    let mut out = Vec::with_capacity(640 + generation.choices as usize * (text_bytes + 160));
    head(generation, "chat.completion", &mut out);
    for index in 0..generation.choices {
        if index > 0 {
            out.push(b',');
        }
        text(&mut out, format_args!(r#"{{"index":{index},"message":{{"role":"assistant","content":"#));
        match &generation.text {
            Some(segmented) => string(&segmented.text, &mut out),
            None => out.extend_from_slice(b"null"),
        }
        if let Some(thinking) = &generation.thinking {
            out.extend_from_slice(br#","reasoning_content":"#);
            string(&thinking.text, &mut out);
        }
        for (at, (name, arguments)) in generation.tool_calls.iter().enumerate() {
            out.extend_from_slice(if at == 0 { br#","tool_calls":[{"id":"# } else { br#",{"id":"# });
            call_id(generation, index, at, &mut out);
            out.extend_from_slice(br#","type":"function","function":{"name":"#);
            string(name, &mut out);
            out.extend_from_slice(br#","arguments":"#);
            string(arguments, &mut out);
            out.extend_from_slice(b"}}");
        }
        if !generation.tool_calls.is_empty() {
            out.push(b']');
        }
        out.extend_from_slice(br#","refusal":null},"logprobs":null,"finish_reason":"#);
        string(generation.finish, &mut out);
        out.push(b'}');
    }
    out.push(b']');
    if usage_at != UsageAt::Never {
        out.extend_from_slice(br#","usage":"#);
        usage(generation.usage, &mut out);
    }
    out.push(b'}');
    out
}

/// Writes a document up to the bracket that opens its choices, inclusive.
fn head(generation: &Generation<'_>, object: &str, out: &mut Vec<u8>) {
    let id = generation.fingerprint;
    text(out, format_args!(r#"{{"id":"chatcmpl-{id:016x}","object":"{object}","created":{CREATED},"model":"#));
    string(&generation.model, out);
    out.extend_from_slice(br#","service_tier":"default","system_fingerprint":"fp_mock","choices":["#);
}

/// Writes the id of the tool call number `at` of the choice `index`.
fn call_id(generation: &Generation<'_>, index: u32, at: usize, out: &mut Vec<u8>) {
    text(out, format_args!(r#""call_{:016x}_{index}_{at}""#, generation.fingerprint));
}

/// Writes a `usage` object.
pub(super) fn usage(usage: Usage, out: &mut Vec<u8>) {
    let Usage { input, output, cached, reasoning, .. } = usage;
    let total = input + output;
    text(
        out,
        format_args!(
            r#"{{"prompt_tokens":{input},"completion_tokens":{output},"total_tokens":{total},"prompt_tokens_details":{{"cached_tokens":{cached},"audio_tokens":0}},"completion_tokens_details":{{"reasoning_tokens":{reasoning},"audio_tokens":0,"accepted_prediction_tokens":0,"rejected_prediction_tokens":0}}}}"#
        ),
    );
}
