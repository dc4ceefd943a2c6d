//! Decodes responses of OpenAI's chat completions API, streamed or not.
//!
//! This shares no code with the filters, so that it shares no mistake with them.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::message::{Headers, header};

/// Content of a response as a client of the API sees it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct DecodedResponse {
    /// Text of each choice.
    pub texts: BTreeMap<u64, String>,
    /// Tool calls by choice and index.
    pub tools: BTreeMap<(u64, u64), ToolCall>,
    /// Finish reason of each choice.
    pub finished: BTreeMap<u64, String>,
    /// Every `usage` that was not null, in order.
    pub usages: Vec<Value>,
    /// Number of `usage` members that were null.
    pub null_usages: usize,
    /// The `error` object.
    pub error: Option<Value>,
    /// `true` if `[DONE]` arrived.
    pub done: bool,
    /// Number of events, including `[DONE]`.
    pub events: usize,
    /// Text of each event that carried content.
    pub deltas: Vec<String>,
    /// Description of what could not be decoded, or violates the API.
    pub malformed: Option<String>,
}

/// Tool call of a response.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ToolCall {
    /// Name of the function.
    pub name: String,
    /// Arguments as JSON text.
    pub arguments: String,
}

impl DecodedResponse {
    /// Decodes the body of a response, as clients do: events are what begins like one, whatever the content type says.
    pub fn of(headers: &Headers, body: &[u8]) -> DecodedResponse {
        let mut decoded = DecodedResponse::default();
        let is = |kind: &[u8]| header(headers, "content-type").is_some_and(|value| value.starts_with(kind));
        let start = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body).trim_ascii_start();
        let is_event = [&b":"[..], b"data:", b"event:", b"id:", b"retry:"].iter().any(|field| start.starts_with(field));
        let is_document = start.starts_with(b"{");
        if is_event || is(b"text/event-stream") && !is_document {
            decoded.add_events(&String::from_utf8_lossy(body));
            return decoded;
        }
        match serde_json::from_slice::<Value>(start) {
            Ok(value) => decoded.add(&value, "message"),
            Err(error) => {
                let readable = !body.is_empty() && header(headers, "content-encoding").is_none();
                if readable && is(b"application/json") {
                    decoded.malformed = Some(format!("not JSON: {error}: {:?}", String::from_utf8_lossy(body)));
                }
            }
        }
        decoded
    }

    /// Returns the text of the first choice.
    pub fn text(&self) -> &str {
        self.texts.get(&0).map_or("", String::as_str)
    }

    /// Returns the tool calls of the first choice, each as `name(arguments)`.
    pub fn tool_calls(&self) -> Vec<String> {
        let first = self.tools.iter().filter(|((choice, _), _)| *choice == 0);
        first.map(|(_, call)| format!("{}({})", call.name, call.arguments)).collect()
    }

    fn add_events(&mut self, text: &str) {
        let text = text.replace("\r\n", "\n").replace('\r', "\n");
        let text = text.trim_start_matches('\u{feff}');
        for event in text.split_inclusive("\n\n") {
            let complete = event.ends_with("\n\n");
            let data: Vec<_> = event.lines().filter_map(|line| line.strip_prefix("data:")).collect();
            if data.is_empty() {
                continue;
            }
            let data = data.join("\n");
            let data = data.trim_start();
            self.events += 1;
            if self.done {
                self.malformed = Some(format!("an event after [DONE]: {data:?}"));
            }
            if data == "[DONE]" {
                self.done = true;
                continue;
            }
            match serde_json::from_str::<Value>(data) {
                Ok(value) => self.add(&value, "delta"),
                // The last event of a broken stream may be truncated.
                Err(_) if !complete => {}
                Err(error) => self.malformed = Some(format!("an event that is not JSON: {error}: {data:?}")),
            }
        }
    }

    /// Adds a response, whose choices have a `message`, or an event, whose choices have a `delta`.
    fn add(&mut self, value: &Value, member: &str) {
        if let Some(error) = value.get("error") {
            self.error = Some(error.clone());
        }
        match value.get("usage") {
            Some(Value::Null) => self.null_usages += 1,
            Some(usage) => self.usages.push(usage.clone()),
            None => {}
        }
        for choice in value.get("choices").and_then(Value::as_array).into_iter().flatten() {
            let index = choice.get("index").and_then(Value::as_u64).unwrap_or_else(|| {
                self.malformed = Some("a choice without an index".into());
                0
            });
            self.add_choice(index, choice, member);
        }
    }

    fn add_choice(&mut self, index: u64, choice: &Value, member: &str) {
        let text = |value: Option<&Value>| value.and_then(Value::as_str).unwrap_or_default().to_owned();
        let message = choice.get(member);
        if let Some(content) = message.and_then(|message| message.get("content")).and_then(Value::as_str) {
            self.texts.entry(index).or_default().push_str(content);
            if !content.is_empty() {
                self.deltas.push(content.to_owned());
            }
        }
        let calls = message.and_then(|message| message.get("tool_calls")).and_then(Value::as_array);
        for (at, call) in calls.into_iter().flatten().enumerate() {
            let at = call.get("index").and_then(Value::as_u64).unwrap_or(at as u64);
            let tool = self.tools.entry((index, at)).or_default();
            tool.name.push_str(&text(call.pointer("/function/name")));
            tool.arguments.push_str(&text(call.pointer("/function/arguments")));
        }
        if let Some(reason) = choice.get("finish_reason").and_then(Value::as_str) {
            self.finished.insert(index, reason.to_owned());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decode(content_type: &str, body: &str) -> DecodedResponse {
        DecodedResponse::of(&vec![("content-type".into(), content_type.into())], body.as_bytes())
    }

    #[test]
    fn a_streamed_response_says_the_same_as_a_whole_one() {
        let whole = decode(
            "application/json",
            r#"{"choices":[{"index":0,"message":{"content":"hello","tool_calls":[{"function":{"name":"f","arguments":"{}"}}]},
                "finish_reason":"stop"}],"usage":{"total_tokens":3}}"#,
        );
        let streamed = decode(
            "text/event-stream; charset=utf-8",
            concat!(
                "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"hel\"}}],\"usage\":null}\r\n\r\n",
                ": comment\n\ndata: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"lo\"}}]}\n\n",
                "data: {\"choices\":[{\"index\":0,\"delta\":{\"tool_calls\":[{\"index\":0,\"function\":{\"name\":\"f\"}}]}}]}\n\n",
                "data: {\"choices\":[{\"index\":0,\"delta\":{\"tool_calls\":[{\"index\":0,\"function\":{\"arguments\":\"{}\"}}]},",
                "\"finish_reason\":\"stop\"}]}\n\ndata: {\"choices\":[],\"usage\":{\"total_tokens\":3}}\n\ndata: [DONE]\n\n",
            ),
        );
        for decoded in [&whole, &streamed] {
            assert_eq!((decoded.text(), decoded.tool_calls()), ("hello", vec!["f({})".to_owned()]));
            assert_eq!((decoded.finished[&0].as_str(), decoded.usages.len()), ("stop", 1));
            assert_eq!(decoded.malformed, None);
        }
        assert_eq!((streamed.deltas.len(), streamed.events, streamed.null_usages, streamed.done), (2, 6, 1, true));
    }

    #[test]
    fn violations_are_named() {
        for (content_type, body, reason) in [
            ("application/json", "{", Some("not JSON")),
            ("text/plain", "{", None),
            ("application/json", "", None),
            ("application/json", r#"{"choices":[{"message":{}}]}"#, Some("without an index")),
            ("text/event-stream", "data: {\n\n", Some("not JSON")),
            ("text/event-stream", "data: {\"choi", None),
            ("text/event-stream", "data: [DONE]\n\ndata: {}\n\n", Some("after [DONE]")),
        ] {
            let malformed = decode(content_type, body).malformed;
            assert_eq!(malformed.is_some(), reason.is_some(), "{body}: {malformed:?}");
            assert!(malformed.unwrap_or_default().contains(reason.unwrap_or_default()));
        }
    }
}
