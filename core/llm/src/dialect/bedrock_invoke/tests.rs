use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::dialect::support::{check_stream_edit, frames, parse_request, parse_response, parse_stream, request_lines};
use crate::{Chunk, Dialect, Endpoint, ErrorKind, Framing, ParseLimits, Request};

const INVOKE: Dialect = Dialect::BedrockInvoke;

#[test]
fn paths_are_detected() {
    for (path, want) in [
        ("/bedrock/model/meta.llama3-8b-instruct-v1:0/invoke", Some((INVOKE, "meta.llama3-8b-instruct-v1:0", false))),
        ("/model/x/invoke-with-response-stream", Some((INVOKE, "x", true))),
    ] {
        let found = Endpoint::detect(b"POST", path.as_bytes());
        let found = found.map(|found| (found.dialect, found.model.unwrap().name, found.stream));
        assert_eq!(found, want.map(|(dialect, model, stream)| (dialect, model.to_owned(), stream)), "{path}");
    }
}

#[test]
fn requests_in_vendor_formats_are_read() {
    for (body, want) in [
        (
            r#"{"messages":[{"role":"user","content":[{"type":"tool_result","tool_use_id":"t","content":"r"}]}],"system":"s",
                "anthropic_version":"bedrock-2023-05-31","max_tokens":7}"#,
            vec!["t Other t", "t Content r", "s Content s", "- Other bedrock-2023-05-31"],
        ),
        (
            r#"{"messages":[{"role":"tool","content":"r"},{"role":"user","content":[{"type":"text","text":"x"}]}],"max_tokens":7}"#,
            vec!["t Content r", "u Content x"],
        ),
        (
            r#"{"system":[{"text":"s"}],"messages":[{"role":"user","content":[{"text":"x"},{"toolUse":{"name":"f"}}]}],
                "inferenceConfig":{"max_new_tokens":7}}"#,
            vec!["s Content s", "u Content x", "u ToolName f"],
        ),
        (r#"{"prompt":"x","max_gen_len":7,"images":["aGk="]}"#, vec!["u Content x", "- Other aGk="]),
        (
            r#"{"inputText":"x","textGenerationConfig":{"maxTokenCount":7,"stopSequences":["S"]}}"#,
            vec!["u Content x", "- Other S"],
        ),
        (
            r#"{"message":"x","preamble":"s","chat_history":[{"role":"USER","message":"h"}],"documents":[{"title":"t"}],"max_tokens":7}"#,
            vec!["u Content x", "s Content s", "- Other USER", "- Other h", "u Content t"],
        ),
    ] {
        assert_eq!(request_lines(INVOKE, body), want, "{body}");
        assert_eq!(parse_request(INVOKE, body).max_output_tokens, Some(7), "{body}");
    }
}

#[test]
fn malformed_requests_are_refused() {
    use ErrorKind::*;
    for (body, want) in [
        (r#"{"prompt":"a","max_gen_len":"9"}"#, WrongType("max_gen_len")),
        (r#"{"anthropic_version":"x","messages":7}"#, WrongType("messages")),
        (r#"{"prompt":"a"}{}"#, TrailingData),
        ("[7]", WrongType("body")),
    ] {
        let error = Request::parse(INVOKE, body.as_bytes(), &ParseLimits::default()).unwrap_err();
        assert_eq!(error.kind, want, "{body}");
    }
    let deep =
        |n: usize| format!(r#"{{"messages":[{{"content":{}"x"{}}}]}}"#, r#"[{"content":"#.repeat(n), "}]".repeat(n));
    assert!(Request::parse(INVOKE, deep(30).as_bytes(), &ParseLimits::default()).is_ok());
    let error = Request::parse(INVOKE, deep(50_000).as_bytes(), &ParseLimits::default()).unwrap_err();
    assert_eq!(error.kind, TooDeep);
}

#[test]
fn responses_in_vendor_formats_are_read() {
    for (body, expected, usage) in [
        (
            r#"{"id":"m","type":"message","role":"assistant","content":[{"type":"text","text":"Hi"}],"usage":{"input_tokens":3,"output_tokens":2}}"#,
            vec!["0 Content Hi"],
            Some((3, 2)),
        ),
        (
            r#"{"choices":[{"index":0,"message":{"role":"assistant","content":"Hi"}}],"usage":{"prompt_tokens":3,"completion_tokens":2}}"#,
            vec!["0 Content Hi"],
            Some((3, 2)),
        ),
        (
            r#"{"output":{"message":{"content":[{"text":"Hi"}]}},"usage":{"inputTokens":3,"outputTokens":2}}"#,
            vec!["0 Content Hi"],
            Some((3, 2)),
        ),
        (
            r#"{"generation":"Hi","prompt_token_count":3,"generation_token_count":2,"stop_reason":"stop"}"#,
            vec!["0 Content Hi"],
            Some((3, 2)),
        ),
        (
            r#"{"inputTextTokenCount":3,"results":[{"tokenCount":2,"outputText":"Hi","completionReason":"FINISH"},{"tokenCount":4,"outputText":"Ho"}]}"#,
            vec!["0 Content Hi", "1 Content Ho"],
            Some((3, 6)),
        ),
        (r#"{"outputs":[{"text":"Hi","stop_reason":"stop"}]}"#, vec!["0 Content Hi"], None),
        (r#"{"generations":[{"text":"Hi","finish_reason":"COMPLETE"}],"prompt":"p"}"#, vec!["0 Content Hi"], None),
        (r#"{"embedding":[0.1],"inputTextTokenCount":3}"#, vec![], Some((3, 0))),
        // Bedrock's own counts are used only where the model reports none.
        (
            r#"{"amazon-bedrock-invocationMetrics":{"inputTokenCount":1,"outputTokenCount":2},"generation":"Hi","prompt_token_count":3}"#,
            vec!["0 Content Hi"],
            Some((3, 2)),
        ),
        (
            r#"{"outputs":[{"text":"Hi"}],"amazon-bedrock-invocationMetrics":{"inputTokenCount":1,"outputTokenCount":2,
                "cacheReadInputTokenCount":2}}"#,
            vec!["0 Content Hi"],
            Some((3, 2)),
        ),
    ] {
        let output = parse_response(INVOKE, body);
        assert_eq!(output.known_lines(), expected, "{body}");
        assert_eq!(output.usage.map(|usage| (usage.input, usage.output)), usage, "{body}");
        assert!(!output.is_error);
    }
    for error in
        [r#"{"message":"no"}"#, r#"{"error":{"message":"no"}}"#, r#"{"type":"error","error":{"message":"no"}}"#]
    {
        assert!(parse_response(INVOKE, error).is_error, "{error}");
    }
}

fn wrap(data: &str) -> String {
    format!(r#"{{"bytes":"{}","p":"abcdefgh"}}"#, STANDARD.encode(data))
}

fn wrapped(events: &[&str]) -> Vec<u8> {
    let events: Vec<String> = events.iter().map(|data| wrap(data)).collect();
    frames(&events.iter().map(|event| ("chunk", event.as_str())).collect::<Vec<_>>())
}

#[test]
fn streams_in_vendor_formats_are_read() {
    for (events, expected, usage) in [
        (
            &[
                r#"{"type":"message_start","message":{"model":"claude","usage":{"input_tokens":3,"output_tokens":1}}}"#,
                r#"{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"Hel"}}"#,
                r#"{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"lo"}}"#,
                r#"{"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":2}}"#,
                r#"{"type":"message_stop","amazon-bedrock-invocationMetrics":{"inputTokenCount":3,"outputTokenCount":2}}"#,
            ][..],
            "0 Content Hello",
            (3, 2),
        ),
        (
            &[
                r#"{"messageStart":{"role":"assistant"}}"#,
                r#"{"contentBlockDelta":{"delta":{"text":"Hel"},"contentBlockIndex":0}}"#,
                r#"{"contentBlockDelta":{"delta":{"text":"lo"},"contentBlockIndex":0}}"#,
                r#"{"contentBlockStop":{"contentBlockIndex":0}}"#,
                r#"{"messageStop":{"stopReason":"end_turn"}}"#,
                r#"{"metadata":{"usage":{"inputTokens":3,"outputTokens":2}}}"#,
            ],
            "0 Content Hello",
            (3, 2),
        ),
        (
            &[
                r#"{"generation":"Hel","prompt_token_count":3,"generation_token_count":1,"stop_reason":null}"#,
                r#"{"generation":"lo","prompt_token_count":null,"generation_token_count":2,"stop_reason":"stop"}"#,
            ],
            "0 Content Hello",
            (3, 2),
        ),
        (
            &[
                r#"{"outputText":"Hello","index":0,"totalOutputTextTokenCount":2,"completionReason":"FINISH","inputTextTokenCount":3,
                    "amazon-bedrock-invocationMetrics":{"inputTokenCount":3,"outputTokenCount":2,"invocationLatency":9}}"#,
            ],
            "0 Content Hello",
            (3, 2),
        ),
        (
            &[
                r#"{"choices":[{"index":0,"delta":{"content":"Hel"}}]}"#,
                r#"{"choices":[{"index":0,"delta":{"content":"lo"},"finish_reason":"stop"}]}"#,
                r#"{"choices":[],"usage":{"prompt_tokens":3,"completion_tokens":2}}"#,
            ],
            "0 Content Hello",
            (3, 2),
        ),
    ] {
        let output = parse_stream(INVOKE, Framing::EventStream, &wrapped(events));
        assert_eq!(output.known_lines(), [expected], "{events:?}");
        let usage_of = output.usage.map(|usage| (usage.input, usage.output));
        assert_eq!((usage_of, output.complete, output.is_error), (Some(usage), true, false), "{events:?}");
    }
    let body = frames(&[("modelStreamErrorException", r#"{"originalMessage":"x"}"#)]);
    assert!(parse_stream(INVOKE, Framing::EventStream, &body).is_error);
    // A payload that cannot be unwrapped is an error.
    let error = Chunk::parse(INVOKE, br#"{"bytes":"?"}"#, &ParseLimits::default()).unwrap_err();
    assert_eq!(error.kind, ErrorKind::WrongType("bytes"));
}

#[test]
fn edits_of_a_stream_change_only_the_edited_text() {
    let events = [
        r#"{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"Hel"}}"#,
        r#"{"type":"message_stop"}"#,
    ];
    let edited: Vec<String> = events.iter().map(|event| event.replace("Hel", "J\\\"a")).collect();
    let edited: Vec<&str> = edited.iter().map(String::as_str).collect();
    check_stream_edit(INVOKE, Framing::EventStream, &wrapped(&events), &wrapped(&edited));
}
