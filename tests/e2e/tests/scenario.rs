//! One thing that is tried on a deployment, in every framing.

use std::fmt;

use tollgate_mock_llm::Received;

use crate::chat::Chat;
use crate::client::{Answer, End, Framing};
use crate::findings::Findings;
use crate::heard::Heard;

type Check = Box<dyn Fn(&Seen, &mut Findings)>;

/// A request, what has to come of it, and what has to be recorded of it.
pub struct Scenario {
    pub name: String,
    pub chat: Chat,
    pub framings: &'static [Framing],
    pub checks: Vec<Check>,
    pub record: Vec<(&'static str, Want)>,
    /// Whether it is of a kind that has cost others a worker: a hundred ordinary requests follow it.
    pub awkward: bool,
}

impl Scenario {
    pub fn new(name: impl Into<String>, chat: Chat) -> Scenario {
        let (checks, record) = (Vec::new(), Vec::new());
        Scenario { name: name.into(), chat, framings: Framing::ALL, checks, record, awkward: false }
    }

    /// A hundred more requests are to follow.
    pub fn awkward(mut self) -> Scenario {
        self.awkward = true;
        self
    }

    /// Only in these framings.
    pub fn framings(mut self, framings: &'static [Framing]) -> Scenario {
        self.framings = framings;
        self
    }

    /// What has to hold once the answer is there.
    pub fn check(mut self, check: impl Fn(&Seen, &mut Findings) + 'static) -> Scenario {
        self.checks.push(Box::new(check));
        self
    }

    /// What the access log has to say.
    pub fn record(mut self, field: &'static str, want: impl Into<Want>) -> Scenario {
        self.record.push((field, want.into()));
        self
    }

    /// The call is answered: 200, whole, after it has reached one upstream once.
    pub fn answered(self) -> Scenario {
        self.check(|seen, findings| {
            findings.same("status", seen.answer.status, 200);
            findings.same("the end", &seen.answer.end, &End::Clean);
            findings.same("garbled", seen.heard.garbled.as_deref(), None);
            if let Some(received) = seen.received_once(findings) {
                findings.holds(received.body_complete, "the upstream did not get the end of the request");
            }
        })
    }

    /// The call is refused by a filter, and nothing of it reaches an upstream.
    pub fn refused(self, refusal: Refusal) -> Scenario {
        self.check(move |seen, findings| {
            findings.same("status", seen.answer.status, refusal.status);
            findings.same("the end", &seen.answer.end, &End::Clean);
            let kind = seen.answer.header("content-type");
            findings.same("content-type", kind.as_deref(), Some("application/json"));
            findings.holds(
                seen.received.is_empty(),
                format_args!(
                    "the upstream received {} requests, of which headers only: {}",
                    seen.received.len(),
                    seen.received.iter().all(Received::headers_only)
                ),
            );
            match &seen.heard.error {
                None => findings.add(format_args!("no error object in {:?}", seen.answer.text())),
                Some(error) => {
                    let message = error["message"].as_str().unwrap_or_default();
                    findings.holds(message.len() > 10, format_args!("message {message:?}"));
                    findings.same("error.type", error["type"].as_str(), Some(refusal.kind));
                    findings.same("error.param", error["param"].as_str(), refusal.param);
                    findings.same("error.code", error["code"].as_str(), refusal.code);
                    for member in ["message", "type", "param", "code"] {
                        findings.holds(error.get(member).is_some(), format_args!("error.{member} is missing"));
                    }
                }
            }
            for found in crate::planted::found_in("the error", &seen.answer.text()) {
                findings.add(found);
            }
        })
    }
}

/// How a filter refuses: OpenAI's error object.
#[derive(Clone, Copy, Debug)]
pub struct Refusal {
    pub status: u16,
    pub kind: &'static str,
    pub param: Option<&'static str>,
    pub code: Option<&'static str>,
}

impl Refusal {
    /// `invalid_request_error`
    pub const fn invalid(status: u16) -> Refusal {
        Refusal { status, kind: "invalid_request_error", param: None, code: None }
    }

    pub const fn param(self, param: &'static str) -> Refusal {
        Refusal { param: Some(param), ..self }
    }

    pub const fn code(self, code: &'static str) -> Refusal {
        Refusal { code: Some(code), ..self }
    }
}

/// A field of an access log entry.
#[derive(Clone, Debug, PartialEq)]
pub enum Want {
    /// This text.
    Is(String),
    /// Nothing.
    Null,
    /// A number above 0.
    Positive,
    /// A number, perhaps 0.
    Number,
}

impl From<&str> for Want {
    fn from(text: &str) -> Want {
        Want::Is(text.to_owned())
    }
}

impl From<u64> for Want {
    fn from(number: u64) -> Want {
        Want::Is(number.to_string())
    }
}

impl Want {
    /// Whether the value of a field is what is wanted.
    pub fn fits(&self, value: &serde_json::Value) -> bool {
        let text = match value {
            serde_json::Value::String(text) => text.clone(),
            serde_json::Value::Null => return *self == Want::Null,
            other => other.to_string(),
        };
        match self {
            Want::Is(want) => *want == text,
            Want::Null => false,
            Want::Positive => text.parse::<u64>().is_ok_and(|number| number > 0),
            Want::Number => text.parse::<u64>().is_ok(),
        }
    }
}

impl fmt::Display for Want {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Want::Is(text) => write!(f, "{text:?}"),
            Want::Null => f.write_str("null"),
            Want::Positive => f.write_str("a number above 0"),
            Want::Number => f.write_str("a number"),
        }
    }
}

/// What was seen of one request.
#[derive(Debug)]
pub struct Seen {
    /// Where, which no other request of the run was.
    pub path: String,
    /// What the client sent.
    pub sent: Vec<u8>,
    /// What the client got.
    pub answer: Answer,
    /// The same, understood.
    pub heard: Heard,
    /// What upstreams got.
    pub received: Vec<Received>,
}

impl Seen {
    /// The one request that an upstream received; a complaint if it is not one.
    pub fn received_once(&self, findings: &mut Findings) -> Option<&Received> {
        findings.same("requests at the upstream", self.received.len(), 1);
        self.received.first()
    }
}
