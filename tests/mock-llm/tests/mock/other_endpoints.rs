//! Tests of endpoints whose response is not generated text, and of those that take forms.

use serde_json::{Value, json};

use crate::client::{Protocol, address, full, mock, post, read_response, request, run, send};

/// Path, request body, and pointers with expected values in the response; `null` stands for an absent value.
type Row<'a> = (&'a str, Value, &'a [(&'a str, Value)]);

fn assert_responses(rows: &[Row<'_>]) {
    let mock = mock();
    for (path, body, pointers) in rows {
        let response = post(Protocol::Http1, &mock, path, &[], &body.to_string());
        let document = response.json();
        assert_eq!(response.status, 200, "{path}: {document}");
        for (pointer, expected) in *pointers {
            assert_eq!(document.pointer(pointer).unwrap_or(&Value::Null), expected, "{path}: {document}");
        }
    }
}

#[test]
fn embeddings_have_the_requested_dimensions_and_usage() {
    let part = json!({"parts": [{"text": "a"}]});
    assert_responses(&[
        (
            "/v1/embeddings",
            json!({"model": "m", "input": ["a", "b c"], "dimensions": 3}),
            &[("/data/1/index", json!(1)), ("/usage/total_tokens", json!(3)), ("/data/0/embedding/3", Value::Null)],
        ),
        ("/v1/embeddings", json!({"model": "m", "input": [1, 2, 3, 4]}), &[("/usage/prompt_tokens", json!(4))]),
        (
            "/v1beta/models/m:batchEmbedContents",
            json!({"requests": [{"content": part, "outputDimensionality": 2}]}),
            &[("/embeddings/0/values/2", Value::Null)],
        ),
        (
            "/v2/embed",
            json!({"model": "m", "texts": ["a", "b c"], "output_dimension": 3}),
            &[
                ("/embeddings/float/1/3", Value::Null),
                ("/meta/billed_units/input_tokens", json!(3)),
                ("/texts/1", json!("b c")),
            ],
        ),
        (
            "/api/embed",
            json!({"model": "m", "input": ["a", "b c"]}),
            &[("/embeddings/1/16", Value::Null), ("/prompt_eval_count", json!(3))],
        ),
        ("/api/embed", json!({"model": "m", "input": "a"}), &[("/embeddings/1", Value::Null)]),
    ]);
}

#[test]
fn texts_that_name_a_category_are_flagged() {
    assert_responses(&[
        ("/v1/moderations", json!({"input": "no violence"}), &[("/results/0/categories/violence", json!(true))]),
        ("/v1/moderations", json!({"input": ["a", "b"]}), &[("/results/1/flagged", json!(false))]),
    ]);
}

#[test]
fn input_tokens_are_counted() {
    let one = json!([{"role": "user", "content": "four word"}]);
    let contents = json!([{"parts": [{"text": "four word"}]}]);
    assert_responses(&[
        ("/v1/messages/count_tokens", json!({"model": "m", "messages": one}), &[("/input_tokens", json!(3 + 4 + 2))]),
        (
            "/v1/publishers/anthropic/models/count-tokens:rawPredict",
            json!({"model": "m", "messages": one}),
            &[("/input_tokens", json!(9))],
        ),
        ("/v1/responses/input_tokens", json!({"model": "m", "input": "four word"}), &[("/input_tokens", json!(9))]),
        ("/v1beta/models/m:countTokens", json!({"contents": contents}), &[("/totalTokens", json!(9))]),
        (
            "/v1beta/models/m:countTokens",
            json!({"generateContentRequest": {"contents": contents}}),
            &[("/totalTokens", json!(9))],
        ),
    ]);
}

#[test]
fn documents_are_ranked_and_images_counted() {
    assert_responses(&[
        (
            "/v2/rerank",
            json!({"model": "m", "query": "red house", "documents": ["a tree", "a red house", "house"], "top_n": 2}),
            &[
                ("/results/0/index", json!(1)),
                ("/results/0/relevance_score", json!(1.0)),
                ("/results/1", json!({"index": 2, "relevance_score": 0.5})),
                ("/results/2", Value::Null),
            ][..],
        ),
        (
            "/v1/images/generations",
            json!({"prompt": "a bridge", "n": 2}),
            &[("/usage/output_tokens", json!(200)), ("/data/2", Value::Null)],
        ),
    ]);
}

#[test]
fn incomplete_requests_are_rejected() {
    let mock = mock();
    for (path, body) in [
        ("/v1/embeddings", r#"{"model":"m"}"#),
        ("/v1/embeddings", r#"{"input":"a"}"#),
        ("/v1/moderations", "{}"),
        ("/v2/rerank", r#"{"model":"m","query":"a","documents":[]}"#),
        ("/v1beta/models/m:embedContent", "{}"),
    ] {
        assert_eq!(post(Protocol::Http1, &mock, path, &[], body).status, 400, "{path} {body}");
    }
}

#[test]
fn speech_is_a_wav_file() {
    let body = json!({"model": "m", "voice": "v", "input": "a b"}).to_string();
    let response = post(Protocol::Http1, &mock(), "/v1/audio/speech", &[], &body);
    let file = response.body();
    assert_eq!((response.header("content-type"), file.len()), (Some(&b"audio/wav"[..]), 44 + 2000));
    assert_eq!(
        (&file[..4], &file[4..8], &file[8..16]),
        (&b"RIFF"[..], &(36_u32 + 2000).to_le_bytes()[..], &b"WAVEfmt "[..])
    );
    assert_eq!((&file[36..40], &file[40..44]), (&b"data"[..], &2000_u32.to_le_bytes()[..]));
}

#[test]
fn embeddings_can_be_base64_encoded() {
    let mock = mock();
    let embedding = |format: &str| {
        let body = json!({"model": "m", "input": "a", "dimensions": 4, "encoding_format": format}).to_string();
        post(Protocol::Http1, &mock, "/v1/embeddings", &[], &body).json()["data"][0]["embedding"].take()
    };
    use base64::Engine as _;
    let bytes = base64::engine::general_purpose::STANDARD.decode(embedding("base64").as_str().unwrap()).unwrap();
    let numbers = bytes.as_chunks::<4>().0.iter().map(|four| json!(f64::from(f32::from_le_bytes(*four))));
    assert_eq!(json!(numbers.collect::<Vec<_>>()), embedding("float"));
}

/// Sends a form with these fields, and with a file if `file` names one.
fn post_form(path: &str, fields: &[(&str, &str)], file: Option<&str>) -> crate::client::TestResponse {
    let mock = mock();
    let mut body = String::new();
    for (name, value) in fields {
        body.push_str(&format!("--b\r\ncontent-disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n"));
    }
    if let Some(name) = file {
        let head = format!("--b\r\ncontent-disposition: form-data; name=\"{name}\"; filename=\"f\"\r\n\r\n");
        body.push_str(&format!("{head}{}\r\n", "x".repeat(2500)));
    }
    body.push_str("--b--\r\n");
    run(async {
        let address = address(&mock);
        let request = request(address, path, &[("content-type", "multipart/form-data; boundary=b")]);
        let request = request.body(full(&body)).unwrap();
        read_response(std::time::Instant::now(), send(Protocol::Http1, address, request).await).await
    })
}

#[test]
fn forms_are_parsed_and_validated() {
    let model = ("model", "whisper-1");
    let prompt = ("prompt", "say: a b c");
    let path = "/v1/audio/transcriptions";
    let response = post_form(path, &[model, prompt], Some("file")).json();
    assert_eq!(response["text"], "a b c");
    let details = json!({"text_tokens": 3 + 4 + 4, "audio_tokens": 3});
    assert_eq!(response["usage"]["input_token_details"], details, "{response}");
    for (format, beginning) in
        [("text", "a b c\n"), ("srt", "1\n00:00:00,000"), ("vtt", "WEBVTT\n\n"), ("verbose_json", "{")]
    {
        let response = post_form(path, &[model, prompt, ("response_format", format)], Some("file"));
        assert!(
            response.text().starts_with(beginning) && response.text().contains("a b c"),
            "{format}: {}",
            response.text()
        );
    }
    let response = post_form(path, &[model, prompt, ("stream", "true")], Some("file"));
    assert!(response.text().contains(r#"data: {"type":"transcript.text.delta","delta":" b"}"#), "{}", response.text());
    let response = post_form("/v1/images/edits", &[("model", "gpt-image-1"), ("n", "2")], Some("image")).json();
    assert_eq!((response["data"].as_array().unwrap().len(), &response["usage"]["input_tokens"]), (2, &json!(100)));
    for (path, fields, file) in [
        (path, &[model][..], None),
        (path, &[prompt], Some("file")),
        (path, &[model], Some("other")),
        ("/v1/images/edits", &[model], None),
    ] {
        assert_eq!(post_form(path, fields, file).status, 400, "{path} {fields:?} {file:?}");
    }
    let mock = mock();
    assert_eq!(post(Protocol::Http1, &mock, path, &[], "{}").status, 400, "not a form");
}
