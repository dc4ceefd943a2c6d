//! OpenAI's legacy completions: a prompt, or several, and what would come next.

use serde_json::Value;

use super::chat::usage;
use super::{Call, Endpoint, Form, Written, count, texts};
use crate::answer::{Answer, CREATED};
use crate::error::ApiError;
use crate::json::{Json, object};
use crate::knobs::{Usage, UsageAt};
use crate::stream::{Events, Framing, Stream};
use crate::tokens::tokens;

pub(super) const ENDPOINTS: &[Endpoint] =
    &[Endpoint { paths: &["completions"], form, answer, refuse: ApiError::openai }];

fn form(call: &Call<'_>) -> Form {
    Form::of(call.asks_for_stream(false), Form::SSE)
}

fn answer(call: &Call<'_>) -> Result<Written, ApiError> {
    let body = call.object()?;
    let mut ask = call.ask(&body)?;
    let prompt = body.get("prompt").ok_or(ApiError::missing("prompt"))?;
    let prompts = match prompt {
        // A prompt may be its tokens, which are numbers.
        Value::Array(items) if items.iter().any(|item| item.is_string() || item.is_array()) => items.as_slice(),
        other => std::slice::from_ref(other),
    };
    for prompt in prompts {
        ask.message(true, texts(prompt));
    }
    let each = count(&body, "n").unwrap_or(1).max(1);
    ask.candidates = u32::try_from(each.saturating_mul(prompts.len() as u64)).ok();
    ask.cap = count(&body, "max_tokens");
    ask.include_usage = body.pointer("/stream_options/include_usage") == Some(&Value::Bool(true));
    let answer = call.answer(&ask)?;
    Ok(match ask.stream {
        true => Written::new(Form::SSE, stream(&answer, ask.include_usage, call)),
        false => {
            let choices = (0..answer.choices).map(|index| choice(index, answer.said(), Some(answer.finish)));
            let mut body = head(&answer).with("choices", Json::list(choices));
            if call.knobs.usage_at != UsageAt::Never {
                body.add("usage", usage_of(answer.usage));
            }
            Written::json(&body)
        }
    })
}

fn stream(answer: &Answer<'_>, asked: bool, call: &Call<'_>) -> Events {
    let at = call.knobs.usage_at;
    let mut stream = Stream::new(Framing::Sse, call.knobs);
    let chunk = |spent: u64, choices: Json, last: bool| {
        let mut chunk = head(answer).with("choices", choices);
        match at {
            UsageAt::Asked | UsageAt::Always if asked => chunk.add("usage", Json::Null),
            UsageAt::Last | UsageAt::Every if last => chunk.add("usage", usage_of(answer.usage)),
            UsageAt::Every => {
                let output = spent.min(answer.usage.output);
                chunk.add("usage", usage_of(Usage { output, ..answer.usage }));
            }
            _ => {}
        }
        chunk
    };
    for delta in answer.text.iter().flat_map(|said| said.deltas()) {
        for index in 0..answer.choices {
            let spent = tokens(delta);
            let data = chunk(stream.spent + spent, Json::list([choice(index, delta, None)]), false);
            stream.json("", spent, &data);
        }
    }
    for index in 0..answer.choices {
        let data = chunk(stream.spent, Json::list([choice(index, "", Some(answer.finish))]), true);
        stream.json("", 0, &data);
    }
    if matches!((at, asked), (UsageAt::Asked, true) | (UsageAt::Always, _)) {
        let data = head(answer).with("choices", Json::List(Vec::new())).with("usage", usage_of(answer.usage));
        stream.json("", 0, &data);
    }
    stream.event("", 0, |out| out.extend_from_slice(b"[DONE]"));
    stream.end(("", |out: &mut Vec<u8>| ApiError::in_the_middle().openai().body.write(out)))
}

fn head(answer: &Answer<'_>) -> Json {
    object! {
        "id": answer.id("cmpl-"), "object": "text_completion", "created": CREATED, "model": &*answer.model,
    }
}

fn choice(index: u32, text: &str, finish: Option<&str>) -> Json {
    object! { "text": text, "index": index, "logprobs": Json::Null, "finish_reason": finish }
}

fn usage_of(of: Usage) -> Json {
    let mut bytes = Vec::new();
    usage(of, &mut bytes);
    serde_json::from_slice(&bytes).map_or(Json::Null, Json::Read)
}
