//! Tests of responses that are one JSON document, and of errors.

use serde_json::{Value, json};

use crate::client::{BOTH, CHAT, Protocol, chat, mock, post, prompt};

#[test]
fn a_chat_completion_has_the_members_of_openais() {
    let mock = mock();
    for protocol in BOTH {
        let response = chat(protocol, &mock, &[], &prompt("say: Good day, \"Bob\".", ""));
        let mut body = response.json();
        let id = body["id"].take();
        assert!(id.as_str().unwrap().starts_with("chatcmpl-"), "{id}");
        assert_eq!(
            body,
            json!({
                "id": null, "object": "chat.completion", "created": 1_700_000_000, "model": "gpt-4o",
                "service_tier": "default", "system_fingerprint": "fp_mock",
                "choices": [{
                    "index": 0,
                    "message": {"role": "assistant", "content": "Good day, \"Bob\".", "refusal": null},
                    "logprobs": null,
                    "finish_reason": "stop",
                }],
                "usage": {
                    "prompt_tokens": 3 + 4 + 1 + 1 + 1 + 2, "completion_tokens": 1 + 1 + 2, "total_tokens": 16,
                    "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": 0},
                    "completion_tokens_details": {
                        "reasoning_tokens": 0, "audio_tokens": 0,
                        "accepted_prediction_tokens": 0, "rejected_prediction_tokens": 0,
                    },
                },
            })
        );
        assert_eq!(response.status, 200);
        assert_eq!(response.header("content-type"), Some(&b"application/json"[..]));
        assert_eq!(response.header("x-mock-upstream"), Some(&b"openai"[..]));
        assert_eq!(response.header("content-length"), Some(response.body().len().to_string().as_bytes()));
    }
}

#[test]
fn equal_requests_get_equal_responses() {
    let (one, other) = (mock(), mock());
    for members in ["", r#""stream":true"#] {
        let body = prompt("anything at all", members);
        let first = chat(Protocol::Http1, &one, &[], &body);
        for (protocol, mock) in [(Protocol::Http1, &one), (Protocol::Http2, &one), (Protocol::Http2, &other)] {
            let again = chat(protocol, mock, &[], &body);
            assert_eq!(again.body(), first.body());
            assert_eq!(again.headers.get("x-request-id"), first.headers.get("x-request-id"));
        }
        let another = chat(Protocol::Http1, &one, &[], &prompt("anything at all!", members));
        assert_ne!(another.body(), first.body());
    }
}

#[test]
fn knobs_change_a_json_response() {
    let mock = mock();
    // Knobs, members of the request, pointer into the response, value there.
    type Row<'a> = (&'a [(&'a str, &'a str)], &'a str, &'a str, Value);
    let rows: &[Row<'_>] = &[
        (&[("answer", "a%20b%C3%A9")], "", "/choices/0/message/content", json!("a bé")),
        (&[("answer-base64", "YSDDqQ==")], "", "/choices/0/message/content", json!("a é")),
        (&[("deltas", r#"["bob@exa","mple.com"]"#)], "", "/choices/0/message/content", json!("bob@example.com")),
        (&[("answer", "x"), ("n", "3")], "", "/choices/2/message/content", json!("x")),
        (&[("answer", "x")], r#""n":2"#, "/choices/1/index", json!(1)),
        (&[("finish", "content_filter")], "", "/choices/0/finish_reason", json!("content_filter")),
        (&[("model", "gpt-4o-2024-08-06")], "", "/model", json!("gpt-4o-2024-08-06")),
        (&[("usage", "10,20,5,6")], "", "/usage/total_tokens", json!(30)),
        (&[("usage", "10,20,5,6")], "", "/usage/prompt_tokens_details/cached_tokens", json!(5)),
        (&[("usage", "10,20,5,6")], "", "/usage/completion_tokens_details/reasoning_tokens", json!(6)),
        (&[("words", "300")], r#""max_tokens":7"#, "/choices/0/finish_reason", json!("length")),
        (&[("tool-call", "f={\"a\":1}")], "", "/choices/0/finish_reason", json!("tool_calls")),
        (&[("tool-call", "f={\"a\":1}")], "", "/choices/0/message/content", json!(null)),
        (
            &[("tool-call", "f={\"a\":1}"), ("tool-call", "g=")],
            "",
            "/choices/0/message/tool_calls/0/function",
            json!({"name": "f", "arguments": "{\"a\":1}"}),
        ),
        (
            &[("tool-call", "f={}"), ("tool-call", "g=")],
            "",
            "/choices/0/message/tool_calls/1/function/name",
            json!("g"),
        ),
    ];
    for (knobs, members, pointer, expected) in rows {
        let response = chat(Protocol::Http1, &mock, knobs, &prompt("hello", members)).json();
        assert_eq!(response.pointer(pointer), Some(expected), "{knobs:?} {members}: {response}");
    }
    let without = chat(Protocol::Http1, &mock, &[("usage-at", "never")], &prompt("hello", "")).json();
    assert_eq!(without.get("usage"), None);
}

#[test]
fn chat_completions_match_under_any_prefix() {
    let mock = mock();
    for path in ["/chat/completions", "/openai/deployments/x/chat/completions?api-version=1", "/v1/chat/completions"] {
        assert_eq!(post(Protocol::Http1, &mock, path, &[], &prompt("hello", "")).status, 200, "{path}");
    }
}

#[test]
fn invalid_requests_get_openais_errors() {
    let mock = mock();
    for (path, knobs, body, status, code) in [
        (CHAT, &[][..], "", 400, json!(null)),
        (CHAT, &[], "{\"model\"", 400, json!(null)),
        (CHAT, &[], r#"{"messages":[{"role":"user","content":"x"}]}"#, 400, json!(null)),
        (CHAT, &[], r#"{"model":"m"}"#, 400, json!("missing_required_parameter")),
        (CHAT, &[], r#"{"model":"m","messages":[]}"#, 400, json!("empty_array")),
        (CHAT, &[("words", "none")], "{}", 400, json!("bad_knob")),
        (CHAT, &[("speed", "1")], "{}", 400, json!("bad_knob")),
        (CHAT, &[("words", "100000"), ("n", "128")], &prompt("x", ""), 400, json!("bad_knob")),
        ("/v1/assistants", &[], "{}", 404, json!("unknown_url")),
        (CHAT, &[("status", "500")], "no json", 500, json!(null)),
        (CHAT, &[("status", "503"), ("retry-after", "9")], "{}", 503, json!(null)),
        (CHAT, &[("status", "429")], r#"{"stream":true}"#, 429, json!("rate_limit_exceeded")),
    ] {
        for protocol in BOTH {
            let response = post(protocol, &mock, path, knobs, body);
            assert_eq!(response.status, status, "{knobs:?} {body}");
            assert_eq!(response.header("content-type"), Some(&b"application/json"[..]));
            let error = response.json();
            assert_eq!(error.pointer("/error/code"), Some(&code), "{knobs:?} {body}: {error}");
            assert!(error.pointer("/error/message").is_some_and(Value::is_string));
            let retry_after = match (status, knobs) {
                (503, _) => Some(&b"9"[..]),
                (429, _) => Some(&b"1"[..]),
                _ => None,
            };
            assert_eq!(response.header("retry-after"), retry_after);
        }
    }
}
