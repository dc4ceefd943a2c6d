//! Chat requests, made of parts.

use crate::client::{Headers, Request};
use crate::planted;

/// A chat request. The body is written down as a client might write it, not by a serializer of ours.
#[derive(Clone, Debug)]
pub struct Chat {
    members: Vec<(String, String)>,
    body: Option<Vec<u8>>,
    headers: Headers,
}

/// A consumer without budgets.
pub const UNMETERED: &str = "unmetered";

impl Chat {
    /// A question to `gpt-4o` that says no more than it must.
    pub fn new() -> Chat {
        Chat::saying(&format!("What is {}?", planted::PROMPT))
    }

    /// A question of these words.
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

    /// A question with an answer of these deltas (each is one if it is streamed).
    pub fn answered(deltas: &[&str]) -> Chat {
        Chat::new().knob("deltas", &serde_json::to_string(deltas).unwrap())
    }

    /// Another body, of any octets.
    pub fn raw(body: impl Into<Vec<u8>>) -> Chat {
        Chat { body: Some(body.into()), ..Chat::new() }
    }

    /// A streamed answer is wanted.
    pub fn streamed(self) -> Chat {
        self.member("stream", "true")
    }

    /// Another model.
    pub fn model(self, model: &str) -> Chat {
        self.member("model", &literal(model))
    }

    /// A member of the request, with its value as JSON text; in place of an equal one.
    pub fn member(mut self, name: &str, json: &str) -> Chat {
        match self.members.iter_mut().find(|(named, _)| named == name) {
            Some((_, value)) => *value = json.to_owned(),
            None => self.members.push((name.to_owned(), json.to_owned())),
        }
        self
    }

    /// A header, of any octets; in place of an equal one.
    pub fn header(mut self, name: &str, value: impl AsRef<[u8]>) -> Chat {
        self.headers.retain(|(named, _)| named != name);
        self.headers.push((name.to_owned(), value.as_ref().to_vec()));
        self
    }

    /// Who asks.
    pub fn consumer(self, consumer: &str) -> Chat {
        self.header("x-tollgate-consumer", consumer)
    }

    /// How the mock answers.
    pub fn knob(self, name: &str, value: &str) -> Chat {
        self.header(&format!("x-mock-{name}"), value)
    }

    /// The request, to a path that ends as it must.
    pub fn at(&self, path: &str) -> Request {
        Request { method: "POST", path: path.to_owned(), headers: self.headers.clone(), body: self.body() }
    }

    /// The body.
    pub fn body(&self) -> Vec<u8> {
        if let Some(body) = &self.body {
            return body.clone();
        }
        let members: Vec<_> = self.members.iter().map(|(name, json)| format!("{}:{json}", literal(name))).collect();
        format!("{{{}}}", members.join(",")).into_bytes()
    }
}

/// A string as JSON.
pub fn literal(text: &str) -> String {
    serde_json::to_string(text).unwrap()
}
