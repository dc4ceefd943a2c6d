//! One request that is sent to a deployment in every framing, with the checks of its response.

use std::fmt;

use tollgate_envoy_harness::DecodedResponse;
use tollgate_mock_llm::Received;

use crate::chat::Chat;
use crate::client::{End, Framing, Response};
use crate::findings::Findings;

type Check = Box<dyn Fn(&Seen, &mut Findings)>;

/// Request, checks of its response, and the expected fields of its access log entry.
pub struct Scenario {
    pub name: String,
    pub chat: Chat,
    pub framings: &'static [Framing],
    pub checks: Vec<Check>,
    pub record: Vec<(&'static str, Want)>,
    /// `true` if requests of this kind have broken workers of other gateways: a hundred ordinary requests follow it.
    pub awkward: bool,
}

impl Scenario {
    pub fn new(name: impl Into<String>, chat: Chat) -> Scenario {
        let (checks, record) = (Vec::new(), Vec::new());
        Scenario { name: name.into(), chat, framings: Framing::ALL, checks, record, awkward: false }
    }

    /// Sends a hundred ordinary requests after it.
    pub fn awkward(mut self) -> Scenario {
        self.awkward = true;
        self
    }

    /// Restricts it to these framings.
    pub fn framings(mut self, framings: &'static [Framing]) -> Scenario {
        self.framings = framings;
        self
    }

    /// Adds a check of the response.
    pub fn check(mut self, check: impl Fn(&Seen, &mut Findings) + 'static) -> Scenario {
        self.checks.push(Box::new(check));
        self
    }

    /// Adds an expected field of the access log entry.
    pub fn record(mut self, field: &'static str, want: impl Into<Want>) -> Scenario {
        self.record.push((field, want.into()));
        self
    }

    /// Expects a complete 200, and exactly one request at one upstream.
    pub fn answered(self) -> Scenario {
        self.check(|seen, findings| {
            findings.same("status", seen.response.status, 200);
            findings.same("the end", &seen.response.end, &End::Complete);
            findings.same("malformed", seen.decoded.malformed.as_deref(), None);
            if let Some(received) = seen.received_once(findings) {
                findings.holds(received.body_complete, "the upstream did not receive the end of the request");
            }
        })
    }

    /// Expects that a filter refuses the call and that nothing of it reaches an upstream.
    pub fn refused(self, refusal: Refusal) -> Scenario {
        self.check(move |seen, findings| {
            findings.same("status", seen.response.status, refusal.status);
            findings.same("the end", &seen.response.end, &End::Complete);
            let kind = seen.response.header("content-type");
            findings.same("content-type", kind.as_deref(), Some("application/json"));
            findings.holds(
                seen.received.is_empty(),
                format_args!(
                    "the upstream received {} requests, of which headers only: {}",
                    seen.received.len(),
                    seen.received.iter().all(Received::headers_only)
                ),
            );
            match &seen.decoded.error {
                None => findings.add(format_args!("no error object in {:?}", seen.response.text())),
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
            for found in crate::planted::found_in("the error", &seen.response.text()) {
                findings.add(found);
            }
        })
    }
}

/// Refusal by a filter: the fields of OpenAI's error object.
#[derive(Clone, Copy, Debug)]
pub struct Refusal {
    pub status: u16,
    pub kind: &'static str,
    pub param: Option<&'static str>,
    pub code: Option<&'static str>,
}

impl Refusal {
    /// Creates an `invalid_request_error`.
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

/// Expected value of an access log field.
#[derive(Clone, Debug, PartialEq)]
pub enum Want {
    /// This text.
    Is(String),
    /// No value.
    Null,
    /// A number above 0.
    Positive,
    /// A number, possibly 0.
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
    /// Returns `true` if the value of a field is as expected.
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

/// Everything observed of one request.
#[derive(Debug)]
pub struct Seen {
    /// Path, which no other request of the run has.
    pub path: String,
    /// Body that the client sent.
    pub sent: Vec<u8>,
    /// Response that the client received.
    pub response: Response,
    /// The same, decoded.
    pub decoded: DecodedResponse,
    /// Requests that upstreams received.
    pub received: Vec<Received>,
}

impl Seen {
    /// Returns the one request that an upstream received; a finding if there is not exactly one.
    pub fn received_once(&self, findings: &mut Findings) -> Option<&Received> {
        findings.same("requests at the upstream", self.received.len(), 1);
        self.received.first()
    }
}
