use crate::dialect::support::request_lines;
use crate::{Dialect, Endpoint, ParseLimits, Request, Role};

#[test]
fn every_string_is_a_text_with_the_role_that_fits() {
    for (dialect, body, want) in [
        (
            Dialect::OpenAiConversations,
            r#"{"metadata":{"topic":"x"},"items":[{"type":"message","role":"assistant","content":[{"type":"input_text","text":"hi"}]}]}"#,
            &["u Other topic", "u Other x", "a Content hi"][..],
        ),
        (
            Dialect::OpenAiRealtime,
            r#"{"session":{"type":"realtime","model":"gpt","instructions":"be kind","tools":[{"type":"function","name":"f"}]}}"#,
            &["- Model gpt", "s Content be kind", "T ToolDefinition f"],
        ),
        (
            Dialect::AnthropicBatches,
            r#"{"requests":[{"custom_id":"1","params":{"model":"c","system":"s","messages":[{"content":"hi","role":"user"}]}}]}"#,
            &["u Other 1", "- Model c", "s Content s", "u Content hi"],
        ),
        (
            Dialect::GeminiBatches,
            r#"{"batch":{"inputConfig":{"requests":{"requests":[{"request":{"contents":[{"parts":[{"text":"hi"}]}]}}]}}}}"#,
            &["u Content hi"],
        ),
        (
            Dialect::CohereV1,
            r#"{"model":"command","preamble":"p","chat_history":[{"role":"CHATBOT","message":"a"}],"message":"b"}"#,
            &["- Model command", "s Content p", "a Content a", "u Content b"],
        ),
        (Dialect::TextGeneration, r#"{"inputs":"hi","parameters":{"stop":["x"]}}"#, &["u Content hi", "u Other x"]),
    ] {
        let found = request_lines(dialect, body);
        assert_eq!(found, want, "{dialect:?}");
    }
}

#[test]
fn a_generating_conversation_is_unmetered() {
    for (body, want) in [(r#"{"items":[]}"#, false), (r#"{"agent_id":"a","inputs":"hi"}"#, true)] {
        let endpoint = Endpoint::detect(b"POST", b"/v1/conversations").unwrap();
        let request = Request::parse_at(&endpoint, body.as_bytes(), &ParseLimits::default()).unwrap();
        assert_eq!(request.is_unmetered, want, "{body}");
    }
    let run = Endpoint::detect(b"POST", b"/v1/threads/runs").unwrap();
    let body = br#"{"assistant_id":"asst_1","thread":{"messages":[{"role":"user","content":"hi"}]}}"#;
    assert!(Request::parse_at(&run, body, &ParseLimits::default()).unwrap().is_unmetered);
}

#[test]
fn a_role_of_the_whole_request_is_that_of_a_thread_message_only() {
    for (path, role) in [("/v1/threads/t/messages", Role::Assistant), ("/generate", Role::User)] {
        let endpoint = Endpoint::detect(b"POST", path.as_bytes()).unwrap();
        let body = br#"{"role":"assistant","inputs":"hi"}"#;
        let request = Request::parse_at(&endpoint, body, &ParseLimits::default()).unwrap();
        assert_eq!(request.texts.last().map(|text| text.role), Some(role), "{path}");
    }
}

#[test]
fn references_in_batches_and_conversations_are_found() {
    for (path, body, want) in [
        (
            "/v1/messages/batches",
            r#"{"requests":[{"params":{"messages":[{"role":"user","content":[{"type":"image","source":{"type":"url","url":"https://a.example/b"}}]}],"container":"c1"}}]}"#,
            "url, container",
        ),
        (
            "/v1/conversations",
            r#"{"items":[{"content":[{"type":"input_image","image_url":"https://a.example/b"}]}]}"#,
            "url",
        ),
        ("/v1/conversations", r#"{"items":[{"content":[{"type":"input_file","file_id":"file-1"}]}]}"#, "file"),
        ("/v1beta/interactions", r#"{"model":"m","input":"hi","previous_interaction_id":"i"}"#, "conversation"),
        ("/v1/batches", r#"{"input_file_id":"file-1","completion_window":"24h","endpoint":"/v1/responses"}"#, "file"),
        ("/v1/batch/jobs", r#"{"input_files":["file-1","file-2"],"model":"m"}"#, "file, file"),
        ("/v1/conversations", r#"{"metadata":{"file_id":"x"}}"#, ""),
    ] {
        let endpoint = Endpoint::detect(b"POST", path.as_bytes()).unwrap();
        let request = Request::parse_at(&endpoint, body.as_bytes(), &ParseLimits::default()).unwrap();
        let kinds: Vec<&str> = request.references.iter().map(|reference| reference.kind.name()).collect();
        assert_eq!(kinds.join(", "), want, "{body}");
    }
}
