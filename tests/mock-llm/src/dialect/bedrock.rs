//! Amazon Bedrock: Converse, and InvokeModel in the native format of the model's provider (Anthropic or Meta).
//!
//! The model is in the path; streams are Amazon event streams.

use serde_json::Value;

use super::anthropic::{self, signature};
use super::{BodyFormat, Call, EncodedResponse, Endpoint, add_messages, arguments_json, count, list, texts};
use crate::error::{ApiError, ErrorBody};
use crate::generation::Generation;
use crate::json::{Json, object};
use crate::knobs::UsageAt;
use crate::llm_request::LlmRequest;
use crate::stream::{Events, Framing, Stream};
use crate::text_codec::base64_encode;
use crate::tokens::{argument_segments, tokens};
use crate::usage::Usage;

pub(super) const ENDPOINTS: &[Endpoint] = &[
    Endpoint { paths: &["model/*/converse"], format: |_| BodyFormat::JSON, respond: converse, error_body },
    Endpoint {
        paths: &["model/*/converse-stream"],
        format: |_| BodyFormat::FRAMES,
        respond: converse_stream,
        error_body,
    },
    Endpoint { paths: &["model/*/invoke"], format: |_| BodyFormat::JSON, respond: invoke, error_body },
    Endpoint {
        paths: &["model/*/invoke-with-response-stream"],
        format: |_| BodyFormat::FRAMES,
        respond: invoke_stream,
        error_body,
    },
];

const STOPS: &[(&str, &str)] = &[
    ("stop", "end_turn"),
    ("length", "max_tokens"),
    ("tool_calls", "tool_use"),
    ("content_filter", "content_filtered"),
];

/// Padding that Bedrock adds to every event to hide the length of the text.
const PADDING: &str = "abcdefgh";

fn llm_request(call: &Call<'_>, body: &Value) -> Result<LlmRequest<'static>, ApiError> {
    let mut request = call.llm_request(body)?;
    // Some clients send an empty array.
    if let Some(system) = body.get("system").filter(|system| **system != Value::Array(Vec::new())) {
        request.add_message(false, texts(system));
    }
    add_messages(&mut request, list(body, "messages")?, "content");
    request.max_tokens = body.pointer("/inferenceConfig/maxTokens").and_then(Value::as_u64);
    request.tools = body.pointer("/toolConfig/tools").and_then(Value::as_array).map_or(0, |tools| tools.len() as u64);
    Ok(request)
}

fn converse(call: &Call<'_>) -> Result<EncodedResponse, ApiError> {
    let body = call.object()?;
    let request = llm_request(call, &body)?;
    let generation = call.generate(&request)?;
    let mut content = Vec::new();
    if let Some(segmented) = &generation.thinking {
        let text = object! { "text": &*segmented.text, "signature": signature(&generation) };
        content.push(object! { "reasoningContent": object! { "reasoningText": text } });
    }
    if let Some(segmented) = &generation.text {
        content.push(object! { "text": &*segmented.text });
    }
    for (at, (name, arguments)) in generation.tool_calls.iter().enumerate() {
        let call = tool(&generation, at, name).with("input", arguments_json(arguments));
        content.push(object! { "toolUse": call });
    }
    let mut body = object! {
        "metrics": metrics(),
        "output": object! { "message": object! { "content": content, "role": "assistant" } },
        "stopReason": generation.finish_in(STOPS),
    };
    if call.knobs.usage_at != UsageAt::Never {
        body.add("usage", usage(generation.usage));
    }
    Ok(EncodedResponse::json(&body))
}

fn tool(generation: &Generation<'_>, at: usize, name: &str) -> Json {
    object! { "toolUseId": format!("{}_{at}", generation.id("tooluse_")), "name": name }
}

fn metrics() -> Json {
    object! { "latencyMs": 1_u64 }
}

fn usage(usage: Usage) -> Json {
    object! {
        "inputTokens": usage.uncached_input(), "outputTokens": usage.output, "totalTokens": usage.total(),
        "cacheReadInputTokens": usage.cached, "cacheWriteInputTokens": usage.written,
    }
}

fn converse_stream(call: &Call<'_>) -> Result<EncodedResponse, ApiError> {
    let body = call.object()?;
    let request = llm_request(call, &body)?;
    let generation = call.generate(&request)?;
    let mut stream = Stream::new(Framing::Frames, call.knobs);
    let mut event = |name: &str, spent: u64, data: Json| stream.json(name, spent, &data.with("p", PADDING));
    event("messageStart", 0, object! { "role": "assistant" });
    let mut index = 0_u64;
    let mut block = |start: Option<Json>, deltas: Vec<(u64, Json)>| {
        if let Some(start) = start {
            event("contentBlockStart", 0, object! { "contentBlockIndex": index, "start": start });
        }
        for (spent, delta) in deltas {
            event("contentBlockDelta", spent, object! { "contentBlockIndex": index, "delta": delta });
        }
        event("contentBlockStop", 0, object! { "contentBlockIndex": index });
        index += 1;
    };
    if let Some(segmented) = &generation.thinking {
        let delta = |text| (tokens(text), object! { "reasoningContent": object! { "text": text } });
        let mut deltas: Vec<_> = segmented.deltas().map(delta).collect();
        deltas.push((0, object! { "reasoningContent": object! { "signature": signature(&generation) } }));
        block(None, deltas);
    }
    if let Some(segmented) = &generation.text {
        block(None, segmented.deltas().map(|text| (tokens(text), object! { "text": text })).collect());
    }
    for (at, (name, arguments)) in generation.tool_calls.iter().enumerate() {
        let pieces = argument_segments(arguments, call.knobs.delta_chars);
        let deltas = pieces.into_iter().map(|text| (tokens(text), object! { "toolUse": object! { "input": text } }));
        block(Some(object! { "toolUse": tool(&generation, at, name) }), deltas.collect());
    }
    event("messageStop", 0, object! { "stopReason": generation.finish_in(STOPS) });
    let mut metadata = object! { "metrics": metrics() };
    if call.knobs.usage_at != UsageAt::Never {
        metadata.add("usage", usage(generation.usage));
    }
    event("metadata", 0, metadata);
    Ok(EncodedResponse::new(BodyFormat::FRAMES, end(stream)))
}

fn end(stream: Stream<'_>) -> Events {
    let failure = object! { "message": ApiError::mid_stream().message };
    stream.finish(("internalServerException", |out: &mut Vec<u8>| failure.write(out)))
}

/// Request of InvokeModel, by the model's provider.
enum NativeRequest {
    Anthropic(LlmRequest<'static>),
    /// Request with `prompt` and `max_gen_len`.
    Meta(LlmRequest<'static>),
}

/// Reads a request of InvokeModel.
fn native_request(call: &Call<'_>, body: &Value) -> Result<NativeRequest, ApiError> {
    let Some(prompt) = body.get("prompt") else {
        return anthropic::llm_request(call, body).map(NativeRequest::Anthropic);
    };
    let mut request = call.llm_request(body)?;
    request.add_message(true, texts(prompt));
    request.max_tokens = count(body, "max_gen_len");
    Ok(NativeRequest::Meta(request))
}

fn invoke(call: &Call<'_>) -> Result<EncodedResponse, ApiError> {
    let body = call.object()?;
    let (document, usage) = match native_request(call, &body)? {
        NativeRequest::Anthropic(request) => {
            let generation = call.generate(&request)?;
            (anthropic::message(&generation, call), generation.usage)
        }
        NativeRequest::Meta(request) => {
            let generation = call.generate(&request)?;
            (
                meta_output(
                    &generation,
                    generation.text_or_empty(),
                    Some(generation.usage.input),
                    generation.usage.output,
                    true,
                ),
                generation.usage,
            )
        }
    };
    let mut response = EncodedResponse::json(&document);
    if call.knobs.usage_at != UsageAt::Never {
        response.headers = vec![
            ("x-amzn-bedrock-input-token-count", usage.uncached_input().to_string()),
            ("x-amzn-bedrock-output-token-count", usage.output.to_string()),
        ];
    }
    Ok(response)
}

/// Encodes output in the format of Meta's models.
fn meta_output(generation: &Generation<'_>, text: &str, input: Option<u64>, output: u64, last: bool) -> Json {
    object! {
        "generation": text, "prompt_token_count": input, "generation_token_count": output,
        "stop_reason": last.then(|| generation.finish_in(&[])),
    }
}

fn invoke_stream(call: &Call<'_>) -> Result<EncodedResponse, ApiError> {
    let body = call.object()?;
    let mut stream = Stream::new(Framing::Frames, call.knobs);
    let metrics = |usage: Usage| {
        object! {
            "inputTokenCount": usage.uncached_input(), "outputTokenCount": usage.output,
            "invocationLatency": 1_u64, "firstByteLatency": 1_u64,
        }
    };
    let report_usage = call.knobs.usage_at != UsageAt::Never;
    match native_request(call, &body)? {
        NativeRequest::Anthropic(request) => {
            let generation = call.generate(&request)?;
            anthropic::events(&generation, call, |name, spent, mut data| {
                if name == "message_stop" && report_usage {
                    data.add("amazon-bedrock-invocationMetrics", metrics(generation.usage));
                }
                chunk(&mut stream, spent, &data);
            });
        }
        NativeRequest::Meta(request) => {
            let generation = call.generate(&request)?;
            let mut input = Some(generation.usage.input);
            for delta in generation.text.iter().flat_map(|segmented| segmented.deltas()) {
                let output = (stream.spent + tokens(delta)).min(generation.usage.output);
                chunk(&mut stream, tokens(delta), &meta_output(&generation, delta, input.take(), output, false));
            }
            let mut last = meta_output(&generation, "", input, generation.usage.output, true);
            if report_usage {
                last.add("amazon-bedrock-invocationMetrics", metrics(generation.usage));
            }
            chunk(&mut stream, 0, &last);
        }
    }
    let mut response = EncodedResponse::new(BodyFormat::FRAMES, end(stream));
    response.headers = vec![("x-amzn-bedrock-content-type", "application/json".to_owned())];
    Ok(response)
}

/// Appends a native document as a `chunk` event, base64-encoded.
fn chunk(stream: &mut Stream<'_>, spent: u64, data: &Json) {
    stream.json("chunk", spent, &object! { "bytes": base64_encode(&data.bytes()), "p": PADDING });
}

/// Encodes an error in Amazon's format; its type is a header.
fn error_body(error: &ApiError) -> ErrorBody {
    let kind = match error.status {
        401 | 403 => "AccessDeniedException",
        404 => "ResourceNotFoundException",
        429 => "ThrottlingException",
        503 => "ServiceUnavailableException",
        500.. => "InternalServerException",
        _ => "ValidationException",
    };
    let body = object! { "message": error.message.as_str() };
    ErrorBody { body, headers: vec![("x-amzn-errortype", kind)] }
}
