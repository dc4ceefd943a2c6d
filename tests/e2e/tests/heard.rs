//! What a client of the API hears in an answer, streamed or not. Written for the tests, so that it shares no mistake with
//! the filters.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::client::Answer;

/// An answer, understood.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Heard {
    /// The text of every choice.
    pub texts: BTreeMap<u64, String>,
    /// The arguments of every tool call, by choice and place, after the name and a `=`.
    pub tools: BTreeMap<(u64, u64), String>,
    /// Why every choice ended.
    pub finished: BTreeMap<u64, String>,
    /// Every usage that was not null, in order.
    pub usages: Vec<Value>,
    /// Members `usage` that were null.
    pub null_usages: usize,
    /// The `error` object.
    pub error: Option<Value>,
    /// `[DONE]` came, as the last event.
    pub done: bool,
    /// Events, `[DONE]` among them.
    pub events: usize,
    /// Events that carried content, each with its text.
    pub deltas: Vec<String>,
    /// What could not be understood.
    pub garbled: Option<String>,
}

impl Heard {
    /// Understands an answer by its content type.
    pub fn of(answer: &Answer) -> Heard {
        let mut heard = Heard::default();
        let text = answer.text();
        let kind = answer.header("content-type").unwrap_or_default();
        if kind.starts_with("text/event-stream") {
            heard.events(&text);
        } else if kind.starts_with("application/json")
            && !text.is_empty()
            && answer.header("content-encoding").is_none()
        {
            match serde_json::from_str::<Value>(&text) {
                Ok(value) => heard.value(&value, "message"),
                Err(error) => heard.garbled = Some(format!("not JSON: {error}: {text:?}")),
            }
        }
        heard
    }

    /// The text of the only choice.
    pub fn text(&self) -> &str {
        self.texts.get(&0).map_or("", String::as_str)
    }

    fn events(&mut self, text: &str) {
        let text = text.replace("\r\n", "\n").replace('\r', "\n");
        for event in text.split_inclusive("\n\n") {
            let whole = event.ends_with("\n\n");
            let data: Vec<_> = event.lines().filter_map(|line| line.strip_prefix("data:")).collect();
            if data.is_empty() {
                continue;
            }
            let data = data.join("\n");
            let data = data.trim_start();
            self.events += 1;
            if self.done {
                self.garbled = Some(format!("an event after [DONE]: {data:?}"));
            }
            if data == "[DONE]" {
                self.done = true;
                continue;
            }
            match serde_json::from_str::<Value>(data) {
                Ok(value) => self.value(&value, "delta"),
                // The last event of a stream that breaks off may be cut.
                Err(_) if !whole => {}
                Err(error) => self.garbled = Some(format!("an event that is not JSON: {error}: {data:?}")),
            }
        }
    }

    fn value(&mut self, value: &Value, member: &str) {
        if let Some(error) = value.get("error") {
            self.error = Some(error.clone());
        }
        match value.get("usage") {
            Some(Value::Null) => self.null_usages += 1,
            Some(usage) => self.usages.push(usage.clone()),
            None => {}
        }
        for choice in value["choices"].as_array().into_iter().flatten() {
            let index = choice["index"].as_u64().unwrap_or(u64::MAX);
            let said = &choice[member];
            if let Some(text) = said["content"].as_str() {
                self.texts.entry(index).or_default().push_str(text);
                if !text.is_empty() {
                    self.deltas.push(text.to_owned());
                }
            }
            for (at, call) in said["tool_calls"].as_array().into_iter().flatten().enumerate() {
                let at = call["index"].as_u64().unwrap_or(at as u64);
                let told = self.tools.entry((index, at)).or_default();
                if let Some(name) = call["function"]["name"].as_str() {
                    told.push_str(name);
                    told.push('=');
                }
                told.push_str(call["function"]["arguments"].as_str().unwrap_or_default());
            }
            if let Some(reason) = choice["finish_reason"].as_str() {
                self.finished.insert(index, reason.to_owned());
            }
        }
    }
}
