use serde_json::json;

use crate::dialect::support::{
    edited, error_json, parse_request, parse_response, parse_stream, request_lines, typed_events,
};
use crate::{Dialect, Endpoint, ErrorKind, Framing, ParseLimits, Request, Usage};

const MESSAGES: Dialect = Dialect::AnthropicMessages;

#[test]
fn paths_are_detected() {
    let endpoint = |dialect, model: Option<&str>, stream| Some((dialect, model.map(str::to_owned), stream));
    for (path, want) in [
        ("/v1/messages", endpoint(MESSAGES, None, false)),
        ("/anthropic/v1/messages?beta=true", endpoint(MESSAGES, None, false)),
        ("/v1/messages/count_tokens", endpoint(Dialect::AnthropicCountTokens, None, false)),
        (
            "/v1/projects/p/locations/l/publishers/anthropic/models/claude-sonnet-4@20250514:rawPredict",
            endpoint(MESSAGES, Some("claude-sonnet-4@20250514"), false),
        ),
        (
            "/v1/projects/p/locations/l/publishers/anthropic/models/claude-opus-4:streamRawPredict",
            endpoint(MESSAGES, Some("claude-opus-4"), true),
        ),
        (
            "/v1/projects/p/locations/l/publishers/anthropic/models/count-tokens:rawPredict",
            endpoint(Dialect::AnthropicCountTokens, None, false),
        ),
        ("/v1/messages/batches", endpoint(Dialect::AnthropicBatches, None, false)),
    ] {
        let found = Endpoint::detect(b"POST", path.as_bytes());
        let found = found.map(|found| (found.dialect, found.model.map(|model| model.name), found.stream));
        assert_eq!(found, want, "{path}");
    }
}

#[test]
fn all_strings_of_requests_are_texts() {
    for (body, want) in [
        (
            r#"{"model":"claude-sonnet-4-5","max_tokens":64,"system":"Be brief.","messages":[{"role":"user","content":"Hi"},
                {"role":"assistant","content":"Hello"}]}"#,
            vec!["- Model claude-sonnet-4-5", "s Content Be brief.", "u Content Hi", "a Content Hello"],
        ),
        (
            r#"{"system":[{"type":"text","text":"a","cache_control":{"type":"ephemeral","ttl":"1h"}},{"type":"text","text":"b"}],
                "messages":[{"content":[{"type":"text","text":"c"}],"role":"user"}]}"#,
            vec!["s Content a", "s Other 1h", "s Content b", "u Content c"],
        ),
        // All kinds of blocks.
        (
            r#"{"messages":[{"role":"user","content":[
                {"type":"image","source":{"type":"base64","media_type":"image/png","data":"aGk="}},
                {"type":"image","source":{"type":"url","url":"https://x/y.png"}},
                {"type":"document","title":"t","context":"c","source":{"type":"base64","media_type":"application/pdf","data":"cGRm"}},
                {"type":"document","source":{"data":"plain","media_type":"text/plain","type":"text"}},
                {"type":"document","source":{"type":"content","content":[{"type":"text","text":"in blocks"}]}},
                {"type":"search_result","source":"https://s","title":"st","content":[{"type":"text","text":"found"}]}]},
                {"role":"assistant","content":[
                {"type":"thinking","thinking":"hm","signature":"c2ln"},
                {"type":"redacted_thinking","data":"ZW5j"},
                {"type":"tool_use","id":"toolu_1","name":"get","input":{"city":"Rome","n":1,"deep":[{"k":"v"}]}}]},
                {"role":"user","content":[{"type":"tool_result","tool_use_id":"toolu_1","is_error":false,"content":"sunny"},
                {"tool_use_id":"toolu_2","content":[{"type":"text","text":"part"},
                {"type":"image","source":{"type":"base64","media_type":"image/png","data":"aW4="}}],"type":"tool_result"},
                {"type":"text","text":"so?"}]}]}"#,
            vec![
                "u Other image/png",
                "u ImageData aGk=",
                "u ImageUrl https://x/y.png",
                "u Other t",
                "u Other c",
                "u Other application/pdf",
                "u Data cGRm",
                "u Content plain",
                "u Other text/plain",
                "u Content in blocks",
                "t Other https://s",
                "t Other st",
                "t Content found",
                "a Reasoning hm",
                "a Other c2ln",
                "a Other ZW5j",
                "a Other toolu_1",
                "a ToolName get",
                "a ToolArguments Rome",
                "a ToolNumber 1",
                "a ToolArguments deep",
                "a ToolArguments k",
                "a ToolArguments v",
                "t Other toolu_1",
                "t Content sunny",
                "t Other toolu_2",
                "t Content part",
                "t Other image/png",
                "t ImageData aW4=",
                "u Content so?",
            ],
        ),
        (
            r#"{"tools":[{"name":"get","description":"d","input_schema":{"type":"object","properties":{"p":{"type":"string"}}}},
                {"type":"web_search_20250305","name":"web_search","max_uses":2}],"tool_choice":{"type":"tool","name":"get"},
                "metadata":{"user_id":"u1"},"stop_sequences":["S"],"thinking":{"type":"enabled","budget_tokens":9},"later":{"x y":"new"}}"#,
            vec![
                "T ToolDefinition get",
                "T ToolDefinition d",
                "T ToolDefinition p",
                "T ToolDefinition web_search_20250305",
                "T ToolDefinition web_search",
                "- Other get",
                "- Other u1",
                "- Other S",
                "- Other later",
                "- Other x y",
                "- Other new",
            ],
        ),
        // Content of another type, and an unknown role.
        (
            r#"{"messages":[{"role":"me","content":{"type":"text","text":"x"}},{"content":["bare",7,null,["n"]]}]}"#,
            vec!["- Other me", "- Content x", "- Content bare", "- ToolNumber 7", "- Content n"],
        ),
    ] {
        assert_eq!(request_lines(MESSAGES, body), want, "{body}");
        assert_eq!(request_lines(Dialect::AnthropicCountTokens, body), want, "{body}");
    }
}

#[test]
fn request_settings_are_read_and_edited() {
    let body = r#"{"stream":true,"max_tokens":7,"tools":[{"name":"a"},{"name":"b"}],"messages":[{"role":"user","content":
        [{"source":{"data":"aGk=","type":"base64"},"type":"image"},{"type":"image","source":{"type":"file","file_id":"f"}}]}]}"#;
    let request = parse_request(MESSAGES, body);
    assert_eq!((request.stream, request.max_output_tokens, request.candidates, request.tools), (true, Some(7), 1, 2));
    assert_eq!((request.image_count, request.images.len(), request.messages.len()), (2, 2, 1));
    assert_eq!(request.images[0].str.unwrap().decode(body.as_bytes()), "aGk=");
    assert!(!request.lacks_usage());
    assert_eq!(edited(MESSAGES, r#"{"model":"a","stream":true}"#, "b\""), r#"{"model":"b\"","stream":true}"#);
    assert_eq!(edited(MESSAGES, "{}", "b"), r#"{"model":"b"}"#);
    // Model in the path.
    let path = b"/v1/publishers/anthropic/models/claude%2D4:streamRawPredict?x";
    let endpoint = Endpoint::detect(b"POST", path).unwrap();
    let body = r#"{"anthropic_version":"vertex-2023-10-16","messages":[]}"#;
    let request = Request::parse_at(&endpoint, body.as_bytes(), &ParseLimits::default()).unwrap();
    assert_eq!((request.model_name(body.as_bytes()).as_deref(), request.stream), (Some("claude-4"), true));
    assert_eq!(edited(endpoint, body, "other"), body);
    assert_eq!(
        request.path_model.unwrap().replaced(path, "claude/5 é"),
        b"/v1/publishers/anthropic/models/claude%2F5%20%C3%A9:streamRawPredict?x"
    );
}

#[test]
fn malformed_requests_are_refused() {
    use ErrorKind::*;
    for (body, want) in [
        ("[]", WrongType("body")),
        (r#"{"model":1}"#, WrongType("model")),
        (r#"{"messages":{}}"#, WrongType("messages")),
        (r#"{"messages":["x"]}"#, WrongType("messages")),
        (r#"{"messages":[{"role":1}]}"#, WrongType("messages[].role")),
        (r#"{"stream":"yes"}"#, WrongType("stream")),
        (r#"{"max_tokens":"9"}"#, WrongType("max_tokens")),
        (r#"{"System":"x"}"#, AmbiguousKey),
        (r#"{"messages":[{"content":[{"Text":"x"}]}]}"#, AmbiguousKey),
        (r#"{"system":"a","s\u0079stem":"b"}"#, DuplicateKey),
    ] {
        let error = Request::parse(MESSAGES, body.as_bytes(), &ParseLimits::default()).unwrap_err();
        assert_eq!(error.kind, want, "{body}");
    }
    // Nested blocks, up to the depth limit of a body.
    let deep =
        |n: usize| format!(r#"{{"messages":[{{"content":{}"x"{}}}]}}"#, r#"[{"content":"#.repeat(n), "}]".repeat(n));
    assert!(Request::parse(MESSAGES, deep(30).as_bytes(), &ParseLimits::default()).is_ok());
    let error = Request::parse(MESSAGES, deep(50_000).as_bytes(), &ParseLimits::default()).unwrap_err();
    assert_eq!(error.kind, TooDeep);
}

#[test]
fn responses_are_read() {
    let body = r#"{"id":"msg_1","type":"message","role":"assistant","model":"claude-sonnet-4-5","content":[
        {"type":"thinking","thinking":"hm","signature":"c2ln"},{"type":"text","text":"Hi","citations":[{"type":"char_location",
        "cited_text":"cited","document_title":"doc"}]},{"type":"tool_use","id":"toolu_1","name":"get","input":{"city":"Rome"}},
        {"type":"web_search_tool_result","tool_use_id":"srv_1","content":[{"type":"web_search_result","title":"wt","url":"wu"}]}],
        "stop_reason":"tool_use","stop_sequence":null,"usage":{"input_tokens":10,"cache_creation_input_tokens":30,
        "cache_read_input_tokens":60,"cache_creation":{"ephemeral_5m_input_tokens":10,"ephemeral_1h_input_tokens":20},
        "output_tokens":5,"server_tool_use":{"web_search_requests":1},"service_tier":"standard"}}"#;
    let output = parse_response(MESSAGES, body);
    assert_eq!(output.known_lines(), ["0 Reasoning hm", "1 Content Hi", "2 ToolName(0) get", "2 ToolValue(0) Rome"]);
    let others: Vec<_> = output.lines().into_iter().filter(|line| line.contains("Other")).collect();
    assert_eq!(others, ["1 Other char_locationciteddoc", "3 Other web_search_resultwtwu"]);
    assert_eq!(output.model.as_deref(), Some("claude-sonnet-4-5"));
    let want = Usage {
        input: 100,
        cached: 60,
        cache_write_5m: 10,
        cache_write_1h: 20,
        output: 5,
        web_searches: 1,
        total: 105,
        ..Usage::default()
    };
    assert_eq!((output.usage, output.complete), (Some(want), true));
    assert_eq!(want.fresh(), 10);
    // Token counting uses no tokens.
    let counted = parse_response(Dialect::AnthropicCountTokens, r#"{"input_tokens":14}"#);
    assert_eq!((counted.usage, counted.texts.len()), (None, 0));
    assert!(Dialect::AnthropicCountTokens.is_free() && !MESSAGES.is_free());
}

#[test]
fn streams_are_read() {
    let start =
        r#"{"type":"message_start","message":{"id":"msg_1","type":"message","role":"assistant","model":"claude-x",
        "content":[],"stop_reason":null,"usage":{"input_tokens":25,"cache_read_input_tokens":75,"output_tokens":1}}}"#
            .replace('\n', "");
    let events = [
        &start,
        r#"{"type":"ping"}"#,
        r#"{"type":"content_block_start","index":0,"content_block":{"type":"thinking","thinking":"","signature":""}}"#,
        r#"{"type":"content_block_delta","index":0,"delta":{"type":"thinking_delta","thinking":"Let"}}"#,
        r#"{"type":"content_block_delta","index":0,"delta":{"type":"thinking_delta","thinking":" me"}}"#,
        r#"{"type":"content_block_delta","index":0,"delta":{"type":"signature_delta","signature":"c2ln"}}"#,
        r#"{"type":"content_block_stop","index":0}"#,
        r#"{"type":"content_block_start","index":1,"content_block":{"type":"text","text":""}}"#,
        r#"{"type":"content_block_delta","index":1,"delta":{"type":"text_delta","text":"Hel"}}"#,
        r#"{"delta":{"type":"text_delta","text":"lo \u00e9"},"index":1,"type":"content_block_delta"}"#,
        r#"{"type":"content_block_delta","index":1,"delta":{"type":"citations_delta","citation":{"cited_text":"c"}}}"#,
        r#"{"type":"content_block_stop","index":1}"#,
        r#"{"type":"content_block_start","index":2,"content_block":{"type":"tool_use","id":"t1","name":"get","input":{}}}"#,
        r#"{"type":"content_block_delta","index":2,"delta":{"type":"input_json_delta","partial_json":"{\"city\":"}}"#,
        r#"{"type":"content_block_delta","index":2,"delta":{"type":"input_json_delta","partial_json":" \"Rome\"}"}}"#,
        r#"{"type":"content_block_stop","index":2}"#,
        r#"{"type":"message_delta","delta":{"stop_reason":"tool_use","stop_sequence":null},"usage":{"output_tokens":15}}"#,
        r#"{"type":"message_stop"}"#,
    ];
    let output = parse_stream(MESSAGES, Framing::Sse, &typed_events(&events));
    assert_eq!(
        output.known_lines(),
        ["0 Reasoning Let me", "1 Content Hello é", "2 ToolName(0) get", "2 ToolArguments(0) {\"city\": \"Rome\"}"]
    );
    let want = Usage { input: 100, cached: 75, output: 15, total: 115, ..Usage::default() };
    assert_eq!((output.usage, output.complete, output.finished), (Some(want), true, vec![0, 1, 2]));
    assert_eq!((output.ends, output.is_error, output.usage_only), (true, false, 0));
    assert_eq!(output.model.as_deref(), Some("claude-x"));

    // The usage of a truncated stream is incomplete: the first event has only an initial count.
    let output = parse_stream(MESSAGES, Framing::Sse, &typed_events(&events[..9]));
    assert_eq!((output.usage.unwrap().output, output.complete, output.ends), (1, false, false));
    // Newer servers repeat the input count; it is not added twice.
    let last = r#"{"type":"message_delta","delta":{},"usage":{"input_tokens":25,"cache_read_input_tokens":75,"output_tokens":15}}"#;
    let output = parse_stream(MESSAGES, Framing::Sse, &typed_events(&[&start, last]));
    assert_eq!(output.usage, Some(want));
    // Error in the middle of a stream.
    let error = r#"{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}"#;
    assert!(parse_stream(MESSAGES, Framing::Sse, &typed_events(&[&start, error])).is_error);
}

#[test]
fn errors_have_the_format_of_the_api() {
    for (status, kind) in [
        (400, "invalid_request_error"),
        (403, "permission_error"),
        (404, "not_found_error"),
        (413, "request_too_large"),
        (415, "invalid_request_error"),
        (429, "rate_limit_error"),
        (500, "api_error"),
        (502, "api_error"),
        (529, "overloaded_error"),
    ] {
        let want = json!({"type": "error", "error": {"type": kind, "message": "no \"more\"\nfor you\u{0}"}});
        assert_eq!(error_json(MESSAGES, status), (want.clone(), want));
    }
}
