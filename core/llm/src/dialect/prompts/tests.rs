use crate::dialect::support::request_lines;
use crate::{Dialect, Endpoint, ParseLimits, Request};

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
}
