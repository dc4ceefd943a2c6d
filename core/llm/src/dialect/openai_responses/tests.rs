use crate::dialect::support::{
    edited, error_json, parse_request, parse_response, parse_stream, request_lines, typed_events,
};
use crate::{
    ApiError, Chunk, Dialect, ErrorKind, Event, Framer, Framing, ParseLimits, Part, Request, Response, StreamState,
    Usage, empty_value,
};

const RESPONSES: Dialect = Dialect::OpenAiResponses;

#[test]
fn paths_are_detected() {
    for (path, want) in [
        ("/v1/responses", Some(RESPONSES)),
        ("/openai/v1/responses?api-version=preview", Some(RESPONSES)),
        ("/v1/responses/input_tokens", Some(Dialect::OpenAiInputTokens)),
        ("/v1/responses/compact", Some(Dialect::OpenAiCompact)),
        ("/openai/v1/responses/compact?api-version=preview", Some(Dialect::OpenAiCompact)),
        ("/v1/responses/compact/x", None),
        ("/v1/responses/resp_1", None),
        // It returns the response.
        ("/v1/responses/resp_1/cancel", Some(RESPONSES)),
    ] {
        assert_eq!(Dialect::detect(b"POST", path.as_bytes()), want, "{path}");
    }
    assert!(Dialect::OpenAiInputTokens.is_free() && !RESPONSES.is_free());
}

#[test]
fn all_strings_of_requests_are_texts() {
    for (body, want) in [
        (
            r#"{"model":"gpt-5","instructions":"Be brief.","input":"Hi","user":"u"}"#,
            vec!["- Model gpt-5", "d Content Be brief.", "u Content Hi", "- Other u"],
        ),
        (
            r#"{"input":[{"role":"system","content":"a"},{"type":"message","content":[{"type":"input_text","text":"b"},
                {"type":"input_image","image_url":"data:image/png;base64,AA","detail":"low"},
                {"type":"input_file","filename":"f.pdf","file_data":"data:application/pdf;base64,QQ=="},
                {"type":"input_file","file_url":"https://f"},
                {"type":"input_audio","input_audio":{"data":"QUJD","format":"wav"}}],"role":"user"},
                {"role":"assistant","content":[{"type":"output_text","text":"c","annotations":[]},{"type":"refusal","refusal":"no"}]}]}"#,
            vec![
                "s Content a",
                "u Content b",
                "u ImageUrl data:image/png;base64,AA",
                "u Other f.pdf",
                "u Data data:application/pdf;base64,QQ==",
                "u ImageUrl https://f",
                "u Data QUJD",
                "u Other wav",
                "a Content c",
                "a Refusal no",
            ],
        ),
        // Tool calls and their results.
        (
            r#"{"input":[{"type":"function_call","call_id":"c1","name":"get","arguments":"{\"city\":\"Rome\"}"},
                {"type":"function_call_output","call_id":"c1","output":"sunny"},
                {"call_id":"c2","output":[{"type":"input_text","text":"cloudy"}],"type":"function_call_output"},
                {"type":"custom_tool_call","name":"run","input":"ls"},
                {"type":"computer_call_output","output":{"type":"computer_screenshot","image_url":"https://s"}},
                {"type":"reasoning","id":"rs_1","summary":[{"type":"summary_text","text":"hm"}],"encrypted_content":"ZW5j"},
                {"type":"item_reference","id":"msg_1"}]}"#,
            vec![
                "a Other c1",
                "a ToolName get",
                "a ToolArguments {\"city\":\"Rome\"}",
                "t Other c1",
                "t Content sunny",
                "t Other c2",
                "t Content cloudy",
                "a ToolName run",
                "a ToolArguments ls",
                "t Other computer_call_output",
                "t Other computer_screenshot",
                "t ImageUrl https://s",
                "a Other rs_1",
                "a Reasoning hm",
                "a Other ZW5j",
                "- Other msg_1",
            ],
        ),
        (
            r#"{"tools":[{"type":"function","name":"get","description":"d","parameters":{"type":"object","properties":{"p":{}}}},
                {"type":"web_search","filters":{"allowed_domains":["x.org"]}}],"text":{"format":{"type":"json_schema","name":"s",
                "schema":{}}},"metadata":{"k":"v"},"include":["reasoning.encrypted_content"],"previous_response_id":"resp_0",
                "prompt":{"id":"pmpt_1","variables":{"name":"Eve"}},"unknown":{"x":["y"]}}"#,
            vec![
                "T ToolDefinition get",
                "T ToolDefinition d",
                "T ToolDefinition p",
                "T ToolDefinition x.org",
                "T ToolDefinition s",
                "- Other k",
                "- Other v",
                "- Other reasoning.encrypted_content",
                "- Other resp_0",
                "u Content pmpt_1",
                "u Content Eve",
                "- Other unknown",
                "- Other x",
                "- Other y",
            ],
        ),
        (r#"{"input":null,"instructions":[{"role":"user","content":"x"}]}"#, vec!["d Other user", "d Content x"]),
    ] {
        assert_eq!(request_lines(RESPONSES, body), want, "{body}");
    }
}

#[test]
fn request_settings_are_read_and_edited() {
    let body = r#"{"stream":true,"max_output_tokens":7,"tools":[{}],"input":[{"role":"user","content":
        [{"type":"input_image","file_id":"f"},{"type":"input_image","image_url":"x","detail":"low"}]},{"type":"x"}]}"#;
    let request = parse_request(RESPONSES, body);
    assert_eq!((request.stream, request.max_output_tokens, request.candidates, request.tools), (true, Some(7), 1, 1));
    assert_eq!((request.image_count, request.messages.len(), request.lacks_usage()), (2, 2, false));
    assert_eq!(request.images[0].str, None);
    assert_eq!(request.images[1].detail.unwrap().decode(body.as_bytes()), "low");
    assert_eq!(edited(RESPONSES, r#"{"stream":true,"model":"a"}"#, "b"), r#"{"stream":true,"model":"b"}"#);
    for (body, want) in [
        (r#"{"input":7}"#, ErrorKind::WrongType("input")),
        (r#"{"input":["x"]}"#, ErrorKind::WrongType("input")),
        (r#"{"input":[{"role":7}]}"#, ErrorKind::WrongType("input[].role")),
        (r#"{"stream":0}"#, ErrorKind::WrongType("stream")),
        (r#"{"max_output_tokens":-2}"#, ErrorKind::WrongType("max_output_tokens")),
        (r#"{"Input":"x"}"#, ErrorKind::AmbiguousKey),
    ] {
        let error = Request::parse(RESPONSES, body.as_bytes(), &ParseLimits::default()).unwrap_err();
        assert_eq!(error.kind, want, "{body}");
    }
}

const RESPONSE: &str = r#"{"id":"resp_1","object":"response","created_at":1,"status":"completed","error":null,"model":"gpt-5-2025",
    "output":[{"type":"reasoning","id":"rs_1","summary":[{"type":"summary_text","text":"hm"}],"encrypted_content":"ZW5j"},
    {"type":"message","id":"msg_1","status":"completed","role":"assistant","content":[{"type":"output_text","text":"See x.",
    "annotations":[{"type":"url_citation","start_index":4,"end_index":5,"url":"https://x","title":"X"}],
    "logprobs":[{"token":"See","bytes":[83],"logprob":0,"top_logprobs":[{"token":"Look"}]}]},{"type":"refusal","refusal":"no"}]},
    {"type":"function_call","id":"fc_1","call_id":"c1","name":"get","arguments":"{}","status":"completed"}],
    "usage":{"input_tokens":10,"input_tokens_details":{"cached_tokens":4},"output_tokens":9,
    "output_tokens_details":{"reasoning_tokens":3},"total_tokens":19}}"#;

#[test]
fn responses_are_read() {
    let output = parse_response(RESPONSES, RESPONSE);
    assert_eq!(
        output.known_lines(),
        [
            "128 Reasoning hm",
            "256 Content See x.",
            "256 Logprobs See",
            "257 Refusal no",
            "512 ToolName(0) get",
            "512 ToolArguments(0) {}",
        ]
    );
    let want = Usage { input: 10, cached: 4, output: 9, reasoning: 3, total: 19, ..Usage::default() };
    assert_eq!((output.usage, output.complete, output.is_error), (Some(want), true, false));
    assert_eq!(output.model.as_deref(), Some("gpt-5-2025"));
    // Annotations and log probabilities invalidated by an edit of the text.
    let response = Response::parse(RESPONSES, RESPONSE.as_bytes(), &ParseLimits::default()).unwrap();
    let [offsets] = response.offsets[..] else { panic!("{:?}", response.offsets) };
    assert_eq!((offsets.choice, empty_value(RESPONSE.as_bytes(), offsets.span)), (256, "[]"));
    assert!(offsets.span.of(RESPONSE.as_bytes()).ends_with(b"\"title\":\"X\"}]"));
    let [logprobs] = response.logprobs[..] else { panic!("{:?}", response.logprobs) };
    assert_eq!(empty_value(RESPONSE.as_bytes(), logprobs), "[]");
    // An error, and a token count.
    assert!(parse_response(RESPONSES, r#"{"error":{"message":"m","code":"c"}}"#).is_error);
    let counted = parse_response(Dialect::OpenAiInputTokens, r#"{"object":"response.input_tokens","input_tokens":11}"#);
    assert_eq!((counted.usage, counted.texts.len()), (None, 0));
}

#[test]
fn streams_are_read() {
    let events = [
        r#"{"type":"response.created","sequence_number":0,"response":{"id":"resp_1","model":"gpt-5","status":"in_progress","output":[],"usage":null}}"#,
        r#"{"type":"response.in_progress","sequence_number":1,"response":{"id":"resp_1","output":[]}}"#,
        r#"{"type":"response.output_item.added","output_index":0,"item":{"id":"rs_1","type":"reasoning","summary":[]}}"#,
        r#"{"type":"response.reasoning_summary_part.added","item_id":"rs_1","output_index":0,"summary_index":0,"part":{"type":"summary_text","text":""}}"#,
        r#"{"type":"response.reasoning_summary_text.delta","item_id":"rs_1","output_index":0,"summary_index":0,"delta":"h"}"#,
        r#"{"type":"response.reasoning_summary_text.delta","item_id":"rs_1","output_index":0,"summary_index":0,"delta":"m"}"#,
        r#"{"type":"response.reasoning_summary_text.done","item_id":"rs_1","output_index":0,"summary_index":0,"text":"hm"}"#,
        r#"{"type":"response.reasoning_summary_part.done","item_id":"rs_1","output_index":0,"summary_index":0,"part":{"type":"summary_text","text":"hm"}}"#,
        r#"{"type":"response.output_item.done","output_index":0,"item":{"id":"rs_1","type":"reasoning","summary":[{"type":"summary_text","text":"hm"}]}}"#,
        r#"{"type":"response.output_item.added","output_index":1,"item":{"id":"msg_1","type":"message","role":"assistant","content":[]}}"#,
        r#"{"type":"response.content_part.added","item_id":"msg_1","output_index":1,"content_index":0,"part":{"type":"output_text","text":"","annotations":[]}}"#,
        r#"{"type":"response.output_text.delta","item_id":"msg_1","output_index":1,"content_index":0,"delta":"Hel","logprobs":[],"obfuscation":"xyz"}"#,
        r#"{"delta":"lo \u00e9","content_index":0,"output_index":1,"item_id":"msg_1","type":"response.output_text.delta"}"#,
        r#"{"type":"response.output_text.annotation.added","item_id":"msg_1","output_index":1,"content_index":0,"annotation_index":0,"annotation":{"type":"url_citation","start_index":0,"end_index":3,"url":"https://x"}}"#,
        r#"{"type":"response.output_text.done","item_id":"msg_1","output_index":1,"content_index":0,"text":"Hello é"}"#,
        r#"{"type":"response.content_part.done","item_id":"msg_1","output_index":1,"content_index":0,"part":{"type":"output_text","text":"Hello é"}}"#,
        r#"{"type":"response.output_item.done","output_index":1,"item":{"id":"msg_1","type":"message","content":[{"type":"output_text","text":"Hello é"}]}}"#,
        r#"{"type":"response.output_item.added","output_index":2,"item":{"id":"fc_1","type":"function_call","name":"get","arguments":""}}"#,
        r#"{"type":"response.function_call_arguments.delta","item_id":"fc_1","output_index":2,"delta":"{\"a\":"}"#,
        r#"{"type":"response.function_call_arguments.delta","item_id":"fc_1","output_index":2,"delta":"1}"}"#,
        r#"{"type":"response.function_call_arguments.done","item_id":"fc_1","output_index":2,"arguments":"{\"a\":1}"}"#,
        r#"{"type":"response.completed","response":{"id":"resp_1","status":"completed","model":"gpt-5","output":[{"type":"message","content":[{"type":"output_text","text":"Hello é"}]}],"usage":{"input_tokens":5,"output_tokens":6,"total_tokens":11}}}"#,
    ];
    let output = parse_stream(RESPONSES, Framing::Sse, &typed_events(&events));
    let pieces: Vec<_> = output.known_lines().into_iter().filter(|line| !line.contains("Whole")).collect();
    assert_eq!(
        pieces,
        ["128 Reasoning hm", "256 Content Hello é", "512 ToolName(0) get", "512 ToolArguments(0) {\"a\":1}"]
    );
    let repeated =
        |choice| output.texts.iter().find(|(channel, _)| channel.choice == choice && channel.part == Part::Whole);
    assert_eq!(repeated(256).unwrap().1, "Hello éHello éHello é");
    assert_eq!((output.usage.unwrap().total, output.complete, output.ends), (11, true, true));
    assert_eq!((output.finished.clone(), output.usage_only, output.is_error), (vec![128, 256, 512], 0, false));
    assert_eq!(output.model.as_deref(), Some("gpt-5"));
    // An annotation event belongs to the part that its indices name.
    let parse = |data: &str| Chunk::parse(RESPONSES, data.as_bytes(), &ParseLimits::default()).unwrap().unwrap();
    assert_eq!(parse(events[13]).offsets[0].choice, 256);
    // Streams that end without success.
    for (data, is_error) in [
        (r#"{"type":"response.failed","response":{"error":{"code":"server_error","message":"m"},"output":[]}}"#, true),
        (r#"{"type":"response.incomplete","response":{"error":null,"output":[]}}"#, false),
    ] {
        let chunk = parse(data);
        assert_eq!((chunk.ends, chunk.is_error), (true, is_error), "{data}");
    }
    let chunk = parse(r#"{"type":"error","code":"x","message":"m","param":null,"sequence_number":3}"#);
    assert_eq!((chunk.is_error, chunk.texts.len()), (true, 2));
    assert!(Chunk::parse(RESPONSES, b"[DONE]", &ParseLimits::default()).unwrap().is_none());
}

/// An item is sent when it is added, when it is done, and in the last event.
#[test]
fn names_of_repeated_tool_calls_are_not_counted_again() {
    let item = r#"{"id":"fc_1","type":"function_call","name":"get","arguments":"{}"}"#;
    let response = format!(r#"{{"id":"resp_1","status":"completed","output":[{item}]}}"#);
    for (data, part) in [
        (format!(r#"{{"type":"response.output_item.added","output_index":0,"item":{item}}}"#), Part::ToolName(0)),
        (format!(r#"{{"output_index":0,"item":{item},"type":"response.output_item.added"}}"#), Part::ToolName(0)),
        (format!(r#"{{"type":"response.output_item.done","output_index":0,"item":{item}}}"#), Part::Whole),
        (format!(r#"{{"type":"response.completed","response":{response}}}"#), Part::Whole),
        (format!(r#"{{"type":"response.incomplete","response":{response}}}"#), Part::Whole),
    ] {
        let chunk = Chunk::parse(RESPONSES, data.as_bytes(), &ParseLimits::default()).unwrap().unwrap();
        let name = chunk.texts.iter().find(|text| text.str.is(data.as_bytes(), "get")).unwrap();
        assert_eq!(name.channel.part, part, "{data}");
    }
}

#[test]
fn errors_have_the_format_of_the_api() {
    let (body, event) = error_json(RESPONSES, 403);
    assert_eq!(body["error"]["code"], "a\\b");
    assert_eq!(event["type"], "response.failed");
    assert_eq!(event["response"]["status"], "failed");
    for error in [&event["response"]["error"], &event["error"]] {
        assert_eq!(error["message"], "no \"more\"\nfor you\u{0}");
        assert_eq!(error["code"], "invalid_prompt");
    }
}

#[test]
fn error_event_repeats_the_response_id() {
    let error = ApiError { status: 400, message: "m", kind: "k", param: None, code: None };
    for (data, id) in [
        (r#"{"response":{"output":[{"id":"inner"}],"id":"resp_\u0031"},"type":"response.created"}"#, "resp_1"),
        (r#"{"type":"response.created","id":"outer","response":{"status":"queued"}}"#, ""),
        (r#"{"type":"response.created","response":null}"#, ""),
        (r#"{"type":"response.created","#, ""),
    ] {
        let mut state = StreamState::default();
        let body = format!("event: response.created\ndata: {data}\n\ndata: {{\"response\":{{\"id\":\"later\"}}}}\n\n");
        for piece in body.as_bytes().chunks(7).scan(Framer::new(Framing::Sse, 1 << 10), |framer, piece| {
            let observe = |event: Event<'_>| {
                state.observe(RESPONSES, &event);
                Ok::<_, ()>(())
            };
            Some(framer.push(piece, observe))
        }) {
            piece.unwrap();
        }
        let event = String::from_utf8(RESPONSES.error_event(Framing::Sse, &state, &error)).unwrap();
        let data = event.strip_prefix("event: response.failed\ndata: ").unwrap();
        let failed: serde_json::Value = serde_json::from_str(data).unwrap();
        assert_eq!(failed["response"]["id"], id, "{data}");
    }
}
