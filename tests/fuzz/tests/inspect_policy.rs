//! Any policy is loaded or rejected with a path, and a loaded one finds the same matches in a complete text and in its pieces.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a target may panic")]

use std::sync::Arc;

use tollgate_inspect::{Direction, Policy, RawPolicy, StreamInspector, StreamVerdict, inspect_response};
use tollgate_llm::{Dialect, EventParser, Framer, Framing, ParseLimits, Response};

const SEEDS: &[&[u8]] = &[
    br#"{"rules":[{"id":"a","match":{"regex":"\\b(?i:AK|as)[0-9A-Z]{3,16}?(x|y*)\\b$|^\\w+@"},"action":"redact","replacement":""}]}"#,
    br#"{"rules":[{"id":"k","match":{"keywords":["stop","st\u00e9","o p"],"word":false,"ignore_case":false},"action":"log","on":["request","response"],
        "examples":{"match":["stop"],"no_match":["go"]}}],"max_match_bytes":16,"on_unscannable":"pass"}"#,
    br#"{"rules":[{"id":"b","match":{"regex":"(a*b?){2,}c(?s:.)+?[^\\s\\d]"},"action":"block","status":403,"message":"no"},
        {"id":"r","match":{"regex":"\\p{Greek}|(?m)^#+\\s|\\B-\\b{end-half}"},"action":"redact"}]}"#,
];

const TEXT: &str =
    "stop AKX9 aab\u{e9} ababc\r\n## st\u{e9}o p \u{3b1}\u{1f600} a@b.c -x- aaaaaaaaaaaaaaaaaaaaaaaabac 123";

fn property(input: &[u8]) {
    let Ok(raw) = serde_json::from_slice::<RawPolicy>(input) else { return };
    let policy = match Policy::from_raw(raw) {
        Ok(policy) => Arc::new(policy),
        Err(error) => {
            assert!(["rules", "max_match_bytes"].iter().any(|field| error.path.starts_with(field)), "{error}");
            return;
        }
    };
    let _ = policy.check_examples();
    let text = serde_json::to_string(TEXT).unwrap();
    let body = format!(r#"{{"choices":[{{"message":{{"content":{text}}}}}]}}"#);
    let response = Response::parse(Dialect::OpenAiChat, body.as_bytes(), &ParseLimits::default()).unwrap();
    let whole = inspect_response(&policy, &response, body.as_bytes());
    let mut inspector = StreamInspector::new(policy.clone(), Dialect::OpenAiChat);
    let mut parser = EventParser::new(Dialect::OpenAiChat);
    let (mut out, mut blocked) = (Vec::new(), false);
    let mut framer = Framer::new(Framing::Sse, usize::MAX);
    for c in TEXT.chars() {
        let event =
            format!("data: {{\"choices\":[{{\"delta\":{{\"content\":{}}}}}]}}\n\n", serde_json::to_string(&c).unwrap());
        let mut each = |event: tollgate_llm::Event<'_>| {
            blocked |= inspector.event(&parser.parse(event), &mut out) != StreamVerdict::Continue;
            assert!(inspector.held_bytes() <= policy.max_match_bytes());
            Ok::<(), ()>(())
        };
        framer.push(event.as_bytes(), &mut each).unwrap();
    }
    blocked |= inspector.finish(&mut out) != StreamVerdict::Continue;
    assert_eq!(whole.cause.is_some(), blocked);
    if policy.has(Direction::Response) && !blocked {
        assert_eq!(inspector.report().matches, whole.matches);
        assert_eq!(inspector.report().rules, whole.rules);
        assert_eq!(inspector.report().redactions, whole.redactions);
    }
}

tollgate_fuzz::target!(inspect_policy, SEEDS, property);
