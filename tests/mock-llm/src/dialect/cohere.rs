//! Cohere's chat (version 2) and rerank.

use serde_json::Value;

use super::embeddings::{size, vectors};
use super::{Call, Endpoint, Form, Written, count, list, messages, texts};
use crate::answer::Answer;
use crate::error::{ApiError, Refusal};
use crate::json::{Json, object};
use crate::knobs::UsageAt;
use crate::stream::{Events, Framing, Stream};
use crate::tokens::{argument_pieces, tokens};

pub(super) const ENDPOINTS: &[Endpoint] = &[
    Endpoint { paths: &["v2/chat"], form, answer: chat, refuse },
    Endpoint { paths: &["v1/rerank", "v2/rerank"], form: |_| Form::JSON, answer: rerank, refuse },
    Endpoint { paths: &["v2/embed"], form: |_| Form::JSON, answer: embed, refuse },
];

const FINISHES: &[(&str, &str)] =
    &[("stop", "COMPLETE"), ("length", "MAX_TOKENS"), ("tool_calls", "TOOL_CALL"), ("content_filter", "ERROR")];

fn form(call: &Call<'_>) -> Form {
    Form::of(call.asks_for_stream(false), Form::SSE)
}

fn chat(call: &Call<'_>) -> Result<Written, ApiError> {
    let body = call.object()?;
    let mut ask = call.ask(&body)?;
    messages(&mut ask, list(&body, "messages")?, "content");
    ask.cap = count(&body, "max_tokens");
    let answer = call.answer(&ask)?;
    if ask.stream {
        return Ok(Written::new(Form::SSE, stream(&answer, call)));
    }
    let thought = answer.thought.iter().map(|said| object! { "type": "thinking", "thinking": &*said.text });
    let said = answer.text.iter().map(|said| object! { "type": "text", "text": &*said.text });
    let mut message = object! { "role": "assistant", "content": Json::list(thought.chain(said)) };
    if !answer.tool_calls.is_empty() {
        let calls = answer.tool_calls.iter().enumerate();
        let calls = calls.map(|(at, (name, told))| tool_call(&answer, at, name, told));
        message.add("tool_calls", Json::list(calls));
    }
    let mut body = object! { "id": answer.id(""), "finish_reason": answer.finish_in(FINISHES), "message": message };
    if call.knobs.usage_at != UsageAt::Never {
        body.add("usage", usage(&answer));
    }
    Ok(Written::json(&body))
}

fn tool_call(answer: &Answer<'_>, at: usize, name: &str, told: &str) -> Json {
    let function = object! { "name": name, "arguments": told };
    object! { "id": format!("{}_{at}", answer.id("call_")), "type": "function", "function": function }
}

fn usage(answer: &Answer<'_>) -> Json {
    let of = |input: u64| object! { "input_tokens": input, "output_tokens": answer.usage.output };
    object! {
        "billed_units": of(answer.usage.input), "tokens": of(answer.usage.input), "cached_tokens": answer.usage.cached,
    }
}

fn stream(answer: &Answer<'_>, call: &Call<'_>) -> Events {
    let mut stream = Stream::new(Framing::Sse, call.knobs);
    let none = || Json::List(Vec::new());
    let message = object! {
        "role": "assistant", "content": none(), "tool_plan": "", "tool_calls": none(), "citations": none(),
    };
    let delta = object! { "message": message };
    stream.json("message-start", 0, &object! { "id": answer.id(""), "type": "message-start", "delta": delta });
    let mut event = |kind: &str, index: usize, spent: u64, message: Option<Json>| {
        let mut data = object! { "type": kind, "index": index };
        if let Some(message) = message {
            data.add("delta", object! { "message": message });
        }
        stream.json(kind, spent, &data);
    };
    let contents = [("thinking", &answer.thought), ("text", &answer.text)];
    let contents = contents.into_iter().filter_map(|(kind, said)| said.as_ref().map(|said| (kind, said)));
    for (index, (kind, said)) in contents.enumerate() {
        let content = object! { "content": object! { "type": kind }.with(kind, "") };
        event("content-start", index, 0, Some(content));
        for delta in said.deltas() {
            let content = object! { "content": Json::Object(vec![(kind, delta.into())]) };
            event("content-delta", index, tokens(delta), Some(content));
        }
        event("content-end", index, 0, None);
    }
    for (at, (name, told)) in answer.tool_calls.iter().enumerate() {
        let begin = object! { "tool_calls": tool_call(answer, at, name, "") };
        event("tool-call-start", at, tokens(name), Some(begin));
        for piece in argument_pieces(told, call.knobs.delta_chars) {
            let function = object! { "function": object! { "arguments": piece } };
            event("tool-call-delta", at, tokens(piece), Some(object! { "tool_calls": function }));
        }
        event("tool-call-end", at, 0, None);
    }
    let mut delta = object! { "finish_reason": answer.finish_in(FINISHES) };
    if call.knobs.usage_at != UsageAt::Never {
        delta.add("usage", usage(answer));
    }
    stream.json("message-end", 0, &object! { "type": "message-end", "delta": delta });
    stream.event("", 0, |out| out.extend_from_slice(b"[DONE]"));
    let message = ApiError::in_the_middle().message;
    let delta = object! { "error": message, "finish_reason": "ERROR", "usage": usage(answer) };
    let failed = object! { "type": "message-end", "delta": delta };
    stream.end(("message-end", |out: &mut Vec<u8>| failed.write(out)))
}

/// A document is as relevant as many of the words of the query it has.
fn rerank(call: &Call<'_>) -> Result<Written, ApiError> {
    let body = call.object()?;
    call.ask(&body)?;
    let query = body.get("query").map(texts).ok_or(ApiError::missing("query"))?;
    let wanted: Vec<&str> = query.split_whitespace().collect();
    let documents = list(&body, "documents")?;
    let score = |document: &Value| {
        let text = texts(document);
        let found = wanted.iter().filter(|word| text.split_whitespace().any(|has| has == **word)).count();
        found as f64 / wanted.len().max(1) as f64
    };
    let mut ranked: Vec<(usize, f64)> = documents.iter().map(score).enumerate().collect();
    // Stable: of equals the first goes first.
    ranked.sort_by(|(_, one), (_, other)| other.total_cmp(one));
    ranked.truncate(count(&body, "top_n").map_or(ranked.len(), |most| most as usize));
    let results = ranked.into_iter().map(|(index, score)| object! { "index": index, "relevance_score": score });
    let version = object! { "version": if call.path == "v2/rerank" { "2" } else { "1" } };
    let meta = object! { "api_version": version, "billed_units": object! { "search_units": 1_u64 } };
    Ok(Written::json(&object! {
        "id": format!("{:016x}", call.fingerprint), "results": Json::list(results), "meta": meta,
    }))
}

fn embed(call: &Call<'_>) -> Result<Written, ApiError> {
    let body = call.object()?;
    call.ask(&body)?;
    let inputs = list(&body, "texts")?;
    let (vectors, spent) = vectors(inputs, size(&body, "output_dimension"));
    let spent = call.knobs.usage.map_or(spent, |usage| usage.input);
    let meta = object! { "api_version": object! { "version": "2" }, "billed_units": object! { "input_tokens": spent } };
    Ok(Written::json(&object! {
        "id": format!("{:016x}", call.fingerprint), "embeddings": object! { "float": vectors },
        "texts": Json::list(inputs.iter().map(|input| Json::from(texts(input)))), "meta": meta,
    }))
}

/// An error in Cohere's words.
fn refuse(error: &ApiError) -> Refusal {
    Refusal { body: object! { "message": error.message.as_str() }, headers: Vec::new() }
}
