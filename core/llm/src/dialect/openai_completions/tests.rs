use crate::dialect::support::{edited, error_json, parse_request, parse_response, parse_stream, request_lines};
use crate::{Dialect, Endpoint, Framing, Usage};

const COMPLETIONS: Dialect = Dialect::OpenAiCompletions;

#[test]
fn paths_are_detected() {
    for (path, want) in [
        ("/v1/completions", Some(COMPLETIONS)),
        ("/openai/deployments/d/completions?api-version=1", Some(COMPLETIONS)),
        ("/v1/chat/completions", Some(Dialect::OpenAiChat)),
        ("/v1/completions/x", None),
    ] {
        assert_eq!(Dialect::detect(b"POST", path.as_bytes()), want, "{path}");
    }
    let azure = Endpoint::detect(b"POST", b"/openai/deployments/d/chat/completions").unwrap();
    assert_eq!((azure.dialect, &*azure.model.unwrap().name), (Dialect::OpenAiChat, "d"));
}

#[test]
fn all_strings_of_requests_are_texts() {
    for (body, want, candidates) in [
        (r#"{"model":"m","prompt":"Once","suffix":"end"}"#, vec!["- Model m", "u Content Once", "u Other end"], 1),
        (r#"{"prompt":["a","b"],"n":2,"best_of":3,"stop":["x"]}"#, vec!["u Content a", "u Content b", "- Other x"], 6),
        (r#"{"prompt":[1,2,3]}"#, vec![], 1),
        (r#"{"prompt":[[1,2],[3]],"logit_bias":{"50256":-1}}"#, vec!["- Other 50256"], 2),
    ] {
        assert_eq!(request_lines(COMPLETIONS, body), want, "{body}");
        assert_eq!(parse_request(COMPLETIONS, body).candidates, candidates, "{body}");
    }
    let body = r#"{"model":"m","stream":true,"prompt":"x","max_tokens":9}"#;
    assert_eq!(parse_request(COMPLETIONS, body).max_output_tokens, Some(9));
    assert!(parse_request(COMPLETIONS, body).lacks_usage());
    assert_eq!(
        edited(COMPLETIONS, body, "n"),
        r#"{"model":"n","stream":true,"stream_options":{"include_usage":true},"prompt":"x","max_tokens":9}"#
    );
}

#[test]
fn responses_are_read() {
    let body = r#"{"id":"cmpl-1","object":"text_completion","created":1,"model":"m","choices":[{"text":" a time","index":0,
        "logprobs":{"tokens":[" a"," time"],"token_logprobs":[-1,-2],"top_logprobs":[{" a":-1}],"text_offset":[0,2]},
        "finish_reason":"stop"},{"index":1,"text":"two"}],"usage":{"prompt_tokens":1,"completion_tokens":3,"total_tokens":4}}"#;
    let output = parse_response(COMPLETIONS, body);
    assert_eq!(output.lines(), ["0 Content  a time", "0 Logprobs  a time", "0 Other  a", "1 Content two"]);
    assert_eq!(output.usage, Some(Usage { input: 1, output: 3, total: 4, ..Usage::default() }));
    let stream = b"data: {\"choices\":[{\"text\":\"Hel\",\"index\":0,\"finish_reason\":null}]}\n\n\
        data: {\"choices\":[{\"text\":\"lo\",\"index\":0,\"finish_reason\":\"length\"}]}\n\n\
        data: {\"choices\":[],\"usage\":{\"prompt_tokens\":1,\"completion_tokens\":2}}\n\ndata: [DONE]\n\n";
    let output = parse_stream(COMPLETIONS, Framing::Sse, stream);
    assert_eq!((output.lines(), output.finished), (vec!["0 Content Hello".to_owned()], vec![0]));
    assert_eq!((output.usage.unwrap().total, output.usage_only, output.ends), (3, 1, true));
    assert_eq!(error_json(COMPLETIONS, 429).0["error"]["type"], "insufficient_quota");
}
