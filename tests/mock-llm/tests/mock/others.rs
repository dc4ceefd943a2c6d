//! Endpoints that answer with something else than a text, and forms.

use serde_json::{Value, json};

use crate::client::{Protocol, address, full, mock, post, request, run, see, send};

#[test]
fn vectors_verdicts_and_counts() {
    let mock = mock();
    let one = json!([{"role": "user", "content": "four word"}]);
    let contents = json!([{"parts": [{"text": "four word"}]}]);
    let part = json!({"parts": [{"text": "a"}]});
    for (path, body, pointers) in [
        (
            "/v1/embeddings",
            json!({"model": "m", "input": ["a", "b c"], "dimensions": 3}),
            &[("/data/1/index", json!(1)), ("/usage/total_tokens", json!(3)), ("/data/0/embedding/3", Value::Null)][..],
        ),
        ("/v1/embeddings", json!({"model": "m", "input": [1, 2, 3, 4]}), &[("/usage/prompt_tokens", json!(4))]),
        ("/v1/moderations", json!({"input": "no violence"}), &[("/results/0/categories/violence", json!(true))]),
        ("/v1/moderations", json!({"input": ["a", "b"]}), &[("/results/1/flagged", json!(false))]),
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
        (
            "/v2/rerank",
            json!({"model": "m", "query": "red house", "documents": ["a tree", "a red house", "house"], "top_n": 2}),
            &[
                ("/results/0/index", json!(1)),
                ("/results/0/relevance_score", json!(1.0)),
                ("/results/1", json!({"index": 2, "relevance_score": 0.5})),
                ("/results/2", Value::Null),
            ],
        ),
        (
            "/v1/images/generations",
            json!({"prompt": "a bridge", "n": 2}),
            &[("/usage/output_tokens", json!(200)), ("/data/2", Value::Null)],
        ),
    ] {
        let seen = post(Protocol::Http1, &mock, path, &[], &body.to_string());
        let answer = seen.json();
        assert_eq!(seen.status, 200, "{path}: {answer}");
        for (pointer, expected) in pointers {
            assert_eq!(answer.pointer(pointer).unwrap_or(&Value::Null), expected, "{path}: {answer}");
        }
    }
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
fn speech_is_a_file() {
    let body = json!({"model": "m", "voice": "v", "input": "a b"}).to_string();
    let seen = post(Protocol::Http1, &mock(), "/v1/audio/speech", &[], &body);
    let file = seen.body();
    assert_eq!((seen.header("content-type"), file.len()), (Some(&b"audio/wav"[..]), 44 + 2000));
    assert_eq!(
        (&file[..4], &file[4..8], &file[8..16]),
        (&b"RIFF"[..], &(36_u32 + 2000).to_le_bytes()[..], &b"WAVEfmt "[..])
    );
    assert_eq!((&file[36..40], &file[40..44]), (&b"data"[..], &2000_u32.to_le_bytes()[..]));
}

#[test]
fn vectors_come_as_bytes_too() {
    let mock = mock();
    let ask = |format: &str| {
        let body = json!({"model": "m", "input": "a", "dimensions": 4, "encoding_format": format}).to_string();
        post(Protocol::Http1, &mock, "/v1/embeddings", &[], &body).json()["data"][0]["embedding"].take()
    };
    use base64::Engine as _;
    let bytes = base64::engine::general_purpose::STANDARD.decode(ask("base64").as_str().unwrap()).unwrap();
    let numbers = bytes.as_chunks::<4>().0.iter().map(|four| json!(f64::from(f32::from_le_bytes(*four))));
    assert_eq!(json!(numbers.collect::<Vec<_>>()), ask("float"));
}

/// A form of fields, and a file if a name is given for it.
fn form(path: &str, fields: &[(&str, &str)], file: Option<&str>) -> crate::client::Seen {
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
        see(std::time::Instant::now(), send(Protocol::Http1, address, request).await).await
    })
}

#[test]
fn forms() {
    let model = ("model", "whisper-1");
    let said = ("prompt", "say: a b c");
    let path = "/v1/audio/transcriptions";
    let seen = form(path, &[model, said], Some("file")).json();
    assert_eq!(seen["text"], "a b c");
    let details = json!({"text_tokens": 3 + 4 + 4, "audio_tokens": 3});
    assert_eq!(seen["usage"]["input_token_details"], details, "{seen}");
    for (format, beginning) in
        [("text", "a b c\n"), ("srt", "1\n00:00:00,000"), ("vtt", "WEBVTT\n\n"), ("verbose_json", "{")]
    {
        let seen = form(path, &[model, said, ("response_format", format)], Some("file"));
        assert!(seen.text().starts_with(beginning) && seen.text().contains("a b c"), "{format}: {}", seen.text());
    }
    let seen = form(path, &[model, said, ("stream", "true")], Some("file"));
    assert!(seen.text().contains(r#"data: {"type":"transcript.text.delta","delta":" b"}"#), "{}", seen.text());
    let seen = form("/v1/images/edits", &[("model", "gpt-image-1"), ("n", "2")], Some("image")).json();
    assert_eq!((seen["data"].as_array().unwrap().len(), &seen["usage"]["input_tokens"]), (2, &json!(100)));
    for (path, fields, file) in [
        (path, &[model][..], None),
        (path, &[said], Some("file")),
        (path, &[model], Some("other")),
        ("/v1/images/edits", &[model], None),
    ] {
        assert_eq!(form(path, fields, file).status, 400, "{path} {fields:?} {file:?}");
    }
    let mock = mock();
    assert_eq!(post(Protocol::Http1, &mock, path, &[], "{}").status, 400, "no form");
}
