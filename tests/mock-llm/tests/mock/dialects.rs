//! Tests that every dialect encodes the same output in its own format.

mod table;

use serde_json::{Value, json};

use crate::client::{Protocol, TestResponse, mock, post};
use crate::event_stream::decode_frames;
use table::{DIALECTS, Dialect, FRAMES, LINES, SSE, Streamed, contents, converse, messages, ollama, responses, stream};

fn with(mut body: Value, members: Value) -> String {
    for (name, value) in members.as_object().unwrap() {
        body[name] = value.clone();
    }
    body.to_string()
}

/// Decodes the documents of a stream; see [`decode_frames`] for event streams.
fn documents(media: &str, response: &TestResponse) -> Vec<Value> {
    let parse = |text: &str| serde_json::from_str::<Value>(text).unwrap_or_else(|error| panic!("{error} in {text:?}"));
    match media {
        FRAMES => decode_frames(&response.body()),
        LINES => response.text().lines().map(parse).collect(),
        "application/json" => serde_json::from_str(&response.text()).unwrap(),
        _ => {
            let data = |event: &str| {
                let data = event.lines().find_map(|line| line.strip_prefix("data: ")).unwrap();
                (data != "[DONE]").then(|| parse(data))
            };
            assert!(response.text().ends_with("\n\n"));
            response.text().split_terminator("\n\n").filter_map(data).collect()
        }
    }
}

/// Joins the deltas of a stream. Events that announce or repeat a text hold it at another pointer, or are empty there.
fn joined_deltas(streamed: &Streamed, documents: &[Value]) -> String {
    documents.iter().filter_map(|document| document.pointer(streamed.delta)?.as_str()).collect()
}

const TEXT: &str = "Good day, \"naïve\" 🙂 world.\nAnd bye.";

#[test]
fn a_json_response_has_text_finish_reason_and_usage() {
    let mock = mock();
    for Dialect { path, body, text, finish, usage, .. } in DIALECTS {
        let body = body(&format!("say: {TEXT}")).to_string();
        let response = post(Protocol::Http1, &mock, path, &[("usage", "100,20,30,5,7")], &body);
        let document = response.json();
        assert_eq!(response.status, 200, "{path}: {document}");
        assert_eq!(document.pointer(text), Some(&json!(TEXT)), "{path}: {document}");
        assert_eq!(document.pointer(finish.0), Some(&json!(finish.1)), "{path}: {document}");
        for (pointer, count) in *usage {
            assert_eq!(document.pointer(pointer), Some(&json!(count)), "{path}: {document}");
        }
    }
}

#[test]
fn a_stream_has_the_same_text_however_it_is_divided() {
    let mock = mock();
    for dialect in DIALECTS {
        let Some(streamed) = &dialect.stream else { continue };
        let body = with((dialect.body)(&format!("say: {TEXT}")), (streamed.members)());
        for knobs in [&[][..], &[("piece-bytes", "7")], &[("delta-chars", "1"), ("burst", "3")], &[("event-ms", "1")]] {
            let response = post(Protocol::Http2, &mock, streamed.path, knobs, &body);
            assert_eq!(response.header("content-type"), Some(streamed.media.as_bytes()), "{}", streamed.path);
            assert_eq!(response.header("content-length"), None);
            assert_eq!(
                joined_deltas(streamed, &documents(streamed.media, &response)),
                TEXT,
                "{} {knobs:?}",
                streamed.path
            );
        }
    }
}

#[test]
fn a_failing_stream_ends_with_the_dialects_error_event() {
    let mock = mock();
    for dialect in DIALECTS {
        let Some(streamed) = &dialect.stream else { continue };
        let body = with((dialect.body)("say: one two three four five six seven eight"), (streamed.members)());
        for events in ["0", "1", "5"] {
            let knobs = [("cut-after", events), ("cut", "error")];
            let documents = documents(streamed.media, &post(Protocol::Http1, &mock, streamed.path, &knobs, &body));
            let (pointer, expected) = streamed.failed;
            let last = documents.last().unwrap();
            // The type of an exception is a header of the frame, and its name (`:exception-type`) is not a JSON pointer.
            let found = last.pointer(pointer).or(last.get(pointer.trim_start_matches('/')));
            assert_eq!(found, Some(&json!(expected)), "{}: {last}", streamed.path);
            assert!(documents.len() <= events.parse::<usize>().unwrap() + 1);
        }
    }
}

#[test]
fn errors_have_the_dialects_format() {
    let mock = mock();
    for Dialect { path, error: (pointer, kind), .. } in DIALECTS {
        let response = post(Protocol::Http1, &mock, path, &[("status", "429")], "{}");
        assert_eq!((response.status, response.header("retry-after")), (429, Some(&b"1"[..])), "{path}");
        assert_eq!(response.json().pointer(pointer), Some(&json!(kind)), "{path}: {}", response.text());
        let bedrock = path.starts_with("/model/").then_some(&b"ThrottlingException"[..]);
        assert_eq!(response.header("x-amzn-errortype"), bedrock, "{path}");
        // Invalid requests and invalid knobs are rejected.
        for (knobs, body) in [(&[][..], "no json"), (&[], "{}"), (&[], "[]"), (&[("words", "none")], "{}")] {
            let response = post(Protocol::Http1, &mock, path, knobs, body);
            assert_eq!(response.status, 400, "{path} {body}");
            assert!(response.json().is_object());
        }
    }
}

/// Path, request body, and pointers with expected values in the response.
type Row<'a> = (&'a str, Value, &'a [(&'a str, Value)]);

/// Sends each request with knobs for reasoning, text and a tool call, and checks values in the response, by their pointers.
fn assert_reasoning_and_tool_call(rows: &[Row<'_>]) {
    let mock = mock();
    let knobs = [("thinking", "Let%20me%20see."), ("answer", "I%20see."), ("tool-call", r#"look={"at":"it"}"#)];
    for (path, body, pointers) in rows {
        let document = post(Protocol::Http1, &mock, path, &knobs, &body.to_string()).json();
        for (pointer, expected) in *pointers {
            assert_eq!(document.pointer(pointer), Some(expected), "{path}: {document}");
        }
    }
}

#[test]
fn reasoning_and_tool_calls_are_encoded_by_openai_and_anthropic() {
    assert_reasoning_and_tool_call(&[
        (
            "/v1/chat/completions",
            messages("x"),
            &[
                ("/choices/0/message/reasoning_content", json!("Let me see.")),
                ("/choices/0/message/tool_calls/0/function/name", json!("look")),
                ("/usage/completion_tokens_details/reasoning_tokens", json!(3)),
            ],
        ),
        (
            "/v1/responses",
            responses("x"),
            &[
                ("/output/0/summary/0/text", json!("Let me see.")),
                ("/output/1/content/0/text", json!("I see.")),
                ("/output/2/arguments", json!(r#"{"at":"it"}"#)),
                ("/status", json!("completed")),
            ],
        ),
        (
            "/v1/messages",
            messages("x"),
            &[
                ("/content/0/thinking", json!("Let me see.")),
                ("/content/1/text", json!("I see.")),
                ("/content/2/input", json!({"at": "it"})),
                ("/stop_reason", json!("tool_use")),
            ],
        ),
    ]);
}

#[test]
fn reasoning_and_tool_calls_are_encoded_by_other_providers() {
    assert_reasoning_and_tool_call(&[
        (
            "/v1beta/models/m:generateContent",
            contents("x"),
            &[
                ("/candidates/0/content/parts/0", json!({"text": "Let me see.", "thought": true})),
                ("/candidates/0/content/parts/2/functionCall", json!({"name": "look", "args": {"at": "it"}})),
                ("/usageMetadata/thoughtsTokenCount", json!(3)),
            ][..],
        ),
        (
            "/model/m/converse",
            converse("x"),
            &[
                ("/output/message/content/0/reasoningContent/reasoningText/text", json!("Let me see.")),
                ("/output/message/content/2/toolUse/input", json!({"at": "it"})),
                ("/stopReason", json!("tool_use")),
            ],
        ),
        (
            "/v2/chat",
            messages("x"),
            &[
                ("/message/content/0", json!({"type": "thinking", "thinking": "Let me see."})),
                ("/message/tool_calls/0/function/arguments", json!(r#"{"at":"it"}"#)),
                ("/finish_reason", json!("TOOL_CALL")),
            ],
        ),
        (
            "/api/chat",
            ollama("x"),
            &[
                ("/message/thinking", json!("Let me see.")),
                ("/message/tool_calls/0/function", json!({"name": "look", "arguments": {"at": "it"}})),
            ],
        ),
    ]);
}

#[test]
fn events_of_responses_and_messages_have_the_providers_order() {
    let mock = mock();
    let names = |path: &str, body: String| -> Vec<String> {
        let knobs = [("thinking", "Hm."), ("answer", "Yes."), ("tool-call", "f={}")];
        let text = post(Protocol::Http1, &mock, path, &knobs, &body).text();
        let names: Vec<String> = text.lines().filter_map(|line| line.strip_prefix("event: ")).map(Into::into).collect();
        let types = text.lines().filter_map(|line| line.strip_prefix("data: ")).map(|data| {
            let data: Value = serde_json::from_str(data).unwrap();
            data["type"].as_str().unwrap().to_owned()
        });
        assert_eq!(types.collect::<Vec<_>>(), names);
        names
    };
    let item = |middle: &[&str]| {
        let middle = middle.iter().map(|name| format!("response.{name}"));
        let added = std::iter::once("response.output_item.added".to_owned());
        added.chain(middle).chain(["response.output_item.done".to_owned()]).collect::<Vec<_>>()
    };
    let summary = [
        "reasoning_summary_part.added",
        "reasoning_summary_text.delta",
        "reasoning_summary_text.done",
        "reasoning_summary_part.done",
    ];
    let text = ["content_part.added", "output_text.delta", "output_text.done", "content_part.done"];
    let call = ["function_call_arguments.delta", "function_call_arguments.done"];
    let mut expected = vec!["response.created".to_owned(), "response.in_progress".to_owned()];
    expected.extend([item(&summary), item(&text), item(&call)].concat());
    expected.push("response.completed".to_owned());
    assert_eq!(names("/v1/responses", with(responses("x"), stream())), expected);
    let expected = [
        "message_start",
        "content_block_start",
        "ping",
        "content_block_delta",
        "content_block_delta", // the signature
        "content_block_stop",
        "content_block_start",
        "content_block_delta",
        "content_block_stop",
        "content_block_start",
        "content_block_delta", // an empty one
        "content_block_delta",
        "content_block_stop",
        "message_delta",
        "message_stop",
    ];
    assert_eq!(names("/v1/messages", with(messages("x"), stream())), expected);
}

#[test]
fn usage_in_a_messages_stream_is_cumulative() {
    let mock = mock();
    let body = with(messages("say: a b c"), stream());
    let usage = [("usage", "100,20,30,5,7")];
    let response = post(Protocol::Http1, &mock, "/v1/messages", &usage, &body);
    let documents = documents(SSE, &response);
    let counts =
        |usage: &Value| ["input_tokens", "cache_read_input_tokens", "output_tokens"].map(|name| usage[name].as_u64());
    assert_eq!(counts(&documents[0]["message"]["usage"]), [Some(63), Some(30), Some(1)]);
    assert_eq!(counts(&documents[documents.len() - 2]["usage"]), [Some(63), Some(30), Some(20)]);
    let without = post(Protocol::Http1, &mock, "/v1/messages", &[("usage-at", "never")], &body);
    assert!(!without.text().contains("_tokens"));
}
