use crate::body::multipart::Scanner;
use crate::dialect::support::{
    edited, error_json, parse_request, parse_response, parse_stream, request_lines, typed_events,
};
use crate::{Dialect, Edits, Endpoint, ErrorKind, Framing, ParseLimits, Request, Usage};

const IMAGES: Dialect = Dialect::OpenAiImages;
const EDITS: Dialect = Dialect::OpenAiImageEdits;

#[test]
fn paths_are_detected() {
    for (path, want) in [
        ("/v1/images/generations", Some((IMAGES, None))),
        ("/openai/deployments/dalle/images/generations?api-version=1", Some((IMAGES, Some("dalle".to_owned())))),
        ("/v1/images/edits", Some((EDITS, None))),
        ("/v1/images/variations", Some((EDITS, None))),
        ("/v1/images", None),
    ] {
        let found = Endpoint::detect(b"POST", path.as_bytes());
        assert_eq!(found.map(|found| (found.dialect, found.model.map(|model| model.name))), want, "{path}");
    }
    assert!(IMAGES.form().is_none() && EDITS.form().is_some());
}

#[test]
fn all_strings_of_requests_are_texts() {
    let body =
        r#"{"model":"gpt-image-1","prompt":"A cat","n":3,"size":"1024x1024","user":"u","stream":true,"later":"z"}"#;
    let want = ["- Model gpt-image-1", "u Content A cat", "- Other 1024x1024", "- Other u", "- Other later"];
    assert_eq!(request_lines(IMAGES, body), [&want[..], &["- Other z"]].concat());
    let request = parse_request(IMAGES, body);
    assert_eq!((request.candidates, request.stream, request.image_count, request.lacks_usage()), (3, true, 0, false));
    let body =
        r#"{"prompt":"A cat","images":[{"image_url":"data:,x"},{"file_id":"f"}],"mask":{"image_url":"data:,y"}}"#;
    assert_eq!(
        request_lines(EDITS, body),
        ["u Content A cat", "u ImageUrl data:,x", "u Other f", "u ImageUrl data:,y"]
    );
    assert_eq!(parse_request(EDITS, body).images.len(), 3);
    assert_eq!(edited(IMAGES, r#"{"prompt":"x"}"#, "b"), r#"{"model":"b","prompt":"x"}"#);
    for (body, want) in [
        ("[]", ErrorKind::WrongType("body")),
        (r#"{"model":[]}"#, ErrorKind::WrongType("model")),
        (r#"{"n":"3"}"#, ErrorKind::WrongType("n")),
        (r#"{"stream":"true"}"#, ErrorKind::WrongType("stream")),
        (r#"{"Prompt":"x"}"#, ErrorKind::AmbiguousKey),
    ] {
        assert_eq!(Request::parse(IMAGES, body.as_bytes(), &ParseLimits::default()).unwrap_err().kind, want, "{body}");
    }
}

#[test]
fn forms_are_read_and_edited() {
    let field =
        |name: &str, value: &str| format!("--b\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n");
    let body = field("prompt", "A cat") + &field("model", "gpt-image-1") + &field("n", "2") + "--b--\r\n";
    for size in 1..body.len() {
        let wanted = EDITS.form().unwrap();
        let mut scanner = Scanner::new(b"multipart/form-data; boundary=b", wanted).unwrap();
        body.as_bytes().chunks(size).for_each(|piece| scanner.push(piece).unwrap());
        scanner.finish().unwrap();
        let request = Request::from_form(&Endpoint::from(EDITS), scanner.fields());
        assert_eq!(request.model_name(body.as_bytes()).as_deref(), Some("gpt-image-1"));
        assert_eq!((request.candidates, request.stream), (2, false));
        let mut edits = Edits::new();
        request.set_model("other", &mut edits);
        let want = body.replace("gpt-image-1", "other");
        assert_eq!(edits.apply(body.as_bytes()), want.as_bytes());
    }
}

#[test]
fn responses_are_read() {
    let body = r#"{"created":1,"data":[{"b64_json":"aGk=","revised_prompt":"A grey cat"},{"url":"https://x/y.png"}],"size":"1024x1024",
        "usage":{"total_tokens":150,"input_tokens":50,"output_tokens":100,"input_tokens_details":{"text_tokens":10,"image_tokens":40}}}"#;
    for dialect in [IMAGES, EDITS] {
        let output = parse_response(dialect, body);
        assert_eq!(output.lines(), ["0 Content A grey cat", "1 Other https://x/y.png"]);
        let want = Usage { input: 50, image_input: 40, output: 100, image_output: 100, total: 150, ..Usage::default() };
        assert_eq!(output.usage, Some(want));
        assert!(output.complete && !output.is_error);
    }
    let events = [
        r#"{"type":"image_generation.partial_image","b64_json":"aGk=","partial_image_index":0,"size":"1024x1024"}"#,
        r#"{"type":"image_generation.completed","b64_json":"aGk=","usage":{"total_tokens":3,"input_tokens":1,"output_tokens":2}}"#,
    ];
    let output = parse_stream(IMAGES, Framing::Sse, &typed_events(&events));
    assert_eq!((output.lines().len(), output.ends, output.usage_only), (0, true, 0));
    assert_eq!(output.usage.map(|usage| (usage.input, usage.output)), Some((1, 2)));
    let error = r#"{"type":"error","error":{"message":"no"}}"#;
    assert!(parse_stream(IMAGES, Framing::Sse, &typed_events(&[events[0], error])).is_error);
    assert_eq!(error_json(EDITS, 400).0["error"]["param"], "model");
}
