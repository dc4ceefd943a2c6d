//! Tests of streamed responses.

use std::io::Read as _;
use std::time::Duration;

use serde_json::{Value, json};

use crate::client::{BOTH, Protocol, TestResponse, chat, mock, prompt};

const STREAM: &str = r#""stream":true"#;
const STREAM_WITH_USAGE: &str = r#""stream":true,"stream_options":{"include_usage":true}"#;

/// Returns the strings at `pointer` in the deltas of one choice.
fn deltas(response: &TestResponse, choice: u64, pointer: &str) -> Vec<String> {
    let chunks = response.chunks();
    let choices = chunks.iter().flat_map(|chunk| chunk["choices"].as_array().unwrap());
    let of_choice = choices.filter(|entry| entry["index"] == choice);
    of_choice.filter_map(|entry| entry["delta"].pointer(pointer)?.as_str().map(str::to_owned)).collect()
}

#[test]
fn a_stream_has_the_text_and_usage_of_the_json_response() {
    let mock = mock();
    for protocol in BOTH {
        for text in ["tell me something", "say: one  two\n\nthree", "say:"] {
            let whole = chat(protocol, &mock, &[("answer", "A%20fixed one"), ("n", "2")], &prompt(text, "")).json();
            let streamed =
                chat(protocol, &mock, &[("answer", "A%20fixed one"), ("n", "2")], &prompt(text, STREAM_WITH_USAGE));
            assert_eq!(streamed.header("content-type"), Some(&b"text/event-stream; charset=utf-8"[..]));
            for choice in 0..2 {
                let text = deltas(&streamed, choice, "/content").concat();
                assert_eq!(text, whole["choices"][choice as usize]["message"]["content"].as_str().unwrap());
            }
            let chunks = streamed.chunks();
            assert_eq!(chunks.last().unwrap()["usage"], whole["usage"]);
            assert!(chunks.iter().all(|chunk| chunk["object"] == "chat.completion.chunk"
                && chunk["created"] == 1_700_000_000
                && chunk["id"] == chunks[0]["id"]));
        }
    }
}

#[test]
fn chunks_have_openais_order() {
    let mock = mock();
    let response = chat(Protocol::Http2, &mock, &[("answer", "a b")], &prompt("x", STREAM));
    let choices: Vec<Value> = response.chunks().iter().map(|chunk| chunk["choices"].clone()).collect();
    let delta =
        |delta: Value, finish: Value| json!([{"index": 0, "delta": delta, "logprobs": null, "finish_reason": finish}]);
    assert_eq!(
        choices,
        [
            delta(json!({"role": "assistant", "content": "", "refusal": null}), Value::Null),
            delta(json!({"content": "a"}), Value::Null),
            delta(json!({"content": " b"}), Value::Null),
            delta(json!({}), json!("stop")),
        ]
    );
}

#[test]
fn usage_is_reported_in_the_requested_chunks() {
    let mock = mock();
    // `usage` of each chunk (role, "a", " b", finish, usage chunk): - absent, 0 null, u object.
    for (at, members, expected) in [
        ("asked", STREAM, "----"),
        ("asked", r#""stream":true,"stream_options":null"#, "----"),
        ("asked", r#""stream":true,"stream_options":{}"#, "----"),
        ("asked", r#""stream":true,"stream_options":{"include_usage":false}"#, "----"),
        ("asked", STREAM_WITH_USAGE, "0000u"),
        ("always", STREAM, "----u"),
        ("always", STREAM_WITH_USAGE, "0000u"),
        ("never", STREAM_WITH_USAGE, "----"),
        ("last", STREAM, "---u"),
        ("last", STREAM_WITH_USAGE, "---u"),
        ("every", STREAM, "uuuu"),
    ] {
        let response = chat(Protocol::Http1, &mock, &[("usage-at", at), ("answer", "a b")], &prompt("x", members));
        let shape = |chunk: &Value| match chunk.get("usage") {
            None => '-',
            Some(Value::Null) => '0',
            Some(_) => 'u',
        };
        let chunks = response.chunks();
        assert_eq!(chunks.iter().map(shape).collect::<String>(), expected, "{at} {members}");
        let without_choices = chunks.iter().filter(|chunk| chunk["choices"] == json!([])).count();
        assert_eq!(without_choices, usize::from(expected.len() == 5), "{at} {members}");
        if let Some(usage) = chunks.iter().rev().find_map(|chunk| chunk.get("usage").filter(|usage| usage.is_object()))
        {
            assert_eq!((&usage["prompt_tokens"], &usage["completion_tokens"]), (&json!(8), &json!(2)));
        }
    }
}

#[test]
fn knobs_divide_the_text_into_deltas() {
    let mock = mock();
    for (knobs, expected) in [
        (&[("deltas", r#"["mail bob@exa","mple.com","","!"]"#)][..], &["", "mail bob@exa", "mple.com", "", "!"][..]),
        (&[("answer", "one two")], &["", "one", " two"]),
        (&[("answer", "na%C3%AFve"), ("delta-chars", "2")], &["", "na", "ïv", "e"]),
        (&[("answer", "")], &[""]),
    ] {
        for protocol in BOTH {
            let response = chat(protocol, &mock, knobs, &prompt("x", STREAM));
            assert_eq!(deltas(&response, 0, "/content"), expected, "{knobs:?}");
        }
    }
    let response = chat(Protocol::Http1, &mock, &[], &prompt("deltas: [\"a@\", \"b\"]", STREAM));
    assert_eq!(deltas(&response, 0, "/content"), ["", "a@", "b"]);
    let response = chat(Protocol::Http1, &mock, &[("words", "200")], &prompt("x", STREAM));
    assert_eq!(deltas(&response, 0, "/content").len(), 1 + 200);
}

#[test]
fn arguments_of_tool_calls_are_streamed_in_pieces() {
    let mock = mock();
    let knobs = [("tool-call", r#"weather={"city":"Paris"}"#), ("tool-call", "time={}"), ("delta-chars", "5")];
    let response = chat(Protocol::Http2, &mock, &knobs, &prompt("x", STREAM));
    let arguments = deltas(&response, 0, "/tool_calls/0/function/arguments");
    assert_eq!(arguments, ["", "{\"cit", "y\":\"P", "aris\"", "}", "{}"]);
    assert_eq!(deltas(&response, 0, "/tool_calls/0/function/name"), ["weather", "time"]);
    let chunks = response.chunks();
    assert_eq!(chunks.last().unwrap()["choices"][0]["finish_reason"], "tool_calls");
    assert_eq!(chunks[0]["choices"][0]["delta"]["content"], Value::Null);
    let index_of_last_call = &chunks[chunks.len() - 2]["choices"][0]["delta"]["tool_calls"][0]["index"];
    assert_eq!(index_of_last_call, 1);
}

#[test]
fn knobs_set_line_endings_and_comments() {
    let mock = mock();
    let plain = chat(Protocol::Http1, &mock, &[("answer", "a b")], &prompt("x", STREAM)).text();
    let with = |knobs: &[(&str, &str)]| {
        let knobs = [&[("answer", "a b")], knobs].concat();
        chat(Protocol::Http1, &mock, &knobs, &prompt("x", STREAM)).text()
    };
    assert_eq!(with(&[("line-end", "lf")]), plain);
    assert_eq!(with(&[("line-end", "crlf")]), plain.replace('\n', "\r\n"));
    assert_eq!(with(&[("line-end", "cr")]), plain.replace('\n', "\r"));
    assert_eq!(with(&[("comments", "true")]), plain.replace("data: ", ": keep-alive\n\ndata: "));
}

#[test]
fn gzip_is_flushed_after_every_event() {
    let mock = mock();
    for protocol in BOTH {
        for members in ["", STREAM] {
            let body = prompt("say: compress me, compress me", members);
            let plain = chat(protocol, &mock, &[], &body);
            let response = chat(protocol, &mock, &[("gzip", "true")], &body);
            assert_eq!(response.header("content-encoding"), Some(&b"gzip"[..]));
            let mut unpacked = Vec::new();
            flate2::read::GzDecoder::new(&*response.body()).read_to_end(&mut unpacked).unwrap();
            assert_eq!(unpacked, plain.body());
            if members.is_empty() {
                assert_eq!(response.header("content-length"), Some(response.body().len().to_string().as_bytes()));
            } else {
                let mut first = vec![0; plain.text().find("\n\n").unwrap() + 2];
                flate2::read::GzDecoder::new(&*response.frames[0]).read_exact(&mut first).unwrap();
                assert!(plain.body().starts_with(&first));
            }
        }
    }
}

#[test]
fn knobs_delay_headers_and_events() {
    let mock = mock();
    // Role, four words of one token each, finish, [DONE]: seven events.
    let body = prompt("say: a b c d", STREAM);
    for (knobs, head, end) in [
        (&[("first-byte-ms", "60")][..], 60, 60),
        (&[("event-ms", "10")], 0, 60),
        (&[("tokens-per-second", "40")], 0, 100),
        (&[("event-ms", "30"), ("burst", "7")], 0, 180),
    ] {
        for protocol in BOTH {
            let response = chat(protocol, &mock, knobs, &body);
            assert!(response.head_after >= Duration::from_millis(head), "{knobs:?}: {:?}", response.head_after);
            assert!(response.end_after >= Duration::from_millis(end), "{knobs:?}: {:?}", response.end_after);
            assert_eq!(response.chunks().len(), 6);
        }
    }
}
