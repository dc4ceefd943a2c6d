//! OpenAI legacy completions of one or more prompts.

use serde_json::Value;

use super::chat::usage;
use super::{BodyFormat, Call, EncodedResponse, Endpoint, count, texts};
use crate::error::ApiError;
use crate::generation::{CREATED, Generation};
use crate::json::{Json, object};
use crate::knobs::UsageAt;
use crate::stream::{Events, Framing, Stream};
use crate::tokens::tokens;
use crate::usage::Usage;

pub(super) const ENDPOINTS: &[Endpoint] =
    &[Endpoint { paths: &["completions"], format, respond, error_body: ApiError::openai }];

fn format(call: &Call<'_>) -> BodyFormat {
    BodyFormat::choose(call.requests_stream(false), BodyFormat::SSE)
}

fn respond(call: &Call<'_>) -> Result<EncodedResponse, ApiError> {
    let body = call.object()?;
    let mut request = call.llm_request(&body)?;
    let prompt = body.get("prompt").ok_or(ApiError::missing("prompt"))?;
    let prompts = match prompt {
        // A prompt may be an array of token ids.
        Value::Array(items) if items.iter().any(|item| item.is_string() || item.is_array()) => items.as_slice(),
        other => std::slice::from_ref(other),
    };
    for prompt in prompts {
        request.add_message(true, texts(prompt));
    }
    let each = count(&body, "n").unwrap_or(1).max(1);
    request.candidates = u32::try_from(each.saturating_mul(prompts.len() as u64)).ok();
    request.max_tokens = count(&body, "max_tokens");
    request.include_usage = body.pointer("/stream_options/include_usage") == Some(&Value::Bool(true));
    let generation = call.generate(&request)?;
    Ok(match request.stream {
        true => EncodedResponse::new(BodyFormat::SSE, stream(&generation, request.include_usage, call)),
        false => {
            let choices =
                (0..generation.choices).map(|index| choice(index, generation.text_or_empty(), Some(generation.finish)));
            let mut body = head(&generation).with("choices", Json::list(choices));
            if call.knobs.usage_at != UsageAt::Never {
                body.add("usage", usage_json(generation.usage));
            }
            EncodedResponse::json(&body)
        }
    })
}

fn stream(generation: &Generation<'_>, include_usage: bool, call: &Call<'_>) -> Events {
    let at = call.knobs.usage_at;
    let mut stream = Stream::new(Framing::Sse, call.knobs);
    let chunk = |spent: u64, choices: Json, last: bool| {
        let mut chunk = head(generation).with("choices", choices);
        match at {
            UsageAt::Asked | UsageAt::Always if include_usage => chunk.add("usage", Json::Null),
            UsageAt::Last | UsageAt::Every if last => chunk.add("usage", usage_json(generation.usage)),
            UsageAt::Every => {
                chunk.add("usage", usage_json(generation.usage.so_far(spent)));
            }
            _ => {}
        }
        chunk
    };
    for delta in generation.text.iter().flat_map(|segmented| segmented.deltas()) {
        for index in 0..generation.choices {
            let spent = tokens(delta);
            let data = chunk(stream.spent + spent, Json::list([choice(index, delta, None)]), false);
            stream.json("", spent, &data);
        }
    }
    for index in 0..generation.choices {
        let data = chunk(stream.spent, Json::list([choice(index, "", Some(generation.finish))]), true);
        stream.json("", 0, &data);
    }
    if matches!((at, include_usage), (UsageAt::Asked, true) | (UsageAt::Always, _)) {
        let data = head(generation).with("choices", Json::List(Vec::new())).with("usage", usage_json(generation.usage));
        stream.json("", 0, &data);
    }
    stream.event("", 0, |out| out.extend_from_slice(b"[DONE]"));
    stream.finish(("", |out: &mut Vec<u8>| ApiError::mid_stream().openai().body.write(out)))
}

fn head(generation: &Generation<'_>) -> Json {
    object! {
        "id": generation.id("cmpl-"), "object": "text_completion", "created": CREATED, "model": &*generation.model,
    }
}

fn choice(index: u32, text: &str, finish: Option<&str>) -> Json {
    object! { "text": text, "index": index, "logprobs": Json::Null, "finish_reason": finish }
}

fn usage_json(counts: Usage) -> Json {
    let mut bytes = Vec::new();
    usage(counts, &mut bytes);
    serde_json::from_slice(&bytes).map_or(Json::Null, Json::Parsed)
}
