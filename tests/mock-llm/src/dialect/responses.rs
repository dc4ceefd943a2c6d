//! OpenAI Responses, and its count of input tokens.
//!
//! In a stream, events add every item and every part, send its deltas, and close it. A closing event repeats the text of its part or
//! item, and the last event of the stream repeats the whole response.

use serde_json::Value;

use super::{BodyFormat, Call, EncodedResponse, Endpoint, count, texts};
use crate::error::ApiError;
use crate::generation::{CREATED, Generation, SegmentedText};
use crate::json::{Json, object};
use crate::knobs::UsageAt;
use crate::llm_request::LlmRequest;
use crate::stream::{Events, Framing, Stream};
use crate::tokens::{argument_segments, tokens};

pub(super) const ENDPOINTS: &[Endpoint] = &[
    Endpoint { paths: &["responses"], format, respond, error_body: ApiError::openai },
    Endpoint {
        paths: &["responses/input_tokens"],
        format: |_| BodyFormat::JSON,
        respond: count_tokens,
        error_body: ApiError::openai,
    },
];

fn format(call: &Call<'_>) -> BodyFormat {
    BodyFormat::choose(call.requests_stream(false), BodyFormat::SSE)
}

fn respond(call: &Call<'_>) -> Result<EncodedResponse, ApiError> {
    let body = call.object()?;
    let request = llm_request(call, &body)?;
    let generation = call.generate(&request)?;
    let writer = Writer { generation: &generation, body: &body, call };
    Ok(match request.stream {
        true => EncodedResponse::new(BodyFormat::SSE, writer.stream()),
        false => EncodedResponse::json(&writer.response(writer.status(), writer.items())),
    })
}

fn count_tokens(call: &Call<'_>) -> Result<EncodedResponse, ApiError> {
    let request = llm_request(call, &call.object()?)?;
    let input = call.knobs.usage.map_or(request.prompt_tokens(), |usage| usage.input);
    Ok(EncodedResponse::json(&object! { "object": "response.input_tokens", "input_tokens": input }))
}

fn llm_request(call: &Call<'_>, body: &Value) -> Result<LlmRequest<'static>, ApiError> {
    let mut request = call.llm_request(body)?;
    if let Some(Value::String(text)) = body.get("instructions") {
        request.add_message(false, text.clone());
    }
    match body.get("input") {
        Some(Value::String(text)) => request.add_message(true, text.clone()),
        Some(Value::Array(items)) if items.is_empty() => return Err(ApiError::empty("input")),
        Some(Value::Array(items)) => {
            for item in items {
                // The output of a tool is an item without a role.
                let content = item.get("content").or(item.get("output")).or(item.get("arguments"));
                request.add_message(
                    item.get("role").is_some_and(|role| role == "user"),
                    content.map(texts).unwrap_or_default(),
                );
            }
        }
        _ => return Err(ApiError::missing("input")),
    }
    request.max_tokens = count(body, "max_output_tokens");
    // The API has no `n`.
    request.candidates = None;
    Ok(request)
}

/// Encoder of one response.
struct Writer<'a> {
    generation: &'a Generation<'a>,
    body: &'a Value,
    call: &'a Call<'a>,
}

/// Tool call, without its arguments.
struct ToolCall<'a> {
    /// Index among the tool calls of the response.
    index: usize,
    name: &'a str,
}

/// Finish reason of a model that declines to respond. The text is then sent as a `refusal`, as with structured outputs.
const REFUSAL: &str = "refusal";

impl Writer<'_> {
    fn status(&self) -> &'static str {
        match self.generation.finish {
            "length" | "content_filter" => "incomplete",
            _ => "completed",
        }
    }

    /// Encodes the `response` object in a state.
    fn response(&self, status: &str, output: Vec<Json>) -> Json {
        let member = |name: &str, default: Json| self.body.get(name).cloned().map_or(default, Json::Parsed);
        let incomplete = match (status, self.generation.finish) {
            ("incomplete", "length") => object! { "reason": "max_output_tokens" },
            ("incomplete", reason) => object! { "reason": reason },
            _ => Json::Null,
        };
        let error = match status {
            "failed" => object! { "code": "server_error", "message": ApiError::mid_stream().message },
            _ => Json::Null,
        };
        let report_usage = matches!(status, "completed" | "incomplete") && self.call.knobs.usage_at != UsageAt::Never;
        object! {
            "id": self.generation.id("resp_"), "object": "response", "created_at": CREATED, "status": status,
            "background": false, "error": error, "incomplete_details": incomplete,
            "instructions": member("instructions", Json::Null),
            "max_output_tokens": member("max_output_tokens", Json::Null),
            "model": &*self.generation.model, "output": output, "parallel_tool_calls": true,
            "previous_response_id": member("previous_response_id", Json::Null),
            "reasoning": object! { "effort": Json::Null, "summary": Json::Null },
            "service_tier": "default", "store": member("store", true.into()),
            "temperature": member("temperature", 1.0.into()),
            "text": object! { "format": object! { "type": "text" }, "verbosity": "medium" },
            "tool_choice": member("tool_choice", "auto".into()), "tools": member("tools", Json::List(Vec::new())),
            "top_p": member("top_p", 1.0.into()), "truncation": "disabled",
            "usage": if report_usage { self.usage() } else { Json::Null },
            "user": Json::Null, "metadata": member("metadata", Json::Object(Vec::new())),
        }
    }

    fn usage(&self) -> Json {
        let usage = self.generation.usage;
        object! {
            "input_tokens": usage.input, "input_tokens_details": object! { "cached_tokens": usage.cached },
            "output_tokens": usage.output, "output_tokens_details": object! { "reasoning_tokens": usage.reasoning },
            "total_tokens": usage.total(),
        }
    }

    fn items(&self) -> Vec<Json> {
        let thinking = self.generation.thinking.iter().map(|segmented| self.reasoning(Some(&segmented.text)));
        let text =
            self.generation.text.iter().map(|segmented| self.message("completed", vec![self.part(&segmented.text)]));
        let calls = self.generation.tool_calls.iter().enumerate();
        let calls =
            calls.map(|(index, (name, arguments))| self.tool_call("completed", &ToolCall { index, name }, arguments));
        thinking.chain(text).chain(calls).collect()
    }

    fn reasoning(&self, text: Option<&str>) -> Json {
        let summary = text.map(|text| object! { "type": "summary_text", "text": text });
        object! { "id": self.generation.id("rs_"), "type": "reasoning", "summary": Json::list(summary) }
    }

    fn message(&self, status: &str, content: Vec<Json>) -> Json {
        object! {
            "id": self.generation.id("msg_"), "type": "message", "status": status, "content": content, "role": "assistant",
        }
    }

    /// Returns `true` if the text is a refusal.
    fn is_refusal(&self) -> bool {
        self.generation.finish == REFUSAL
    }

    fn part(&self, text: &str) -> Json {
        if self.is_refusal() {
            return object! { "type": "refusal", "refusal": text };
        }
        let none = || Json::List(Vec::new());
        object! { "type": "output_text", "annotations": none(), "logprobs": none(), "text": text }
    }

    fn tool_call(&self, status: &str, call: &ToolCall<'_>, arguments: &str) -> Json {
        let ToolCall { index, name } = call;
        object! {
            "id": format!("{}_{index}", self.generation.id("fc_")), "type": "function_call", "status": status,
            "arguments": arguments, "call_id": format!("{}_{index}", self.generation.id("call_")), "name": *name,
        }
    }

    fn stream(&self) -> Events {
        let mut out = Numbered { stream: Stream::new(Framing::Sse, self.call.knobs) };
        for state in ["response.created", "response.in_progress"] {
            out.event(state, 0, object! { "response": self.response("in_progress", Vec::new()) });
        }
        let mut at = 0_u64;
        if let Some(segmented) = &self.generation.thinking {
            self.stream_reasoning(&mut out, at, segmented);
            at += 1;
        }
        if let Some(segmented) = &self.generation.text {
            self.stream_message(&mut out, at, segmented);
            at += 1;
        }
        for (index, (name, arguments)) in self.generation.tool_calls.iter().enumerate() {
            self.stream_tool_call(&mut out, at, &ToolCall { index, name }, arguments);
            at += 1;
        }
        let status = self.status();
        out.event(&format!("response.{status}"), 0, object! { "response": self.response(status, self.items()) });
        let number = self.call.knobs.cut_after.unwrap_or(0).min(out.stream.count());
        let failure = object! {
            "type": "response.failed", "sequence_number": number, "response": self.response("failed", Vec::new()),
        };
        out.stream.finish(("response.failed", |bytes: &mut Vec<u8>| failure.write(bytes)))
    }

    fn stream_reasoning(&self, out: &mut Numbered<'_>, at: u64, segmented: &SegmentedText<'_>) {
        let part = |text: &str| object! { "type": "summary_text", "text": text };
        let place = || object! { "item_id": self.generation.id("rs_"), "output_index": at, "summary_index": 0_u64 };
        out.event("response.output_item.added", 0, object! { "output_index": at, "item": self.reasoning(None) });
        out.event("response.reasoning_summary_part.added", 0, place().with("part", part("")));
        for delta in segmented.deltas() {
            out.event("response.reasoning_summary_text.delta", tokens(delta), place().with("delta", delta));
        }
        out.event("response.reasoning_summary_text.done", 0, place().with("text", &*segmented.text));
        out.event("response.reasoning_summary_part.done", 0, place().with("part", part(&segmented.text)));
        let item = self.reasoning(Some(&segmented.text));
        out.event("response.output_item.done", 0, object! { "output_index": at, "item": item });
    }

    fn stream_message(&self, out: &mut Numbered<'_>, at: u64, segmented: &SegmentedText<'_>) {
        let place = || object! { "item_id": self.generation.id("msg_"), "output_index": at, "content_index": 0_u64 };
        let item = self.message("in_progress", Vec::new());
        out.event("response.output_item.added", 0, object! { "output_index": at, "item": item });
        out.event("response.content_part.added", 0, place().with("part", self.part("")));
        for delta in segmented.deltas() {
            match self.is_refusal() {
                true => out.event("response.refusal.delta", tokens(delta), place().with("delta", delta)),
                false => {
                    let data = place().with("delta", delta).with("logprobs", Json::List(Vec::new()));
                    out.event("response.output_text.delta", tokens(delta), data);
                }
            }
        }
        match self.is_refusal() {
            true => out.event("response.refusal.done", 0, place().with("refusal", &*segmented.text)),
            false => {
                let data = place().with("text", &*segmented.text).with("logprobs", Json::List(Vec::new()));
                out.event("response.output_text.done", 0, data);
            }
        }
        out.event("response.content_part.done", 0, place().with("part", self.part(&segmented.text)));
        let item = self.message("completed", vec![self.part(&segmented.text)]);
        out.event("response.output_item.done", 0, object! { "output_index": at, "item": item });
    }

    fn stream_tool_call(&self, out: &mut Numbered<'_>, at: u64, call: &ToolCall<'_>, arguments: &str) {
        let place =
            || object! { "item_id": format!("{}_{}", self.generation.id("fc_"), call.index), "output_index": at };
        let item = self.tool_call("in_progress", call, "");
        out.event("response.output_item.added", tokens(call.name), object! { "output_index": at, "item": item });
        for piece in argument_segments(arguments, self.call.knobs.delta_chars) {
            out.event("response.function_call_arguments.delta", tokens(piece), place().with("delta", piece));
        }
        out.event("response.function_call_arguments.done", 0, place().with("arguments", arguments));
        let item = self.tool_call("completed", call, arguments);
        out.event("response.output_item.done", 0, object! { "output_index": at, "item": item });
    }
}

/// Stream whose events contain their type and sequence number.
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
