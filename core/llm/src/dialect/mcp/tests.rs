use crate::dialect::support::{parse_request, request_lines};
use crate::{
    ApiError, Chunk, Dialect, Edits, Endpoint, EventParser, Framer, Framing, ParseLimits, Request, Response, RpcCalls,
};
use proptest::prelude::*;

const MCP: Dialect = Dialect::Mcp;

#[test]
fn paths_and_methods_of_the_transport() {
    for (method, path, want) in [
        ("POST", "/mcp", true),
        ("POST", "/github/mcp/?a=b", true),
        ("GET", "/mcp", true),
        ("DELETE", "/a/MCP", true),
        ("OPTIONS", "/mcp", false),
        ("GET", "/mcp/docs", false),
        ("POST", "/mcps", false),
    ] {
        let found = Endpoint::detect(method.as_bytes(), path.as_bytes());
        assert_eq!(found.is_some_and(|found| found.dialect == MCP), want, "{method} {path}");
    }
    for (method, path, want) in [
        ("POST", "/servers/github", true),
        ("get", "/servers//GitHub/?x", true),
        ("POST", "/servers%2Fgithub", true),
        ("POST", "/servers/x/../github", true),
        ("POST", "/a/servers/github", false),
        ("POST", "/servers/github/a", false),
        ("POST", "/github", false),
        ("PATCH", "/servers/github", true),
        ("HEAD", "/servers/github", false),
    ] {
        let found = Endpoint::of_mcp_server(method.as_bytes(), path.as_bytes(), ["/x", "/servers/github/"].into_iter());
        assert_eq!(found.map(|(_, at)| at), want.then_some(1), "{method} {path}");
    }
}

#[test]
fn texts_of_requests_have_roles() {
    for (body, want) in [
        (
            r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"search","arguments":{"q":"cats","n":7,"f":{"odd key":"b"}},"_meta":{"progressToken":"t1","k":"v"}}}"#,
            &[
                "a ToolName search",
                "a ToolArguments q",
                "a ToolArguments cats",
                "a ToolNumber 7",
                "a ToolArguments f",
                "a ToolArguments odd key",
                "a ToolArguments b",
                "- Other t1",
                "- Other k",
                "- Other v",
            ][..],
        ),
        (
            r#"{"params":{"arguments":{"q":"cats"},"name":"search"},"method":"tools/call","id":"a-1","jsonrpc":"2.0"}"#,
            &["a ToolArguments q", "a ToolArguments cats", "a ToolName search", "- Other a-1"],
        ),
        (
            r#"{"jsonrpc":"2.0","id":2,"method":"prompts/get","params":{"name":"review","arguments":{"code":"x = 1"}}}"#,
            &["- Other review", "u Content x = 1"],
        ),
        (r#"{"jsonrpc":"2.0","id":3,"method":"resources/read","params":{"uri":"file:///a"}}"#, &["- Other file:///a"]),
        (
            r#"{"jsonrpc":"2.0","id":4,"method":"completion/complete","params":{"ref":{"type":"ref/prompt","name":"p"},"argument":{"name":"lang","value":"py"}}}"#,
            &["- Other p", "u Content lang", "u Content value", "u Content py"],
        ),
        (r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#, &[]),
        (
            r#"{"jsonrpc":"2.0","id":5,"method":"acme/do it","params":{"a":["b"]}}"#,
            &["- Other acme/do it", "- Other a", "- Other b"],
        ),
        (
            r#"{"jsonrpc":"2.0","id":6,"result":{"role":"assistant","content":{"type":"text","text":"I say"},"model":"m","stopReason":"endTurn"}}"#,
            &["a Content I say", "- Other m", "- Other endTurn"],
        ),
        (
            r#"{"jsonrpc":"2.0","id":7,"result":{"action":"accept","content":{"name":"Eva","age":30}}}"#,
            &["- Other accept", "u Content Eva", "- Other age", "- ToolNumber 30"],
        ),
        (
            r#"{"jsonrpc":"2.0","id":8,"result":{"content":[{"type":"image","data":"aGk=","mimeType":"image/png"}],"role":"user"}}"#,
            &["- Data aGk=", "- Other image/png"],
        ),
        (r#"{"jsonrpc":"2.0","id":9,"error":{"code":-1,"message":"no"}}"#, &["- Other no"]),
        (
            r#"[{"jsonrpc":"2.0","id":1,"method":"ping"},{"jsonrpc":"2.0","id":2,"method":"tools/call","params":{"name":"f","arguments":{"a":"b"}}}]"#,
            &["a ToolName f", "a ToolArguments a", "a ToolArguments b"],
        ),
    ] {
        assert_eq!(request_lines(MCP, body), want, "{body}");
    }
}

#[test]
fn messages_that_receivers_may_read_otherwise_are_refused() {
    for body in [
        r#"{"method":"tools/call","method":"ping"}"#,
        r#"{"method":"tools/call","Method":"ping"}"#,
        r#"{"method":"tools/call","params":{"name":"a","name":"b"}}"#,
        r#"{"method":"tools/call","params":{"name":"a","NAME":"b"}}"#,
        r#"{"method":7}"#,
        r#"{"method":"ping","id":{}}"#,
        r#"{"method":"tools/call","params":{"name":["a"]}}"#,
        r#"[1]"#,
        r#""ping""#,
        r#"{"method":"ping"}{"method":"tools/call"}"#,
        "",
    ] {
        assert!(Request::parse(MCP, body.as_bytes(), &ParseLimits::default()).is_err(), "{body}");
    }
}

#[test]
fn identifiers_are_not_edited() {
    let body = r#"{"jsonrpc":"2.0","id":"call 1","method":"tools/list","params":{"cursor":"c","_meta":{"progressToken":"p"}}}"#;
    let request = parse_request(MCP, body);
    let opaque: Vec<_> = request.uneditable.iter().map(|span| &body[span.start..span.end]).collect();
    assert_eq!(opaque, ["call 1", "c", "p"]);
}

/// Texts of a message, each as `part text`, with `!` for those that must not be edited.
fn lines(chunk: &Chunk, body: &str) -> Vec<String> {
    let is_opaque = |at: usize| chunk.uneditable.iter().any(|span| span.start == at);
    let each = chunk.texts.iter().map(|text| {
        let mark = if is_opaque(text.str.span.start) { "!" } else { "" };
        let part = format!("{:?}", text.channel.part);
        let part = part.trim_start_matches("Rpc(").trim_end_matches(')');
        let own = text.str.decode(body.as_bytes());
        format!("{mark}{part} {}", own.chars().take(20).collect::<String>())
    });
    each.collect()
}

#[test]
fn texts_of_responses_have_parts() {
    let data = "aGk".repeat(200);
    for (body, want) in [
        (
            r#"{"jsonrpc":"2.0","id":1,"result":{"content":[{"type":"text","text":"found"},{"type":"resource","resource":{"uri":"file:///a","mimeType":"text/plain","text":"inner"}}],"structuredContent":{"odd":"found","n":7},"isError":false}}"#.to_owned(),
            &["Result found", "Result file:///a", "Other text/plain", "Result inner", "ResultCopy odd", "ResultCopy found", "ToolNumber 7"][..],
        ),
        (r#"{"id":1,"result":{"structuredContent":{"odd":"found"}}}"#.to_owned(), &["Result odd", "Result found"]),
        (
            format!(r#"{{"id":"i","result":{{"content":[{{"type":"image","data":"{data}","mimeType":"image/png"}}],"contents":[{{"uri":"u","blob":"{data}"}}]}}}}"#),
            &["!Other i", "!Media aGkaGkaGkaGkaGkaGkaG", "Other image/png", "Result u", "!Media aGkaGkaGkaGkaGkaGkaG"],
        ),
        (
            r#"{"id":2,"result":{"tools":[{"name":"f","description":"does","inputSchema":{"type":"object","properties":{"ignore it":{"type":"string","description":"d"}}}}],"nextCursor":"c"}}"#.to_owned(),
            &["Definition f", "Definition does", "Definition ignore it", "Definition d", "!Other c"],
        ),
        (
            r#"{"id":3,"result":{"protocolVersion":"2025-06-18","serverInfo":{"name":"s","version":"1"},"capabilities":{"tools":{}},"instructions":"use me"}}"#.to_owned(),
            &["Other 2025-06-18", "Other s", "Other 1", "System use me"],
        ),
        (
            r#"{"id":4,"result":{"description":"d","messages":[{"role":"user","content":{"type":"text","text":"hi"}}]}}"#.to_owned(),
            &["Definition d", "Result user", "Result hi"],
        ),
        (
            r#"{"id":5,"method":"sampling/createMessage","params":{"messages":[{"content":{"type":"text","text":"a"},"role":"assistant"},{"role":"user","content":[{"type":"text","text":"u"}]}],"systemPrompt":"s","maxTokens":5}}"#.to_owned(),
            &["Assistant a", "User u", "System s"],
        ),
        (
            r#"{"id":6,"method":"elicitation/create","params":{"message":"your key?","requestedSchema":{"type":"object","properties":{"key":{"type":"string"}}}}}"#.to_owned(),
            &["Other your key?", "Definition key"],
        ),
        (r#"{"method":"notifications/message","params":{"level":"info","data":"x"}}"#.to_owned(), &["Other info", "Other x"]),
        (r#"{"id":7,"error":{"code":-32602,"message":"no","data":{"a":"b"}}}"#.to_owned(), &["Other no", "Other a", "Other b"]),
        (r#"[{"id":1,"result":{"content":[{"type":"text","text":"a"}]}},{"method":"acme/x"}]"#.to_owned(), &["Result a", "Other acme/x"]),
        (r#""text""#.to_owned(), &["Other text"]),
    ] {
        let chunk = Chunk::parse(MCP, body.as_bytes(), &ParseLimits::default()).unwrap().unwrap();
        assert_eq!(lines(&chunk, &body), want, "{body}");
        let response = Response::parse(MCP, body.as_bytes(), &ParseLimits::default()).unwrap();
        assert_eq!(response.texts, chunk.texts, "{body}");
    }
}

#[test]
fn errors_answer_the_calls_of_a_request() {
    let error = |status: u16, code: Option<&'static str>| ApiError {
        status,
        message: "no \"x\"",
        kind: "k",
        param: None,
        code,
    };
    let calls = |body: &str| {
        let request = Request::parse(MCP, body.as_bytes(), &ParseLimits::default()).unwrap();
        RpcCalls::of(&request, body.as_bytes())
    };
    let text = |body: Vec<u8>| String::from_utf8(body).unwrap();
    for (body, want) in [
        (
            r#"{"id":"a\"b","method":"tools/call"}"#,
            Some(
                r#"{"jsonrpc":"2.0","id":"a\"b","error":{"code":-32010,"message":"no \"x\"","data":{"type":"k","code":"c","status":403}}}"#,
            ),
        ),
        (
            r#"[{"id":1,"method":"ping"},{"method":"notifications/initialized"},{"id":2,"result":{}},{"id":3,"method":"ping"}]"#,
            Some(
                r#"[{"jsonrpc":"2.0","id":1,"error":{"code":-32010,"message":"no \"x\"","data":{"type":"k","code":"c","status":403}}},{"jsonrpc":"2.0","id":3,"error":{"code":-32010,"message":"no \"x\"","data":{"type":"k","code":"c","status":403}}}]"#,
            ),
        ),
        (r#"{"method":"notifications/initialized"}"#, None),
        (r#"{"id":1,"result":{}}"#, None),
        (r#"{"id":null,"method":"ping"}"#, None),
    ] {
        let found = calls(body).map(|calls| text(calls.error_body(&error(403, Some("c")))));
        assert_eq!(found.as_deref(), want, "{body}");
    }
    for (status, code, want) in [
        (400, None, "-32700"),
        (404, Some("unknown_method"), "-32601"),
        (403, Some("tool_not_allowed"), "-32602"),
        (413, Some("request_too_large"), "-32600"),
        (429, Some("rate_limit_exceeded"), "-32029"),
        (502, None, "-32603"),
        (401, None, "-32011"),
    ] {
        let body = text(MCP.error_body(&error(status, code)));
        assert!(body.starts_with(&format!(r#"{{"jsonrpc":"2.0","id":null,"error":{{"code":{want},"#)), "{body}");
    }
}

proptest! {
    /// The texts of a stream do not depend on the chunks in which it arrives, and edits of them change nothing else.
    #[test]
    fn events_are_read_whatever_the_chunking(
        messages in proptest::collection::vec("[a-zé\\\\\"\n {}\\[\\],:]{0,20}", 1..5),
        cuts in proptest::collection::vec(1usize..40, 1..20),
    ) {
        let bodies: Vec<String> = messages.iter().enumerate().map(|(at, text)| {
            let text = serde_json::to_string(text).unwrap();
            match at % 3 {
                0 => format!(r#"{{"jsonrpc":"2.0","id":{at},"result":{{"content":[{{"type":"text","text":{text}}}]}}}}"#),
                1 => format!(r#"{{"jsonrpc":"2.0","method":"notifications/progress","params":{{"progressToken":1,"message":{text}}}}}"#),
                _ => format!(r#"{{"jsonrpc":"2.0","id":{at},"method":"elicitation/create","params":{{"message":{text}}}}}"#),
            }
        }).collect();
        let stream: String = bodies.iter().map(|body| format!("event: message\nid: 7\ndata: {body}\n\n")).collect();
        let (mut framer, mut parser) = (Framer::new(Framing::Sse, 1 << 20), EventParser::new(MCP));
        let (mut seen, mut out, mut rest) = (Vec::new(), Vec::new(), stream.as_bytes());
        let mut cuts = cuts.into_iter().cycle();
        while !rest.is_empty() {
            let (piece, after) = rest.split_at(cuts.next().unwrap().min(rest.len()));
            rest = after;
            framer.push(piece, |event| {
                let parsed = parser.parse(event);
                let mut edits = Edits::new();
                if let crate::EventContent::Chunk(chunk) = parsed.content() {
                    for text in &chunk.texts {
                        seen.push(text.str.decode(parsed.data()).into_owned());
                        edits.replace_text(text.str.span, &text.str.decode(parsed.data())).unwrap();
                    }
                }
                parsed.with_edits(&edits, &mut out);
                Ok::<(), ()>(())
            }).unwrap();
        }
        prop_assert_eq!(seen, messages);
        let values = |bytes: &[u8]| -> Vec<serde_json::Value> {
            let text = std::str::from_utf8(bytes).unwrap();
            text.lines().filter_map(|line| line.strip_prefix("data: ")).map(|data| serde_json::from_str(data).unwrap()).collect()
        };
        prop_assert_eq!(values(&out), values(stream.as_bytes()));
    }
}
