//! Limits on output tokens that requests set, in every spelling.

use tollgate_llm::{Dialect, ParseLimits, Request};

/// Returns the limits of a request: maximum, minimum, thinking tokens and candidates. `None` if it is refused.
fn limits(dialect: Dialect, body: &str) -> Option<(Option<u64>, u64, u64, u32)> {
    let request = Request::parse(dialect, body.as_bytes(), &ParseLimits::default()).ok()?;
    Some((request.max_output_tokens, request.min_output_tokens, request.thinking_tokens, request.candidates))
}

#[test]
fn output_limits_are_read_in_every_spelling() {
    use Dialect::{
        AnthropicMessages, BedrockConverse, BedrockInvoke, CohereChat, GeminiGenerate, OllamaChat, OllamaGenerate,
        OpenAiChat, OpenAiCompact, OpenAiCompletions, OpenAiResponses,
    };
    for (dialect, body, want) in [
        (OpenAiChat, r#"{"max_tokens":7}"#, (Some(7), 0, 0, 1)),
        (OpenAiChat, r#"{"max_tokens":7,"max_completion_tokens":9}"#, (Some(9), 0, 0, 1)),
        (OpenAiChat, r#"{"max_tokens":-1}"#, (None, 0, 0, 1)),
        // A server may apply the member that sets no limit.
        (OpenAiChat, r#"{"max_tokens":-1,"max_completion_tokens":9}"#, (None, 0, 0, 1)),
        (OpenAiChat, r#"{"max_tokens":null,"n":3}"#, (None, 0, 0, 3)),
        (OpenAiChat, r#"{"min_tokens":50,"n":2,"best_of":4}"#, (None, 50, 0, 4)),
        (OpenAiChat, r#"{"input":"x","max_output_tokens":5}"#, (Some(5), 0, 0, 1)),
        (OpenAiCompletions, r#"{"prompt":["a","b"],"best_of":3,"max_tokens":-1}"#, (None, 0, 0, 6)),
        (OpenAiCompletions, r#"{"prompt":[[1],[2]],"n":2,"min_tokens":8}"#, (None, 8, 0, 4)),
        (OpenAiResponses, r#"{"max_output_tokens":-1}"#, (None, 0, 0, 1)),
        (OpenAiCompact, r#"{"input":"x"}"#, (Some(800), 0, 0, 1)),
        (OpenAiCompact, r#"{"input":"x","max_output_tokens":9}"#, (Some(9), 0, 0, 1)),
        (AnthropicMessages, r#"{"max_tokens":9,"thinking":{"type":"enabled","budget_tokens":4}}"#, (Some(9), 4, 0, 1)),
        (AnthropicMessages, r#"{"max_tokens":9,"thinking":{"budget_tokens":"x"}}"#, (Some(9), 0, 0, 1)),
        (BedrockConverse, r#"{"inferenceConfig":{"maxTokens":6}}"#, (Some(6), 0, 0, 1)),
        (BedrockConverse, r#"{"inferenceConfig":{"maxTokens":-1}}"#, (None, 0, 0, 1)),
        (
            BedrockConverse,
            r#"{"inferenceConfig":{"maxTokens":6},"additionalModelRequestFields":{"thinking":{"budget_tokens":40}}}"#,
            (Some(6), 40, 0, 1),
        ),
        (BedrockInvoke, r#"{"prompt":"x","max_gen_len":-1}"#, (None, 0, 0, 1)),
        (CohereChat, r#"{"max_tokens":-1}"#, (None, 0, 0, 1)),
        (
            GeminiGenerate,
            r#"{"generationConfig":{"maxOutputTokens":5,"candidateCount":2,"thinkingConfig":{"thinkingBudget":24000}}}"#,
            (Some(5), 0, 24_000, 2),
        ),
        (GeminiGenerate, r#"{"generation_config":{"thinking_config":{"thinking_budget":-1}}}"#, (None, 0, 0, 1)),
        (GeminiGenerate, r#"{"generationConfig":{"maxOutputTokens":-1}}"#, (None, 0, 0, 1)),
        (OllamaChat, r#"{"options":{"num_predict":-2}}"#, (None, 0, 0, 1)),
        (OllamaGenerate, r#"{"options":{"num_predict":12}}"#, (Some(12), 0, 0, 1)),
    ] {
        assert_eq!(limits(dialect, body), Some(want), "{dialect:?} {body}");
    }
}

#[test]
fn a_limit_that_no_server_knows_is_refused() {
    for body in [r#"{"max_tokens":-2}"#, r#"{"max_tokens":-1.5}"#, r#"{"max_tokens":"9"}"#, r#"{"max_tokens":1e3}"#] {
        assert_eq!(limits(Dialect::OpenAiChat, body), None, "{body}");
    }
}

#[test]
fn a_body_of_the_responses_api_is_read_on_the_chat_path() {
    let body = br#"{"model":"m","instructions":"Be brief","input":[{"role":"user","content":[{"type":"input_text","text":"hi"}]}]}"#;
    let request = Request::parse(Dialect::OpenAiChat, body, &ParseLimits::default()).unwrap();
    let contents = request.texts.iter().filter(|text| text.kind == tollgate_llm::TextKind::Content);
    let contents: Vec<_> = contents.map(|text| (text.role, text.str.decode(body).into_owned())).collect();
    let want = [(tollgate_llm::Role::Developer, "Be brief"), (tollgate_llm::Role::User, "hi")];
    assert_eq!(contents, want.map(|(role, text)| (role, text.to_owned())));
    assert_eq!(request.messages.len(), 1);
}
