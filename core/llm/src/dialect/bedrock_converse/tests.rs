use serde_json::json;

use crate::dialect::support::{
    check_stream_edit, edited, error_json, frames, parse_request, parse_response, parse_stream, request_lines,
};
use crate::{ApiError, Dialect, Endpoint, ErrorKind, Framing, ParseLimits, Request, StreamState, Usage, event_stream};

const CONVERSE: Dialect = Dialect::BedrockConverse;

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
                "u ImageData aGk=",
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
                "t ImageData aW4=",
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
                "- ToolNumber 7",
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
    for (body, want) in [
        ("[]", WrongType("body")),
        (r#"{"messages":{}}"#, WrongType("messages")),
        (r#"{"messages":[7]}"#, WrongType("messages")),
        (r#"{"messages":[{"role":{}}]}"#, WrongType("messages[].role")),
        (r#"{"inferenceConfig":7}"#, WrongType("inferenceConfig")),
        (r#"{"inferenceConfig":{"maxTokens":1.5}}"#, WrongType("inferenceConfig.maxTokens")),
        (r#"{"Messages":[]}"#, AmbiguousKey),
        (r#"{"messages":[{"content":[{"text":"a","text":"b"}]}]}"#, DuplicateKey),
    ] {
        let error = Request::parse(CONVERSE, body.as_bytes(), &ParseLimits::default()).unwrap_err();
        assert_eq!(error.kind, want, "{body}");
    }
    let deep =
        |n: usize| format!(r#"{{"messages":[{{"content":{}"x"{}}}]}}"#, r#"[{"content":"#.repeat(n), "}]".repeat(n));
    assert!(Request::parse(CONVERSE, deep(30).as_bytes(), &ParseLimits::default()).is_ok());
    let error = Request::parse(CONVERSE, deep(50_000).as_bytes(), &ParseLimits::default()).unwrap_err();
    assert_eq!(error.kind, TooDeep);
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
        ["0 Reasoning hm", "1 Content Hi é", "2 ToolName(0) get", "2 ToolValue(0) Rome", "3 Content as found"]
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
    assert_eq!(others, ["0 Other gmatchm", "3 Other ct"]);
    assert!(parse_response(CONVERSE, r#"{"message":"Too many requests"}"#).is_error);
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

#[test]
fn edits_of_a_stream_change_only_the_edited_text() {
    let edited: Vec<(&str, String)> =
        EVENTS.iter().map(|(name, payload)| (*name, payload.replace("Hel", "J\\\"a"))).collect();
    let edited: Vec<(&str, &str)> = edited.iter().map(|(name, payload)| (*name, &**payload)).collect();
    check_stream_edit(CONVERSE, Framing::EventStream, &frames(&EVENTS), &frames(&edited));
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
        for dialect in [CONVERSE, Dialect::BedrockInvoke, Dialect::BedrockCountTokens] {
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
fn a_signed_thought_must_not_be_edited() {
    for (reasoning, is_uneditable) in [
        (r#"{"text":"hm","signature":"c2ln"}"#, true),
        (r#"{"signature":"c2ln","text":"hm"}"#, true),
        (r#"{"text":"hm"}"#, false),
        (r#"{"text":"hm","signature":null}"#, false),
    ] {
        let body = format!(
            r#"{{"messages":[{{"role":"assistant","content":[{{"reasoningContent":{{"reasoningText":{reasoning}}}}}]}}]}}"#
        );
        let request = Request::parse(Dialect::BedrockConverse, body.as_bytes(), &ParseLimits::default()).unwrap();
        let found = request.uneditable.iter().any(|span| span.of(body.as_bytes()) == b"hm");
        assert_eq!(found, is_uneditable, "{reasoning}");
    }
}
