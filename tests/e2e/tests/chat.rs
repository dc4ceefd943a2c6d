//! Builder of chat requests.

use crate::client::{Headers, Request};
use crate::planted;

/// Chat request. The body is assembled as text, without a serializer of ours.
#[derive(Clone, Debug)]
pub struct Chat {
    members: Vec<(String, String)>,
    body: Option<Vec<u8>>,
    headers: Headers,
}

/// Consumer without budgets.
pub const UNMETERED: &str = "unmetered";

impl Chat {
    /// Creates a minimal question to `gpt-4o`.
    pub fn new() -> Chat {
        Chat::saying(&format!("What is {}?", planted::PROMPT))
    }

    /// Creates a question with this prompt.
    pub fn saying(prompt: &str) -> Chat {
        let headers = [
            ("content-type", "application/json"),
            ("authorization", &format!("Bearer {}", planted::KEY)),
            ("x-planted", planted::HEADER),
            ("x-tollgate-consumer", UNMETERED),
        ];
        let messages = format!(r#"[{{"role":"user","content":{}}}]"#, literal(prompt));
        Chat {
            members: vec![("model".into(), literal("gpt-4o")), ("messages".into(), messages)],
            body: None,
            headers: headers.map(|(name, value)| (name.to_owned(), value.as_bytes().to_vec())).to_vec(),
        }
    }

    /// Creates a question that the mock answers with these deltas (one event each if it is streamed).
    pub fn answered(deltas: &[&str]) -> Chat {
        Chat::new().knob("deltas", &serde_json::to_string(deltas).unwrap())
    }

    /// Creates a request with any octets as its body.
    pub fn raw(body: impl Into<Vec<u8>>) -> Chat {
        Chat { body: Some(body.into()), ..Chat::new() }
    }

    /// Asks for a streamed response.
    pub fn streamed(self) -> Chat {
        self.member("stream", "true")
    }

    /// Sets the model.
    pub fn model(self, model: &str) -> Chat {
        self.member("model", &literal(model))
    }

    /// Sets a member of the body, with its value as JSON text; replaces a member of the same name.
    pub fn member(mut self, name: &str, json: &str) -> Chat {
        match self.members.iter_mut().find(|(named, _)| named == name) {
            Some((_, value)) => *value = json.to_owned(),
            None => self.members.push((name.to_owned(), json.to_owned())),
        }
        self
    }

    /// Sets a header, of any octets; replaces a header of the same name.
    pub fn header(mut self, name: &str, value: impl AsRef<[u8]>) -> Chat {
        self.headers.retain(|(named, _)| named != name);
        self.headers.push((name.to_owned(), value.as_ref().to_vec()));
        self
    }

    /// Sets the consumer.
    pub fn consumer(self, consumer: &str) -> Chat {
        self.header("x-tollgate-consumer", consumer)
    }

    /// Sets a header that controls the mock's response.
    pub fn knob(self, name: &str, value: &str) -> Chat {
        self.header(&format!("x-mock-{name}"), value)
    }

    /// Returns the request, with a path that ends in `/chat/completions`.
    pub fn at(&self, path: &str) -> Request {
        Request { method: "POST", path: path.to_owned(), headers: self.headers.clone(), body: self.body() }
    }

    /// Returns the body.
    pub fn body(&self) -> Vec<u8> {
        if let Some(body) = &self.body {
            return body.clone();
        }
        let members: Vec<_> = self.members.iter().map(|(name, json)| format!("{}:{json}", literal(name))).collect();
        format!("{{{}}}", members.join(",")).into_bytes()
    }
}

/// Encodes a string as JSON.
pub fn literal(text: &str) -> String {
    serde_json::to_string(text).unwrap()
}
