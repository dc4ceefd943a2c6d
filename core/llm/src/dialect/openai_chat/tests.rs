//! Tests of OpenAI chat, which also cover the behaviour shared by all dialects: refusals, complete texts, edits.

mod edits;
mod refusals;
mod requests;
mod responses;

use serde_json::json;

use crate::{ApiError, Chunk, Dialect, Error, Framing, ParseLimits, Request, Role, StreamState, TextKind};

const CHAT: Dialect = Dialect::OpenAiChat;

fn parse(body: &str) -> Result<Request, Error> {
    Request::parse(CHAT, body.as_bytes(), &ParseLimits::default())
}

type DecodedText = (Role, TextKind, Option<u32>, String);

fn texts(body: &str) -> Vec<DecodedText> {
    let request = parse(body).unwrap_or_else(|error| panic!("{error}: {body}"));
    let decoded =
        |text: &crate::Text| (text.role, text.kind, text.message, text.str.decode(body.as_bytes()).into_owned());
    request.texts.iter().map(decoded).collect()
}

#[test]
fn errors_have_the_format_of_the_api() {
    let error = ApiError {
        status: 429,
        message: "no \"more\"\nfor you\u{0}",
        kind: "insufficient_quota",
        param: None,
        code: Some("a\\b"),
    };
    let want = json!({"error": {
        "message": error.message, "type": "insufficient_quota", "param": null, "code": "a\\b",
    }});
    let body = CHAT.error_body(&error);
    assert_eq!(serde_json::from_slice::<serde_json::Value>(&body).unwrap(), want);
    let event = CHAT.error_event(Framing::Sse, &StreamState::sent(), &error);
    assert_eq!(event, [b"data: ", &body[..], b"\n\n"].concat());
    assert!(Chunk::parse(CHAT, &body, &ParseLimits::default()).unwrap().unwrap().is_error);
}
