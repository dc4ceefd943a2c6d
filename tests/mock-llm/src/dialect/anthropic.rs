//! Anthropic Messages and `count_tokens`, and the same API on Vertex AI with the model in the path.

use serde_json::Value;

use super::{BodyFormat, Call, EncodedResponse, Endpoint, add_messages, arguments_json, count, list, texts};
use crate::error::{ApiError, ErrorBody};
use crate::generation::Generation;
use crate::json::{Json, object};
use crate::knobs::UsageAt;
use crate::llm_request::LlmRequest;
use crate::stream::{Events, Framing, Stream};
use crate::tokens::{argument_segments, tokens};
use crate::usage::Usage;

pub(super) const ENDPOINTS: &[Endpoint] = &[
    // First, because on Vertex AI `count-tokens` is in the place of a model.
    Endpoint {
        paths: &["messages/count_tokens", "models/count-tokens:rawPredict"],
        format: |_| BodyFormat::JSON,
        respond: count_tokens,
        error_body,
    },
    Endpoint { paths: &["messages", "models/*:rawPredict", STREAMED_ON_VERTEX], format, respond, error_body },
];

/// Path of streamed requests on Vertex AI, which have no `stream` member.
const STREAMED_ON_VERTEX: &str = "models/*:streamRawPredict";

fn format(call: &Call<'_>) -> BodyFormat {
    BodyFormat::choose(call.path == STREAMED_ON_VERTEX || call.requests_stream(false), BodyFormat::SSE)
}

fn respond(call: &Call<'_>) -> Result<EncodedResponse, ApiError> {
    let body = call.object()?;
    let request = llm_request(call, &body)?;
    let generation = call.generate(&request)?;
    Ok(match format(call).streamed {
        true => {
            let mut stream = Stream::new(Framing::Sse, call.knobs);
            events(&generation, call, |name, spent, data| stream.json(name, spent, &data));
            EncodedResponse::new(BodyFormat::SSE, end(stream))
        }
        false => EncodedResponse::json(&message(&generation, call)),
    })
}

fn count_tokens(call: &Call<'_>) -> Result<EncodedResponse, ApiError> {
    let body = call.object()?;
    let mut request = call.llm_request(&body)?;
    add_prompt(&mut request, &body)?;
    let input = call.knobs.usage.map_or(request.prompt_tokens(), |usage| usage.input);
    Ok(EncodedResponse::json(&object! { "input_tokens": input }))
}

/// Reads a Messages request.
pub(super) fn llm_request(call: &Call<'_>, body: &Value) -> Result<LlmRequest<'static>, ApiError> {
    let mut request = call.llm_request(body)?;
    add_prompt(&mut request, body)?;
    let max_tokens = count(body, "max_tokens");
    request.max_tokens =
        Some(max_tokens.ok_or(ApiError::invalid("max_tokens: Field required", Some("max_tokens"), None))?);
    Ok(request)
}

fn add_prompt(request: &mut LlmRequest<'_>, body: &Value) -> Result<(), ApiError> {
    if let Some(system) = body.get("system") {
        request.add_message(false, texts(system));
    }
    add_messages(request, list(body, "messages")?, "content");
    // The API has no `n`.
    request.candidates = None;
    Ok(())
}

/// Finish reasons by OpenAI's name, and Anthropic's stop reasons.
const STOPS: &[(&str, &str)] =
    &[("stop", "end_turn"), ("length", "max_tokens"), ("tool_calls", "tool_use"), ("content_filter", "refusal")];

/// Encodes the message as one document.
pub(super) fn message(generation: &Generation<'_>, call: &Call<'_>) -> Json {
    let mut content = Vec::new();
    if let Some(segmented) = &generation.thinking {
        content.push(object! { "type": "thinking", "thinking": &*segmented.text, "signature": signature(generation) });
    }
    if let Some(segmented) = &generation.text {
        content.push(object! { "type": "text", "text": &*segmented.text });
    }
    for (at, (name, arguments)) in generation.tool_calls.iter().enumerate() {
        content.push(object! {
            "type": "tool_use", "id": tool_id(generation, at), "name": name.as_str(), "input": arguments_json(arguments),
        });
    }
    let mut message = head(generation, content, Some(generation.finish_in(STOPS)));
    if call.knobs.usage_at != UsageAt::Never {
        message.add("usage", usage(generation.usage));
    }
    message
}

fn head(generation: &Generation<'_>, content: Vec<Json>, stop: Option<&str>) -> Json {
    object! {
        "id": generation.id("msg_"), "type": "message", "role": "assistant", "model": &*generation.model,
        "content": content, "stop_reason": stop, "stop_sequence": Json::Null,
    }
}

fn tool_id(generation: &Generation<'_>, at: usize) -> String {
    format!("{}_{at}", generation.id("toolu_"))
}

/// Returns the signature of the thinking, which a client has to send back with it.
pub(super) fn signature(generation: &Generation<'_>) -> String {
    generation.id("sig")
}

fn usage(usage: Usage) -> Json {
    object! {
        "input_tokens": usage.uncached_input(),
        "cache_creation_input_tokens": usage.written,
        "cache_read_input_tokens": usage.cached,
        "cache_creation": object! { "ephemeral_5m_input_tokens": usage.written, "ephemeral_1h_input_tokens": 0_u64 },
        "output_tokens": usage.output,
        "service_tier": "standard",
    }
}

/// Encodes the message as events. `out` receives the name of each, its output tokens, and its data.
///
/// Usage is cumulative: `message_delta` repeats the input tokens of `message_start`.
pub(super) fn events(generation: &Generation<'_>, call: &Call<'_>, mut out: impl FnMut(&str, u64, Json)) {
    let report_usage = call.knobs.usage_at != UsageAt::Never;
    let mut message = head(generation, Vec::new(), None);
    if report_usage {
        message.add("usage", usage(Usage { output: generation.usage.output.min(1), ..generation.usage }));
    }
    out("message_start", 0, object! { "type": "message_start", "message": message });
    let mut index = 0_u64;
    let mut block = |begin: Json, deltas: Vec<(u64, Json)>| {
        let start = object! { "type": "content_block_start", "index": index, "content_block": begin };
        out("content_block_start", 0, start);
        if index == 0 {
            out("ping", 0, object! { "type": "ping" });
        }
        for (spent, delta) in deltas {
            let data = object! { "type": "content_block_delta", "index": index, "delta": delta };
            out("content_block_delta", spent, data);
        }
        out("content_block_stop", 0, object! { "type": "content_block_stop", "index": index });
        index += 1;
    };
    if let Some(segmented) = &generation.thinking {
        let delta = |text| (tokens(text), object! { "type": "thinking_delta", "thinking": text });
        let mut deltas: Vec<_> = segmented.deltas().map(delta).collect();
        deltas.push((0, object! { "type": "signature_delta", "signature": signature(generation) }));
        block(object! { "type": "thinking", "thinking": "", "signature": "" }, deltas);
    }
    if let Some(segmented) = &generation.text {
        let delta = |text| (tokens(text), object! { "type": "text_delta", "text": text });
        block(object! { "type": "text", "text": "" }, segmented.deltas().map(delta).collect());
    }
    for (at, (name, arguments)) in generation.tool_calls.iter().enumerate() {
        let delta = |text| (tokens(text), object! { "type": "input_json_delta", "partial_json": text });
        // Anthropic sends an empty delta first.
        let pieces = std::iter::once("").chain(argument_segments(arguments, call.knobs.delta_chars));
        let none = Json::Object(Vec::new());
        let begin = object! { "type": "tool_use", "id": tool_id(generation, at), "name": name.as_str(), "input": none };
        block(begin, pieces.map(delta).collect());
    }
    let delta = object! { "stop_reason": generation.finish_in(STOPS), "stop_sequence": Json::Null };
    let mut last = object! { "type": "message_delta", "delta": delta };
    if report_usage {
        let usage = generation.usage;
        last.add(
            "usage",
            object! {
                "input_tokens": usage.uncached_input(), "cache_creation_input_tokens": usage.written,
                "cache_read_input_tokens": usage.cached, "output_tokens": usage.output,
            },
        );
    }
    out("message_delta", 0, last);
    out("message_stop", 0, object! { "type": "message_stop" });
}

fn end(stream: Stream<'_>) -> Events {
    stream.finish(("error", |out: &mut Vec<u8>| error_body(&ApiError::mid_stream()).body.write(out)))
}

/// Encodes an error in Anthropic's format.
pub(super) fn error_body(error: &ApiError) -> ErrorBody {
    let kind = match error.status {
        401 => "authentication_error",
        403 => "permission_error",
        404 => "not_found_error",
        413 => "request_too_large",
        429 => "rate_limit_error",
        503 | 529 => "overloaded_error",
        500.. => "api_error",
        _ => "invalid_request_error",
    };
    let inner = object! { "type": kind, "message": error.message.as_str() };
    let body = object! { "type": "error", "error": inner, "request_id": Json::Null };
    ErrorBody { body, headers: Vec::new() }
}
