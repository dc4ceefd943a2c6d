use crate::dialect::support::{error_json, parse_request, parse_response, request_lines};
use crate::{Dialect, Endpoint, ErrorKind, ParseLimits, Request};

const PREDICT: Dialect = Dialect::VertexPredict;

#[test]
fn paths_are_detected() {
    for (path, want) in [
        ("/v1/projects/p/locations/l/publishers/google/models/text-embedding-005:predict", Some("text-embedding-005")),
        ("/v1/projects/p/locations/l/endpoints/123:predict", Some("123")),
        ("/v1beta/models/imagen-4.0-generate-001:predict", Some("imagen-4.0-generate-001")),
        ("/v1/projects/p/locations/l/endpoints/123:explain", None),
    ] {
        let found = Endpoint::detect(b"POST", path.as_bytes());
        assert!(found.as_ref().is_none_or(|found| found.dialect == PREDICT));
        assert_eq!(found.map(|found| found.model.unwrap().name).as_deref(), want, "{path}");
    }
}

#[test]
fn all_strings_of_requests_are_texts() {
    for (body, want) in [
        (
            r#"{"instances":[{"task_type":"RETRIEVAL_QUERY","title":"t","content":"a"},{"content":"b"},"c"],"parameters":{"autoTruncate":true}}"#,
            vec!["u Other RETRIEVAL_QUERY", "u Content t", "u Content a", "u Content b", "u Content c"],
        ),
        (
            r#"{"instances":[{"prompt":"A cat","image":{"bytesBase64Encoded":"aGk=","mimeType":"image/png"}}],"parameters":{"sampleCount":2,"x y":"z"}}"#,
            vec!["u Content A cat", "u ImageData aGk=", "u Other image/png", "- Other x y", "- Other z"],
        ),
        (
            r#"{"instances":[{"messages":[{"author":"me","x y":["q"]}]},[["r"]]],"later":"z"}"#,
            vec![
                "u Other author",
                "u Content me",
                "u Other x y",
                "u Content q",
                "u Content r",
                "- Other later",
                "- Other z",
            ],
        ),
    ] {
        assert_eq!(request_lines(PREDICT, body), want, "{body}");
    }
    let request = parse_request(
        PREDICT,
        r#"{"instances":[{"image":{"gcsUri":"gs://b/o"}}],"parameters":{"sampleCount":2,"maxOutputTokens":9}}"#,
    );
    assert_eq!((request.image_count, request.candidates, request.max_output_tokens), (1, 2, Some(9)));
    for (body, want) in [
        ("[]", ErrorKind::WrongType("body")),
        (r#"{"Instances":[]}"#, ErrorKind::AmbiguousKey),
        (r#"{"parameters":{"sampleCount":"2"}}"#, ErrorKind::WrongType("parameters.sampleCount")),
    ] {
        assert_eq!(Request::parse(PREDICT, body.as_bytes(), &ParseLimits::default()).unwrap_err().kind, want, "{body}");
    }
}

#[test]
fn responses_are_read() {
    for (body, expected, usage) in [
        (
            r#"{"predictions":[{"embeddings":{"statistics":{"truncated":false,"token_count":6},"values":[0.1]}},
                {"embeddings":{"statistics":{"token_count":4},"values":[-1]}}],"metadata":{"billableCharacterCount":30}}"#,
            vec![],
            Some((10, 0)),
        ),
        (
            r#"{"predictions":[{"bytesBase64Encoded":"aGk=","mimeType":"image/png","prompt":"A grey cat"}],"deployedModelId":"1"}"#,
            vec!["0 Whole A grey cat"],
            None,
        ),
        (
            r#"{"predictions":[{"content":"a","safetyAttributes":{"categories":["b"]}},"c",[{"content":"d"}]],
                "metadata":{"tokenMetadata":{"inputTokenCount":{"totalTokens":3,"totalBillableCharacters":9},
                "outputTokenCount":{"totalTokens":5}}}}"#,
            vec!["0 Whole ab", "1 Whole c", "2 Whole d"],
            Some((3, 5)),
        ),
    ] {
        let output = parse_response(PREDICT, body);
        assert_eq!(output.lines(), expected, "{body}");
        assert_eq!(output.usage.map(|usage| (usage.input, usage.output)), usage, "{body}");
    }
    assert_eq!(error_json(PREDICT, 429).0["error"]["status"], "RESOURCE_EXHAUSTED");
}
