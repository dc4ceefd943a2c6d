use crate::dialect::support::{edited, parse_request, parse_response, request_lines};
use crate::{Dialect, Usage};

const EMBED: Dialect = Dialect::OllamaEmbed;

#[test]
fn embeddings_are_read() {
    for path in ["/api/embed", "/api/embeddings", "/ollama/api/embed?x"] {
        assert_eq!(Dialect::detect(b"POST", path.as_bytes()), Some(EMBED), "{path}");
    }
    assert_eq!(Dialect::detect(b"POST", b"/v1/embeddings"), Some(Dialect::OpenAiEmbeddings));
    for (body, want) in [
        (
            r#"{"model":"m","input":["a","b"],"truncate":true,"options":{"num_ctx":1,"x y":"z"}}"#,
            vec!["- Model m", "u Content a", "u Content b", "- Other x y", "- Other z"],
        ),
        (r#"{"model":"m","input":"a","keep_alive":"5m"}"#, vec!["- Model m", "u Content a", "- Other 5m"]),
        (r#"{"prompt":"a","model":"m"}"#, vec!["u Content a", "- Model m"]),
    ] {
        assert_eq!(request_lines(EMBED, body), want, "{body}");
        let request = parse_request(EMBED, body);
        assert_eq!((request.stream, request.max_output_tokens), (false, Some(0)));
    }
    assert_eq!(edited(EMBED, r#"{"input":"a"}"#, "b"), r#"{"model":"b","input":"a"}"#);
    let output =
        parse_response(EMBED, r#"{"model":"m","embeddings":[[0.1],[2]],"total_duration":9,"prompt_eval_count":8}"#);
    let want = Usage { input: 8, total: 8, ..Usage::default() };
    assert_eq!((output.usage, output.complete, output.model.as_deref()), (Some(want), true, Some("m")));
    assert!(output.texts.is_empty());
    assert_eq!(parse_response(EMBED, r#"{"embedding":[0.1]}"#).usage, None);
    assert!(parse_response(EMBED, r#"{"error":"model 'x' not found"}"#).is_error);
    assert_eq!(EMBED.json_stream(), None);
}
