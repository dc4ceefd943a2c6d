//! Tests of requests.

use super::{CHAT, DecodedText, parse, texts};
use crate::{ParseLimits, Request, Role, Span, TextKind};

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
        // The role follows the text.
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
                (User, ToolNumber, Some(0), "7"),
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
        // An unknown role is a text, and so is content of another type.
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
        // Metadata of any type.
        (r#"{"metadata":"m"}"#, vec![other("m")]),
        (r#"{"metadata":7}"#, vec![]),
        (r#"{"metadata":null}"#, vec![]),
        (r#"{"metadata":[["a"],true]}"#, vec![other("a")]),
        // Stream options have texts, too.
        (r#"{"stream_options":{"include_usage":true,"x":"y"}}"#, vec![other("x"), other("y")]),
        // Keys with escapes.
        (
            r#"{"mod\u0065l":"m","m\u0065ssages":[{"rol\u0065":"user","c\u006fntent":"a"}]}"#,
            vec![(Role::Other, Model, None, "m"), (User, Content, Some(0), "a")],
        ),
        ("{}", vec![]),
        (" \t\r\n{ }\n", vec![]),
    ];
    for (body, want) in cases {
        let want: Vec<DecodedText> =
            want.into_iter().map(|(role, kind, message, text)| (role, kind, message, text.to_owned())).collect();
        assert_eq!(texts(body), want, "{body}");
    }
}

#[test]
fn request_settings_are_read_and_edited() {
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
        assert_eq!((request.messages.len(), request.image_count), (messages, images), "{body}");
    }
    let body = br#"{"messages":[{"role":"user","name":"n"},{}]}"#;
    let request = Request::parse(CHAT, body, &ParseLimits::default()).unwrap();
    let message = request.messages[0];
    assert_eq!((message.role.unwrap().decode(body), message.name.unwrap().decode(body)), ("user".into(), "n".into()));
    assert_eq!((request.messages[1].role, request.messages[1].name), (None, None));
}

#[test]
fn pointers_locate_texts() {
    let body = br#"{"messages":[{"role":"user","content":[{"type":"text","text":"hi"}]}],"metadata":{"a/b":"c"}}"#;
    let request = Request::parse(CHAT, body, &ParseLimits::default()).unwrap();
    let pointers: Vec<String> = request.texts.iter().map(|text| Request::pointer(body, text.str.span)).collect();
    assert_eq!(pointers, ["/messages/0/content/0/text", "/metadata/a~1b", "/metadata/a~1b"]);
    assert_eq!(Request::pointer(body, Span::new(0, body.len())), "");
}
