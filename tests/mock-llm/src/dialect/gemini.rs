//! Google Gemini. The path contains the model and the operation. A stream consists of server-sent events if the query has
//! `alt=sse`, otherwise of the items of one JSON array.

use serde_json::Value;

use super::embeddings::{size, vector};
use super::{BodyFormat, Call, EncodedResponse, Endpoint, add_messages, arguments_json, count, list, texts};
use crate::error::{ApiError, ErrorBody};
use crate::generation::Generation;
use crate::json::{Json, object};
use crate::knobs::UsageAt;
use crate::llm_request::LlmRequest;
use crate::stream::{Events, Framing, Stream};
use crate::tokens::tokens;
use crate::usage::Usage;

pub(super) const ENDPOINTS: &[Endpoint] = &[
    Endpoint { paths: &["models/*:generateContent"], format: |_| BodyFormat::JSON, respond: generate, error_body },
    Endpoint { paths: &["models/*:streamGenerateContent"], format, respond: stream_generate, error_body },
    Endpoint { paths: &["models/*:countTokens"], format: |_| BodyFormat::JSON, respond: count_tokens, error_body },
    Endpoint { paths: &["models/*:embedContent"], format: |_| BodyFormat::JSON, respond: embed, error_body },
    Endpoint {
        paths: &["models/*:batchEmbedContents"],
        format: |_| BodyFormat::JSON,
        respond: batch_embed,
        error_body,
    },
];

fn format(call: &Call<'_>) -> BodyFormat {
    if call.query.split('&').any(|pair| pair == "alt=sse") { BodyFormat::SSE } else { BodyFormat::ARRAY }
}

fn generate(call: &Call<'_>) -> Result<EncodedResponse, ApiError> {
    let body = call.object()?;
    let request = llm_request(call, &body)?;
    let generation = call.generate(&request)?;
    let candidates = (0..generation.choices).map(|index| candidate(&generation, index, parts(&generation), true));
    let usage = (call.knobs.usage_at != UsageAt::Never).then_some(generation.usage);
    Ok(EncodedResponse::json(&response(&generation, Json::list(candidates), usage)))
}

fn stream_generate(call: &Call<'_>) -> Result<EncodedResponse, ApiError> {
    let body = call.object()?;
    let request = llm_request(call, &body)?;
    let generation = call.generate(&request)?;
    let format = format(call);
    let framing = if format == BodyFormat::SSE { Framing::Sse } else { Framing::Array };
    Ok(EncodedResponse::new(format, stream(&generation, framing, call)))
}

/// Reads a request with `contents`.
fn llm_request(call: &Call<'_>, body: &Value) -> Result<LlmRequest<'static>, ApiError> {
    let mut request = call.llm_request(body)?;
    if let Some(system) = body.get("systemInstruction").or(body.get("system_instruction")) {
        request.add_message(false, system.get("parts").map(texts).unwrap_or_default());
    }
    add_messages(&mut request, list(body, "contents")?, "parts");
    let config = body.get("generationConfig").or(body.get("generation_config")).unwrap_or(&Value::Null);
    request.max_tokens = count(config, "maxOutputTokens");
    request.candidates = count(config, "candidateCount").and_then(|count| u32::try_from(count).ok());
    Ok(request)
}

const FINISHES: &[(&str, &str)] =
    &[("stop", "STOP"), ("tool_calls", "STOP"), ("length", "MAX_TOKENS"), ("content_filter", "SAFETY")];

fn parts(generation: &Generation<'_>) -> Vec<Json> {
    let thinking = generation.thinking.iter().map(|segmented| object! { "text": &*segmented.text, "thought": true });
    let text = generation.text.iter().map(|segmented| object! { "text": &*segmented.text });
    let calls = generation.tool_calls.iter().map(|(name, arguments)| function_call(name, arguments));
    thinking.chain(text).chain(calls).collect()
}

/// Encodes a tool call. It is never split into deltas, because its arguments are an object.
fn function_call(name: &str, arguments: &str) -> Json {
    object! { "functionCall": object! { "name": name, "args": arguments_json(arguments) } }
}

fn candidate(generation: &Generation<'_>, index: u32, parts: Vec<Json>, last: bool) -> Json {
    let mut candidate = object! { "content": object! { "parts": parts, "role": "model" } };
    if last {
        candidate.add("finishReason", generation.finish_in(FINISHES));
    }
    candidate.with("index", index)
}

fn response(generation: &Generation<'_>, candidates: Json, usage: Option<Usage>) -> Json {
    let mut response = object! { "candidates": candidates };
    if let Some(usage) = usage {
        response.add("usageMetadata", usage_metadata(usage));
    }
    response.with("modelVersion", &*generation.model).with("responseId", generation.id(""))
}

/// Encodes usage. Gemini counts reasoning separately from the candidates.
fn usage_metadata(usage: Usage) -> Json {
    let mut metadata = object! {
        "promptTokenCount": usage.input,
        "candidatesTokenCount": usage.output.saturating_sub(usage.reasoning),
        "totalTokenCount": usage.total(),
    };
    if usage.cached > 0 {
        metadata.add("cachedContentTokenCount", usage.cached);
    }
    metadata.add("promptTokensDetails", text_tokens(usage.input));
    if usage.reasoning > 0 {
        metadata.add("thoughtsTokenCount", usage.reasoning);
    }
    metadata
}

fn text_tokens(count: u64) -> Json {
    Json::list([object! { "modality": "TEXT", "tokenCount": count }])
}

/// Encodes a stream. Every chunk is a response with the new parts and the cumulative usage.
fn stream(generation: &Generation<'_>, framing: Framing, call: &Call<'_>) -> Events {
    let mut stream = Stream::new(framing, call.knobs);
    let total = generation.usage;
    let thinking = generation.thinking.iter().flat_map(|segmented| segmented.deltas());
    let thinking = thinking.map(|delta| (tokens(delta), object! { "text": delta, "thought": true }));
    let text = generation.text.iter().flat_map(|segmented| segmented.deltas());
    let text = text.map(|delta| (tokens(delta), object! { "text": delta }));
    let calls = generation
        .tool_calls
        .iter()
        .map(|(name, arguments)| (tokens(name) + tokens(arguments), function_call(name, arguments)));
    for (spent, part) in thinking.chain(text).chain(calls) {
        for index in 0..generation.choices {
            let usage = total.so_far(stream.spent + spent);
            let usage = match call.knobs.usage_at {
                UsageAt::Never | UsageAt::Last => None,
                UsageAt::Asked | UsageAt::Always | UsageAt::Every => Some(usage),
            };
            let candidate = candidate(generation, index, vec![part.clone()], false);
            stream.json("", spent, &response(generation, Json::list([candidate]), usage));
        }
    }
    let usage = (call.knobs.usage_at != UsageAt::Never).then_some(total);
    for index in 0..generation.choices {
        let empty = vec![object! { "text": "" }];
        stream.json("", 0, &response(generation, Json::list([candidate(generation, index, empty, true)]), usage));
    }
    stream.finish(("", |out: &mut Vec<u8>| error_body(&ApiError::mid_stream()).body.write(out)))
}

fn count_tokens(call: &Call<'_>) -> Result<EncodedResponse, ApiError> {
    let body = call.object()?;
    // The body is either `contents` alone, or a complete request in `generateContentRequest`.
    let request = llm_request(call, body.get("generateContentRequest").unwrap_or(&body))?;
    let total = call.knobs.usage.map_or(request.prompt_tokens(), |usage| usage.input);
    Ok(EncodedResponse::json(&object! { "totalTokens": total, "promptTokensDetails": text_tokens(total) }))
}

fn embed(call: &Call<'_>) -> Result<EncodedResponse, ApiError> {
    Ok(EncodedResponse::json(&object! { "embedding": embedding(&call.object()?)? }))
}

fn batch_embed(call: &Call<'_>) -> Result<EncodedResponse, ApiError> {
    let body = call.object()?;
    let embeddings = list(&body, "requests")?.iter().map(embedding).collect::<Result<Vec<_>, _>>()?;
    Ok(EncodedResponse::json(&object! { "embeddings": embeddings }))
}

fn embedding(request: &Value) -> Result<Json, ApiError> {
    let parts = request.pointer("/content/parts").ok_or(ApiError::missing("content"))?;
    let numbers = vector(&texts(parts), size(request, "outputDimensionality"));
    Ok(object! { "values": Json::list(numbers.into_iter().map(|number| Json::Float(number.into()))) })
}

/// Encodes an error in Google's format.
fn error_body(error: &ApiError) -> ErrorBody {
    let status = match error.status {
        401 => "UNAUTHENTICATED",
        403 => "PERMISSION_DENIED",
        404 => "NOT_FOUND",
        429 => "RESOURCE_EXHAUSTED",
        503 => "UNAVAILABLE",
        504 => "DEADLINE_EXCEEDED",
        500.. => "INTERNAL",
        _ => "INVALID_ARGUMENT",
    };
    let inner = object! { "code": u32::from(error.status), "message": error.message.as_str(), "status": status };
    ErrorBody { body: object! { "error": inner }, headers: Vec::new() }
}
