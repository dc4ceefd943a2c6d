//! Prompt firewall: rules, matching, redaction and hold-back of streams.
//!
//! A [`Policy`] is a list of rules. Each rule searches the texts of requests, responses or both for a regular expression or
//! for keywords, and logs, redacts or blocks. [`inspect_request`] and [`inspect_response`] inspect complete bodies,
//! [`StreamInspector`] inspects a streamed response event by event. The result depends only on the texts, never on how they
//! are split into events or how events are split into reads.
//!
//! ```
//! use std::sync::Arc;
//! use tollgate_inspect::{Policy, RawPolicy, StreamInspector, StreamVerdict, inspect_request};
//! use tollgate_llm::FrameError;
//! use tollgate_llm::{Dialect, EventParser, Framer, Framing, ParseLimits, Request};
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
//! let request = Request::parse(Dialect::OpenAiChat, body, &ParseLimits::default())?;
//! let report = inspect_request(&policy, &request, body);
//! assert_eq!((report.verdict_name(), &*report.rule_names(&policy)), ("redact", "pii.email"));
//! assert_eq!(report.edits.apply(body), br#"{"messages": [{"role": "user", "content": "Ask [email]"}]}"#);
//!
//! let mut inspector = StreamInspector::new(policy, Dialect::OpenAiChat);
//! let mut parser = EventParser::new(Dialect::OpenAiChat);
//! let mut out = Vec::new();
//! let mut framer = Framer::new(Framing::Sse, 1 << 20);
//! for part in ["It is bob@exa", "mple.com, I think."] {
//!     let event = format!("data: {{\"choices\":[{{\"index\":0,\"delta\":{{\"content\":\"{part}\"}}}}]}}\n\n");
//!     framer.push(event.as_bytes(), |event| match inspector.event(&parser.parse(event), &mut out) {
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
//! Each rule matches each text separately: leftmost-first and non-overlapping, like the `regex` crate, but only matches of at
//! most `max_match_bytes` bytes. This bounds the amount of text that a stream may have to hold back. A longer match does not
//! count, and it does not hide a shorter match inside it: padding does not defeat a rule.
//!
//! Redactions of several rules that share a character are merged into one, and the first of these rules in file order
//! determines the replacement. Block beats redact, redact beats log.
//!
//! # Implementation
//!
//! `regex-syntax` parses the patterns, which are then compiled to graphs over characters. The search engine (`search/`) is
//! our own: it can pause after any character, always knows the earliest position at which a still possible match started
//! (everything before may be released), and takes time proportional to the text times the size of the pattern. It evaluates
//! assertions such as `\b` when the next character arrives. docs/decisions.md compares it with regex-automata.
//!
//! # Limitations
//!
//! Texts are matched as decoded from JSON. There is no normalisation (homoglyphs, zero-width characters, runs of white
//! space), no decoding of base64 and the like, no scopes (system, user, tool) and no scores.
//!
//! Each content block of a streamed response (Anthropic, Converse, Cohere, Responses) is a separate text: a match that spans
//! two blocks is found in a complete response, but not in a stream, because the first block has been released when the
//! second one begins.

mod body;
mod error;
#[cfg(test)]
#[path = "../tests/support/generators.rs"]
mod generators;
mod holdback;
mod pattern;
mod policy;
mod raw;
mod redactions;
mod report;
mod rule;
mod search;
mod stream;

pub use body::{inspect_request, inspect_response, inspect_uneditable};
pub use error::{ExampleError, PatternError, PolicyError, Problem};
pub use pattern::compile::longest_match;
pub use policy::{MAX_RULES, Policy};
pub use raw::{OnUnscannable, RawExamples, RawPattern, RawPolicy, RawRule};
pub use report::{Cause, Finding, MAX_FINDINGS, Report};
pub use rule::{Action, Direction, Rule, RuleIndex};
pub use stream::{StreamInspector, StreamVerdict};
