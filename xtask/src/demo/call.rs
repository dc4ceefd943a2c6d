//! Chat call of the tour, and its response.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;

use serde_json::{Value, json};
use tollgate_envoy_harness::blocking::Request;
use tollgate_envoy_harness::{Context, Result};

use super::stack::{CONSUMER_HEADER, PATIENCE};

/// Chat call.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    pub(crate) consumer: &'static str,
    pub(crate) model: &'static str,
    pub(crate) prompt: String,
    /// Tokens per second that the mock sends; `Some` makes it a streamed call.
    pub(crate) stream: Option<u32>,
    /// Limit of output tokens.
    pub(crate) max_tokens: Option<u32>,
}

/// Response to a call.
#[derive(Clone, Debug, Default)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) request_id: String,
    pub(crate) retry_after: Option<String>,
    /// Text of the response, or message of the error.
    pub(crate) text: String,
    /// `error.type` / `error.code` of an error.
    pub(crate) error: Option<String>,
    /// Number of events with text.
    pub(crate) deltas: usize,
    /// `true` if a streamed response ended with `[DONE]`.
    pub(crate) done: bool,
    /// `true` if one of the events had usage.
    pub(crate) usage_seen: bool,
}

impl Call {
    /// Returns the body of the request.
    pub(crate) fn body(&self) -> String {
        let mut body = json!({"model": self.model, "messages": [{"role": "user", "content": self.prompt}]});
        if let Some(members) = body.as_object_mut() {
            members.extend(self.stream.map(|_| ("stream".into(), true.into())));
            members.extend(self.max_tokens.map(|tokens| ("max_tokens".into(), tokens.into())));
        }
        body.to_string()
    }

    /// Sends the call to the gateway; `arrived` receives every piece of a streamed response as it arrives.
    pub(crate) fn send(&self, gateway: SocketAddr, arrived: &mut dyn FnMut(&str)) -> Result<Answer> {
        let speed = self.stream.unwrap_or_default().to_string();
        let mut headers = vec![("content-type", "application/json"), (CONSUMER_HEADER, self.consumer)];
        if self.stream.is_some() {
            headers.push(("x-mock-tokens-per-second", &speed));
        }
        let body = self.body();
        let mut response = Request::post("/v1/chat/completions", &headers, body.as_bytes()).send(gateway, PATIENCE)?;
        let mut answer = Answer {
            status: response.status,
            request_id: response.header("x-tollgate-request-id").unwrap_or_default().to_owned(),
            retry_after: response.header("retry-after").map(str::to_owned),
            ..Answer::default()
        };
        if response.header("content-type").is_some_and(|kind| kind.starts_with("text/event-stream")) {
            for line in BufReader::new(response).lines() {
                let line = line.context(|| "the stream broke off".into())?;
                if let Some(data) = line.strip_prefix("data:") {
                    answer.event(data.trim(), arrived);
                }
            }
        } else {
            answer.whole(&response.text()?);
        }
        Ok(answer)
    }
}

impl Answer {
    fn event(&mut self, data: &str, arrived: &mut dyn FnMut(&str)) {
        if data == "[DONE]" {
            self.done = true;
            return;
        }
        let event: Value = serde_json::from_str(data).unwrap_or_default();
        self.usage_seen |= event["usage"].is_object();
        if let Some(piece) = event.pointer("/choices/0/delta/content").and_then(Value::as_str)
            && !piece.is_empty()
        {
            self.text.push_str(piece);
            self.deltas += 1;
            arrived(piece);
        }
    }

    fn whole(&mut self, text: &str) {
        let body: Value = serde_json::from_str(text).unwrap_or_default();
        if let Some(content) = body.pointer("/choices/0/message/content").and_then(Value::as_str) {
            content.clone_into(&mut self.text);
        } else if let Some(error) = body.get("error") {
            error["message"].as_str().unwrap_or_default().clone_into(&mut self.text);
            let words = ["type", "code"].map(|key| error[key].as_str().unwrap_or_default());
            self.error = Some(words.join(" / ").trim_matches([' ', '/']).to_owned());
        } else {
            text.clone_into(&mut self.text);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_read() {
        let mut answer = Answer::default();
        answer.whole(r#"{"choices":[{"message":{"content":"Hello"}}]}"#);
        assert_eq!((answer.text.as_str(), answer.error.as_deref()), ("Hello", None));

        let mut answer = Answer::default();
        answer.whole(r#"{"error":{"message":"no","type":"invalid_request_error","param":null,"code":"blocked"}}"#);
        assert_eq!((answer.text.as_str(), answer.error.as_deref()), ("no", Some("invalid_request_error / blocked")));

        let mut answer = Answer::default();
        answer.whole("upstream connect error");
        assert_eq!(answer.text, "upstream connect error");
    }

    #[test]
    fn streams_are_read() {
        let mut answer = Answer::default();
        let mut pieces = Vec::new();
        for data in [
            r#"{"choices":[{"delta":{"role":"assistant","content":""}}]}"#,
            r#"{"choices":[{"delta":{"content":"Hel"}}],"usage":null}"#,
            r#"{"choices":[{"delta":{"content":"lo"}}]}"#,
            r#"{"choices":[],"usage":{"prompt_tokens":1}}"#,
            "[DONE]",
        ] {
            answer.event(data, &mut |piece| pieces.push(piece.to_owned()));
        }
        assert_eq!(pieces, ["Hel", "lo"]);
        assert_eq!((answer.text.as_str(), answer.deltas, answer.done, answer.usage_seen), ("Hello", 2, true, true));
    }
}
