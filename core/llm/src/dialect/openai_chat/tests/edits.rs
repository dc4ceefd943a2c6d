//! Tests of edits of a request.

use proptest::prelude::*;
use serde_json::json;

use super::{parse, texts};
use crate::{Edits, TextKind};

/// Returns the body after `include_usage` and, if a model is given, `set_model`.
fn edited(body: &str, model: Option<&str>) -> String {
    let request = parse(body).unwrap();
    let mut edits = Edits::new();
    request.include_usage(body.as_bytes(), &mut edits);
    // A repeated edit has no further effect.
    request.include_usage(body.as_bytes(), &mut edits);
    if let Some(model) = model {
        request.set_model(model, &mut edits);
        request.set_model("another", &mut edits);
    }
    String::from_utf8(edits.apply(body.as_bytes())).unwrap()
}

#[test]
fn usage_is_requested_by_an_edit() {
    for (body, want) in [
        (r#"{"stream":true}"#, r#"{"stream":true,"stream_options":{"include_usage":true}}"#),
        (
            r#"{ "model" : "m" , "stream" : true , "n" : 1 }"#,
            r#"{ "model" : "m" , "stream" : true,"stream_options":{"include_usage":true} , "n" : 1 }"#,
        ),
        (
            r#"{"stream":true,"stream_options":null,"n":1}"#,
            r#"{"stream":true,"stream_options":{"include_usage":true},"n":1}"#,
        ),
        (r#"{"stream_options": {} ,"stream":true}"#, r#"{"stream_options": {"include_usage":true} ,"stream":true}"#),
        (r#"{"stream_options": { } ,"stream":true}"#, r#"{"stream_options": {"include_usage":true } ,"stream":true}"#),
        (
            r#"{"stream_options":{"x":1},"stream":true}"#,
            r#"{"stream_options":{"include_usage":true,"x":1},"stream":true}"#,
        ),
        (
            r#"{"stream_options":{"include_usage":false},"stream":true}"#,
            r#"{"stream_options":{"include_usage":true},"stream":true}"#,
        ),
        (
            r#"{"stream":true,"stream_options":{"x":1, "include_usage" : null,"y":{"include_usage":0}}}"#,
            r#"{"stream":true,"stream_options":{"x":1, "include_usage" : true,"y":{"include_usage":0}}}"#,
        ),
        (
            r#"{"stream":true,"stream_options":{"include_usage":false,"y":[]}}"#,
            r#"{"stream":true,"stream_options":{"include_usage":true,"y":[]}}"#,
        ),
        (
            r#"{"str\u0065am":true,"stream\u005foptions":{"includ\u0065_usage":false}}"#,
            r#"{"str\u0065am":true,"stream\u005foptions":{"includ\u0065_usage":true}}"#,
        ),
        // No edit is needed.
        (
            r#"{"stream":true,"stream_options":{"include_usage":true}}"#,
            r#"{"stream":true,"stream_options":{"include_usage":true}}"#,
        ),
        (r#"{"stream":false,"stream_options":{}}"#, r#"{"stream":false,"stream_options":{}}"#),
        (r#"{"stream_options":{"include_usage":false}}"#, r#"{"stream_options":{"include_usage":false}}"#),
        (r#"{}"#, r#"{}"#),
    ] {
        assert_eq!(edited(body, None), want, "{body}");
        let before = parse(body).unwrap();
        let after = parse(want).unwrap();
        assert_eq!(after.stream, before.stream);
        assert_eq!(after.include_usage, before.include_usage || before.stream, "{body}");
    }
}

#[test]
fn model_is_replaced_by_an_edit() {
    for (body, want) in [
        ("{}", r#"{"model":"a\"b"}"#),
        (" { } ", r#" {"model":"a\"b" } "#),
        (r#"{"n":1}"#, r#"{"model":"a\"b","n":1}"#),
        (r#"{"model":"m","n":1}"#, r#"{"model":"a\"b","n":1}"#),
        (r#"{"n":1,"mod\u0065l" : "" }"#, r#"{"n":1,"mod\u0065l" : "a\"b" }"#),
        (r#"{"stream":true}"#, r#"{"model":"a\"b","stream":true,"stream_options":{"include_usage":true}}"#),
    ] {
        assert_eq!(edited(body, Some("a\"b")), want, "{body}");
        assert_eq!(parse(want).unwrap().model.unwrap().decode(want.as_bytes()), "a\"b");
    }
}

/// Generates chat requests with any of the edited members, in any order and with any escapes.
fn chat_body() -> impl Strategy<Value = String> {
    let spelled = |key: &'static str| {
        prop::collection::vec(prop::bool::weighted(0.1), key.len()).prop_map(move |escape| {
            key.chars()
                .zip(escape)
                .map(|(char, escape)| if escape { format!("\\u{:04x}", u32::from(char)) } else { char.to_string() })
                .collect::<String>()
        })
    };
    let space = || prop::sample::select(vec!["", "", " ", "\n\t", "\r\n"]);
    let member = move |key, values: Vec<&'static str>| {
        (spelled(key), space(), space(), prop::sample::select(values), space())
            .prop_map(|(key, a, b, value, c)| format!("{a}\"{key}\"{b}:{c}{value}"))
    };
    let members = vec![
        member("model", vec!["\"m\"", "\"\"", "\"a\\/b\\u00e9\""]).boxed(),
        member("stream", vec!["true", "true", "true", "false", "null"]).boxed(),
        member(
            "stream_options",
            vec![
                "null",
                "{}",
                "{ }",
                "{\"include_usage\":true}",
                "{\"include_usage\" : false }",
                "{\"include_usage\":null,\"x\":{\"y\":[\"}\"]}}",
                "{ \"x\":\"include_usage\"}",
            ],
        )
        .boxed(),
        member("messages", vec!["[]", "[{\"role\":\"user\",\"content\":\"a\\nb\"}]"]).boxed(),
        member("metadata", vec!["{\"stream\":true}", "[1]", "\"}\""]).boxed(),
    ];
    let all: Vec<usize> = (0..members.len()).collect();
    (prop::sample::subsequence(all, 0..=5).prop_shuffle(), members, space(), space()).prop_map(
        |(order, members, before, after)| {
            let members: Vec<&str> = order.iter().map(|at| members[*at].as_str()).collect();
            format!("{before}{{{}{after}}}{after}", members.join(","))
        },
    )
}

proptest! {
    #[test]
    fn edits_change_only_the_model_and_usage_options(body in chat_body()) {
        let before: serde_json::Value = serde_json::from_str(&body).unwrap();
        let text = edited(&body, Some("new\n"));
        let after: serde_json::Value = serde_json::from_str(&text).unwrap();
        let mut want = before.clone();
        want["model"] = json!("new\n");
        if before["stream"] == json!(true) {
            if before["stream_options"].is_null() {
                want["stream_options"] = json!({});
            }
            want["stream_options"]["include_usage"] = json!(true);
        }
        prop_assert_eq!(&after, &want);
        let view = parse(&text).unwrap();
        prop_assert_eq!(view.model.unwrap().decode(text.as_bytes()), "new\n");
        prop_assert_eq!(view.include_usage, view.stream || before["stream_options"]["include_usage"] == json!(true));
        let other_texts = |body: &str| texts(body).into_iter().filter(|text| text.1 != TextKind::Model).collect::<Vec<_>>();
        prop_assert_eq!(other_texts(&body), other_texts(&text));
    }
}
