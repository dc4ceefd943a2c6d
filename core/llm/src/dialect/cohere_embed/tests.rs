use crate::Dialect;
use crate::dialect::support::{error_json, parse_request, parse_response, request_lines};

const EMBED: Dialect = Dialect::CohereEmbed;

#[test]
fn embeddings_are_read() {
    for path in ["/v2/embed", "/v1/embed", "/cohere/v2/embed?x"] {
        assert_eq!(Dialect::detect(b"POST", path.as_bytes()), Some(EMBED), "{path}");
    }
    for (body, want) in [
        (
            r#"{"model":"m","texts":["a","b"],"input_type":"search_query","embedding_types":["float"],"truncate":"END"}"#,
            vec!["- Model m", "u Content a", "u Content b", "- Other search_query", "- Other float", "- Other END"],
        ),
        (
            r#"{"inputs":[{"content":[{"type":"text","text":"a"},{"type":"image_url","image_url":{"url":"data:,x"}}],"x y":"z"},"c"]}"#,
            vec!["u Content a", "u ImageUrl data:,x", "u Other x y", "u Other z", "u Content c"],
        ),
        (r#"{"images":["data:image/png;base64,aGk="]}"#, vec!["u ImageUrl data:image/png;base64,aGk="]),
    ] {
        assert_eq!(request_lines(EMBED, body), want, "{body}");
    }
    let request =
        parse_request(EMBED, r#"{"images":["data:,x"],"inputs":[{"content":[{"image_url":{"url":"data:,y"}}]}]}"#);
    assert_eq!((request.image_count, request.max_output_tokens), (2, Some(0)));
    let output = parse_response(
        EMBED,
        r#"{"id":"e","embeddings":{"float":[[0.1]],"base64":["AACAPw=="]},"texts":["a"],"response_type":"embeddings_by_type",
            "meta":{"billed_units":{"input_tokens":3}}}"#,
    );
    assert_eq!(output.lines(), ["0 Whole a"]);
    assert_eq!(output.usage.map(|usage| (usage.input, usage.output, usage.total)), Some((3, 0, 3)));
    let output = parse_response(EMBED, r#"{"id":"e","embeddings":[[0.1]],"texts":["a"],"later":"z"}"#);
    assert_eq!((output.lines(), output.usage), (vec!["0 Whole a".to_owned(), "0 Other laterz".to_owned()], None));
    assert_eq!(error_json(EMBED, 429).0["message"], "no \"more\"\nfor you\u{0}");
}
