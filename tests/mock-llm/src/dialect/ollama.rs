//! Ollama chat, generate and embed. Chat and generate stream JSON lines unless the request disables it.

use super::embeddings::{size, vectors};
use super::{BodyFormat, Call, EncodedResponse, Endpoint, add_messages, arguments_json, count, list, texts};
use crate::error::{ApiError, ErrorBody};
use crate::generation::Generation;
use crate::json::{Json, object};
use crate::knobs::UsageAt;
use crate::stream::{Framing, Stream};
use crate::tokens::tokens;

pub(super) const ENDPOINTS: &[Endpoint] = &[
    Endpoint { paths: &["api/chat", GENERATE], format, respond, error_body },
    Endpoint { paths: &["api/embed"], format: |_| BodyFormat::JSON, respond: embed, error_body },
];

const GENERATE: &str = "api/generate";

/// Time [`crate::CREATED`] in Ollama's format.
const CREATED_AT: &str = "2023-11-14T22:13:20Z";

fn format(call: &Call<'_>) -> BodyFormat {
    BodyFormat::choose(call.requests_stream(true), BodyFormat::LINES)
}

fn respond(call: &Call<'_>) -> Result<EncodedResponse, ApiError> {
    let body = call.object()?;
    let mut request = call.llm_request(&body)?;
    if call.path == GENERATE {
        if let Some(system) = body.get("system") {
            request.add_message(false, texts(system));
        }
        request.add_message(true, body.get("prompt").map(texts).ok_or(ApiError::missing("prompt"))?);
    } else {
        add_messages(&mut request, list(&body, "messages")?, "content");
    }
    request.max_tokens = body.get("options").and_then(|options| count(options, "num_predict"));
    let generation = call.generate(&request)?;
    let chat = call.path != GENERATE;
    if !format(call).streamed {
        let thinking = generation.thinking.as_ref().map(|segmented| &*segmented.text);
        return Ok(EncodedResponse::json(&last_line(
            &generation,
            call,
            line(&generation, chat, generation.text_or_empty(), thinking, generation.tool_calls),
        )));
    }
    let mut stream = Stream::new(Framing::Lines, call.knobs);
    for delta in generation.thinking.iter().flat_map(|segmented| segmented.deltas()) {
        stream.json("", tokens(delta), &line(&generation, chat, "", Some(delta), &[]).with("done", false));
    }
    for delta in generation.text.iter().flat_map(|segmented| segmented.deltas()) {
        stream.json("", tokens(delta), &line(&generation, chat, delta, None, &[]).with("done", false));
    }
    for call in generation.tool_calls {
        let spent = tokens(&call.0) + tokens(&call.1);
        stream.json("", spent, &line(&generation, chat, "", None, std::slice::from_ref(call)).with("done", false));
    }
    stream.json("", 0, &last_line(&generation, call, line(&generation, chat, "", None, &[])));
    let failure = error_body(&ApiError::mid_stream()).body;
    Ok(EncodedResponse::new(BodyFormat::LINES, stream.finish(("", |out: &mut Vec<u8>| failure.write(out)))))
}

/// Encodes a line with a delta, or with the whole output.
fn line(
    generation: &Generation<'_>,
    chat: bool,
    text: &str,
    thinking: Option<&str>,
    calls: &[(String, String)],
) -> Json {
    let head = object! { "model": &*generation.model, "created_at": CREATED_AT };
    if !chat {
        let mut head = head.with("response", text);
        if let Some(thinking) = thinking {
            head.add("thinking", thinking);
        }
        return head;
    }
    let mut message = object! { "role": "assistant", "content": text };
    if let Some(thinking) = thinking {
        message.add("thinking", thinking);
    }
    if !calls.is_empty() {
        let call = |(name, arguments): &(String, String)| {
            object! { "function": object! { "name": name.as_str(), "arguments": arguments_json(arguments) } }
        };
        message.add("tool_calls", Json::list(calls.iter().map(call)));
    }
    head.with("message", message)
}

/// Adds the members of the last line.
fn last_line(generation: &Generation<'_>, call: &Call<'_>, line: Json) -> Json {
    let mut line = line.with("done", true).with("done_reason", generation.finish_in(&[("tool_calls", "stop")]));
    if call.path == GENERATE {
        line.add("context", Json::List(Vec::new()));
    }
    for name in ["total_duration", "load_duration"] {
        line.add(name, 1_000_000_u64);
    }
    if call.knobs.usage_at != UsageAt::Never {
        line.add("prompt_eval_count", generation.usage.input);
        line.add("prompt_eval_duration", 1_000_000_u64);
        line.add("eval_count", generation.usage.output);
        line.add("eval_duration", 1_000_000_u64);
    }
    line
}

fn embed(call: &Call<'_>) -> Result<EncodedResponse, ApiError> {
    let body = call.object()?;
    let request = call.llm_request(&body)?;
    let input = body.get("input").ok_or(ApiError::missing("input"))?;
    let inputs = input.as_array().map_or(std::slice::from_ref(input), Vec::as_slice);
    let (vectors, spent) = vectors(inputs, size(&body, "dimensions"));
    Ok(EncodedResponse::json(&object! {
        "model": request.model.as_ref().map(|model| &*model.0), "embeddings": vectors,
        "total_duration": 1_000_000_u64, "load_duration": 1_000_000_u64,
        "prompt_eval_count": call.knobs.usage.map_or(spent, |usage| usage.input),
    }))
}

/// Encodes an error in Ollama's format.
fn error_body(error: &ApiError) -> ErrorBody {
    ErrorBody { body: object! { "error": error.message.as_str() }, headers: Vec::new() }
}
