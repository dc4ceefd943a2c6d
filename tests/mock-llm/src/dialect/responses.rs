//! OpenAI's Responses: items in, items out. Streamed, every item and every part of one is announced, filled and closed, each
//! closing event repeats what was said, and the last repeats everything. And the counting of their tokens.

use serde_json::Value;

use super::{Call, Endpoint, Form, Written, count, texts};
use crate::answer::{Answer, CREATED, Said};
use crate::ask::Ask;
use crate::error::ApiError;
use crate::json::{Json, object};
use crate::knobs::UsageAt;
use crate::stream::{Events, Framing, Stream};
use crate::tokens::{argument_pieces, tokens};

pub(super) const ENDPOINTS: &[Endpoint] = &[
    Endpoint { paths: &["responses"], form, answer, refuse: ApiError::openai },
    Endpoint { paths: &["responses/input_tokens"], form: |_| Form::JSON, answer: counted, refuse: ApiError::openai },
];

fn form(call: &Call<'_>) -> Form {
    Form::of(call.asks_for_stream(false), Form::SSE)
}

fn answer(call: &Call<'_>) -> Result<Written, ApiError> {
    let body = call.object()?;
    let ask = ask(call, &body)?;
    let answer = call.answer(&ask)?;
    let writer = Writer { answer: &answer, request: &body, call };
    Ok(match ask.stream {
        true => Written::new(Form::SSE, writer.stream()),
        false => Written::json(&writer.response(writer.status(), writer.items())),
    })
}

fn counted(call: &Call<'_>) -> Result<Written, ApiError> {
    let ask = ask(call, &call.object()?)?;
    let input = call.knobs.usage.map_or(ask.prompt_tokens(), |usage| usage.input);
    Ok(Written::json(&object! { "object": "response.input_tokens", "input_tokens": input }))
}

fn ask(call: &Call<'_>, body: &Value) -> Result<Ask<'static>, ApiError> {
    let mut ask = call.ask(body)?;
    if let Some(Value::String(text)) = body.get("instructions") {
        ask.message(false, text.clone());
    }
    match body.get("input") {
        Some(Value::String(text)) => ask.message(true, text.clone()),
        Some(Value::Array(items)) if items.is_empty() => return Err(ApiError::empty("input")),
        Some(Value::Array(items)) => {
            for item in items {
                // What a tool gave back is an item without a role.
                let said = item.get("content").or(item.get("output")).or(item.get("arguments"));
                ask.message(item.get("role").is_some_and(|role| role == "user"), said.map(texts).unwrap_or_default());
            }
        }
        _ => return Err(ApiError::missing("input")),
    }
    ask.cap = count(body, "max_output_tokens");
    // There is no `n`: one answer.
    ask.candidates = None;
    Ok(ask)
}

struct Writer<'a> {
    answer: &'a Answer<'a>,
    request: &'a Value,
    call: &'a Call<'a>,
}

/// The finish reason of a model that declines, in the words of structured outputs.
const REFUSAL: &str = "refusal";

impl Writer<'_> {
    fn status(&self) -> &'static str {
        match self.answer.finish {
            "length" | "content_filter" => "incomplete",
            _ => "completed",
        }
    }

    /// The `response` object in a state.
    fn response(&self, status: &str, output: Vec<Json>) -> Json {
        let given = |name: &str, default: Json| self.request.get(name).cloned().map_or(default, Json::Read);
        let incomplete = match (status, self.answer.finish) {
            ("incomplete", "length") => object! { "reason": "max_output_tokens" },
            ("incomplete", reason) => object! { "reason": reason },
            _ => Json::Null,
        };
        let error = match status {
            "failed" => object! { "code": "server_error", "message": ApiError::in_the_middle().message },
            _ => Json::Null,
        };
        let told = matches!(status, "completed" | "incomplete") && self.call.knobs.usage_at != UsageAt::Never;
        object! {
            "id": self.answer.id("resp_"), "object": "response", "created_at": CREATED, "status": status,
            "background": false, "error": error, "incomplete_details": incomplete,
            "instructions": given("instructions", Json::Null),
            "max_output_tokens": given("max_output_tokens", Json::Null),
            "model": &*self.answer.model, "output": output, "parallel_tool_calls": true,
            "previous_response_id": given("previous_response_id", Json::Null),
            "reasoning": object! { "effort": Json::Null, "summary": Json::Null },
            "service_tier": "default", "store": given("store", true.into()),
            "temperature": given("temperature", 1.0.into()),
            "text": object! { "format": object! { "type": "text" }, "verbosity": "medium" },
            "tool_choice": given("tool_choice", "auto".into()), "tools": given("tools", Json::List(Vec::new())),
            "top_p": given("top_p", 1.0.into()), "truncation": "disabled",
            "usage": if told { self.usage() } else { Json::Null },
            "user": Json::Null, "metadata": given("metadata", Json::Object(Vec::new())),
        }
    }

    fn usage(&self) -> Json {
        let usage = self.answer.usage;
        object! {
            "input_tokens": usage.input, "input_tokens_details": object! { "cached_tokens": usage.cached },
            "output_tokens": usage.output, "output_tokens_details": object! { "reasoning_tokens": usage.reasoning },
            "total_tokens": usage.total(),
        }
    }

    fn items(&self) -> Vec<Json> {
        let thought = self.answer.thought.iter().map(|said| self.reasoning(Some(&said.text)));
        let said = self.answer.text.iter().map(|said| self.message("completed", vec![self.part(&said.text)]));
        let calls = self.answer.tool_calls.iter().enumerate();
        let calls = calls.map(|(at, (name, arguments))| self.tool_call("completed", at, name, arguments));
        thought.chain(said).chain(calls).collect()
    }

    fn reasoning(&self, text: Option<&str>) -> Json {
        let summary = text.map(|text| object! { "type": "summary_text", "text": text });
        object! { "id": self.answer.id("rs_"), "type": "reasoning", "summary": Json::list(summary) }
    }

    fn message(&self, status: &str, content: Vec<Json>) -> Json {
        object! {
            "id": self.answer.id("msg_"), "type": "message", "status": status, "content": content, "role": "assistant",
        }
    }

    fn refuses(&self) -> bool {
        self.answer.finish == REFUSAL
    }

    fn part(&self, text: &str) -> Json {
        if self.refuses() {
            return object! { "type": "refusal", "refusal": text };
        }
        let none = || Json::List(Vec::new());
        object! { "type": "output_text", "annotations": none(), "logprobs": none(), "text": text }
    }

    fn tool_call(&self, status: &str, at: usize, name: &str, arguments: &str) -> Json {
        object! {
            "id": format!("{}_{at}", self.answer.id("fc_")), "type": "function_call", "status": status,
            "arguments": arguments, "call_id": format!("{}_{at}", self.answer.id("call_")), "name": name,
        }
    }

    fn stream(&self) -> Events {
        let mut out = Numbered { stream: Stream::new(Framing::Sse, self.call.knobs) };
        for state in ["response.created", "response.in_progress"] {
            out.event(state, 0, object! { "response": self.response("in_progress", Vec::new()) });
        }
        let mut at = 0_u64;
        if let Some(said) = &self.answer.thought {
            self.stream_reasoning(&mut out, at, said);
            at += 1;
        }
        if let Some(said) = &self.answer.text {
            self.stream_message(&mut out, at, said);
            at += 1;
        }
        for (call, (name, arguments)) in self.answer.tool_calls.iter().enumerate() {
            self.stream_tool_call(&mut out, at, call, name, arguments);
            at += 1;
        }
        let status = self.status();
        out.event(&format!("response.{status}"), 0, object! { "response": self.response(status, self.items()) });
        let number = self.call.knobs.cut_after.unwrap_or(0).min(out.stream.count());
        let failed = object! {
            "type": "response.failed", "sequence_number": number, "response": self.response("failed", Vec::new()),
        };
        out.stream.end(("response.failed", |bytes: &mut Vec<u8>| failed.write(bytes)))
    }

    fn stream_reasoning(&self, out: &mut Numbered<'_>, at: u64, said: &Said<'_>) {
        let part = |text: &str| object! { "type": "summary_text", "text": text };
        let place = || object! { "item_id": self.answer.id("rs_"), "output_index": at, "summary_index": 0_u64 };
        out.event("response.output_item.added", 0, object! { "output_index": at, "item": self.reasoning(None) });
        out.event("response.reasoning_summary_part.added", 0, place().with("part", part("")));
        for delta in said.deltas() {
            out.event("response.reasoning_summary_text.delta", tokens(delta), place().with("delta", delta));
        }
        out.event("response.reasoning_summary_text.done", 0, place().with("text", &*said.text));
        out.event("response.reasoning_summary_part.done", 0, place().with("part", part(&said.text)));
        let item = self.reasoning(Some(&said.text));
        out.event("response.output_item.done", 0, object! { "output_index": at, "item": item });
    }

    fn stream_message(&self, out: &mut Numbered<'_>, at: u64, said: &Said<'_>) {
        let place = || object! { "item_id": self.answer.id("msg_"), "output_index": at, "content_index": 0_u64 };
        let item = self.message("in_progress", Vec::new());
        out.event("response.output_item.added", 0, object! { "output_index": at, "item": item });
        out.event("response.content_part.added", 0, place().with("part", self.part("")));
        for delta in said.deltas() {
            match self.refuses() {
                true => out.event("response.refusal.delta", tokens(delta), place().with("delta", delta)),
                false => {
                    let data = place().with("delta", delta).with("logprobs", Json::List(Vec::new()));
                    out.event("response.output_text.delta", tokens(delta), data);
                }
            }
        }
        match self.refuses() {
            true => out.event("response.refusal.done", 0, place().with("refusal", &*said.text)),
            false => {
                let data = place().with("text", &*said.text).with("logprobs", Json::List(Vec::new()));
                out.event("response.output_text.done", 0, data);
            }
        }
        out.event("response.content_part.done", 0, place().with("part", self.part(&said.text)));
        let item = self.message("completed", vec![self.part(&said.text)]);
        out.event("response.output_item.done", 0, object! { "output_index": at, "item": item });
    }

    fn stream_tool_call(&self, out: &mut Numbered<'_>, at: u64, call: usize, name: &str, arguments: &str) {
        let place = || object! { "item_id": format!("{}_{call}", self.answer.id("fc_")), "output_index": at };
        let item = self.tool_call("in_progress", call, name, "");
        out.event("response.output_item.added", tokens(name), object! { "output_index": at, "item": item });
        for piece in argument_pieces(arguments, self.call.knobs.delta_chars) {
            out.event("response.function_call_arguments.delta", tokens(piece), place().with("delta", piece));
        }
        out.event("response.function_call_arguments.done", 0, place().with("arguments", arguments));
        let item = self.tool_call("completed", call, name, arguments);
        out.event("response.output_item.done", 0, object! { "output_index": at, "item": item });
    }
}

/// A stream whose events say their type and their number.
struct Numbered<'k> {
    stream: Stream<'k>,
}

impl Numbered<'_> {
    fn event(&mut self, kind: &str, spent: u64, members: Json) {
        let mut data = object! { "type": kind, "sequence_number": self.stream.count() };
        if let Json::Object(members) = members {
            for (name, value) in members {
                data.add(name, value);
            }
        }
        self.stream.json(kind, spent, &data);
    }
}
