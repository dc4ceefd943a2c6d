//! Bodies of chat completions.

use serde_json::{Map, Value, json};

use crate::file::{Chat, Response, Sse, Usage, UsageAt};

/// Model of a request that does not name one.
pub(super) const MODEL: &str = "gpt-4o";

/// Text of a response that the test does not specify.
const OK: &str = "ok";

/// Writes a request body with its members in the usual order of clients.
pub(super) fn request(chat: &Chat, streamed: bool) -> Vec<u8> {
    let mut members: Vec<(&str, Value)> = Vec::new();
    match &chat.model {
        Some(Some(model)) => members.push(("model", json!(model))),
        None => members.push(("model", json!(MODEL))),
        Some(None) => {}
    }
    let message =
        |role: &str, content: &Option<Value>| content.as_ref().map(|content| json!({"role": role, "content": content}));
    let messages = message("system", &chat.system).into_iter();
    let messages = messages.chain(chat.messages.iter().cloned()).chain(message("user", &chat.user));
    members.push(("messages", messages.collect()));
    if chat.stream.is_some() || streamed {
        members.push(("stream", json!(streamed)));
    }
    if let Some(max_tokens) = chat.max_tokens {
        members.push(("max_tokens", json!(max_tokens)));
    }
    members.extend(chat.members.iter().map(|(name, value)| (name.as_str(), value.clone())));
    object(&members).into_bytes()
}

fn object(members: &[(&str, Value)]) -> String {
    let members: Vec<_> = members.iter().map(|(name, value)| format!("{}:{value}", json!(name))).collect();
    format!("{{{}}}", members.join(","))
}

/// Writes the body of a JSON response.
pub(super) fn completion(response: &Response, model: &str) -> Vec<u8> {
    let text = response.text.as_deref().unwrap_or(OK);
    let choice = json!({"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"});
    let mut members = head("chat.completion", model);
    members.push(("choices", json!([choice])));
    if let Some(usage) = response.usage {
        members.push(("usage", usage_object(usage)));
    }
    object(&members).into_bytes()
}

/// Returns the leading members of every response and chunk.
fn head(object: &str, model: &str) -> Vec<(&'static str, Value)> {
    vec![
        ("id", json!("chatcmpl-test")),
        ("object", json!(object)),
        ("created", json!(1_700_000_000)),
        ("model", json!(model)),
    ]
}

fn usage_object(usage: Usage) -> Value {
    json!({
        "prompt_tokens": usage.prompt,
        "completion_tokens": usage.completion,
        "total_tokens": usage.total.unwrap_or(usage.prompt.saturating_add(usage.completion)),
        "prompt_tokens_details": {"cached_tokens": usage.cached},
        "completion_tokens_details": {"reasoning_tokens": usage.reasoning},
    })
}

/// Writes the body of a streamed response. `usage_requested` is `true` if the request asks for usage.
pub(super) fn stream(response: &Response, model: &str, usage_requested: bool) -> Vec<u8> {
    let plain = Sse { deltas: vec![response.text.clone().unwrap_or_else(|| OK.to_owned())], ..Sse::default() };
    let sse = response.sse.as_ref().unwrap_or(&plain);
    let end = sse.line_end.unwrap_or_default().text();
    let mut body = String::new();
    let mut event = |data: &str| {
        if sse.comments == Some(true) {
            body.push_str(&format!(": still here{end}{end}"));
        }
        body.push_str(&format!("data: {data}{end}{end}"));
    };
    match &sse.events {
        Some(events) => events.iter().for_each(|data| match data {
            Value::String(text) => event(text),
            other => event(&other.to_string()),
        }),
        None => {
            for data in chunks(sse, response, model, usage_requested) {
                event(&data);
            }
        }
    }
    if sse.done != Some(false) {
        event("[DONE]");
    }
    body.into_bytes()
}

fn chunks(sse: &Sse, response: &Response, model: &str, usage_requested: bool) -> Vec<String> {
    let at = response.usage_at.unwrap_or_default();
    let usage = response.usage.map(usage_object);
    let chunk = |choices: Value, usage: Option<&Value>| {
        let mut members = head("chat.completion.chunk", model);
        members.push(("choices", choices));
        if let Some(usage) = usage {
            members.push(("usage", usage.clone()));
        }
        object(&members)
    };
    let choice = |index: u32, delta: Value, finish: Value| {
        let mut choice = Map::new();
        choice.insert("index".into(), json!(index));
        choice.insert("delta".into(), delta);
        choice.insert("finish_reason".into(), finish);
        json!([choice])
    };
    let every = usage.as_ref().filter(|_| at == UsageAt::Every);
    let choices = sse.choices.unwrap_or(1);
    let mut chunks = Vec::new();
    for index in 0..choices {
        chunks.push(chunk(choice(index, json!({"role": "assistant", "content": ""}), Value::Null), every));
    }
    for text in &sse.deltas {
        for index in 0..choices {
            chunks.push(chunk(choice(index, json!({"content": text}), Value::Null), every));
        }
    }
    if sse.finish != Some(false) {
        for index in 0..choices {
            let with = usage.as_ref().filter(|_| matches!(at, UsageAt::Last | UsageAt::Every));
            chunks.push(chunk(choice(index, json!({}), json!("stop")), with));
        }
    }
    let apart = at == UsageAt::Always || (at == UsageAt::Asked && usage_requested);
    if let Some(usage) = usage.as_ref().filter(|_| apart) {
        chunks.push(chunk(json!([]), Some(usage)));
    }
    chunks
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(body: Vec<u8>) -> String {
        String::from_utf8(body).unwrap()
    }

    #[test]
    fn a_request_body_is_written() {
        let chat = Chat { user: Some(json!("hi")), system: Some(json!("be brief")), ..Chat::default() };
        assert_eq!(
            text(request(&chat, false)),
            r#"{"model":"gpt-4o","messages":[{"content":"be brief","role":"system"},{"content":"hi","role":"user"}]}"#
        );
        let chat = Chat {
            model: Some(None),
            max_tokens: Some(5),
            members: [("n".to_owned(), json!(2))].into(),
            ..Chat::default()
        };
        assert_eq!(text(request(&chat, true)), r#"{"messages":[],"stream":true,"max_tokens":5,"n":2}"#);
    }

    #[test]
    fn usage_has_the_requested_position() {
        let usage = Some(Usage { prompt: 900, completion: 200, ..Usage::default() });
        for (at, usage_requested, events) in [
            (None, false, 0),
            (None, true, 1),
            (Some(UsageAt::Always), false, 1),
            (Some(UsageAt::Last), false, 1),
            (Some(UsageAt::Every), false, 3),
        ] {
            let response = Response { usage, usage_at: at, ..Response::default() };
            let body = text(stream(&response, "m", usage_requested));
            assert_eq!(body.matches("\"prompt_tokens\":900").count(), events, "{at:?} {usage_requested}");
            assert!(body.ends_with("data: [DONE]\n\n"));
        }
        let body = text(completion(&Response { usage, ..Response::default() }, "m"));
        assert_eq!(serde_json::from_str::<Value>(&body).unwrap()["usage"]["total_tokens"], 1100);
    }

    #[test]
    fn streams_have_the_requested_format() {
        let sse = Sse { events: Some(vec![json!("not json"), json!({"a": 1})]), done: Some(false), ..Sse::default() };
        let response = Response { sse: Some(sse), ..Response::default() };
        assert_eq!(text(stream(&response, "m", false)), "data: not json\n\ndata: {\"a\":1}\n\n");
        let sse = Sse {
            deltas: vec!["a".into()],
            choices: Some(2),
            line_end: Some(crate::file::LineEnd::Crlf),
            comments: Some(true),
            finish: Some(false),
            ..Sse::default()
        };
        let body = text(stream(&Response { sse: Some(sse), ..Response::default() }, "m", false));
        assert_eq!(body.matches(": still here\r\n\r\n").count(), 5);
        assert_eq!(body.matches("\"content\":\"a\"").count(), 2);
    }
}
