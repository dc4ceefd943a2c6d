//! Ollama's chat and generate: streams of JSON lines, unless the request says otherwise. And its embeddings.

use super::embeddings::{size, vectors};
use super::{Call, Endpoint, Form, Written, arguments, count, list, messages, texts};
use crate::answer::Answer;
use crate::error::{ApiError, Refusal};
use crate::json::{Json, object};
use crate::knobs::UsageAt;
use crate::stream::{Framing, Stream};
use crate::tokens::tokens;

pub(super) const ENDPOINTS: &[Endpoint] = &[
    Endpoint { paths: &["api/chat", GENERATE], form, answer, refuse },
    Endpoint { paths: &["api/embed"], form: |_| Form::JSON, answer: embed, refuse },
];

const GENERATE: &str = "api/generate";

/// The time of [`crate::CREATED`] as Ollama writes it.
const CREATED_AT: &str = "2023-11-14T22:13:20Z";

fn form(call: &Call<'_>) -> Form {
    Form::of(call.asks_for_stream(true), Form::LINES)
}

fn answer(call: &Call<'_>) -> Result<Written, ApiError> {
    let body = call.object()?;
    let mut ask = call.ask(&body)?;
    if call.path == GENERATE {
        if let Some(system) = body.get("system") {
            ask.message(false, texts(system));
        }
        ask.message(true, body.get("prompt").map(texts).ok_or(ApiError::missing("prompt"))?);
    } else {
        messages(&mut ask, list(&body, "messages")?, "content");
    }
    ask.cap = body.get("options").and_then(|options| count(options, "num_predict"));
    let answer = call.answer(&ask)?;
    let chat = call.path != GENERATE;
    if !form(call).streamed {
        let thought = answer.thought.as_ref().map(|said| &*said.text);
        return Ok(Written::json(&last(&answer, call, said(&answer, chat, answer.said(), thought, answer.tool_calls))));
    }
    let mut stream = Stream::new(Framing::Lines, call.knobs);
    for delta in answer.thought.iter().flat_map(|said| said.deltas()) {
        stream.json("", tokens(delta), &said(&answer, chat, "", Some(delta), &[]).with("done", false));
    }
    for delta in answer.text.iter().flat_map(|said| said.deltas()) {
        stream.json("", tokens(delta), &said(&answer, chat, delta, None, &[]).with("done", false));
    }
    for call in answer.tool_calls {
        let spent = tokens(&call.0) + tokens(&call.1);
        stream.json("", spent, &said(&answer, chat, "", None, std::slice::from_ref(call)).with("done", false));
    }
    stream.json("", 0, &last(&answer, call, said(&answer, chat, "", None, &[])));
    let failed = refuse(&ApiError::in_the_middle()).body;
    Ok(Written::new(Form::LINES, stream.end(("", |out: &mut Vec<u8>| failed.write(out)))))
}

/// A line with something new.
fn said(answer: &Answer<'_>, chat: bool, text: &str, thought: Option<&str>, calls: &[(String, String)]) -> Json {
    let head = object! { "model": &*answer.model, "created_at": CREATED_AT };
    if !chat {
        let mut head = head.with("response", text);
        if let Some(thought) = thought {
            head.add("thinking", thought);
        }
        return head;
    }
    let mut message = object! { "role": "assistant", "content": text };
    if let Some(thought) = thought {
        message.add("thinking", thought);
    }
    if !calls.is_empty() {
        let call = |(name, told): &(String, String)| {
            object! { "function": object! { "name": name.as_str(), "arguments": arguments(told) } }
        };
        message.add("tool_calls", Json::list(calls.iter().map(call)));
    }
    head.with("message", message)
}

/// What makes a line the last one.
fn last(answer: &Answer<'_>, call: &Call<'_>, line: Json) -> Json {
    let mut line = line.with("done", true).with("done_reason", answer.finish_in(&[("tool_calls", "stop")]));
    if call.path == GENERATE {
        line.add("context", Json::List(Vec::new()));
    }
    for name in ["total_duration", "load_duration"] {
        line.add(name, 1_000_000_u64);
    }
    if call.knobs.usage_at != UsageAt::Never {
        line.add("prompt_eval_count", answer.usage.input);
        line.add("prompt_eval_duration", 1_000_000_u64);
        line.add("eval_count", answer.usage.output);
        line.add("eval_duration", 1_000_000_u64);
    }
    line
}

fn embed(call: &Call<'_>) -> Result<Written, ApiError> {
    let body = call.object()?;
    let ask = call.ask(&body)?;
    let input = body.get("input").ok_or(ApiError::missing("input"))?;
    let inputs = input.as_array().map_or(std::slice::from_ref(input), Vec::as_slice);
    let (vectors, spent) = vectors(inputs, size(&body, "dimensions"));
    Ok(Written::json(&object! {
        "model": ask.model.as_ref().map(|model| &*model.0), "embeddings": vectors,
        "total_duration": 1_000_000_u64, "load_duration": 1_000_000_u64,
        "prompt_eval_count": call.knobs.usage.map_or(spent, |usage| usage.input),
    }))
}

/// An error in Ollama's words.
fn refuse(error: &ApiError) -> Refusal {
    Refusal { body: object! { "error": error.message.as_str() }, headers: Vec::new() }
}
