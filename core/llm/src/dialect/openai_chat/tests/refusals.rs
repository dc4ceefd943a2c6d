//! Tests of requests that are refused, with the reasons.

use super::{CHAT, parse};
use crate::{Error, ErrorKind, ParseLimits, Request};

#[test]
fn malformed_requests_are_refused() {
    use ErrorKind::*;
    let deep = |depth: usize| format!("{{\"x\":{}1{}}}", "[".repeat(depth - 1), "]".repeat(depth - 1));
    for (body, want) in [
        ("", Err((Empty, 0))),
        (" \n", Err((Empty, 2))),
        ("[]", Err((WrongType("body"), 0))),
        ("\"x\"", Err((WrongType("body"), 0))),
        ("null", Err((WrongType("body"), 0))),
        ("\u{feff}{}", Err((Syntax, 0))),
        ("{", Err((UnexpectedEnd, 1))),
        (r#"{"a""#, Err((UnexpectedEnd, 4))),
        (r#"{"a":"#, Err((UnexpectedEnd, 5))),
        (r#"{"a":tru"#, Err((UnexpectedEnd, 5))),
        (r#"{"a":1"#, Err((UnexpectedEnd, 6))),
        (r#"{"a":1,"#, Err((UnexpectedEnd, 7))),
        (r#"{"a":"b"#, Err((UnexpectedEnd, 7))),
        (r#"{"a":"\u00"#, Err((UnexpectedEnd, 10))),
        (r#"{"a":[1"#, Err((UnexpectedEnd, 7))),
        ("{}}", Err((TrailingData, 2))),
        ("{} {}", Err((TrailingData, 3))),
        ("{}\0", Err((TrailingData, 2))),
        (r#"{"a":1,}"#, Err((Syntax, 7))),
        (r#"{"a":[1,]}"#, Err((Syntax, 8))),
        (r#"{"a":[,1]}"#, Err((Syntax, 6))),
        (r#"{"a":[1 2]}"#, Err((Syntax, 8))),
        (r#"{,"a":1}"#, Err((Syntax, 1))),
        (r#"{"a":1 "b":2}"#, Err((Syntax, 7))),
        (r#"{"a" 1}"#, Err((Syntax, 5))),
        (r#"{a:1}"#, Err((Syntax, 1))),
        (r#"{'a':1}"#, Err((Syntax, 1))),
        (r#"{"a":[1}"#, Err((Syntax, 7))),
        (r#"{"a":{"b":1]}"#, Err((Syntax, 11))),
        (r#"{"a":NaN}"#, Err((Syntax, 5))),
        (r#"{"a":Infinity}"#, Err((Syntax, 5))),
        (r#"{"a":nul1}"#, Err((Syntax, 5))),
        (r#"{"a":True}"#, Err((Syntax, 5))),
        (r#"{"a":truex}"#, Err((Syntax, 9))),
        (r#"{"a":+1}"#, Err((Syntax, 5))),
        (r#"{"a":.5}"#, Err((Syntax, 5))),
        (r#"{"a":01}"#, Err((InvalidNumber, 5))),
        (r#"{"a":1.}"#, Err((InvalidNumber, 7))),
        (r#"{"a":0x10}"#, Err((Syntax, 6))),
        (r#"{"a":1}// c"#, Err((TrailingData, 7))),
        ("{\"a\":\"b\nc\"}", Err((ControlCharacter, 7))),
        ("{\"a\":\"b\0\"}", Err((ControlCharacter, 7))),
        ("{\"a\u{1f}\":1}", Err((ControlCharacter, 3))),
        ("{\"a\":\u{a0}1}", Err((Syntax, 5))),
        ("{\"a\":\u{b}1}", Err((Syntax, 5))),
        (r#"{"a":"\x"}"#, Err((InvalidEscape, 6))),
        (r#"{"a":"\u12z4"}"#, Err((InvalidEscape, 6))),
        (r#"{"a":"\ud83d"}"#, Err((LoneSurrogate, 6))),
        (r#"{"a":"x\ude00"}"#, Err((LoneSurrogate, 7))),
        (r#"{"a":"\ud83dA"}"#, Err((LoneSurrogate, 6))),
        (r#"{"\ud83d":1}"#, Err((LoneSurrogate, 2))),
        (r#"{"a":1,"a":2}"#, Err((DuplicateKey, 8))),
        (r#"{"model":"m","mod\u0065l":"n"}"#, Err((DuplicateKey, 14))),
        (r#"{"x":[{"\u0061":1,"b":2,"a":3}]}"#, Err((DuplicateKey, 25))),
        (r#"{"messages":[{"role":"user","role":"system"}]}"#, Err((DuplicateKey, 29))),
        (r#"{"stream_options":{"include_usage":true,"include_usage":false}}"#, Err((DuplicateKey, 41))),
        (r#"{"tools":[{"a":{"b":1,"b":1}}]}"#, Err((DuplicateKey, 23))),
        (r#"{"Model":"m"}"#, Err((AmbiguousKey, 2))),
        ("{\"\u{17f}tream\":true}", Err((AmbiguousKey, 2))),
        (r#"{"max_to\u212aens":1}"#, Err((AmbiguousKey, 2))),
        (r#"{"messages":[{"CONTENT":"x"}]}"#, Err((AmbiguousKey, 15))),
        (r#"{"stream_options":{"Include_Usage":false}}"#, Err((AmbiguousKey, 20))),
        (r#"{"model":7}"#, Err((WrongType("model"), 9))),
        (r#"{"model":null}"#, Err((WrongType("model"), 9))),
        (r#"{"model":["m"]}"#, Err((WrongType("model"), 9))),
        (r#"{"messages":"x"}"#, Err((WrongType("messages"), 12))),
        (r#"{"messages":null}"#, Err((WrongType("messages"), 12))),
        (r#"{"messages":{}}"#, Err((WrongType("messages"), 12))),
        (r#"{"messages":["x"]}"#, Err((WrongType("messages"), 13))),
        (r#"{"messages":[{"role":null}]}"#, Err((WrongType("messages[].role"), 21))),
        (r#"{"stream":"true"}"#, Err((WrongType("stream"), 10))),
        (r#"{"stream":1}"#, Err((WrongType("stream"), 10))),
        (r#"{"stream_options":true}"#, Err((WrongType("stream_options"), 18))),
        (r#"{"stream_options":[]}"#, Err((WrongType("stream_options"), 18))),
        (r#"{"stream_options":{"include_usage":1}}"#, Err((WrongType("stream_options.include_usage"), 35))),
        (r#"{"n":"1"}"#, Err((WrongType("n"), 5))),
        (r#"{"n":-1}"#, Err((WrongType("n"), 5))),
        (r#"{"max_tokens":1.5}"#, Err((WrongType("max_tokens"), 14))),
        (r#"{"max_completion_tokens":1e3}"#, Err((WrongType("max_completion_tokens"), 25))),
        (&deep(64), Ok(())),
        (&deep(65), Err((TooDeep, 5 + 63))),
        // Scanning stops at the depth limit.
        (&"{\"a\":".repeat(100_000), Err((TooDeep, 64 * 5))),
        // Values that the gateway does not interpret are accepted with any type.
        (r#"{"temperature":"hot","metadata":[],"tools":{},"functions":"x","n":1.0}"#, Ok(())),
        (r#"{"messages":[{"content":7,"tool_calls":"x","name":1,"refusal":[]}]}"#, Ok(())),
        (r#"{"a":1e999}"#, Ok(())),
    ] {
        let got = parse(body).map(|_| ()).map_err(|error| (error.kind, error.offset));
        assert_eq!(got, want, "{}", &body[..body.len().min(99)]);
    }
    for (bytes, at) in [(&b"{\"a\":\"\xff\"}"[..], 6), (b"{\"\xc3\x28\":1}", 2), (b"{\"a\":\"b\xed\xa0\x80\"}", 7)] {
        let error = Request::parse(CHAT, bytes, &ParseLimits::default()).unwrap_err();
        assert_eq!(error, Error { kind: InvalidUtf8, offset: at });
    }
}

#[test]
fn requests_beyond_the_limits_are_refused() {
    let refused = |body: &str, limits: &ParseLimits| Request::parse(CHAT, body.as_bytes(), limits).unwrap_err().kind;
    let few = ParseLimits { max_items: 3, ..ParseLimits::default() };
    for body in [
        r#"{"stop":["a","b","c","d"]}"#,
        r#"{"messages":[{},{},{},{}]}"#,
        r#"{"seed":1,"user":2,"stop":3,"n":4}"#,
        r#"{"a":{"b":{"c":{"d":1}}}}"#,
    ] {
        assert_eq!(refused(body, &few), ErrorKind::TooMany, "{body}");
    }
    assert!(Request::parse(CHAT, br#"{"stop":["a","b","c"],"messages":[{},{},{}]}"#, &few).is_ok());
    let small = ParseLimits { max_bytes: 10, ..ParseLimits::default() };
    assert_eq!(refused(r#"{"seed":123}"#, &small), ErrorKind::TooLarge);
    assert!(Request::parse(CHAT, br#"{"seed":1}"#, &small).is_ok());
}

#[test]
fn errors_and_debug_output_contain_no_body_content() {
    let error = parse(r#"{"model":["sk-secret"]}"#).unwrap_err();
    assert_eq!(error.to_string(), "the field model has the wrong type (at byte 9)");
    let request = parse(r#"{"model":"sk-secret","user":"sk-secret"}"#).unwrap();
    assert!(!format!("{request:?}").contains("secret"));
}
