//! What a client of the API hears in an answer, streamed or not. Read with code of the runner's own, so that it shares no
//! mistake with the filters.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::observation::{Observation, values};

/// An answer, understood.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Heard {
    /// The text of every choice.
    pub texts: BTreeMap<u64, String>,
    /// Tool calls by choice and place: name and arguments.
    pub tools: BTreeMap<(u64, u64), (String, String)>,
    /// Why every choice ended.
    pub finished: BTreeMap<u64, String>,
    /// Whether a usage was there.
    pub usage: bool,
    /// The error object.
    pub error: Option<Value>,
    /// `[DONE]` came.
    pub done: bool,
}

impl Heard {
    /// Understands an answer.
    pub fn of(seen: &Observation) -> Heard {
        let mut heard = Heard::default();
        if values(&seen.headers, "content-type").any(|kind| kind.starts_with(b"text/event-stream")) {
            heard.events(&String::from_utf8_lossy(&seen.body));
        } else if let Ok(value) = serde_json::from_slice(&seen.body) {
            heard.value(&value, "message");
        }
        heard
    }

    /// The text of the first choice.
    pub fn text(&self) -> &str {
        self.texts.get(&0).map(String::as_str).unwrap_or_default()
    }

    /// Tool calls of the first choice, each as `name(arguments)`.
    pub fn tool_calls(&self) -> Vec<String> {
        let first = self.tools.iter().filter(|((choice, _), _)| *choice == 0);
        first.map(|(_, (name, arguments))| format!("{name}({arguments})")).collect()
    }

    fn events(&mut self, body: &str) {
        let body = body.replace("\r\n", "\n").replace('\r', "\n");
        for event in body.split("\n\n") {
            let data: Vec<&str> = event.lines().filter_map(|line| line.strip_prefix("data:")).collect();
            let data = data.join("\n");
            match data.trim_start() {
                "" => {}
                "[DONE]" => self.done = true,
                data => {
                    if let Ok(value) = serde_json::from_str(data) {
                        self.value(&value, "delta");
                    }
                }
            }
        }
    }

    fn value(&mut self, value: &Value, member: &str) {
        if let Some(error) = value.get("error") {
            self.error = Some(error.clone());
        }
        self.usage |= value.get("usage").is_some_and(|usage| !usage.is_null());
        for choice in value.get("choices").and_then(Value::as_array).into_iter().flatten() {
            let index = choice.get("index").and_then(Value::as_u64).unwrap_or_default();
            let text = |value: Option<&Value>| value.and_then(Value::as_str).unwrap_or_default().to_owned();
            let said = choice.get(member);
            if let Some(content) = said.and_then(|said| said.get("content")).and_then(Value::as_str) {
                self.texts.entry(index).or_default().push_str(content);
            }
            let calls = said.and_then(|said| said.get("tool_calls")).and_then(Value::as_array);
            for (at, call) in calls.into_iter().flatten().enumerate() {
                let at = call.get("index").and_then(Value::as_u64).unwrap_or(at as u64);
                let (name, arguments) = self.tools.entry((index, at)).or_default();
                name.push_str(&text(call.pointer("/function/name")));
                arguments.push_str(&text(call.pointer("/function/arguments")));
            }
            if let Some(reason) = choice.get("finish_reason").and_then(Value::as_str) {
                self.finished.insert(index, reason.to_owned());
            }
        }
    }
}
