use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

use crate::dialect::support::{edited, error_json, parse_request, parse_response, parse_stream, request_lines};
use crate::{
    ApiError, Chunk, Dialect, Edits, Endpoint, ErrorKind, Event, Framer, Framing, ParseLimits, Request, StreamState,
    Usage, event_stream,
};

const CONVERSE: Dialect = Dialect::BedrockConverse;
const INVOKE: Dialect = Dialect::BedrockInvoke;

#[test]
fn paths_are_detected() {
    for (path, want) in [
        (
            "/model/anthropic.claude-3-5-sonnet-20240620-v1:0/converse",
            Some((CONVERSE, "anthropic.claude-3-5-sonnet-20240620-v1:0", false)),
        ),
        ("/model/us.amazon.nova-lite-v1%3A0/converse-stream", Some((CONVERSE, "us.amazon.nova-lite-v1:0", true))),
        (
            "/model/arn%3Aaws%3Abedrock%3Aus-east-1%3A1%3Aapplication-inference-profile%2Fabc/converse",
            Some((CONVERSE, "arn:aws:bedrock:us-east-1:1:application-inference-profile/abc", false)),
        ),
        ("/bedrock/model/meta.llama3-8b-instruct-v1:0/invoke", Some((INVOKE, "meta.llama3-8b-instruct-v1:0", false))),
        ("/model/x/invoke-with-response-stream", Some((INVOKE, "x", true))),
        ("/model/x/converse/y", None),
        ("/model/x", None),
    ] {
        let found = Endpoint::detect(b"POST", path.as_bytes());
        let found = found.map(|found| (found.dialect, found.model.unwrap().name, found.stream));
        assert_eq!(found, want.map(|(dialect, model, stream)| (dialect, model.to_owned(), stream)), "{path}");
    }
}

#[test]
fn all_strings_of_requests_are_texts() {
    for (body, want) in [
        (
            r#"{"system":[{"text":"Be brief."},{"cachePoint":{"type":"default"}}],"messages":[{"role":"user","content":[{"text":"Hi"}]},
                {"content":[{"text":"Hello"}],"role":"assistant"}],"inferenceConfig":{"maxTokens":9,"stopSequences":["S"]}}"#,
            vec!["s Content Be brief.", "s Other default", "u Content Hi", "a Content Hello", "- Other S"],
        ),
        // All kinds of blocks.
        (
            r#"{"messages":[{"role":"user","content":[{"image":{"format":"png","source":{"bytes":"aGk="}}},
                {"image":{"format":"jpeg","source":{"s3Location":{"uri":"s3://b/k","bucketOwner":"1"}}}},
                {"document":{"format":"txt","name":"dn","source":{"text":"plain"},"context":"dc","citations":{"enabled":true}}},
                {"document":{"format":"pdf","name":"dm","source":{"content":[{"text":"in blocks"}]}}},
                {"guardContent":{"text":{"text":"guarded","qualifiers":["query"]}}},
                {"searchResult":{"source":"https://s","title":"st","content":[{"text":"found"}]}},
                {"toolResult":{"toolUseId":"t1","status":"success","content":[{"text":"sunny"},{"json":{"sky":["blue"]}},
                {"image":{"format":"gif","source":{"bytes":"aW4="}}}]}},{"text":"so?"}]},
                {"role":"assistant","content":[{"reasoningContent":{"reasoningText":{"text":"hm","signature":"c2ln"}}},
                {"reasoningContent":{"redactedContent":"ZW5j"}},{"citationsContent":{"content":[{"text":"as found"}]}},
                {"toolUse":{"toolUseId":"t1","name":"get","input":{"city":"Rome","deep":[{"k":"v"}]}}}]},
                {"role":"me","content":["bare",7]}]}"#,
            vec![
                "u Other png",
                "u Data aGk=",
                "u Other jpeg",
                "u ImageUrl s3://b/k",
                "u Other 1",
                "u Other txt",
                "u Other dn",
                "u Content plain",
                "u Other dc",
                "u Other pdf",
                "u Other dm",
                "u Content in blocks",
                "u Content guarded",
                "u Other query",
                "t Other https://s",
                "t Other st",
                "t Content found",
                "t Other t1",
                "t Other success",
                "t Content sunny",
                "t Content sky",
                "t Content blue",
                "t Other gif",
                "t Data aW4=",
                "u Content so?",
                "a Reasoning hm",
                "a Other c2ln",
                "a Other ZW5j",
                "a Content as found",
                "a Other t1",
                "a ToolName get",
                "a ToolArguments Rome",
                "a ToolArguments deep",
                "a ToolArguments k",
                "a ToolArguments v",
                "- Other me",
                "- Content bare",
            ],
        ),
        (
            r#"{"toolConfig":{"tools":[{"toolSpec":{"name":"get","description":"d","inputSchema":{"json":{"type":"object",
                "properties":{"p":{"type":"string"}}}}}}],"toolChoice":{"tool":{"name":"get"}}},"requestMetadata":{"team x":"blue"},
                "additionalModelRequestFields":{"top_k":5,"x":"new"},"promptVariables":{"v":{"text":"pv"}},"later":"z"}"#,
            vec![
                "T ToolDefinition get",
                "T ToolDefinition d",
                "T ToolDefinition p",
                "- Other get",
                "- Other team x",
                "- Other blue",
                "- Other x",
                "- Other new",
                "- Other v",
                "- Other pv",
                "- Other later",
                "- Other z",
            ],
        ),
    ] {
        assert_eq!(request_lines(CONVERSE, body), want, "{body}");
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
fn request_settings_are_read_and_edited() {
    let body = r#"{"inferenceConfig":{"maxTokens":7},"toolConfig":{"tools":[{"toolSpec":{"name":"a"}},{"toolSpec":{"name":"b"}}]},
        "messages":[{"role":"user","content":[{"image":{"source":{"bytes":"aGk="},"format":"png"}}]}]}"#;
    let request = parse_request(CONVERSE, body);
    assert_eq!((request.max_output_tokens, request.candidates, request.tools, request.image_count), (Some(7), 1, 2, 1));
    assert_eq!(request.images[0].str.unwrap().decode(body.as_bytes()), "aGk=");
    assert!(!request.lacks_usage() && !CONVERSE.is_free());

    let path = b"/model/us.anthropic.claude-a%3A0/converse-stream";
    let endpoint = Endpoint::detect(b"POST", path).unwrap();
    let request = Request::parse_at(&endpoint, b"{}", &ParseLimits::default()).unwrap();
    assert_eq!((request.model_name(b"{}").as_deref(), request.stream), (Some("us.anthropic.claude-a:0"), true));
    assert_eq!(edited(endpoint, "{}", "other"), "{}");
    let path = request.path_model.unwrap().replaced(path, "arn:aws:bedrock:x:1:inference-profile/y");
    assert_eq!(path, b"/model/arn:aws:bedrock:x:1:inference-profile%2Fy/converse-stream");
}

#[test]
fn malformed_requests_are_refused() {
    use ErrorKind::*;
    for (dialect, body, want) in [
        (CONVERSE, "[]", WrongType("body")),
        (CONVERSE, r#"{"messages":{}}"#, WrongType("messages")),
        (CONVERSE, r#"{"messages":[7]}"#, WrongType("messages")),
        (CONVERSE, r#"{"messages":[{"role":{}}]}"#, WrongType("messages[].role")),
        (CONVERSE, r#"{"inferenceConfig":7}"#, WrongType("inferenceConfig")),
        (CONVERSE, r#"{"inferenceConfig":{"maxTokens":1.5}}"#, WrongType("inferenceConfig.maxTokens")),
        (CONVERSE, r#"{"Messages":[]}"#, AmbiguousKey),
        (CONVERSE, r#"{"messages":[{"content":[{"text":"a","text":"b"}]}]}"#, DuplicateKey),
        (INVOKE, r#"{"prompt":"a","max_gen_len":"9"}"#, WrongType("max_gen_len")),
        (INVOKE, r#"{"anthropic_version":"x","messages":7}"#, WrongType("messages")),
        (INVOKE, r#"{"prompt":"a"}{}"#, TrailingData),
        (INVOKE, "[7]", WrongType("body")),
    ] {
        let error = Request::parse(dialect, body.as_bytes(), &ParseLimits::default()).unwrap_err();
        assert_eq!(error.kind, want, "{body}");
    }
    let deep =
        |n: usize| format!(r#"{{"messages":[{{"content":{}"x"{}}}]}}"#, r#"[{"content":"#.repeat(n), "}]".repeat(n));
    assert!(Request::parse(CONVERSE, deep(30).as_bytes(), &ParseLimits::default()).is_ok());
    for dialect in [CONVERSE, INVOKE] {
        let error = Request::parse(dialect, deep(50_000).as_bytes(), &ParseLimits::default()).unwrap_err();
        assert_eq!(error.kind, TooDeep);
    }
}

#[test]
fn responses_are_read() {
    let body = r#"{"metrics":{"latencyMs":9},"output":{"message":{"role":"assistant","content":[
        {"reasoningContent":{"reasoningText":{"text":"hm","signature":"c2ln"}}},{"text":"Hi \u00e9"},
        {"toolUse":{"toolUseId":"t1","name":"get","input":{"city":"Rome"}}},
        {"citationsContent":{"content":[{"text":"as found"}],"citations":[{"title":"ct"}]}}]}},"stopReason":"tool_use",
        "usage":{"inputTokens":10,"outputTokens":5,"totalTokens":15,"cacheReadInputTokens":60,"cacheReadInputTokenCount":60,
        "cacheWriteInputTokens":30,"cacheDetails":[{"inputTokens":20,"ttl":"1h"},{"ttl":"5m","inputTokens":10}]},
        "trace":{"guardrail":{"inputAssessment":{"g":{"match":"m"}}}}}"#;
    let output = parse_response(CONVERSE, body);
    assert_eq!(
        output.known_lines(),
        ["0 Reasoning hm", "1 Content Hi é", "2 ToolName(0) get", "2 ToolArguments(0) Rome", "3 Content as found"]
    );
    let want = Usage {
        input: 100,
        cached: 60,
        cache_write_5m: 10,
        cache_write_1h: 20,
        output: 5,
        total: 105,
        ..Usage::default()
    };
    assert_eq!((output.usage, output.complete, output.is_error), (Some(want), true, false));
    let others: Vec<_> = output.lines().into_iter().filter(|line| line.contains("Other")).collect();
    assert_eq!(others, ["0 Other m", "3 Other ct"]);
    assert!(parse_response(CONVERSE, r#"{"message":"Too many requests"}"#).is_error);
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

fn frames(events: &[(&str, &str)]) -> Vec<u8> {
    let mut body = Vec::new();
    for (name, payload) in events {
        let kind = if name.ends_with("Exception") { ":exception-type" } else { ":event-type" };
        let message = if name.ends_with("Exception") { "exception" } else { "event" };
        let headers = [(kind, *name), (":content-type", "application/json"), (":message-type", message)];
        event_stream::write(&headers, payload.as_bytes(), &mut body);
    }
    body
}

const EVENTS: [(&str, &str); 12] = [
    ("messageStart", r#"{"p":"abcdefghij","role":"assistant"}"#),
    ("contentBlockDelta", r#"{"contentBlockIndex":0,"delta":{"reasoningContent":{"text":"Let me"}},"p":"abc"}"#),
    ("contentBlockDelta", r#"{"contentBlockIndex":0,"delta":{"reasoningContent":{"signature":"c2ln"}}}"#),
    ("contentBlockStop", r#"{"contentBlockIndex":0,"p":"abcd"}"#),
    ("contentBlockDelta", r#"{"contentBlockIndex":1,"delta":{"text":"Hel"},"p":"abcdefghijklmnop"}"#),
    ("contentBlockDelta", r#"{"delta":{"text":"lo \u00e9"},"contentBlockIndex":1}"#),
    ("contentBlockStop", r#"{"contentBlockIndex":1}"#),
    ("contentBlockStart", r#"{"contentBlockIndex":2,"start":{"toolUse":{"name":"get","toolUseId":"t1"}}}"#),
    ("contentBlockDelta", r#"{"contentBlockIndex":2,"delta":{"toolUse":{"input":"{\"city\":"}}}"#),
    ("contentBlockDelta", r#"{"contentBlockIndex":2,"delta":{"toolUse":{"input":" \"Rome\"}"}}}"#),
    ("messageStop", r#"{"stopReason":"tool_use"}"#),
    (
        "metadata",
        r#"{"metrics":{"latencyMs":9},"usage":{"inputTokens":10,"outputTokens":5,"totalTokens":105,"cacheReadInputTokens":90}}"#,
    ),
];

#[test]
fn streams_are_read() {
    let output = parse_stream(CONVERSE, Framing::EventStream, &frames(&EVENTS));
    assert_eq!(
        output.known_lines(),
        ["0 Reasoning Let me", "1 Content Hello é", "2 ToolName(0) get", "2 ToolArguments(0) {\"city\": \"Rome\"}"]
    );
    let want = Usage { input: 100, cached: 90, output: 5, total: 105, ..Usage::default() };
    assert_eq!((output.usage, output.complete, output.finished), (Some(want), true, vec![0, 1]));
    assert_eq!((output.ends, output.is_error, output.usage_only), (true, false, 0));
    // Truncated stream.
    let output = parse_stream(CONVERSE, Framing::EventStream, &frames(&EVENTS[..6]));
    assert_eq!((output.usage, output.complete, output.ends), (None, false, false));
    // An exception in the middle, with any payload.
    for exception in [r#"{"message":"slow down"}"#, r#"{"originalStatusCode":500}"#] {
        let body = [frames(&EVENTS[..5]), frames(&[("throttlingException", exception)])].concat();
        assert!(parse_stream(CONVERSE, Framing::EventStream, &body).is_error);
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

/// An edit changes the text of one frame and no other bytes, for any chunking.
#[test]
fn edits_of_a_stream_change_only_the_edited_text() {
    let events = [
        r#"{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"Hel"}}"#,
        r#"{"type":"message_stop"}"#,
    ];
    let edited_events: Vec<String> = events.iter().map(|event| event.replace("Hel", "J\\\"a")).collect();
    let edited_frames: Vec<(&str, String)> =
        EVENTS.iter().map(|(name, payload)| (*name, payload.replace("Hel", "J\\\"a"))).collect();
    let edited_frames: Vec<(&str, &str)> = edited_frames.iter().map(|(name, payload)| (*name, &**payload)).collect();
    for (dialect, body, want) in [
        (CONVERSE, frames(&EVENTS), frames(&edited_frames)),
        (INVOKE, wrapped(&events), wrapped(&edited_events.iter().map(String::as_str).collect::<Vec<_>>())),
    ] {
        for size in [body.len(), 1, 50] {
            let mut out = Vec::new();
            let (mut framer, mut chunk) = (Framer::new(Framing::EventStream, 1 << 20), Chunk::default());
            for piece in body.chunks(size) {
                let pushed = framer.push(piece, |event: Event<'_>| {
                    let data = event.data().unwrap();
                    assert!(chunk.parse_event(dialect, event.name(), &data, &ParseLimits::default()).unwrap());
                    let mut edits = Edits::new();
                    for text in chunk.texts.iter().filter(|text| text.str.decode(&data) == "Hel") {
                        edits.replace_text(text.str.span, "J\"a").unwrap();
                    }
                    event.with_data(&edits.apply(&data), &mut out);
                    Ok::<_, ()>(())
                });
                pushed.unwrap();
            }
            assert!(out == want, "{dialect:?} in pieces of {size}");
        }
    }
}

#[test]
fn errors_have_the_format_of_the_api() {
    for (status, name) in [
        (400, "ValidationException"),
        (403, "AccessDeniedException"),
        (404, "ResourceNotFoundException"),
        (429, "ThrottlingException"),
        (500, "InternalServerException"),
        (503, "ServiceUnavailableException"),
    ] {
        let message = "no \"more\"\nfor you\u{0}";
        for dialect in [CONVERSE, INVOKE] {
            let (body, event) = error_json(dialect, status);
            assert_eq!(body, json!({"__type": name, "message": message}));
            assert_eq!(event, json!({"message": message}));
        }
    }
    let error = ApiError { status: 429, message: "m", kind: "k", param: None, code: None };
    let event = CONVERSE.error_event(Framing::EventStream, &StreamState::sent(), &error);
    let mut framer = event_stream::EventStreamFramer::new(1 << 10);
    let pushed = framer.push(&event, |event| {
        assert_eq!((event.name(), event.is_error()), (Some(&b"throttlingException"[..]), true));
        Ok::<_, ()>(())
    });
    assert!(pushed.is_ok() && framer.pending().is_empty());
}

#[test]
fn token_counting_is_read() {
    const COUNT: Dialect = Dialect::BedrockCountTokens;
    let found = Endpoint::detect(b"POST", b"/model/anthropic.claude-v1%3A0/count-tokens").unwrap();
    assert_eq!(
        (found.dialect, found.model.unwrap().name, found.stream),
        (COUNT, "anthropic.claude-v1:0".into(), false)
    );
    assert!(COUNT.is_free());
    for (body, want) in [
        (
            r#"{"input":{"converse":{"system":[{"text":"s"}],"messages":[{"role":"user","content":[{"text":"a"}]}],"x y":"z"}}}"#,
            vec!["s Content s", "u Content a", "- Other x y", "- Other z"],
        ),
        (r#"{"input":{"invokeModel":{"body":"eyJh","x y":"z"}}}"#, vec!["u Data eyJh", "- Other x y", "- Other z"]),
        (r#"{"input":"a","later":"z"}"#, vec!["- Other a", "- Other later", "- Other z"]),
    ] {
        assert_eq!(request_lines(COUNT, body), want, "{body}");
    }
    let output = parse_response(COUNT, r#"{"inputTokens":12,"note":"n"}"#);
    assert_eq!((output.usage.map(|usage| usage.input), output.lines()), (Some(12), vec!["0 Other n".to_owned()]));
    assert!(parse_response(COUNT, r#"{"message":"no"}"#).is_error);
}
