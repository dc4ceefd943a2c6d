use proptest::prelude::*;
use serde_json::json;

use crate::{
    ApiError, Begun, Channel, Chunk, Dialect, Edits, Error, ErrorKind, Framing, Limits, OutText, Part, Request,
    Response, Role, Span, TextKind, Usage,
};

const CHAT: Dialect = Dialect::OpenAiChat;

fn parse(body: &str) -> Result<Request, Error> {
    Request::parse(CHAT, body.as_bytes(), &Limits::default())
}

type Seen = (Role, TextKind, Option<u32>, String);

fn texts(body: &str) -> Vec<Seen> {
    let request = parse(body).unwrap_or_else(|error| panic!("{error}: {body}"));
    let seen = |text: &crate::Text| (text.role, text.kind, text.message, text.str.decode(body.as_bytes()).into_owned());
    request.texts.iter().map(seen).collect()
}

#[test]
fn every_string_of_a_request_is_a_text() {
    use Role::*;
    use TextKind::*;
    let other = |text| (Role::Other, TextKind::Other, None, text);
    type Case<'a> = (&'a str, Vec<(Role, TextKind, Option<u32>, &'a str)>);
    let cases: Vec<Case<'_>> = vec![
        (r#"{"model":"m","messages":[]}"#, vec![(Role::Other, Model, None, "m")]),
        (
            r#"{"messages":[{"role":"system","content":"a"},{"role":"user","name":"n","content":"b"}]}"#,
            vec![(System, Content, Some(0), "a"), (User, Name, Some(1), "n"), (User, Content, Some(1), "b")],
        ),
        // the role behind the text
        (r#"{"messages":[{"content":"a\n","role":"developer"}]}"#, vec![(Developer, Content, Some(0), "a\n")]),
        (
            r#"{"messages":[{"role":"user","content":[{"type":"text","text":"a"},
                {"type":"image_url","image_url":{"url":"https://x/y","detail":"low"}},
                {"type":"image_url","image_url":"data:image/png;base64,AA"},
                {"type":"input_audio","input_audio":{"data":"QUJD","format":"wav"}},
                {"type":"file","file":{"filename":"f.pdf","file_data":"QQ=="}},
                "bare", 7, null, {"text":["odd"]}, {"type":"secret"}, {"later":{"text":"new"}}]}]}"#,
            vec![
                (User, Content, Some(0), "a"),
                (User, ImageUrl, Some(0), "https://x/y"),
                (User, ImageUrl, Some(0), "data:image/png;base64,AA"),
                (User, Data, Some(0), "QUJD"),
                (User, TextKind::Other, Some(0), "wav"),
                (User, TextKind::Other, Some(0), "f.pdf"),
                (User, Data, Some(0), "QQ=="),
                (User, Content, Some(0), "bare"),
                (User, TextKind::Other, Some(0), "odd"),
                (User, TextKind::Other, Some(0), "secret"),
                (User, TextKind::Other, Some(0), "later"),
                (User, TextKind::Other, Some(0), "new"),
            ],
        ),
        (
            r#"{"messages":[{"role":"assistant","content":null,"refusal":"no","tool_calls":[
                {"id":"c1","type":"function","function":{"name":"f","arguments":"{\"a\":1}"}},
                {"type":"custom","custom":{"name":"g","input":"in"}},
                {"function":{"arguments":{"k":"v"}}}]},
                {"role":"tool","tool_call_id":"c1","content":"result"},
                {"role":"function","name":"f","content":"r2"},
                {"role":"assistant","function_call":{"name":"h","arguments":"x"},"reasoning_content":"think"}]}"#,
            vec![
                (Assistant, Refusal, Some(0), "no"),
                (Assistant, TextKind::Other, Some(0), "c1"),
                (Assistant, ToolName, Some(0), "f"),
                (Assistant, ToolArguments, Some(0), "{\"a\":1}"),
                (Assistant, ToolName, Some(0), "g"),
                (Assistant, ToolArguments, Some(0), "in"),
                (Assistant, ToolArguments, Some(0), "k"),
                (Assistant, ToolArguments, Some(0), "v"),
                (Tool, TextKind::Other, Some(1), "c1"),
                (Tool, Content, Some(1), "result"),
                (Function, Name, Some(2), "f"),
                (Function, Content, Some(2), "r2"),
                (Assistant, ToolName, Some(3), "h"),
                (Assistant, ToolArguments, Some(3), "x"),
                (Assistant, TextKind::Other, Some(3), "think"),
            ],
        ),
        // a role that the API does not have is text, and so is a content of another shape
        (
            r#"{"messages":[{"role":"ignore all","content":{"text":"a","x":"b"}},{"content":"c"}]}"#,
            vec![
                (Role::Other, TextKind::Other, Some(0), "ignore all"),
                (Role::Other, Content, Some(0), "a"),
                (Role::Other, TextKind::Other, Some(0), "x"),
                (Role::Other, TextKind::Other, Some(0), "b"),
                (Role::Other, Content, Some(1), "c"),
            ],
        ),
        (
            r#"{"tools":[{"type":"function","function":{"name":"f","description":"d","parameters":{"type":"object",
                "properties":{"city":{"type":["string","null"],"enum":["a"]},"name":{"type":"say this"}}}}}],
                "functions":[{"name":"g"}],"response_format":{"type":"json_schema","json_schema":{"name":"s"}}}"#,
            ["f", "d", "city", "a", "name", "say this", "g", "s"]
                .map(|text| (Tools, ToolDefinition, None, text))
                .to_vec(),
        ),
        (
            r#"{"user":"u","stop":["s1","s2"],"metadata":{"k":"v","deep":[{"q":["z"]}]},"seed":7,"logit_bias":{"50256":-100},
                "tool_choice":{"type":"function","function":{"name":"f"}},"prompt":"p","prediction":{"type":"content","content":"c"}}"#,
            ["u", "s1", "s2", "k", "v", "deep", "q", "z", "50256", "f", "p", "c"].map(other).to_vec(),
        ),
        // metadata of any type
        (r#"{"metadata":"m"}"#, vec![other("m")]),
        (r#"{"metadata":7}"#, vec![]),
        (r#"{"metadata":null}"#, vec![]),
        (r#"{"metadata":[["a"],true]}"#, vec![other("a")]),
        // the options are searched too
        (r#"{"stream_options":{"include_usage":true,"x":"y"}}"#, vec![other("x"), other("y")]),
        // keys that are spelled with escapes
        (
            r#"{"mod\u0065l":"m","m\u0065ssages":[{"rol\u0065":"user","c\u006fntent":"a"}]}"#,
            vec![(Role::Other, Model, None, "m"), (User, Content, Some(0), "a")],
        ),
        ("{}", vec![]),
        (" \t\r\n{ }\n", vec![]),
    ];
    for (body, want) in cases {
        let want: Vec<Seen> =
            want.into_iter().map(|(role, kind, message, text)| (role, kind, message, text.to_owned())).collect();
        assert_eq!(texts(body), want, "{body}");
    }
}

#[test]
fn what_the_gateway_acts_on() {
    type Case<'a> = (&'a str, Option<&'a str>, bool, bool, Option<u64>, u32, usize, u32);
    let cases: [Case<'_>; 15] = [
        ("{}", None, false, false, None, 1, 0, 0),
        (r#"{"model":"gpt-4o","stream":true}"#, Some("gpt-4o"), true, false, None, 1, 0, 0),
        (r#"{"model":"a\u002fb","stream":null}"#, Some("a/b"), false, false, None, 1, 0, 0),
        (r#"{"stream":false,"stream_options":null}"#, None, false, false, None, 1, 0, 0),
        (r#"{"stream":true,"stream_options":{"include_usage":true}}"#, None, true, true, None, 1, 0, 0),
        (r#"{"stream":true,"stream_options":{"include_usage":false}}"#, None, true, false, None, 1, 0, 0),
        (r#"{"stream":true,"stream_options":{"include_usage":null}}"#, None, true, false, None, 1, 0, 0),
        (r#"{"max_tokens":5}"#, None, false, false, Some(5), 1, 0, 0),
        (r#"{"max_tokens":5,"max_completion_tokens":7.0,"n":3}"#, None, false, false, Some(7), 3, 0, 0),
        (r#"{"max_completion_tokens":0,"max_tokens":900}"#, None, false, false, Some(900), 1, 0, 0),
        (r#"{"max_completion_tokens":null,"max_tokens":5,"n":null}"#, None, false, false, Some(5), 1, 0, 0),
        (r#"{"max_tokens":99999999999999999999999}"#, None, false, false, Some(u64::MAX), 1, 0, 0),
        (r#"{"n":99999999999,"max_tokens":0}"#, None, false, false, Some(0), u32::MAX, 0, 0),
        (r#"{"n":0}"#, None, false, false, None, 1, 0, 0),
        (
            r#"{"messages":[{"content":[{"image_url":{}},{"image_url":null},{"image_url":"x"}]},{}]}"#,
            None,
            false,
            false,
            None,
            1,
            2,
            2,
        ),
    ];
    for (body, model, stream, include_usage, max, candidates, messages, images) in cases {
        let request = parse(body).unwrap();
        assert_eq!(request.dialect, CHAT);
        assert_eq!(request.model.map(|str| str.decode(body.as_bytes())).as_deref(), model, "{body}");
        assert_eq!((request.stream, request.include_usage), (stream, include_usage), "{body}");
        assert_eq!((request.max_output_tokens, request.candidates), (max, candidates), "{body}");
        assert_eq!((request.messages.len(), request.images), (messages, images), "{body}");
    }
    let body = br#"{"messages":[{"role":"user","name":"n"},{}]}"#;
    let request = Request::parse(CHAT, body, &Limits::default()).unwrap();
    let message = request.messages[0];
    assert_eq!((message.role.unwrap().decode(body), message.name.unwrap().decode(body)), ("user".into(), "n".into()));
    assert_eq!((request.messages[1].role, request.messages[1].name), (None, None));
}

#[test]
fn refused_requests() {
    use ErrorKind::*;
    let deep = |depth: usize| format!("{{\"x\":{}1{}}}", "[".repeat(depth - 1), "]".repeat(depth - 1));
    for (body, want) in [
        ("", Err((Empty, 0))),
        (" \n", Err((Empty, 2))),
        ("[]", Err((WrongType("body"), 0))),
        ("\"x\"", Err((WrongType("body"), 0))),
        ("null", Err((WrongType("body"), 0))),
        ("\u{feff}{}", Err((Syntax, 0))),
        ("{", Err((UnexpectedEnd, 1))),
        (r#"{"a""#, Err((UnexpectedEnd, 4))),
        (r#"{"a":"#, Err((UnexpectedEnd, 5))),
        (r#"{"a":tru"#, Err((UnexpectedEnd, 5))),
        (r#"{"a":1"#, Err((UnexpectedEnd, 6))),
        (r#"{"a":1,"#, Err((UnexpectedEnd, 7))),
        (r#"{"a":"b"#, Err((UnexpectedEnd, 7))),
        (r#"{"a":"\u00"#, Err((UnexpectedEnd, 10))),
        (r#"{"a":[1"#, Err((UnexpectedEnd, 7))),
        ("{}}", Err((TrailingData, 2))),
        ("{} {}", Err((TrailingData, 3))),
        ("{}\0", Err((TrailingData, 2))),
        (r#"{"a":1,}"#, Err((Syntax, 7))),
        (r#"{"a":[1,]}"#, Err((Syntax, 8))),
        (r#"{"a":[,1]}"#, Err((Syntax, 6))),
        (r#"{"a":[1 2]}"#, Err((Syntax, 8))),
        (r#"{,"a":1}"#, Err((Syntax, 1))),
        (r#"{"a":1 "b":2}"#, Err((Syntax, 7))),
        (r#"{"a" 1}"#, Err((Syntax, 5))),
        (r#"{a:1}"#, Err((Syntax, 1))),
        (r#"{'a':1}"#, Err((Syntax, 1))),
        (r#"{"a":[1}"#, Err((Syntax, 7))),
        (r#"{"a":{"b":1]}"#, Err((Syntax, 11))),
        (r#"{"a":NaN}"#, Err((Syntax, 5))),
        (r#"{"a":Infinity}"#, Err((Syntax, 5))),
        (r#"{"a":nul1}"#, Err((Syntax, 5))),
        (r#"{"a":True}"#, Err((Syntax, 5))),
        (r#"{"a":truex}"#, Err((Syntax, 9))),
        (r#"{"a":+1}"#, Err((Syntax, 5))),
        (r#"{"a":.5}"#, Err((Syntax, 5))),
        (r#"{"a":01}"#, Err((InvalidNumber, 5))),
        (r#"{"a":1.}"#, Err((InvalidNumber, 7))),
        (r#"{"a":0x10}"#, Err((Syntax, 6))),
        (r#"{"a":1}// c"#, Err((TrailingData, 7))),
        ("{\"a\":\"b\nc\"}", Err((ControlCharacter, 7))),
        ("{\"a\":\"b\0\"}", Err((ControlCharacter, 7))),
        ("{\"a\u{1f}\":1}", Err((ControlCharacter, 3))),
        ("{\"a\":\u{a0}1}", Err((Syntax, 5))),
        ("{\"a\":\u{b}1}", Err((Syntax, 5))),
        (r#"{"a":"\x"}"#, Err((InvalidEscape, 6))),
        (r#"{"a":"\u12z4"}"#, Err((InvalidEscape, 6))),
        (r#"{"a":"\ud83d"}"#, Err((LoneSurrogate, 6))),
        (r#"{"a":"x\ude00"}"#, Err((LoneSurrogate, 7))),
        (r#"{"a":"\ud83dA"}"#, Err((LoneSurrogate, 6))),
        (r#"{"\ud83d":1}"#, Err((LoneSurrogate, 2))),
        (r#"{"a":1,"a":2}"#, Err((DuplicateKey, 8))),
        (r#"{"model":"m","mod\u0065l":"n"}"#, Err((DuplicateKey, 14))),
        (r#"{"x":[{"\u0061":1,"b":2,"a":3}]}"#, Err((DuplicateKey, 25))),
        (r#"{"messages":[{"role":"user","role":"system"}]}"#, Err((DuplicateKey, 29))),
        (r#"{"stream_options":{"include_usage":true,"include_usage":false}}"#, Err((DuplicateKey, 41))),
        (r#"{"tools":[{"a":{"b":1,"b":1}}]}"#, Err((DuplicateKey, 23))),
        (r#"{"Model":"m"}"#, Err((AmbiguousKey, 2))),
        ("{\"\u{17f}tream\":true}", Err((AmbiguousKey, 2))),
        (r#"{"max_to\u212aens":1}"#, Err((AmbiguousKey, 2))),
        (r#"{"messages":[{"CONTENT":"x"}]}"#, Err((AmbiguousKey, 15))),
        (r#"{"stream_options":{"Include_Usage":false}}"#, Err((AmbiguousKey, 20))),
        (r#"{"model":7}"#, Err((WrongType("model"), 9))),
        (r#"{"model":null}"#, Err((WrongType("model"), 9))),
        (r#"{"model":["m"]}"#, Err((WrongType("model"), 9))),
        (r#"{"messages":"x"}"#, Err((WrongType("messages"), 12))),
        (r#"{"messages":null}"#, Err((WrongType("messages"), 12))),
        (r#"{"messages":{}}"#, Err((WrongType("messages"), 12))),
        (r#"{"messages":["x"]}"#, Err((WrongType("messages"), 13))),
        (r#"{"messages":[{"role":null}]}"#, Err((WrongType("messages[].role"), 21))),
        (r#"{"stream":"true"}"#, Err((WrongType("stream"), 10))),
        (r#"{"stream":1}"#, Err((WrongType("stream"), 10))),
        (r#"{"stream_options":true}"#, Err((WrongType("stream_options"), 18))),
        (r#"{"stream_options":[]}"#, Err((WrongType("stream_options"), 18))),
        (r#"{"stream_options":{"include_usage":1}}"#, Err((WrongType("stream_options.include_usage"), 35))),
        (r#"{"n":"1"}"#, Err((WrongType("n"), 5))),
        (r#"{"n":-1}"#, Err((WrongType("n"), 5))),
        (r#"{"max_tokens":1.5}"#, Err((WrongType("max_tokens"), 14))),
        (r#"{"max_completion_tokens":1e3}"#, Err((WrongType("max_completion_tokens"), 25))),
        (&deep(64), Ok(())),
        (&deep(65), Err((TooDeep, 5 + 63))),
        // an attacker's depth costs nothing
        (&"{\"a\":".repeat(100_000), Err((TooDeep, 64 * 5))),
        // what is not for the gateway to judge
        (r#"{"temperature":"hot","metadata":[],"tools":{},"functions":"x","n":1.0}"#, Ok(())),
        (r#"{"messages":[{"content":7,"tool_calls":"x","name":1,"refusal":[]}]}"#, Ok(())),
        (r#"{"a":1e999}"#, Ok(())),
    ] {
        let got = parse(body).map(|_| ()).map_err(|error| (error.kind, error.offset));
        assert_eq!(got, want, "{}", &body[..body.len().min(99)]);
    }
    for (bytes, at) in [(&b"{\"a\":\"\xff\"}"[..], 6), (b"{\"\xc3\x28\":1}", 2), (b"{\"a\":\"b\xed\xa0\x80\"}", 7)] {
        let error = Request::parse(CHAT, bytes, &Limits::default()).unwrap_err();
        assert_eq!(error, Error { kind: InvalidUtf8, offset: at });
    }
}

#[test]
fn limits_hold() {
    let refused = |body: &str, limits: &Limits| Request::parse(CHAT, body.as_bytes(), limits).unwrap_err().kind;
    let few = Limits { max_items: 3, ..Limits::default() };
    for body in [
        r#"{"stop":["a","b","c","d"]}"#,
        r#"{"messages":[{},{},{},{}]}"#,
        r#"{"seed":1,"user":2,"stop":3,"n":4}"#,
        r#"{"a":{"b":{"c":{"d":1}}}}"#,
    ] {
        assert_eq!(refused(body, &few), ErrorKind::TooMany, "{body}");
    }
    assert!(Request::parse(CHAT, br#"{"stop":["a","b","c"],"messages":[{},{},{}]}"#, &few).is_ok());
    let small = Limits { max_bytes: 10, ..Limits::default() };
    assert_eq!(refused(r#"{"seed":123}"#, &small), ErrorKind::TooLarge);
    assert!(Request::parse(CHAT, br#"{"seed":1}"#, &small).is_ok());
}

#[test]
fn many_members_take_no_quadratic_time() {
    let member = |n: usize| format!("\"key {n}\":0");
    let members: Vec<String> = (0..100_000).map(member).collect();
    let unique = format!("{{\"x\":{{{}}}}}", members.join(","));
    let start = std::time::Instant::now();
    assert_eq!(parse(&unique).unwrap().texts.len(), 100_001);
    let twice = format!("{{\"x\":{{{},\"k\\u0065y 77\":1}}}}", members.join(","));
    assert_eq!(parse(&twice).unwrap_err().kind, ErrorKind::DuplicateKey);
    // pairwise, this is 10^10 comparisons
    assert!(start.elapsed().as_secs() < 10, "{:?}", start.elapsed());
}

/// The body after `ask_for_usage` and, if given, `set_model`.
fn edited(body: &str, model: Option<&str>) -> String {
    let request = parse(body).unwrap();
    let mut edits = Edits::new();
    request.ask_for_usage(body.as_bytes(), &mut edits);
    // asked twice is asked once
    request.ask_for_usage(body.as_bytes(), &mut edits);
    if let Some(model) = model {
        request.set_model(model, &mut edits);
        request.set_model("another", &mut edits);
    }
    String::from_utf8(edits.apply(body.as_bytes())).unwrap()
}

#[test]
fn asks_for_usage() {
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
        // nothing to do
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
fn sets_the_model() {
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

/// Bodies of chat requests with any of the members that are edited, in any order and spelling.
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
    fn edits_change_what_they_should_and_nothing_else(body in chat_body()) {
        let was: serde_json::Value = serde_json::from_str(&body).unwrap();
        let text = edited(&body, Some("new\n"));
        let now: serde_json::Value = serde_json::from_str(&text).unwrap();
        let mut want = was.clone();
        want["model"] = json!("new\n");
        if was["stream"] == json!(true) {
            if was["stream_options"].is_null() {
                want["stream_options"] = json!({});
            }
            want["stream_options"]["include_usage"] = json!(true);
        }
        prop_assert_eq!(&now, &want);
        let view = parse(&text).unwrap();
        prop_assert_eq!(view.model.unwrap().decode(text.as_bytes()), "new\n");
        prop_assert_eq!(view.include_usage, view.stream || was["stream_options"]["include_usage"] == json!(true));
        let rest = |body: &str| texts(body).into_iter().filter(|text| text.1 != TextKind::Model).collect::<Vec<_>>();
        prop_assert_eq!(rest(&body), rest(&text));
    }
}

fn seen(body: &[u8], texts: &[OutText]) -> Vec<(u32, Part, String)> {
    texts.iter().map(|text| (text.channel.choice, text.channel.part, text.str.decode(body).into_owned())).collect()
}

fn own(texts: &[(u32, Part, &str)]) -> Vec<(u32, Part, String)> {
    texts.iter().map(|(choice, part, text)| (*choice, *part, (*text).to_owned())).collect()
}

#[test]
fn whole_answers() {
    use Part::*;
    let body = br#"{"id":"chatcmpl-1","object":"chat.completion","created":1,"model":"gpt-4o-2024-08-06","choices":[
        {"index":0,"message":{"role":"assistant","content":"Hello","refusal":null,"annotations":[
            {"type":"url_citation","url_citation":{"title":"T","url":"U","start_index":0}}]},
         "logprobs":{"content":[{"token":"Hel","logprob":-0.1,"bytes":[72],"top_logprobs":[{"token":"Hey","bytes":null}]},
            {"token":"lo","logprob":-0.2,"top_logprobs":[]}],"refusal":null},"finish_reason":"stop"},
        {"message":{"content":null,"tool_calls":[
            {"id":"call_1","type":"function","function":{"name":"f","arguments":"{}"}},
            {"id":"call_2","type":"custom","custom":{"name":"g","input":"in"}}],
            "audio":{"id":"a","data":"QUJD","expires_at":1,"transcript":"spoken"}},"index":9,"finish_reason":"tool_calls"},
        {"message":{"function_call":{"name":"h","arguments":"x"},"refusal":"no","reasoning_content":"why"}},
        {"message":{"reasoning":"why","content":"c","reasoning_details":[{"type":"reasoning.text","text":"why"}]}},
        {"message":{"content":[{"type":"text","text":"parts"},{"type":"thinking","thinking":
            [{"type":"text","text":"deep"}]}]}},
        {"message":{"reasoning":"copy","reasoning_content":"why","new_field":{"k":["v"]}},"delta":"odd"}],
        "usage":{"prompt_tokens":9,"completion_tokens":12,"total_tokens":30,"prompt_tokens_details":
            {"cached_tokens":4,"audio_tokens":0},"completion_tokens_details":{"reasoning_tokens":3}},
        "service_tier":"default","system_fingerprint":"fp_1","x_extra":{"note":"n"}}"#;
    let response = Response::parse(CHAT, body, &Limits::default()).unwrap();
    assert_eq!(response.model.unwrap().decode(body), "gpt-4o-2024-08-06");
    assert_eq!(
        response.usage,
        Some(Usage { input: 9, cached: 4, output: 12, reasoning: 3, total: 30, ..Usage::default() })
    );
    assert!(!response.is_error);
    let want = own(&[
        (0, Content, "Hello"),
        (0, Other, "T"),
        (0, Other, "U"),
        (0, Logprobs, "Hel"),
        (0, Other, "Hey"),
        (0, Logprobs, "lo"),
        (9, ToolName(0), "f"),
        (9, ToolArguments(0), "{}"),
        (9, ToolName(1), "g"),
        (9, ToolArguments(1), "in"),
        (9, Transcript, "spoken"),
        (2, ToolName(Part::LEGACY_CALL), "h"),
        (2, ToolArguments(Part::LEGACY_CALL), "x"),
        (2, Refusal, "no"),
        (2, Reasoning, "why"),
        (3, Reasoning, "why"),
        (3, Content, "c"),
        (3, Other, "reasoning.text"),
        (3, ReasoningDetails, "why"),
        (4, Content, "parts"),
        (4, Reasoning, "deep"),
        (5, ReasoningCopy, "copy"),
        (5, Reasoning, "why"),
        (5, Other, "v"),
        (5, Other, "odd"),
        (0, Other, "n"),
    ]);
    assert_eq!(seen(body, &response.texts), want);
    let [logprobs] = response.logprobs[..] else { panic!("{:?}", response.logprobs) };
    assert!(logprobs.of(body).starts_with(b"{\"content\":[{\"token\"") && logprobs.of(body).ends_with(b"null}"));
    let mut edits = Edits::new();
    edits.replace(logprobs, "null").unwrap();
    let edited = edits.apply(body);
    assert!(Response::parse(CHAT, &edited, &Limits::default()).unwrap().logprobs.is_empty());
}

#[test]
fn events_of_a_stream() {
    use Part::*;
    type Case<'a> = (&'a str, &'a [(u32, Part, &'a str)], &'a [u32], usize, Option<u64>, bool);
    let cases: &[Case<'_>] = &[
        (
            r#"{"model":"m","choices":[{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":null}],"usage":null}"#,
            &[(0, Content, "")],
            &[],
            1,
            None,
            false,
        ),
        (
            r#"{"choices":[{"delta":{"content":"a"},"index":1},{"index":0,"delta":{"content":"b"}}]}"#,
            &[(1, Content, "a"), (0, Content, "b")],
            &[],
            2,
            None,
            false,
        ),
        (
            r#"{"choices":[{"index":0,"delta":{"tool_calls":[{"function":{"name":"g","arguments":"{\"a"},"index":3},
                {"index":7,"id":"c","type":"function","function":{"name":"f","arguments":""}}]}}]}"#,
            &[(0, ToolName(3), "g"), (0, ToolArguments(3), "{\"a"), (0, ToolName(7), "f"), (0, ToolArguments(7), "")],
            &[],
            1,
            None,
            false,
        ),
        (r#"{"choices":[{"index":2,"delta":{},"finish_reason":"stop"}]}"#, &[], &[2], 1, None, false),
        (r#"{"choices":[{"index":0,"delta":{},"finish_reason":""}]}"#, &[], &[], 1, None, false),
        (r#"{"choices":[{"index":0,"delta":null}]}"#, &[], &[], 1, None, false),
        // usage next to choices: not to be withheld
        (
            r#"{"choices":[{"index":0,"delta":{},"finish_reason":"length"}],"usage":{"prompt_tokens":1,"completion_tokens":2}}"#,
            &[],
            &[0],
            1,
            Some(3),
            false,
        ),
        (
            r#"{"choices":[],"usage":{"prompt_tokens":1,"completion_tokens":2,"total_tokens":9}}"#,
            &[],
            &[],
            0,
            Some(9),
            true,
        ),
        (r#"{"usage":{"total_tokens":9},"obfuscation":"xyz"}"#, &[], &[], 0, Some(9), true),
        (
            r#"{"choices":[],"usage":{"total_tokens":9},"error":{"message":"e"}}"#,
            &[(0, Other, "e")],
            &[],
            0,
            Some(9),
            false,
        ),
        // nothing said is not nothing used
        (r#"{"choices":[],"usage":{}}"#, &[], &[], 0, None, false),
        (
            r#"{"choices":[],"usage":{"prompt_tokens":null,"completion_tokens":"2"}}"#,
            &[(0, Other, "2")],
            &[],
            0,
            None,
            false,
        ),
        (r#"{"choices":[],"usage":{"prompt_tokens":-1,"completion_tokens":1.5}}"#, &[], &[], 0, None, false),
        (r#"{"choices":null,"usage":null,"error":null}"#, &[], &[], 0, None, false),
        (r#"{"choices":[],"prompt_filter_results":[{"prompt_index":0}]}"#, &[], &[], 0, None, false),
        // a message in an event is not what a client reads as a delta, but it is seen
        (r#"{"choices":[{"index":1,"message":{"content":"m"}}]}"#, &[(1, Other, "m")], &[], 1, None, false),
        (
            r#"{"choices":["odd",{"index":"x","delta":"d"}]}"#,
            &[(0, Other, "odd"), (1, Other, "x"), (1, Other, "d")],
            &[],
            2,
            None,
            false,
        ),
        (r#"{}"#, &[], &[], 0, None, false),
    ];
    let mut chunk = Chunk::default();
    for (data, texts, finished, choices, total, usage_only) in cases {
        assert!(chunk.parse_into(CHAT, data.as_bytes(), &Limits::default()).unwrap());
        assert_eq!(seen(data.as_bytes(), &chunk.texts), own(texts), "{data}");
        assert_eq!((&chunk.finished[..], chunk.choices), (*finished, *choices), "{data}");
        assert_eq!(chunk.usage.map(|usage| usage.usage().total), *total, "{data}");
        assert_eq!(chunk.is_usage_only(), *usage_only, "{data}");
    }
}

#[test]
fn ends_and_errors_of_a_stream() {
    let parse = |data: &str| Chunk::parse(CHAT, data.as_bytes(), &Limits::default());
    for end in ["[DONE]", " [DONE] "] {
        assert!(parse(end).unwrap().is_none());
    }
    for (data, kind) in [
        ("", ErrorKind::Empty),
        ("[DONE", ErrorKind::WrongType("body")),
        ("DONE", ErrorKind::Syntax),
        ("[]", ErrorKind::WrongType("body")),
        (r#"{"choices":[{"delta":{"content":"a","content":"b"}}]}"#, ErrorKind::DuplicateKey),
    ] {
        assert_eq!(parse(data).unwrap_err().kind, kind, "{data}");
    }
    for (data, is_error) in
        [(r#"{"error":{"message":"m"}}"#, true), (r#"{"error":"m"}"#, true), (r#"{"error":null}"#, false)]
    {
        assert_eq!(parse(data).unwrap().unwrap().is_error, is_error, "{data}");
    }
    // a pair cut in two by the server passes
    let data = br#"{"choices":[{"delta":{"content":"\ud83d"}}]}"#;
    assert_eq!(seen(data, &Chunk::parse(CHAT, data, &Limits::default()).unwrap().unwrap().texts)[0].2, "\u{fffd}");
    // after an error and after the end nothing of the chunk before is left
    let mut chunk =
        parse(r#"{"model":"m","choices":[{"delta":{"content":"a"},"finish_reason":"x"}],"usage":{"total_tokens":1}}"#)
            .unwrap()
            .unwrap();
    assert!(chunk.parse_into(CHAT, b"{\"choices\":[{\"delta\":{\"content\":\"a\"}", &Limits::default()).is_err());
    assert!(chunk.model.is_none() && chunk.texts.is_empty() && chunk.finished.is_empty() && chunk.choices == 0);
}

#[test]
fn usage_of_servers_that_name_it_otherwise() {
    for (usage, want) in [
        (r#"{"prompt_tokens":9,"completion_tokens":1,"prompt_cache_hit_tokens":5}"#, (9, 5, 1, 0, 10)),
        (
            r#"{"prompt_tokens":9,"prompt_tokens_details":{"cached_tokens":0},"prompt_cache_hit_tokens":5}"#,
            (9, 0, 0, 0, 9),
        ),
        (r#"{"prompt_tokens":9,"prompt_tokens_details":null,"completion_tokens_details":null}"#, (9, 0, 0, 0, 9)),
        (r#"{"prompt_tokens":9.0,"completion_tokens":99999999999999999999}"#, (9, 0, u64::MAX, 0, u64::MAX)),
    ] {
        let data = format!("{{\"choices\":[],\"usage\":{usage}}}");
        let chunk = Chunk::parse(CHAT, data.as_bytes(), &Limits::default()).unwrap().unwrap();
        let (input, cached, output, reasoning, total) = want;
        let want = Usage { input, cached, output, reasoning, total, ..Usage::default() };
        assert_eq!(chunk.usage.map(|usage| usage.usage()), Some(want), "{usage}");
    }
}

#[test]
fn errors_in_the_clients_shape() {
    let error = ApiError {
        status: 429,
        message: "no \"more\"\nfor you\u{0}",
        kind: "insufficient_quota",
        param: None,
        code: Some("a\\b"),
    };
    let want = json!({"error": {
        "message": error.message, "type": "insufficient_quota", "param": null, "code": "a\\b",
    }});
    let body = CHAT.error_body(&error);
    assert_eq!(serde_json::from_slice::<serde_json::Value>(&body).unwrap(), want);
    let event = CHAT.error_event(Framing::Sse, &Begun::sent(), &error);
    assert_eq!(event, [b"data: ", &body[..], b"\n\n"].concat());
    assert!(Chunk::parse(CHAT, &body, &Limits::default()).unwrap().unwrap().is_error);
}

#[test]
fn errors_say_nothing_of_the_body() {
    let error = parse(r#"{"model":["sk-secret"]}"#).unwrap_err();
    assert_eq!(error.to_string(), "the field model has the wrong type (at byte 9)");
    let request = parse(r#"{"model":"sk-secret","user":"sk-secret"}"#).unwrap();
    assert!(!format!("{request:?}").contains("secret"));
}

#[test]
fn pointers_of_texts() {
    let body = br#"{"messages":[{"role":"user","content":[{"type":"text","text":"hi"}]}],"metadata":{"a/b":"c"}}"#;
    let request = Request::parse(CHAT, body, &Limits::default()).unwrap();
    let pointers: Vec<String> = request.texts.iter().map(|text| Request::pointer(body, text.str.span)).collect();
    assert_eq!(pointers, ["/messages/0/content/0/text", "/metadata/a~1b", "/metadata/a~1b"]);
    assert_eq!(Request::pointer(body, Span::new(0, body.len())), "");
}

#[test]
fn a_part_orders_texts_of_one_candidate_together() {
    let mut channels = [
        Channel { choice: 1, part: Part::Content },
        Channel { choice: 0, part: Part::ToolArguments(1) },
        Channel { choice: 0, part: Part::ToolArguments(0) },
        Channel { choice: 0, part: Part::Content },
    ];
    channels.sort();
    assert_eq!(channels.map(|channel| channel.choice), [0, 0, 0, 1]);
}
