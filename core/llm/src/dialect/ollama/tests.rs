use serde_json::{Value, json};

use crate::dialect::support::{edited, error_json, parse_request, parse_response, parse_stream, request_lines};
use crate::{ApiError, Dialect, ErrorKind, Framing, ParseLimits, Request, StreamState, Usage};

const CHAT: Dialect = Dialect::OllamaChat;
const GENERATE: Dialect = Dialect::OllamaGenerate;

#[test]
fn paths_are_detected() {
    for (path, want) in [
        ("/api/chat", Some(CHAT)),
        ("/ollama/api/chat/", Some(CHAT)),
        ("/api/generate", Some(GENERATE)),
        ("/v2/chat", Some(Dialect::CohereChat)),
        ("/api/tags", None),
        ("/chat", None),
    ] {
        assert_eq!(Dialect::detect(b"POST", path.as_bytes()), want, "{path}");
    }
}

#[test]
fn all_strings_of_requests_are_texts() {
    for (dialect, body, want) in [
        (
            CHAT,
            r#"{"model":"llama3.2","messages":[{"role":"system","content":"Be brief."},{"role":"user","content":"What is it?",
                "images":["aGk="]},{"role":"assistant","content":"","thinking":"hm","tool_calls":[{"function":{"name":"get",
                "arguments":{"city":"Rome","deep":[{"k":"v"}]}}}]},{"content":"sunny","tool_name":"get","role":"tool"},
                {"role":"me","content":["x"]}]}"#,
            vec![
                "- Model llama3.2",
                "s Content Be brief.",
                "u Content What is it?",
                "u ImageData aGk=",
                "a Content ",
                "a Reasoning hm",
                "a ToolName get",
                "a ToolArguments Rome",
                "a ToolArguments deep",
                "a ToolArguments k",
                "a ToolArguments v",
                "t Content sunny",
                "t Name get",
                "- Other me",
                "- Content x",
            ],
        ),
        (
            CHAT,
            r#"{"tools":[{"type":"function","function":{"name":"get","parameters":{"type":"object","properties":{"p":{"type":"string"}}}}}],
                "format":{"type":"object","title":"t"},"options":{"stop":["S"],"x y":1},"keep_alive":"5m","later":"z"}"#,
            vec![
                "T ToolDefinition get",
                "T ToolDefinition p",
                "T ToolDefinition t",
                "- Other S",
                "- Other x y",
                "- Other 5m",
                "- Other later",
                "- Other z",
            ],
        ),
        (
            GENERATE,
            r#"{"model":"m","prompt":"Why?","suffix":"end","system":"s","template":"{{ .Prompt }}","images":["aGk="],"format":"json",
                "context":[1,2],"raw":false}"#,
            vec![
                "- Model m",
                "u Content Why?",
                "u Other end",
                "s Content s",
                "s Other {{ .Prompt }}",
                "u ImageData aGk=",
                "- Other json",
            ],
        ),
    ] {
        assert_eq!(request_lines(dialect, body), want, "{body}");
    }
}

#[test]
fn request_settings_are_read_and_edited() {
    for (body, stream, tokens) in [
        (r#"{"messages":[]}"#, true, None),
        (r#"{"stream":null,"options":{"num_predict":7}}"#, true, Some(7)),
        (r#"{"stream":false,"options":{"num_predict":-1}}"#, false, None),
        (r#"{"options":{"num_predict":null},"stream":true}"#, true, None),
        (r#"{"options":null}"#, true, None),
    ] {
        for dialect in [CHAT, GENERATE] {
            let request = parse_request(dialect, body);
            assert_eq!((request.stream, request.max_output_tokens), (stream, tokens), "{body}");
            assert!(!request.lacks_usage());
        }
    }
    let body = r#"{"images":["aGk="],"tools":[{},{}],"messages":[{"role":"user","images":["eA==","eQ=="]}]}"#;
    let request = parse_request(CHAT, body);
    assert_eq!((request.image_count, request.images.len(), request.tools), (3, 3, 2));
    assert_eq!(request.images[1].str.unwrap().decode(body.as_bytes()), "eA==");
    assert_eq!(edited(CHAT, r#"{"model":"a"}"#, "b"), r#"{"model":"b"}"#);
    assert_eq!(edited(GENERATE, r#"{"prompt":"x"}"#, "b"), r#"{"model":"b","prompt":"x"}"#);
}

#[test]
fn malformed_requests_are_refused() {
    use ErrorKind::*;
    for (body, want) in [
        ("7", WrongType("body")),
        (r#"{"model":null}"#, WrongType("model")),
        (r#"{"messages":"x"}"#, WrongType("messages")),
        (r#"{"messages":["x"]}"#, WrongType("messages")),
        (r#"{"messages":[{"role":7}]}"#, WrongType("messages[].role")),
        (r#"{"stream":"false"}"#, WrongType("stream")),
        (r#"{"options":[]}"#, WrongType("options")),
        (r#"{"options":{"num_predict":"9"}}"#, WrongType("options.num_predict")),
        // Ollama is written in Go, whose JSON decoder matches member names without regard to case.
        (r#"{"Model":"a"}"#, AmbiguousKey),
        (r#"{"options":{"Num_Predict":9}}"#, AmbiguousKey),
        (r#"{"prompt":"a","prompt":"b"}"#, DuplicateKey),
    ] {
        for dialect in [CHAT, GENERATE] {
            let error = Request::parse(dialect, body.as_bytes(), &ParseLimits::default()).unwrap_err();
            assert_eq!(error.kind, want, "{body}");
        }
    }
}

#[test]
fn responses_are_read() {
    let want = Usage { input: 26, output: 9, total: 35, ..Usage::default() };
    let body = r#"{"model":"m","created_at":"2025-01-01T00:00:00Z","message":{"role":"assistant","content":"Hi \u00e9","thinking":"hm",
        "tool_calls":[{"function":{"name":"get","arguments":{"city":"Rome"}}},{"function":{"name":"put","arguments":{}}}]},
        "done_reason":"stop","done":true,"total_duration":9,"prompt_eval_count":26,"eval_count":9}"#;
    let output = parse_response(CHAT, body);
    assert_eq!(
        output.lines(),
        ["0 Content Hi é", "0 Reasoning hm", "0 ToolName(0) get", "0 ToolName(1) put", "0 ToolValue(0) Rome"]
    );
    assert_eq!((output.usage, output.complete, output.model.as_deref()), (Some(want), true, Some("m")));
    let body = r#"{"model":"m","response":"Hi","thinking":"hm","done":true,"context":[1],"prompt_eval_count":26,"eval_count":9,"note":"n"}"#;
    let output = parse_response(GENERATE, body);
    assert_eq!(output.lines(), ["0 Content Hi", "0 Reasoning hm", "0 Other noten"]);
    assert_eq!((output.usage, output.complete), (Some(want), true));
    assert!(parse_response(CHAT, r#"{"error":"model 'x' not found"}"#).is_error);
}

#[test]
fn streams_are_read() {
    let chat = [
        r#"{"model":"m","created_at":"t","message":{"role":"assistant","content":"","thinking":"Let me"},"done":false}"#,
        r#"{"model":"m","created_at":"t","message":{"role":"assistant","content":"Hel"},"done":false}"#,
        r#"{"model":"m","created_at":"t","message":{"content":"lo \u00e9\n"},"done":false}"#,
        r#"{"model":"m","message":{"tool_calls":[{"function":{"name":"get","arguments":{"city":"Rome"}}}]},"done":false}"#,
        r#"{"model":"m","message":{"role":"assistant","content":""},"done_reason":"stop","done":true,"prompt_eval_count":26,"eval_count":9}"#,
    ];
    let want = Usage { input: 26, output: 9, total: 35, ..Usage::default() };
    for end in ["\n", "\r\n", "\n\n"] {
        for last in [end, ""] {
            let body = chat.join(end) + last;
            let output = parse_stream(CHAT, Framing::JsonLines, body.as_bytes());
            assert_eq!(
                output.known_lines(),
                ["0 Content Hello é\n", "0 Reasoning Let me", "0 ToolName(0) get", "0 ToolValue(0) Rome"]
            );
            assert_eq!(
                (output.usage, output.complete, output.finished, output.ends),
                (Some(want), true, vec![0], true)
            );
            assert_eq!((output.usage_only, output.is_error), (0, false));
        }
    }
    let body = "{\"response\":\"Hel\",\"done\":false}\n{\"response\":\"lo\",\"done\":false}\n";
    let output = parse_stream(GENERATE, Framing::JsonLines, body.as_bytes());
    assert_eq!(output.known_lines(), ["0 Content Hello"]);
    assert_eq!((output.usage, output.complete, output.ends), (None, false, false));
    let body = body.to_owned() + "{\"error\":\"out of memory\"}\n";
    assert!(parse_stream(GENERATE, Framing::JsonLines, body.as_bytes()).is_error);
    assert_eq!(CHAT.json_stream(), Some(Framing::JsonLines));
}

#[test]
fn errors_have_the_format_of_the_api() {
    let want = json!({"error": "no \"more\"\nfor you\u{0}"});
    for dialect in [CHAT, GENERATE] {
        assert_eq!(error_json(dialect, 429), (want.clone(), want.clone()));
    }
    let error = ApiError { status: 500, message: "m\n", kind: "k", param: None, code: None };
    let line = CHAT.error_event(Framing::JsonLines, &StreamState::sent(), &error);
    assert_eq!(line.iter().position(|byte| *byte == b'\n'), Some(line.len() - 1));
    assert_eq!(serde_json::from_slice::<Value>(&line).unwrap(), json!({"error": "m\n"}));
}
