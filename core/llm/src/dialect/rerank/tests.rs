use serde_json::json;

use crate::dialect::support::{edited, error_json, parse_response, request_lines};
use crate::{Dialect, ErrorKind, ParseLimits, Request};

const RERANK: Dialect = Dialect::Rerank;

#[test]
fn all_strings_of_requests_are_texts() {
    for path in ["/v1/rerank", "/v2/rerank", "/rerank", "/jina/v1/rerank?x"] {
        assert_eq!(Dialect::detect(b"POST", path.as_bytes()), Some(RERANK), "{path}");
    }
    let body = r#"{"model":"m","query":"q","documents":["a",{"text":"b","x y":"c"}],"top_n":1,"later":"z"}"#;
    let want = ["- Model m", "u Content q", "t Content a", "t Content b", "t Content x y", "t Content c"];
    assert_eq!(request_lines(RERANK, body), [&want[..], &["- Other later", "- Other z"]].concat());
    assert_eq!(edited(RERANK, r#"{"model":"a","query":""}"#, "b"), r#"{"model":"b","query":""}"#);
    for (body, want) in [
        ("[]", ErrorKind::WrongType("body")),
        (r#"{"model":{}}"#, ErrorKind::WrongType("model")),
        (r#"{"Query":"q"}"#, ErrorKind::AmbiguousKey),
    ] {
        assert_eq!(Request::parse(RERANK, body.as_bytes(), &ParseLimits::default()).unwrap_err().kind, want);
    }
}

#[test]
fn responses_are_read() {
    for (body, expected, usage) in [
        (
            r#"{"id":"r","results":[{"index":1,"relevance_score":0.9,"document":{"text":"b"}}],"meta":{"api_version":{"version":"2"},
                "billed_units":{"search_units":1}}}"#,
            vec!["0 Other b2"],
            Some((0, 0, 0)),
        ),
        (
            r#"{"results":[{"index":0,"relevance_score":0.9}],"meta":{"billed_units":{"input_tokens":7,"search_units":1}}}"#,
            vec![],
            Some((7, 0, 7)),
        ),
        (
            r#"{"model":"m","results":[{"index":0,"document":{"text":"b"}}],"usage":{"total_tokens":9}}"#,
            vec!["0 Other b"],
            Some((9, 0, 9)),
        ),
        (r#"[{"index":0,"score":0.5,"text":"b"}]"#, vec!["0 Other b"], None),
    ] {
        let output = parse_response(RERANK, body);
        assert_eq!(output.lines(), expected, "{body}");
        assert_eq!(output.usage.map(|usage| (usage.input, usage.output, usage.total)), usage, "{body}");
    }
    let units = parse_response(RERANK, r#"{"results":[],"meta":{"billed_units":{"search_units":3}}}"#);
    assert_eq!(units.usage.map(|usage| usage.search_units), Some(3));
    assert!(parse_response(RERANK, r#"{"message":"no"}"#).is_error);
    assert!(parse_response(RERANK, r#"{"error":{"message":"no"}}"#).is_error);
    let want = json!({"message": "no \"more\"\nfor you\u{0}"});
    assert_eq!(error_json(RERANK, 429), (want.clone(), want));
}
