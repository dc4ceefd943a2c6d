//! Amazon Bedrock: Converse in its own words, InvokeModel in those of the model's maker (here Anthropic and Meta). The model
//! stands in the path; streams are binary frames.

use serde_json::Value;

use super::anthropic::{self, signature};
use super::{Call, Endpoint, Form, Written, arguments, count, list, messages, texts};
use crate::answer::Answer;
use crate::ask::Ask;
use crate::encoding::base64_encode;
use crate::error::{ApiError, Refusal};
use crate::json::{Json, object};
use crate::knobs::{Usage, UsageAt};
use crate::stream::{Events, Framing, Stream};
use crate::tokens::{argument_pieces, tokens};

pub(super) const ENDPOINTS: &[Endpoint] = &[
    Endpoint { paths: &["model/*/converse"], form: |_| Form::JSON, answer: converse, refuse },
    Endpoint { paths: &["model/*/converse-stream"], form: |_| Form::FRAMES, answer: converse_stream, refuse },
    Endpoint { paths: &["model/*/invoke"], form: |_| Form::JSON, answer: invoke, refuse },
    Endpoint { paths: &["model/*/invoke-with-response-stream"], form: |_| Form::FRAMES, answer: invoke_stream, refuse },
];

const STOPS: &[(&str, &str)] = &[
    ("stop", "end_turn"),
    ("length", "max_tokens"),
    ("tool_calls", "tool_use"),
    ("content_filter", "content_filtered"),
];

/// What Bedrock puts into every event so that its length says nothing about it.
const PADDING: &str = "abcdefgh";

fn ask(call: &Call<'_>, body: &Value) -> Result<Ask<'static>, ApiError> {
    let mut ask = call.ask(body)?;
    // Some clients send a list with nothing in it.
    if let Some(system) = body.get("system").filter(|system| **system != Value::Array(Vec::new())) {
        ask.message(false, texts(system));
    }
    messages(&mut ask, list(body, "messages")?, "content");
    ask.cap = body.pointer("/inferenceConfig/maxTokens").and_then(Value::as_u64);
    ask.tools = body.pointer("/toolConfig/tools").and_then(Value::as_array).map_or(0, |tools| tools.len() as u64);
    Ok(ask)
}

fn converse(call: &Call<'_>) -> Result<Written, ApiError> {
    let body = call.object()?;
    let ask = ask(call, &body)?;
    let answer = call.answer(&ask)?;
    let mut content = Vec::new();
    if let Some(said) = &answer.thought {
        let text = object! { "text": &*said.text, "signature": signature(&answer) };
        content.push(object! { "reasoningContent": object! { "reasoningText": text } });
    }
    if let Some(said) = &answer.text {
        content.push(object! { "text": &*said.text });
    }
    for (at, (name, told)) in answer.tool_calls.iter().enumerate() {
        let call = tool(&answer, at, name).with("input", arguments(told));
        content.push(object! { "toolUse": call });
    }
    let mut body = object! {
        "metrics": metrics(),
        "output": object! { "message": object! { "content": content, "role": "assistant" } },
        "stopReason": answer.finish_in(STOPS),
    };
    if call.knobs.usage_at != UsageAt::Never {
        body.add("usage", usage(answer.usage));
    }
    Ok(Written::json(&body))
}

fn tool(answer: &Answer<'_>, at: usize, name: &str) -> Json {
    object! { "toolUseId": format!("{}_{at}", answer.id("tooluse_")), "name": name }
}

fn metrics() -> Json {
    object! { "latencyMs": 1_u64 }
}

fn usage(usage: Usage) -> Json {
    object! {
        "inputTokens": usage.fresh(), "outputTokens": usage.output, "totalTokens": usage.total(),
        "cacheReadInputTokens": usage.cached, "cacheWriteInputTokens": usage.written,
    }
}

fn converse_stream(call: &Call<'_>) -> Result<Written, ApiError> {
    let body = call.object()?;
    let ask = ask(call, &body)?;
    let answer = call.answer(&ask)?;
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
    if let Some(said) = &answer.thought {
        let delta = |text| (tokens(text), object! { "reasoningContent": object! { "text": text } });
        let mut deltas: Vec<_> = said.deltas().map(delta).collect();
        deltas.push((0, object! { "reasoningContent": object! { "signature": signature(&answer) } }));
        block(None, deltas);
    }
    if let Some(said) = &answer.text {
        block(None, said.deltas().map(|text| (tokens(text), object! { "text": text })).collect());
    }
    for (at, (name, told)) in answer.tool_calls.iter().enumerate() {
        let pieces = argument_pieces(told, call.knobs.delta_chars);
        let deltas = pieces.into_iter().map(|text| (tokens(text), object! { "toolUse": object! { "input": text } }));
        block(Some(object! { "toolUse": tool(&answer, at, name) }), deltas.collect());
    }
    event("messageStop", 0, object! { "stopReason": answer.finish_in(STOPS) });
    let mut metadata = object! { "metrics": metrics() };
    if call.knobs.usage_at != UsageAt::Never {
        metadata.add("usage", usage(answer.usage));
    }
    event("metadata", 0, metadata);
    Ok(Written::new(Form::FRAMES, end(stream)))
}

fn end(stream: Stream<'_>) -> Events {
    let failed = object! { "message": ApiError::in_the_middle().message };
    stream.end(("internalServerException", |out: &mut Vec<u8>| failed.write(out)))
}

/// What InvokeModel is asked, in whose words.
enum Native {
    Anthropic(Ask<'static>),
    /// A prompt and `max_gen_len`.
    Meta(Ask<'static>),
}

fn native(call: &Call<'_>, body: &Value) -> Result<Native, ApiError> {
    let Some(prompt) = body.get("prompt") else { return anthropic::ask(call, body).map(Native::Anthropic) };
    let mut ask = call.ask(body)?;
    ask.message(true, texts(prompt));
    ask.cap = count(body, "max_gen_len");
    Ok(Native::Meta(ask))
}

fn invoke(call: &Call<'_>) -> Result<Written, ApiError> {
    let body = call.object()?;
    let (document, usage) = match native(call, &body)? {
        Native::Anthropic(ask) => {
            let answer = call.answer(&ask)?;
            (anthropic::message(&answer, call), answer.usage)
        }
        Native::Meta(ask) => {
            let answer = call.answer(&ask)?;
            (generation(&answer, answer.said(), Some(answer.usage.input), answer.usage.output, true), answer.usage)
        }
    };
    let mut written = Written::json(&document);
    if call.knobs.usage_at != UsageAt::Never {
        written.headers = vec![
            ("x-amzn-bedrock-input-token-count", usage.fresh().to_string()),
            ("x-amzn-bedrock-output-token-count", usage.output.to_string()),
        ];
    }
    Ok(written)
}

/// What a model of Meta says.
fn generation(answer: &Answer<'_>, text: &str, input: Option<u64>, output: u64, last: bool) -> Json {
    object! {
        "generation": text, "prompt_token_count": input, "generation_token_count": output,
        "stop_reason": last.then(|| answer.finish_in(&[])),
    }
}

fn invoke_stream(call: &Call<'_>) -> Result<Written, ApiError> {
    let body = call.object()?;
    let mut stream = Stream::new(Framing::Frames, call.knobs);
    let metrics = |usage: Usage| {
        object! {
            "inputTokenCount": usage.fresh(), "outputTokenCount": usage.output,
            "invocationLatency": 1_u64, "firstByteLatency": 1_u64,
        }
    };
    let told = call.knobs.usage_at != UsageAt::Never;
    match native(call, &body)? {
        Native::Anthropic(ask) => {
            let answer = call.answer(&ask)?;
            anthropic::events(&answer, call, |name, spent, mut data| {
                if name == "message_stop" && told {
                    data.add("amazon-bedrock-invocationMetrics", metrics(answer.usage));
                }
                chunk(&mut stream, spent, &data);
            });
        }
        Native::Meta(ask) => {
            let answer = call.answer(&ask)?;
            let mut input = Some(answer.usage.input);
            for delta in answer.text.iter().flat_map(|said| said.deltas()) {
                let output = (stream.spent + tokens(delta)).min(answer.usage.output);
                chunk(&mut stream, tokens(delta), &generation(&answer, delta, input.take(), output, false));
            }
            let mut last = generation(&answer, "", input, answer.usage.output, true);
            if told {
                last.add("amazon-bedrock-invocationMetrics", metrics(answer.usage));
            }
            chunk(&mut stream, 0, &last);
        }
    }
    let mut written = Written::new(Form::FRAMES, end(stream));
    written.headers = vec![("x-amzn-bedrock-content-type", "application/json".to_owned())];
    Ok(written)
}

/// A document of the model's maker, packed.
fn chunk(stream: &mut Stream<'_>, spent: u64, data: &Json) {
    stream.json("chunk", spent, &object! { "bytes": base64_encode(&data.bytes()), "p": PADDING });
}

/// An error in Amazon's words: its type is a header.
fn refuse(error: &ApiError) -> Refusal {
    let kind = match error.status {
        401 | 403 => "AccessDeniedException",
        404 => "ResourceNotFoundException",
        429 => "ThrottlingException",
        503 => "ServiceUnavailableException",
        500.. => "InternalServerException",
        _ => "ValidationException",
    };
    let body = object! { "message": error.message.as_str() };
    Refusal { body, headers: vec![("x-amzn-errortype", kind)] }
}
