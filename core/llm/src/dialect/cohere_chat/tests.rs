use serde_json::json;

use crate::dialect::support::{
    edited, error_json, parse_request, parse_response, parse_stream, request_lines, typed_events,
};
use crate::{Chunk, Dialect, ErrorKind, Framing, ParseLimits, Request, Response, Usage, empty_value};

const CHAT: Dialect = Dialect::CohereChat;

#[test]
fn paths_are_detected() {
    for (path, want) in [
        ("/v2/chat", Some(CHAT)),
        ("/cohere/v2/chat", Some(CHAT)),
        ("/v1/chat", Some(Dialect::CohereV1)),
        ("/v2/chat/completions", Some(Dialect::OpenAiChat)),
    ] {
        assert_eq!(Dialect::detect(b"POST", path.as_bytes()), want, "{path}");
    }
}

#[test]
fn all_strings_of_requests_are_texts() {
    for (body, want) in [
        (
            r#"{"model":"command-a","messages":[{"role":"system","content":"Be brief."},{"role":"user","content":[
                {"type":"text","text":"Hi"},{"type":"image_url","image_url":{"url":"data:,x","detail":"low"}}]},{"role":"assistant",
                "tool_plan":"I will look","tool_calls":[{"id":"c1","type":"function","function":{"name":"get","arguments":"{\"a\":1}"}}]},
                {"tool_call_id":"c1","role":"tool","content":[{"type":"document","document":{"id":"d1","data":"sunny"}}]},
                {"role":"me","content":"x"}]}"#,
            vec![
                "- Model command-a",
                "s Content Be brief.",
                "u Content Hi",
                "u ImageUrl data:,x",
                "a Reasoning I will look",
                "a Other c1",
                "a ToolName get",
                "a ToolArguments {\"a\":1}",
                "t Other c1",
                "t Other d1",
                "t Other sunny",
                "- Other me",
                "- Content x",
            ],
        ),
        (
            r#"{"documents":["plain",{"id":"d2","data":{"title":"t","snippet x":"s"}}],"tools":[{"type":"function","function":
                {"name":"get","description":"d","parameters":{"type":"object","properties":{"p":{"type":"string"}}}}}],
                "response_format":{"type":"json_object","json_schema":{"title":"jt"}},"stop_sequences":["S"],"safety_mode":"OFF",
                "citation_options":{"mode":"FAST"},"thinking":{"type":"enabled","token_budget":9},"later":"z"}"#,
            vec![
                "t Content plain",
                "t Content d2",
                "t Content t",
                "t Content snippet x",
                "t Content s",
                "T ToolDefinition get",
                "T ToolDefinition d",
                "T ToolDefinition p",
                "T ToolDefinition jt",
                "- Other S",
                "- Other OFF",
                "- Other FAST",
                "- Other later",
                "- Other z",
            ],
        ),
    ] {
        assert_eq!(request_lines(CHAT, body), want, "{body}");
    }
}

#[test]
fn request_settings_are_read_and_edited() {
    let body = r#"{"stream":true,"max_tokens":7,"tools":[{},{}],"messages":[{"content":[{"image_url":{"url":"u"}}],"role":"user"}]}"#;
    let request = parse_request(CHAT, body);
    assert_eq!((request.stream, request.max_output_tokens, request.tools, request.image_count), (true, Some(7), 2, 1));
    assert!(!request.lacks_usage() && !CHAT.is_free());
    assert_eq!(edited(CHAT, r#"{"stream":true,"model":"a"}"#, "b"), r#"{"stream":true,"model":"b"}"#);
    assert_eq!(edited(CHAT, r#"{"stream":true}"#, "b"), r#"{"model":"b","stream":true}"#);
}

#[test]
fn malformed_requests_are_refused() {
    use ErrorKind::*;
    for (body, want) in [
        ("null", WrongType("body")),
        (r#"{"model":7}"#, WrongType("model")),
        (r#"{"messages":7}"#, WrongType("messages")),
        (r#"{"messages":[7]}"#, WrongType("messages")),
        (r#"{"messages":[{"role":null}]}"#, WrongType("messages[].role")),
        (r#"{"stream":1}"#, WrongType("stream")),
        (r#"{"max_tokens":-2}"#, WrongType("max_tokens")),
        (r#"{"MESSAGES":[]}"#, AmbiguousKey),
        (r#"{"messages":[{"content":"a","content":"b"}]}"#, DuplicateKey),
    ] {
        let error = Request::parse(CHAT, body.as_bytes(), &ParseLimits::default()).unwrap_err();
        assert_eq!(error.kind, want, "{body}");
    }
}

#[test]
fn responses_are_read() {
    let body = r#"{"id":"c14","finish_reason":"TOOL_CALL","message":{"role":"assistant","content":[{"type":"thinking","thinking":"hm"},
        {"type":"text","text":"Hi \u00e9"}],"tool_plan":"I will look","tool_calls":[{"id":"get_1","type":"function","function":
        {"name":"get","arguments":"{\"a\":1}"}},{"id":"put_2","function":{"name":"put","arguments":"{}"}}],"citations":[{"start":0,
        "end":2,"text":"Hi","content_index":1,"type":"TEXT_CONTENT","sources":[{"type":"document","id":"d1","document":{"t":"dt"}}]}]},
        "usage":{"billed_units":{"input_tokens":5,"output_tokens":8},"tokens":{"input_tokens":71,"output_tokens":9},"cached_tokens":64},
        "logprobs":[{"token_ids":[1],"text":"Hi","logprobs":[-1]}]}"#;
    let output = parse_response(CHAT, body);
    assert_eq!(
        output.known_lines(),
        [
            "0 Reasoning hmI will look",
            "0 ToolName(0) get",
            "0 ToolName(1) put",
            "0 ToolArguments(0) {\"a\":1}",
            "0 ToolArguments(1) {}",
            "0 Logprobs Hi",
            "1 Content Hi é",
        ]
    );
    assert_eq!(output.usage.map(|usage| (usage.input, usage.output, usage.cached, usage.total)), Some((5, 8, 0, 13)));
    let response = Response::parse(CHAT, body.as_bytes(), &ParseLimits::default()).unwrap();
    assert_eq!((response.offsets[0].choice, empty_value(body.as_bytes(), response.offsets[0].span)), (1, "[]"));
    assert_eq!(empty_value(body.as_bytes(), response.logprobs[0]), "[]");
    // `billed_units` may be missing.
    let output =
        parse_response(CHAT, r#"{"usage":{"tokens":{"input_tokens":71,"output_tokens":9},"cached_tokens":64}}"#);
    assert_eq!(output.usage, Some(Usage { input: 71, cached: 64, output: 9, total: 80, ..Usage::default() }));
    let units = parse_response(CHAT, r#"{"usage":{"billed_units":{"search_units":1}}}"#).usage;
    assert_eq!(units, Some(Usage { search_units: 1, ..Usage::default() }));
    assert!(parse_response(CHAT, r#"{"message":"invalid api token"}"#).is_error);
}

#[test]
fn streams_are_read() {
    let events = [
        r#"{"id":"29","type":"message-start","delta":{"message":{"role":"assistant","content":[],"tool_plan":"","tool_calls":[],"citations":[]}}}"#,
        r#"{"type":"tool-plan-delta","delta":{"message":{"tool_plan":"I will"}}}"#,
        r#"{"type":"tool-plan-delta","delta":{"message":{"tool_plan":" look"}}}"#,
        r#"{"type":"tool-call-start","index":0,"delta":{"message":{"tool_calls":{"id":"get_1","type":"function","function":{"name":"get","arguments":""}}}}}"#,
        r#"{"type":"tool-call-delta","index":0,"delta":{"message":{"tool_calls":{"function":{"arguments":"{\"city\":"}}}}}"#,
        r#"{"delta":{"message":{"tool_calls":{"function":{"arguments":" \"Rome\"}"}}}},"index":0,"type":"tool-call-delta"}"#,
        r#"{"type":"tool-call-end","index":0}"#,
        r#"{"type":"content-start","index":1,"delta":{"message":{"content":{"type":"text","text":""}}}}"#,
        r#"{"type":"content-delta","index":1,"delta":{"message":{"content":{"text":"Hel"}}}}"#,
        r#"{"type":"content-delta","index":1,"delta":{"message":{"content":{"text":"lo \u00e9"}}},"logprobs":{"token_ids":[1],"text":"lo"}}"#,
        r#"{"type":"citation-start","index":0,"delta":{"message":{"citations":{"start":0,"end":3,"text":"Hel","content_index":1,"sources":[]}}}}"#,
        r#"{"type":"citation-end","index":0}"#,
        r#"{"type":"content-end","index":1}"#,
        r#"{"id":"29","type":"message-end","delta":{"finish_reason":"COMPLETE","usage":{"billed_units":{"input_tokens":5,"output_tokens":8},"tokens":{"input_tokens":71,"output_tokens":9}}}}"#,
    ];
    let output = parse_stream(CHAT, Framing::Sse, &typed_events(&events));
    assert_eq!(
        output.known_lines(),
        [
            "0 Reasoning I will look",
            "0 ToolName(0) get",
            "0 ToolArguments(0) {\"city\": \"Rome\"}",
            "1 Content Hello é",
            "1 Logprobs lo"
        ]
    );
    assert_eq!(output.usage.map(|usage| (usage.input, usage.output, usage.total)), Some((5, 8, 13)));
    assert_eq!((output.complete, output.finished, output.ends, output.is_error), (true, vec![0, 1], true, false));
    let chunk = Chunk::parse(CHAT, events[10].as_bytes(), &ParseLimits::default()).unwrap().unwrap();
    assert_eq!((chunk.offsets[0].choice, empty_value(events[10].as_bytes(), chunk.offsets[0].span)), (1, "null"));
    // A truncated stream, and a stream that ends with an error.
    let output = parse_stream(CHAT, Framing::Sse, &typed_events(&events[..9]));
    assert_eq!((output.usage, output.ends), (None, false));
    let error = r#"{"type":"message-end","delta":{"finish_reason":"ERROR","error":"no"}}"#;
    assert!(parse_stream(CHAT, Framing::Sse, &typed_events(&[events[0], error])).is_error);
}

#[test]
fn errors_have_the_format_of_the_api() {
    let message = "no \"more\"\nfor you\u{0}";
    let (body, event) = error_json(CHAT, 429);
    assert_eq!(body, json!({"message": message}));
    assert_eq!(event, json!({"type": "message-end", "delta": {"finish_reason": "ERROR", "error": message}}));
}
