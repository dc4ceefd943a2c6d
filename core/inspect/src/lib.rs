//! The firewall: rules, matching, redaction and what a stream must hold back.
//!
//! A [`Policy`] is a list of rules; each looks for a regular expression or for keywords in the texts of requests, of
//! answers, or of both, and logs, redacts or blocks. [`inspect_request`] and [`inspect_response`] inspect a body that is
//! there as a whole, [`StreamInspector`] an answer that comes event by event. What they do depends on the texts alone,
//! never on how they are cut into events, or events into reads.
//!
//! ```
//! use std::sync::Arc;
//! use tollgate_inspect::{Policy, RawPolicy, StreamInspector, StreamVerdict, inspect_request};
//! use tollgate_llm::FrameError;
//! use tollgate_llm::{Dialect, Framer, Framing, Limits, Request};
//!
//! let raw: RawPolicy = serde_json::from_str(
//!     r#"{"rules": [
//!         {"id": "secret.aws", "match": {"regex": "\\bAKIA[0-9A-Z]{16}\\b"}, "applies_to": ["request"], "action": "block"},
//!         {"id": "pii.email", "match": {"regex": "\\b[\\w.]{1,64}@[\\w.]{1,99}\\w\\b"}, "action": "redact", "replacement": "[email]"}
//!     ]}"#,
//! )?;
//! let policy = Arc::new(Policy::from_raw(raw)?);
//!
//! let body = br#"{"messages": [{"role": "user", "content": "Ask bob@example.com"}]}"#;
//! let request = Request::parse(Dialect::OpenAiChat, body, &Limits::default())?;
//! let report = inspect_request(&policy, &request, body);
//! assert_eq!((report.verdict_name(), &*report.rule_names(&policy)), ("redact", "pii.email"));
//! assert_eq!(report.edits.apply(body), br#"{"messages": [{"role": "user", "content": "Ask [email]"}]}"#);
//!
//! let mut inspector = StreamInspector::new(policy, Dialect::OpenAiChat);
//! let mut out = Vec::new();
//! let mut framer = Framer::new(Framing::Sse, 1 << 20);
//! for part in ["It is bob@exa", "mple.com, I think."] {
//!     let event = format!("data: {{\"choices\":[{{\"index\":0,\"delta\":{{\"content\":\"{part}\"}}}}]}}\n\n");
//!     framer.push(event.as_bytes(), |event| match inspector.event(&event, &mut out) {
//!         StreamVerdict::Continue => Ok(()),
//!         StreamVerdict::Block(cause) => Err(cause),
//!     })?;
//! }
//! assert_eq!(inspector.finish(&mut out), StreamVerdict::Continue);
//! let out = String::from_utf8(out)?;
//! assert!(out.contains(r#"{"content":"It is "}"#) && out.contains(r#"{"content":"[email], I "}"#));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # What a match is
//!
//! Each rule by itself, on each text by itself: leftmost-first and non-overlapping, as the `regex` crate matches, among
//! the matches of at most `max_match_bytes` bytes. That bound is what a stream may have to withhold of a text. A longer
//! match is none, but does not hide a shorter one inside of it: padding does not defeat a rule.
//!
//! What several rules want redacted is redacted once: ranges that share a character become one, and the first rule in
//! file order among them names the replacement. Block beats redact beats log.
//!
//! # How
//!
//! Patterns are parsed by `regex-syntax` and compiled to graphs over characters. The search (`search/`) is ours: it
//! stops after any character, knows at any time the earliest place at which a match that is still possible began (what
//! is before may leave the gateway), and takes time proportional to the text times the size of the pattern. Assertions
//! such as `\b` are told when the next character is there.
//!
//! # What it does not do yet
//!
//! Texts are matched as they are decoded from JSON. There is no normalisation (look-alike letters, zero-width
//! characters, runs of white space), no decoding of base64 and the like, no scopes (system, user, tool) and no scores.
//!
//! Blocks of a streamed answer (Anthropic, Converse, Cohere, Responses) are texts by themselves: what is split over two of them
//! is found in an answer that comes whole, and not in a stream, where the first has left when the second begins.

mod body;
mod cuts;
mod error;
mod passage;
mod pattern;
mod policy;
#[cfg(test)]
mod proving;
mod raw;
mod report;
mod rule;
mod search;
mod stream;
mod template;

pub use body::{inspect_request, inspect_response};
pub use error::{ExampleError, PatternError, PolicyError, Problem};
pub use policy::{MAX_RULES, Policy};
pub use raw::{OnUnscannable, RawExamples, RawPattern, RawPolicy, RawRule};
pub use report::{Cause, Finding, MAX_FINDINGS, Report};
pub use rule::{Action, Direction, Rule, RuleIndex};
pub use stream::{StreamInspector, StreamVerdict};
