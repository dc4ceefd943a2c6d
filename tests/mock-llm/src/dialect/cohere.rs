//! Cohere chat (version 2), rerank and embed.

use serde_json::Value;

use super::embeddings::{size, vectors};
use super::{BodyFormat, Call, EncodedResponse, Endpoint, add_messages, count, list, texts};
use crate::error::{ApiError, ErrorBody};
use crate::generation::Generation;
use crate::json::{Json, object};
use crate::knobs::UsageAt;
use crate::stream::{Events, Framing, Stream};
use crate::tokens::{argument_segments, tokens};

pub(super) const ENDPOINTS: &[Endpoint] = &[
    Endpoint { paths: &["v2/chat"], format, respond: chat, error_body },
    Endpoint { paths: &["v1/rerank", "v2/rerank"], format: |_| BodyFormat::JSON, respond: rerank, error_body },
    Endpoint { paths: &["v2/embed"], format: |_| BodyFormat::JSON, respond: embed, error_body },
];

const FINISHES: &[(&str, &str)] =
    &[("stop", "COMPLETE"), ("length", "MAX_TOKENS"), ("tool_calls", "TOOL_CALL"), ("content_filter", "ERROR")];

fn format(call: &Call<'_>) -> BodyFormat {
    BodyFormat::choose(call.requests_stream(false), BodyFormat::SSE)
}

fn chat(call: &Call<'_>) -> Result<EncodedResponse, ApiError> {
    let body = call.object()?;
    let mut request = call.llm_request(&body)?;
    add_messages(&mut request, list(&body, "messages")?, "content");
    request.max_tokens = count(&body, "max_tokens");
    let generation = call.generate(&request)?;
    if request.stream {
        return Ok(EncodedResponse::new(BodyFormat::SSE, stream(&generation, call)));
    }
    let thinking =
        generation.thinking.iter().map(|segmented| object! { "type": "thinking", "thinking": &*segmented.text });
    let text = generation.text.iter().map(|segmented| object! { "type": "text", "text": &*segmented.text });
    let mut message = object! { "role": "assistant", "content": Json::list(thinking.chain(text)) };
    if !generation.tool_calls.is_empty() {
        let calls = generation.tool_calls.iter().enumerate();
        let calls = calls.map(|(at, (name, arguments))| tool_call(&generation, at, name, arguments));
        message.add("tool_calls", Json::list(calls));
    }
    let mut body =
        object! { "id": generation.id(""), "finish_reason": generation.finish_in(FINISHES), "message": message };
    if call.knobs.usage_at != UsageAt::Never {
        body.add("usage", usage(&generation));
    }
    Ok(EncodedResponse::json(&body))
}

fn tool_call(generation: &Generation<'_>, at: usize, name: &str, arguments: &str) -> Json {
    let function = object! { "name": name, "arguments": arguments };
    object! { "id": format!("{}_{at}", generation.id("call_")), "type": "function", "function": function }
}

fn usage(generation: &Generation<'_>) -> Json {
    let of = |input: u64| object! { "input_tokens": input, "output_tokens": generation.usage.output };
    object! {
        "billed_units": of(generation.usage.input), "tokens": of(generation.usage.input), "cached_tokens": generation.usage.cached,
    }
}

fn stream(generation: &Generation<'_>, call: &Call<'_>) -> Events {
    let mut stream = Stream::new(Framing::Sse, call.knobs);
    let none = || Json::List(Vec::new());
    let message = object! {
        "role": "assistant", "content": none(), "tool_plan": "", "tool_calls": none(), "citations": none(),
    };
    let delta = object! { "message": message };
    stream.json("message-start", 0, &object! { "id": generation.id(""), "type": "message-start", "delta": delta });
    let mut event = |kind: &str, index: usize, spent: u64, message: Option<Json>| {
        let mut data = object! { "type": kind, "index": index };
        if let Some(message) = message {
            data.add("delta", object! { "message": message });
        }
        stream.json(kind, spent, &data);
    };
    let contents = [("thinking", &generation.thinking), ("text", &generation.text)];
    let contents =
        contents.into_iter().filter_map(|(kind, segmented)| segmented.as_ref().map(|segmented| (kind, segmented)));
    for (index, (kind, segmented)) in contents.enumerate() {
        let content = object! { "content": object! { "type": kind }.with(kind, "") };
        event("content-start", index, 0, Some(content));
        for delta in segmented.deltas() {
            let content = object! { "content": Json::Object(vec![(kind, delta.into())]) };
            event("content-delta", index, tokens(delta), Some(content));
        }
        event("content-end", index, 0, None);
    }
    for (at, (name, arguments)) in generation.tool_calls.iter().enumerate() {
        let begin = object! { "tool_calls": tool_call(generation, at, name, "") };
        event("tool-call-start", at, tokens(name), Some(begin));
        for piece in argument_segments(arguments, call.knobs.delta_chars) {
            let function = object! { "function": object! { "arguments": piece } };
            event("tool-call-delta", at, tokens(piece), Some(object! { "tool_calls": function }));
        }
        event("tool-call-end", at, 0, None);
    }
    let mut delta = object! { "finish_reason": generation.finish_in(FINISHES) };
    if call.knobs.usage_at != UsageAt::Never {
        delta.add("usage", usage(generation));
    }
    stream.json("message-end", 0, &object! { "type": "message-end", "delta": delta });
    stream.event("", 0, |out| out.extend_from_slice(b"[DONE]"));
    let message = ApiError::mid_stream().message;
    let delta = object! { "error": message, "finish_reason": "ERROR", "usage": usage(generation) };
    let failure = object! { "type": "message-end", "delta": delta };
    stream.finish(("message-end", |out: &mut Vec<u8>| failure.write(out)))
}

/// Ranks documents. The relevance of a document is the fraction of the query's words that it contains.
fn rerank(call: &Call<'_>) -> Result<EncodedResponse, ApiError> {
    let body = call.object()?;
    call.llm_request(&body)?;
    let query = body.get("query").map(texts).ok_or(ApiError::missing("query"))?;
    let words: Vec<&str> = query.split_whitespace().collect();
    let documents = list(&body, "documents")?;
    let score = |document: &Value| {
        let text = texts(document);
        let found = words.iter().filter(|word| text.split_whitespace().any(|other| other == **word)).count();
        found as f64 / words.len().max(1) as f64
    };
    let mut ranked: Vec<(usize, f64)> = documents.iter().map(score).enumerate().collect();
    // The sort is stable: equal scores keep the order of the documents.
    ranked.sort_by(|(_, left), (_, right)| right.total_cmp(left));
    ranked.truncate(count(&body, "top_n").map_or(ranked.len(), |max| max as usize));
    let results = ranked.into_iter().map(|(index, score)| object! { "index": index, "relevance_score": score });
    let version = object! { "version": if call.path == "v2/rerank" { "2" } else { "1" } };
    let meta = object! { "api_version": version, "billed_units": object! { "search_units": 1_u64 } };
    Ok(EncodedResponse::json(&object! {
        "id": format!("{:016x}", call.fingerprint), "results": Json::list(results), "meta": meta,
    }))
}

fn embed(call: &Call<'_>) -> Result<EncodedResponse, ApiError> {
    let body = call.object()?;
    call.llm_request(&body)?;
    let inputs = list(&body, "texts")?;
    let (vectors, spent) = vectors(inputs, size(&body, "output_dimension"));
    let spent = call.knobs.usage.map_or(spent, |usage| usage.input);
    let meta = object! { "api_version": object! { "version": "2" }, "billed_units": object! { "input_tokens": spent } };
    Ok(EncodedResponse::json(&object! {
        "id": format!("{:016x}", call.fingerprint), "embeddings": object! { "float": vectors },
        "texts": Json::list(inputs.iter().map(|input| Json::from(texts(input)))), "meta": meta,
    }))
}

/// Encodes an error in Cohere's format.
fn error_body(error: &ApiError) -> ErrorBody {
    ErrorBody { body: object! { "message": error.message.as_str() }, headers: Vec::new() }
}
