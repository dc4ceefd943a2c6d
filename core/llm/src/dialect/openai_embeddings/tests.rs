use crate::dialect::support::{edited, error_json, parse_request, parse_response, request_lines};
use crate::{Dialect, Endpoint, Usage};

#[test]
fn paths_are_detected() {
    for (path, want) in [
        ("/v1/embeddings", Some((Dialect::OpenAiEmbeddings, None))),
        ("/openai/deployments/ada/embeddings?a", Some((Dialect::OpenAiEmbeddings, Some("ada".to_owned())))),
        ("/v1/moderations", Some((Dialect::OpenAiModerations, None))),
        ("/v1/embeddings/x", None),
    ] {
        let found = Endpoint::detect(b"POST", path.as_bytes());
        assert_eq!(found.map(|found| (found.dialect, found.model.map(|model| model.name))), want, "{path}");
    }
}

#[test]
fn all_strings_of_requests_are_texts() {
    for dialect in [Dialect::OpenAiEmbeddings, Dialect::OpenAiModerations] {
        for (body, want) in [
            (r#"{"model":"m","input":"a","user":"u"}"#, vec!["- Model m", "u Content a", "- Other u"]),
            (r#"{"input":["a","b"],"encoding_format":"base64"}"#, vec!["u Content a", "u Content b", "- Other base64"]),
            (r#"{"input":[1,2,3]}"#, vec![]),
            (r#"{"input":[[1,2],[3]],"dimensions":256}"#, vec![]),
            (
                r#"{"input":[{"type":"text","text":"t"},{"type":"image_url","image_url":{"url":"data:,x"}}]}"#,
                vec!["u Content t", "u ImageUrl data:,x"],
            ),
        ] {
            assert_eq!(request_lines(dialect, body), want, "{body}");
        }
        assert_eq!(edited(dialect, r#"{"model":"a","input":""}"#, "b"), r#"{"model":"b","input":""}"#);
        let request = parse_request(dialect, r#"{"input":[{"image_url":"x"}]}"#);
        assert_eq!((request.image_count, request.max_output_tokens), (1, Some(0)));
    }
}

#[test]
fn responses_are_read() {
    let body = r#"{"object":"list","data":[{"object":"embedding","index":0,"embedding":[0.1,-2e-3]},
        {"object":"embedding","index":1,"embedding":"AACAPw=="}],"model":"m","usage":{"prompt_tokens":8,"total_tokens":8}}"#;
    let output = parse_response(Dialect::OpenAiEmbeddings, body);
    assert_eq!((output.model.as_deref(), output.texts.len(), output.complete), (Some("m"), 0, true));
    assert_eq!(output.usage, Some(Usage { input: 8, total: 8, ..Usage::default() }));
    let body = r#"{"id":"modr-1","model":"m","results":[{"flagged":true,"categories":{"violence":true},
        "category_applied_input_types":{"violence":["text"]}}]}"#;
    let output = parse_response(Dialect::OpenAiModerations, body);
    assert_eq!((output.usage, output.lines()), (None, vec!["0 Other text".to_owned()]));
    assert!(Dialect::OpenAiModerations.is_free() && !Dialect::OpenAiEmbeddings.is_free());
    assert_eq!(error_json(Dialect::OpenAiEmbeddings, 400).0["error"]["param"], "model");
}
