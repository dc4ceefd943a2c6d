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
//! A match counts only if the conditions of its rule hold (see [`RawPattern`]); where one fails, the search goes on at the next
//! character. If the rule has a group, only the group is reported and redacted.
//!
//! Redactions of several rules that share a character are merged into one, and the first of these rules in file order
//! determines the replacement. Block beats redact, redact beats log. A rule may add points to a score instead ([`Scores`]), whose
//! threshold blocks.
//!
//! `\b`, `\w`, `\d` and `\s` are ASCII unless a rule says `unicode: true`: with a Unicode `\b`, a Chinese character in front of
//! a key would hide the key.
//!
//! # JSON in strings
//!
//! Results and arguments of tools are JSON inside a string. They are matched as they are and with their strings decoded
//! (`json_strings.rs`), and a redaction leaves them JSON. Both need the complete text: a stream holds the arguments of a tool
//! call until they are complete (`held_arguments.rs`). Other texts of responses are matched as they are.
//!
//! # Guards
//!
//! A service may judge the texts of a request ([`Guard`], `guard.rs`). This crate builds its requests and reads its responses; its
//! verdict is the match of a rule of its own.
//!
//! # Views
//!
//! A rule on requests may search texts derived from a text, in which words are plain that the text disguises ([`View`],
//! `view.rs`). Its pattern is changed like the text (`pattern/folding.rs`), the search is the same as in any text, and a match is
//! reported and redacted where it is in the text.
//!
//! # Implementation
//!
//! `regex-syntax` parses the patterns, which are then compiled to graphs over characters. Three searches work together:
//!
//! - Gates: of most patterns, every match contains a few literals in order (`pattern/chain.rs`). One pass over a complete text
//!   finds the literals of all rules, whatever their number (`search/text_gates.rs`). In a stream, an automaton finds one literal of
//!   each rule (`pattern/literals.rs`, `search/gates.rs`): a match must be held back before the others have arrived.
//! - The prefilter (`search/prefilter.rs`) does the same for the rules without such literals: one lazily built automaton finds
//!   where a match of any of them may end.
//! - The exact search (`search/matcher.rs`) of a rule runs only around these places. It can pause after any character, always
//!   knows the earliest position at which a still possible match started (everything before may be released), and takes time
//!   proportional to the text times the size of the pattern. It evaluates assertions such as `\b` when the next character
//!   arrives.
//!
//! The matches are those of exact searches of the whole text. In a stream, the state of the gates is kept between the pieces of
//! a text, and text is held back only where a literal of a rule that edits has begun, a search is in progress, or a match may
//! have begun whose literal is still to come. docs/decisions.md compares the engine with regex-automata.
//!
//! The work on a body, or on a text of a stream, is bounded by its size (`search/meter.rs`). What exceeds it is treated like
//! content that cannot be inspected: blocked, or passed and counted.
//!
//! # Limitations
//!
//! Base64 data of images, audio and files is searched for rules with
//! literals only. Rules on responses match texts as decoded from JSON, also from JSON in strings, without [views](View).
//!
//! Each content block of a streamed response (Anthropic, Converse, Cohere, Responses) is a separate text: a match that spans
//! two blocks is found in a complete response, but not in a stream, because the first block has been released when the
//! second one begins.

mod arguments;
mod body;
mod caller;
mod clean_texts;
mod condition;
mod costs;
mod date;
mod diagnosis;
mod entities;
mod error;
mod exception;
#[cfg(test)]
#[path = "../tests/support/generators.rs"]
mod generators;
mod guard;
mod held_arguments;
mod holdback;
mod json_strings;
mod matches;
mod members;
mod overlap;
mod pattern;
mod policy;
mod raw;
mod redactions;
mod report;
mod request_facts;
mod restore;
mod rule;
mod rule_scope;
mod rule_set;
mod score;
mod search;
mod stream;
mod substitute;
mod tag;
mod view;

pub use arguments::ProvenanceSource;
pub use body::{
    inspect_request, inspect_request_without, inspect_response, inspect_response_without, inspect_text,
    inspect_text_without, inspect_uneditable, inspect_uneditable_without,
};
pub use caller::{Caller, CallerNeeds};
pub use condition::allow::RawAllow;
pub use condition::context::RawContext;
pub use condition::entropy::RawEntropy;
pub use condition::list::OneOrMany;
pub use condition::validate::Validator;
pub use costs::RuleCost;
pub use date::Date;
pub use diagnosis::{Attempt, ViewDiagnosis};
pub use error::{ExampleError, PatternError, PolicyError, Problem};
pub use exception::RawException;
pub use guard::{
    Guard, GuardKind, GuardTexts, GuardVerdict, InvalidVerdict, MAX_GUARD_RESPONSE_BYTES, OnGuardError, QuestionError,
    RawGuard, RawGuardKey, inspect_guarded,
};
pub use matches::{TooCostly, all_matches};
pub use overlap::{OverlapSource, RawOverlap};
pub use pattern::codepoints::{CodepointClass, RawCodepoints};
pub use pattern::compile::longest_match;
pub use pattern::group::{CaptureGroup, GroupRef, capture_groups};
pub use pattern::phrase::{RawGap, RawPhraseItem};
pub use pattern::tool::RawTool;
pub use pattern::url::{RawUrl, UrlKind};
pub use policy::{MAX_RULES, Policy};
pub use raw::{
    OnBlockInStream, OnUneditable, OnUnscannable, RawAction, RawExamples, RawPattern, RawPolicy, RawRule, RuleMode,
};
pub use report::{Cause, Finding, MAX_FINDINGS, Report};
pub use request_facts::RequestFacts;
pub use restore::PlaceholderValues;
pub use rule::{Action, Direction, Rule, RuleIndex, Severity};
pub use rule_scope::{RawScope, ScopeMessages, ScopePart, ScopeRole};
pub use rule_set::RuleSet;
pub use score::{RawScores, Scores, severity_points};
pub use stream::{StreamInspector, StreamVerdict};
pub use substitute::PLACEHOLDER_KEY;
pub use tag::tag_header;
pub use view::View;
