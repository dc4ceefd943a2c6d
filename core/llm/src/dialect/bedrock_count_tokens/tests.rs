use crate::dialect::support::{parse_response, request_lines};
use crate::{Dialect, Endpoint};

const COUNT: Dialect = Dialect::BedrockCountTokens;

#[test]
fn token_counting_is_read() {
    let found = Endpoint::detect(b"POST", b"/model/anthropic.claude-v1%3A0/count-tokens").unwrap();
    assert_eq!(
        (found.dialect, found.model.unwrap().name, found.stream),
        (COUNT, "anthropic.claude-v1:0".into(), false)
    );
    assert!(COUNT.is_free());
    for (body, want) in [
        (
            r#"{"input":{"converse":{"system":[{"text":"s"}],"messages":[{"role":"user","content":[{"text":"a"}]}],"x y":"z"}}}"#,
            vec!["s Content s", "u Content a", "- Other x y", "- Other z"],
        ),
        (r#"{"input":{"invokeModel":{"body":"eyJh","x y":"z"}}}"#, vec!["u Data eyJh", "- Other x y", "- Other z"]),
        (r#"{"input":"a","later":"z"}"#, vec!["- Other a", "- Other later", "- Other z"]),
    ] {
        assert_eq!(request_lines(COUNT, body), want, "{body}");
    }
    let output = parse_response(COUNT, r#"{"inputTokens":12,"note":"n"}"#);
    assert_eq!((output.usage.map(|usage| usage.input), output.lines()), (Some(12), vec!["0 Other noten".to_owned()]));
    assert!(parse_response(COUNT, r#"{"message":"no"}"#).is_error);
}
