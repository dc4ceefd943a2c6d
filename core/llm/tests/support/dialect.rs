//! Checks shared by the tests of every dialect: every string is in the view, every pointer is correct, every edited
//! body parses as expected, and the result is the same for every chunking.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::{
    ApiError, Channel, Chunk, Dialect, Edits, Endpoint, Event, Framer, Framing, ParseLimits, Part, ReportedUsage,
    Request, Response, Role, StreamState, TextKind, Usage, event_stream,
};

/// Text of a request: role, kind, message index and content.
pub(crate) type RequestText = (Role, TextKind, Option<u32>, String);

/// Parses a request and checks it with [`check_request`].
pub(crate) fn parse_request(dialect: Dialect, body: &str) -> Request {
    let request = Request::parse(dialect, body.as_bytes(), &ParseLimits::default());
    let request = request.unwrap_or_else(|error| panic!("{error}: {body}"));
    check_request(&request, body);
    request
}

/// Returns the texts of a request, in order.
pub(crate) fn request_texts(dialect: Dialect, body: &str) -> Vec<RequestText> {
    let request = parse_request(dialect, body);
    let texts = request.texts.iter();
    texts.map(|text| (text.role, text.kind, text.message, text.str.decode(body.as_bytes()).into_owned())).collect()
}

/// Returns the texts like [`request_texts`], as lines for tables, with one letter for the role: `"u Content hello"`.
pub(crate) fn request_lines(dialect: Dialect, body: &str) -> Vec<String> {
    let role = |role| match role {
        Role::System => "s",
        Role::Developer => "d",
        Role::User => "u",
        Role::Assistant => "a",
        Role::Tool => "t",
        Role::Function => "f",
        Role::Tools => "T",
        Role::Other => "-",
    };
    let texts = request_texts(dialect, body);
    texts.iter().map(|(author, kind, _, text)| format!("{} {kind:?} {text}", role(*author))).collect()
}

/// Checks that every string of the body is a text of the view, a role or a discriminator; that every text is at its
/// pointer; and that every text that is a value can be replaced without changing anything else.
fn check_request(request: &Request, body: &str) {
    let value: Value = serde_json::from_str(body).unwrap();
    let texts: Vec<String> = request.texts.iter().map(|text| text.str.decode(body.as_bytes()).into_owned()).collect();
    strings(&value, "", &mut |name, text| {
        let is_exempt = ["role", "type", "detail", "stream", "status", "jsonrpc", "method"].contains(&name);
        assert!(is_exempt || texts.iter().any(|known| known == text), "{name}: no text {text} in the view of {body}");
    });
    for (at, text) in request.texts.iter().enumerate() {
        let pointer = Request::pointer(body.as_bytes(), text.str.span);
        let found = value.pointer(&pointer).unwrap_or_else(|| panic!("{pointer}"));
        let is_key = body[text.str.literal().end..].trim_start().starts_with(':');
        if is_key {
            assert!(pointer.ends_with(&texts[at].replace('~', "~0").replace('/', "~1")), "{pointer}");
            continue;
        }
        let mut edits = Edits::new();
        if text.kind == TextKind::ToolNumber {
            assert_eq!(found.to_string(), texts[at], "{pointer}");
            edits.replace(text.str.span, "\"new \\\"\\n é\"").unwrap();
        } else {
            assert_eq!(found.as_str(), Some(&*texts[at]), "{pointer}");
            edits.replace_text(text.str.span, "new \"\n é").unwrap();
        }
        let edited = edits.apply(body.as_bytes());
        let mut want = value.clone();
        *want.pointer_mut(&pointer).unwrap() = Value::from("new \"\n é");
        assert_eq!(serde_json::from_slice::<Value>(&edited).unwrap(), want);
    }
}

/// Calls `each` with the member name and the text of every string value.
fn strings(value: &Value, name: &str, each: &mut impl FnMut(&str, &str)) {
    match value {
        Value::String(text) => each(name, text),
        Value::Array(values) => values.iter().for_each(|value| strings(value, name, each)),
        Value::Object(members) => members.iter().for_each(|(name, value)| strings(value, name, each)),
        _ => {}
    }
}

/// Returns the body after [`Request::set_model`] and [`Request::include_usage`].
pub(crate) fn edited(dialect: impl Into<Endpoint>, body: &str, model: &str) -> String {
    let request = Request::parse_at(&dialect.into(), body.as_bytes(), &ParseLimits::default()).unwrap();
    let mut edits = Edits::new();
    request.set_model(model, &mut edits);
    request.include_usage(body.as_bytes(), &mut edits);
    String::from_utf8(edits.apply(body.as_bytes())).unwrap()
}

/// Contents of a response or of all events of a stream.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Output {
    pub(crate) model: Option<String>,
    /// Texts by channel: deltas joined, and repeated texts joined as well.
    pub(crate) texts: BTreeMap<Channel, String>,
    pub(crate) usage: Option<Usage>,
    pub(crate) complete: bool,
    /// Finished choices, in order.
    pub(crate) finished: Vec<u32>,
    pub(crate) ends: bool,
    pub(crate) is_error: bool,
    /// Number of events with usage only.
    pub(crate) usage_only: usize,
}

impl Output {
    /// Returns lines for tables: `"0 Content hello"`.
    pub(crate) fn lines(&self) -> Vec<String> {
        self.texts.iter().map(|(channel, text)| format!("{} {:?} {text}", channel.choice, channel.part)).collect()
    }

    /// Returns [`lines`](Output::lines) without empty texts and [`Part::Other`].
    pub(crate) fn known_lines(&self) -> Vec<String> {
        let known = self.texts.iter().filter(|(channel, text)| channel.part != Part::Other && !text.is_empty());
        known.map(|(channel, text)| format!("{} {:?} {text}", channel.choice, channel.part)).collect()
    }
}

/// Parses a whole response.
pub(crate) fn parse_response(dialect: Dialect, body: &str) -> Output {
    let response = Response::parse(dialect, body.as_bytes(), &ParseLimits::default());
    let response = response.unwrap_or_else(|error| panic!("{error}: {body}"));
    let mut output = Output {
        model: response.model.map(|model| model.decode(body.as_bytes()).into_owned()),
        usage: response.usage,
        complete: response.reported.is_some_and(|reported| reported.complete),
        is_error: response.is_error,
        ..Output::default()
    };
    for text in &response.texts {
        output.texts.entry(text.channel).or_default().push_str(&text.str.decode(body.as_bytes()));
    }
    output
}

/// Parses a stream that arrives in these pieces.
fn in_pieces<'a>(dialect: Dialect, framing: Framing, pieces: impl Iterator<Item = &'a [u8]>) -> Output {
    let (mut output, mut chunk, mut reported) = (Output::default(), Chunk::default(), None);
    let mut framer = Framer::new(framing, 1 << 20);
    let mut each = |event: Event<'_>| {
        let Some(data) = event.data() else { return Ok(()) };
        let more = chunk.parse_event(dialect, event.name(), &data, &ParseLimits::default());
        if !more.unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&data))) {
            output.ends = true;
        }
        for text in &chunk.texts {
            output.texts.entry(text.channel).or_default().push_str(&text.str.decode(&data));
        }
        ReportedUsage::merge(&mut reported, chunk.usage);
        output.model = output.model.take().or(chunk.model.map(|model| model.decode(&data).into_owned()));
        output.finished.extend_from_slice(&chunk.finished);
        output.ends |= chunk.ends;
        output.is_error |= chunk.is_error;
        output.usage_only += usize::from(chunk.is_usage_only());
        Ok::<_, ()>(())
    };
    for piece in pieces {
        framer.push(piece, &mut each).unwrap();
    }
    framer.finish(&mut each).unwrap();
    output.usage = reported.map(|reported| reported.usage());
    output.complete = reported.is_some_and(|reported| reported.complete);
    output
}

/// Parses a stream and checks that the result is the same for chunks of any size below 64 bytes and for any split in
/// two.
pub(crate) fn parse_stream(dialect: Dialect, framing: Framing, body: &[u8]) -> Output {
    let output = in_pieces(dialect, framing, [body].into_iter());
    for size in 1..body.len().min(64) {
        assert_eq!(in_pieces(dialect, framing, body.chunks(size)), output, "in pieces of {size}");
    }
    for at in 1..body.len() {
        let (a, b) = body.split_at(at);
        assert_eq!(in_pieces(dialect, framing, [a, b].into_iter()), output, "split at {at}");
    }
    output
}

/// Returns a stream of server-sent events named after the `type` of their data, like those of Anthropic, Cohere and
/// OpenAI Responses.
pub(crate) fn typed_events(data: &[&str]) -> Vec<u8> {
    let mut body = String::new();
    for data in data {
        let value: Value = serde_json::from_str(data).unwrap();
        body += &format!("event: {}\ndata: {data}\n\n", value["type"].as_str().unwrap());
    }
    body.into_bytes()
}

/// Returns the error body and the data of the error event as serde_json parses them, for an error with characters that
/// need escapes.
pub(crate) fn error_json(dialect: Dialect, status: u16) -> (Value, Value) {
    let error = ApiError {
        status,
        message: "no \"more\"\nfor you\u{0}",
        kind: "insufficient_quota",
        param: Some("model"),
        code: Some("a\\b"),
    };
    let body = dialect.error_body(&error);
    let event = dialect.error_event(Framing::Sse, &StreamState::sent(), &error);
    let mut data = None;
    let mut framer = Framer::new(Framing::Sse, 1 << 20);
    let pushed = framer.push(&event, |event| {
        data = event.data().map(|data| data.into_owned());
        assert!(Chunk::parse(dialect, data.as_ref().unwrap(), &ParseLimits::default()).unwrap().unwrap().is_error);
        Ok::<_, ()>(())
    });
    assert!(pushed.is_ok() && framer.pending().is_empty());
    assert!(Response::parse(dialect, &body, &ParseLimits::default()).unwrap().is_error);
    (serde_json::from_slice(&body).unwrap(), serde_json::from_slice(&data.unwrap()).unwrap())
}

/// Returns messages of the AWS event stream with these names and payloads.
pub(crate) fn frames(events: &[(&str, &str)]) -> Vec<u8> {
    let mut body = Vec::new();
    for (name, payload) in events {
        let kind = if name.ends_with("Exception") { ":exception-type" } else { ":event-type" };
        let message = if name.ends_with("Exception") { "exception" } else { "event" };
        let headers = [(kind, *name), (":content-type", "application/json"), (":message-type", message)];
        event_stream::write(&headers, payload.as_bytes(), &mut body);
    }
    body
}

/// Checks that replacing the text `Hel` by `J"a` in a stream gives the expected stream, for several chunk sizes.
pub(crate) fn check_stream_edit(dialect: Dialect, framing: Framing, body: &[u8], want: &[u8]) {
    for size in [body.len(), 1, 50] {
        let mut out = Vec::new();
        let (mut framer, mut chunk) = (Framer::new(framing, 1 << 20), Chunk::default());
        for piece in body.chunks(size) {
            let pushed = framer.push(piece, |event: Event<'_>| {
                let data = event.data().unwrap();
                assert!(chunk.parse_event(dialect, event.name(), &data, &ParseLimits::default()).unwrap());
                let mut edits = Edits::new();
                for text in chunk.texts.iter().filter(|text| text.str.decode(&data) == "Hel") {
                    edits.replace_text(text.str.span, "J\"a").unwrap();
                }
                event.with_data(&edits.apply(&data), &mut out);
                Ok::<_, ()>(())
            });
            pushed.unwrap();
        }
        assert!(out == want, "{dialect:?} in pieces of {size}");
    }
}
