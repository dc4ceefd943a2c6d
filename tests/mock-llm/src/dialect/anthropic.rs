//! Anthropic's Messages and its `count_tokens`; on Vertex AI the same with the model in the path.

use serde_json::Value;

use super::{Call, Endpoint, Form, Written, arguments, count, list, messages, texts};
use crate::answer::Answer;
use crate::ask::Ask;
use crate::error::{ApiError, Refusal};
use crate::json::{Json, object};
use crate::knobs::{Usage, UsageAt};
use crate::stream::{Events, Framing, Stream};
use crate::tokens::{argument_pieces, tokens};

pub(super) const ENDPOINTS: &[Endpoint] = &[
    // Before the other: on Vertex AI it looks like a model.
    Endpoint {
        paths: &["messages/count_tokens", "models/count-tokens:rawPredict"],
        form: |_| Form::JSON,
        answer: counted,
        refuse,
    },
    Endpoint { paths: &["messages", "models/*:rawPredict", STREAMED_ON_VERTEX], form, answer, refuse },
];

const STREAMED_ON_VERTEX: &str = "models/*:streamRawPredict";

fn form(call: &Call<'_>) -> Form {
    Form::of(call.path == STREAMED_ON_VERTEX || call.asks_for_stream(false), Form::SSE)
}

fn answer(call: &Call<'_>) -> Result<Written, ApiError> {
    let body = call.object()?;
    let ask = ask(call, &body)?;
    let answer = call.answer(&ask)?;
    Ok(match form(call).streamed {
        true => {
            let mut stream = Stream::new(Framing::Sse, call.knobs);
            events(&answer, call, |name, spent, data| stream.json(name, spent, &data));
            Written::new(Form::SSE, end(stream))
        }
        false => Written::json(&message(&answer, call)),
    })
}

fn counted(call: &Call<'_>) -> Result<Written, ApiError> {
    let body = call.object()?;
    let mut ask = call.ask(&body)?;
    prompt(&mut ask, &body)?;
    let input = call.knobs.usage.map_or(ask.prompt_tokens(), |usage| usage.input);
    Ok(Written::json(&object! { "input_tokens": input }))
}

/// What is asked of a Messages request.
pub(super) fn ask(call: &Call<'_>, body: &Value) -> Result<Ask<'static>, ApiError> {
    let mut ask = call.ask(body)?;
    prompt(&mut ask, body)?;
    let cap = count(body, "max_tokens");
    ask.cap = Some(cap.ok_or(ApiError::invalid("max_tokens: Field required", Some("max_tokens"), None))?);
    Ok(ask)
}

fn prompt(ask: &mut Ask<'_>, body: &Value) -> Result<(), ApiError> {
    if let Some(system) = body.get("system") {
        ask.message(false, texts(system));
    }
    messages(ask, list(body, "messages")?, "content");
    // The mock gives one answer.
    ask.candidates = None;
    Ok(())
}

/// The reasons to stop by OpenAI's name and by Anthropic's.
const STOPS: &[(&str, &str)] =
    &[("stop", "end_turn"), ("length", "max_tokens"), ("tool_calls", "tool_use"), ("content_filter", "refusal")];

/// The message as one document.
pub(super) fn message(answer: &Answer<'_>, call: &Call<'_>) -> Json {
    let mut content = Vec::new();
    if let Some(said) = &answer.thought {
        content.push(object! { "type": "thinking", "thinking": &*said.text, "signature": signature(answer) });
    }
    if let Some(said) = &answer.text {
        content.push(object! { "type": "text", "text": &*said.text });
    }
    for (at, (name, told)) in answer.tool_calls.iter().enumerate() {
        content.push(object! {
            "type": "tool_use", "id": tool_id(answer, at), "name": name.as_str(), "input": arguments(told),
        });
    }
    let mut message = head(answer, content, Some(answer.finish_in(STOPS)));
    if call.knobs.usage_at != UsageAt::Never {
        message.add("usage", usage(answer.usage));
    }
    message
}

fn head(answer: &Answer<'_>, content: Vec<Json>, stop: Option<&str>) -> Json {
    object! {
        "id": answer.id("msg_"), "type": "message", "role": "assistant", "model": &*answer.model,
        "content": content, "stop_reason": stop, "stop_sequence": Json::Null,
    }
}

fn tool_id(answer: &Answer<'_>, at: usize) -> String {
    format!("{}_{at}", answer.id("toolu_"))
}

/// What a client has to send back with a thought.
pub(super) fn signature(answer: &Answer<'_>) -> String {
    answer.id("sig")
}

fn usage(usage: Usage) -> Json {
    object! {
        "input_tokens": usage.fresh(),
        "cache_creation_input_tokens": usage.written,
        "cache_read_input_tokens": usage.cached,
        "cache_creation": object! { "ephemeral_5m_input_tokens": usage.written, "ephemeral_1h_input_tokens": 0_u64 },
        "output_tokens": usage.output,
        "service_tier": "standard",
    }
}

/// The message as events: `out` takes the name of each, what it costs, and its data. Usage is cumulative: what
/// `message_start` says of the input, `message_delta` repeats.
pub(super) fn events(answer: &Answer<'_>, call: &Call<'_>, mut out: impl FnMut(&str, u64, Json)) {
    let told = call.knobs.usage_at != UsageAt::Never;
    let mut message = head(answer, Vec::new(), None);
    if told {
        message.add("usage", usage(Usage { output: answer.usage.output.min(1), ..answer.usage }));
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
    if let Some(said) = &answer.thought {
        let delta = |text| (tokens(text), object! { "type": "thinking_delta", "thinking": text });
        let mut deltas: Vec<_> = said.deltas().map(delta).collect();
        deltas.push((0, object! { "type": "signature_delta", "signature": signature(answer) }));
        block(object! { "type": "thinking", "thinking": "", "signature": "" }, deltas);
    }
    if let Some(said) = &answer.text {
        let delta = |text| (tokens(text), object! { "type": "text_delta", "text": text });
        block(object! { "type": "text", "text": "" }, said.deltas().map(delta).collect());
    }
    for (at, (name, told)) in answer.tool_calls.iter().enumerate() {
        let delta = |text| (tokens(text), object! { "type": "input_json_delta", "partial_json": text });
        // As Anthropic does it, an empty one before the others.
        let pieces = std::iter::once("").chain(argument_pieces(told, call.knobs.delta_chars));
        let none = Json::Object(Vec::new());
        let begin = object! { "type": "tool_use", "id": tool_id(answer, at), "name": name.as_str(), "input": none };
        block(begin, pieces.map(delta).collect());
    }
    let delta = object! { "stop_reason": answer.finish_in(STOPS), "stop_sequence": Json::Null };
    let mut last = object! { "type": "message_delta", "delta": delta };
    if told {
        let usage = answer.usage;
        last.add(
            "usage",
            object! {
                "input_tokens": usage.fresh(), "cache_creation_input_tokens": usage.written,
                "cache_read_input_tokens": usage.cached, "output_tokens": usage.output,
            },
        );
    }
    out("message_delta", 0, last);
    out("message_stop", 0, object! { "type": "message_stop" });
}

fn end(stream: Stream<'_>) -> Events {
    stream.end(("error", |out: &mut Vec<u8>| refuse(&ApiError::in_the_middle()).body.write(out)))
}

/// An error in Anthropic's words.
pub(super) fn refuse(error: &ApiError) -> Refusal {
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
    Refusal { body, headers: Vec::new() }
}
