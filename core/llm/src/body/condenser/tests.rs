use proptest::prelude::*;
use serde_json::Value;

use super::Detail::{Full, Outline, ShortTexts};
use super::*;
use crate::{ParseLimits, Response};

fn condense(dialect: Dialect, by_line: bool, detail: Detail, body: &[u8], size: usize) -> (Vec<u8>, u64) {
    let (mut condenser, mut out) = (Condenser::new(dialect, by_line), Vec::new());
    condenser.set_detail(detail);
    for piece in body.chunks(size.max(1)) {
        condenser.push(piece, &mut out);
    }
    condenser.finish(&mut out);
    (out, condenser.elided_text())
}

/// Checks the result for several sizes of the pieces.
fn check(dialect: Dialect, by_line: bool, detail: Detail, body: &str, expected: &str, elided_text: u64) {
    for size in [body.len(), 1, 2, 7, 100] {
        let (out, elided) = condense(dialect, by_line, detail, body.as_bytes(), size);
        assert_eq!(String::from_utf8_lossy(&out), expected, "in pieces of {size}: {body:.200}");
        assert_eq!(elided, elided_text, "in pieces of {size}: {body:.200}");
    }
}

#[test]
fn a_line_break_in_a_string_does_not_end_it() {
    let body = "{\"a\n[\":[1],\"b\":\"c\n{\",\"d\":{}}";
    check(Dialect::OpenAiChat, false, Outline, body, "{\"a\n[\":[],\"b\":\"c\n{\",\"d\":{}}", 0);
    check(Dialect::OpenAiChat, true, Full, "{\"a\n[1]\n", "{\"a\n[1]\n", 0);
}

#[test]
fn data_numbers_and_echoes_are_left_out() {
    let data = "iVBORw0KGgo".repeat(100);
    let (words, numbers) = ("a word ".repeat(100), "0.25, ".repeat(100));
    let short = "0.1,0.2,0.3";
    for (dialect, detail, body, expected, elided_text) in [
        (Dialect::OpenAiChat, Full, format!(r#"{{"a":"{data}","b":1}}"#), r#"{"a":"","b":1}"#.to_owned(), 0),
        (Dialect::OpenAiChat, Full, format!(r#"["data:image/png;base64,{data}\/x"]"#), r#"[""]"#.to_owned(), 0),
        (Dialect::OpenAiChat, Full, format!(r#"["{words}"]"#), format!(r#"["{words}"]"#), 0),
        (Dialect::OpenAiChat, ShortTexts, format!(r#"["{words}",2]"#), r#"["",2]"#.to_owned(), 701),
        // Text behind what looks like data is counted.
        (Dialect::OpenAiChat, Full, format!(r#"["{data} {words}"]"#), r#"[""]"#.to_owned(), 1802),
        (Dialect::OpenAiChat, Full, format!("[{short}]"), format!("[{short}]"), 0),
        (Dialect::OpenAiChat, Full, format!("[{numbers}1]"), format!("[{}]", "0.25, ".repeat(9) + "0.25"), 0),
        (
            Dialect::OpenAiChat,
            Full,
            format!("[{numbers}\"a\"]"),
            format!("[{}, \"a\"]", "0.25, ".repeat(9) + "0.25").replace(", \"", ",\""),
            0,
        ),
        (Dialect::OpenAiChat, Full, "[123]".repeat(9).replace("][", ","), "[123]".repeat(9).replace("][", ","), 0),
        (
            Dialect::OpenAiResponses,
            Full,
            r#"{"tools":[{"a]":"}\""},[]],"instructions" : "be nice","b":{"tools":{}}}"#.to_owned(),
            r#"{"tools":[],"instructions" : "","b":{"tools":{}}}"#.to_owned(),
            0,
        ),
        (
            Dialect::OpenAiChat,
            Outline,
            r#"{"a":[{"b":[1]},{"c":2}],"d":{"e":[[]],"f":{}},"g":[1,{"h":3}]}"#.to_owned(),
            r#"{"a":[],"d":{"e":[],"f":{}},"g":[]}"#.to_owned(),
            0,
        ),
        // A usage is kept whole.
        (
            Dialect::OpenAiChat,
            Outline,
            r#"{"usage": {"iterations":[{"a":1},{"a":[2]}],"b":{}},"c":[{"usageMetadata":[1]}],"d":"usage"}"#
                .to_owned(),
            r#"{"usage": {"iterations":[{"a":1},{"a":[2]}],"b":{}},"c":[],"d":"usage"}"#.to_owned(),
            0,
        ),
        // The names are values here, or other members.
        (
            Dialect::OpenAiResponses,
            Full,
            r#"["tools",{"a":"tools","toolsx":[1]}]"#.to_owned(),
            r#"["tools",{"a":"tools","toolsx":[1]}]"#.to_owned(),
            0,
        ),
        (Dialect::OpenAiChat, Full, r#"{"tools":[1]}"#.to_owned(), r#"{"tools":[1]}"#.to_owned(), 0),
    ] {
        check(dialect, false, detail, &body, &expected, elided_text);
    }
}

#[test]
fn values_of_a_stream_end_with_the_line() {
    let data = "iVBORw0KGgo".repeat(100);
    for (body, expected) in [
        (
            format!("event: x\ndata: {{\"a\":\"{data}\"}}\n\ndata: [DONE]\n\n"),
            "event: x\ndata: {\"a\":\"\"}\n\ndata: [DONE]\n\n",
        ),
        (format!(": it's \"open\ndata: {{\"a\":\"{data}\"}}\n\n"), ": it's \"open\ndata: {\"a\":\"\"}\n\n"),
        (format!("data: {{\"tools\":[\ndata: {{\"a\":\"{data}\"}}\n\n"), "data: {\"tools\":[]\ndata: {\"a\":\"\"}\n\n"),
    ] {
        check(Dialect::OpenAiResponses, true, Full, &body, expected, 0);
    }
}

/// A text that is being copied when the response must become smaller ends with a whole character.
#[test]
fn text_is_cut_between_characters() {
    let text = format!("{}\u{e9}\\u00e9\\n\\\\{}", "a word ".repeat(50), "\u{1f600} x".repeat(20));
    let body = format!(r#"{{"a":"{text}","b":1}}"#);
    for at in 300..body.len() {
        let (mut condenser, mut out) = (Condenser::new(Dialect::OpenAiChat, false), Vec::new());
        condenser.push(&body.as_bytes()[..at], &mut out);
        condenser.set_detail(Detail::ShortTexts);
        condenser.push(&body.as_bytes()[at..], &mut out);
        condenser.finish(&mut out);
        let value: Value = serde_json::from_slice(&out).unwrap_or_else(|error| panic!("{error}: {out:?}"));
        let kept = value["a"].as_str().unwrap();
        let whole: Value = serde_json::from_str(&body).unwrap();
        assert!(whole["a"].as_str().unwrap().starts_with(kept) && value["b"] == 1);
        assert!(condenser.elided_text() as usize + 20 > body.len().saturating_sub(at + 8));
    }
}

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<i64>().prop_map(Value::from),
        any::<i16>().prop_map(|number| Value::from(f64::from(number) / 4.0)),
        "\\PC{0,20}".prop_map(Value::from),
        ("[A-Za-z0-9+/]{8}", 0usize..60).prop_map(|(data, times)| Value::from(data.repeat(times))),
        ("[a-z\\\\\" \u{e9}]{8}", 0usize..60).prop_map(|(text, times)| Value::from(text.repeat(times))),
        prop::collection::vec(any::<i32>(), 0..60).prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 40, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::btree_map("[a-z]{1,3}|tools|instructions", inner, 0..6)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

/// Replaces what the condenser may leave out.
fn normal(value: &Value) -> Value {
    match value {
        Value::String(text) if text.is_empty() || text.len() >= LONG_STRING / 6 => Value::Null,
        Value::Array(values) => Value::Array(values.iter().filter(|value| !value.is_number()).map(normal).collect()),
        Value::Object(members) => {
            let members = members.iter().map(|(name, value)| {
                let is_echo = name == "tools" || name == "instructions";
                (name.clone(), if is_echo { Value::Null } else { normal(value) })
            });
            Value::Object(members.collect())
        }
        value => value.clone(),
    }
}

proptest! {
    #[test]
    fn the_result_is_json_and_does_not_depend_on_the_pieces(value in value(), size in 1usize..50, is_short: bool, pretty: bool) {
        let detail = if is_short { ShortTexts } else { Full };
        let body = if pretty { serde_json::to_vec_pretty(&value).unwrap() } else { serde_json::to_vec(&value).unwrap() };
        let whole = condense(Dialect::OpenAiResponses, false, detail, &body, body.len());
        prop_assert_eq!(&condense(Dialect::OpenAiResponses, false, detail, &body, size), &whole);
        let condensed: Value = serde_json::from_slice(&whole.0).unwrap();
        prop_assert_eq!(normal(&condensed), normal(&value));
    }

    #[test]
    fn a_bounded_copy_does_not_depend_on_the_pieces(value in value(), size in 1usize..300, limit in 16usize..2000) {
        let body = serde_json::to_vec(&value).unwrap();
        let copy = |size: usize| {
            let (mut condenser, mut out) = (Condenser::bounded(Dialect::OpenAiChat, false, limit), Vec::new());
            body.chunks(size).for_each(|piece| condenser.push(piece, &mut out));
            condenser.finish(&mut out);
            (out, condenser.elided_text())
        };
        let whole = copy(body.len());
        prop_assert_eq!(copy(size), whole.clone());
        prop_assert!(serde_json::from_slice::<Value>(&whole.0).is_ok());
    }

    #[test]
    fn usage_is_that_of_the_original(value in value(), input in 0u64..1 << 40, output in 1u64..1 << 40, first: bool, detail in prop::sample::select(&[Full, ShortTexts, Outline][..])) {
        let usage = format!(r#""model":"m","usage":{{"input_tokens":{input},"output_tokens":{output}}}"#);
        let other = format!(r#""data":{value}"#);
        let body = if first { format!("{{{usage},{other}}}") } else { format!("{{{other},{usage}}}") };
        let (condensed, _) = condense(Dialect::OpenAiImages, false, detail, body.as_bytes(), 64);
        let parse = |body: &[u8]| Response::parse(Dialect::OpenAiImages, body, &ParseLimits::default()).map(|response| response.usage);
        prop_assert_eq!(parse(&condensed), parse(body.as_bytes()));
    }

    #[test]
    fn any_bytes_are_read(body: Vec<u8>, by_line: bool, size in 1usize..9) {
        let whole = condense(Dialect::OpenAiResponses, by_line, Outline, &body, body.len());
        prop_assert_eq!(condense(Dialect::OpenAiResponses, by_line, Outline, &body, size), whole);
    }
}

/// An array that is open when only an outline is left keeps its structure.
#[test]
fn further_elements_are_left_out_of_an_outline() {
    let body = r#"{"a":[{"b":1},{"b":2},[3],4,{"b":{"c":"d"}}],"usage":{"e":{"f":5}}}"#;
    for (at, expected) in [
        (7, r#"{"a":[{"b":1},{},[],4,{}],"usage":{"e":{"f":5}}}"#),
        (20, r#"{"a":[{"b":1},{"b":2},[],4,{}],"usage":{"e":{"f":5}}}"#),
    ] {
        let (mut condenser, mut out) = (Condenser::new(Dialect::OpenAiChat, false), Vec::new());
        condenser.push(&body.as_bytes()[..at], &mut out);
        condenser.set_detail(Outline);
        condenser.push(&body.as_bytes()[at..], &mut out);
        condenser.finish(&mut out);
        assert_eq!(String::from_utf8(out).unwrap(), expected);
    }
}
