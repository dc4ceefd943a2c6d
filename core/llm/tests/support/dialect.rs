//! Checks shared by the tests of every dialect: no string unseen, every pointer correct, every edit parsed again, and
//! the same result for every chunking.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::{
    ApiError, Channel, Chunk, Dialect, Edits, Endpoint, Event, Framer, Framing, ParseLimits, Part, ReportedUsage,
    Request, Response, Role, StreamState, TextKind, Usage,
};

/// Text of a request: role, kind, message index and content.
pub(crate) type Asked = (Role, TextKind, Option<u32>, String);

/// Parses a request after checking everything that holds for all requests: see [`prove`].
pub(crate) fn request(dialect: Dialect, body: &str) -> Request {
    let request = Request::parse(dialect, body.as_bytes(), &ParseLimits::default());
    let request = request.unwrap_or_else(|error| panic!("{error}: {body}"));
    prove(&request, body);
    request
}

pub(crate) fn asked(dialect: Dialect, body: &str) -> Vec<Asked> {
    let request = request(dialect, body);
    let texts = request.texts.iter();
    texts.map(|text| (text.role, text.kind, text.message, text.str.decode(body.as_bytes()).into_owned())).collect()
}

/// Returns the texts like [`asked`], as lines for tables, with one letter for the role: `"u Content hello"`.
pub(crate) fn told(dialect: Dialect, body: &str) -> Vec<String> {
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
    asked(dialect, body).iter().map(|(who, kind, _, text)| format!("{} {kind:?} {text}", role(*who))).collect()
}

/// Checks that every string of the body is a text of the view, a role or a discriminator; that every text is at its
/// pointer; and that every text that is a value can be replaced without changing anything else.
fn prove(request: &Request, body: &str) {
    let value: Value = serde_json::from_str(body).unwrap();
    let seen: Vec<String> = request.texts.iter().map(|text| text.str.decode(body.as_bytes()).into_owned()).collect();
    strings(&value, "", &mut |name, text| {
        let silent = ["role", "type", "detail", "stream", "status"].contains(&name);
        assert!(silent || seen.iter().any(|seen| seen == text), "{name}: {text} is unseen in {body}");
    });
    for (at, text) in request.texts.iter().enumerate() {
        let pointer = Request::pointer(body.as_bytes(), text.str.span);
        let there = value.pointer(&pointer).unwrap_or_else(|| panic!("{pointer}"));
        let is_key = body[text.str.literal().end..].trim_start().starts_with(':');
        if is_key {
            assert!(pointer.ends_with(&seen[at].replace('~', "~0").replace('/', "~1")), "{pointer}");
            continue;
        }
        assert_eq!(there.as_str(), Some(&*seen[at]), "{pointer}");
        let mut edits = Edits::new();
        edits.replace_text(text.str.span, "new \"\n é").unwrap();
        let edited = edits.apply(body.as_bytes());
        let mut want = value.clone();
        *want.pointer_mut(&pointer).unwrap() = Value::from("new \"\n é");
        assert_eq!(serde_json::from_slice::<Value>(&edited).unwrap(), want);
    }
}

fn strings(value: &Value, name: &str, each: &mut impl FnMut(&str, &str)) {
    match value {
        Value::String(text) => each(name, text),
        Value::Array(values) => values.iter().for_each(|value| strings(value, name, each)),
        Value::Object(members) => members.iter().for_each(|(name, value)| strings(value, name, each)),
        _ => {}
    }
}

/// Returns the body with its model replaced, and with usage requested.
pub(crate) fn edited(dialect: impl Into<Endpoint>, body: &str, model: &str) -> String {
    let request = Request::parse_at(&dialect.into(), body.as_bytes(), &ParseLimits::default()).unwrap();
    let mut edits = Edits::new();
    request.set_model(model, &mut edits);
    request.ask_for_usage(body.as_bytes(), &mut edits);
    String::from_utf8(edits.apply(body.as_bytes())).unwrap()
}

/// Content of a response.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Heard {
    pub(crate) model: Option<String>,
    /// Joined pieces by channel. Repeated and whole texts are joined as well.
    pub(crate) said: BTreeMap<Channel, String>,
    pub(crate) usage: Option<Usage>,
    pub(crate) complete: bool,
    /// Finished candidates, in order.
    pub(crate) finished: Vec<u32>,
    pub(crate) ends: bool,
    pub(crate) is_error: bool,
    /// Number of events with usage only.
    pub(crate) usage_only: usize,
}

impl Heard {
    /// Returns lines for tables: `"0 Content hello"`.
    pub(crate) fn lines(&self) -> Vec<String> {
        self.said.iter().map(|(channel, text)| format!("{} {:?} {text}", channel.choice, channel.part)).collect()
    }

    /// Returns [`lines`](Heard::lines) without strings in unknown places, such as identifiers.
    pub(crate) fn meant(&self) -> Vec<String> {
        let meant = self.said.iter().filter(|(channel, text)| channel.part != Part::Other && !text.is_empty());
        meant.map(|(channel, text)| format!("{} {:?} {text}", channel.choice, channel.part)).collect()
    }
}

pub(crate) fn whole(dialect: Dialect, body: &str) -> Heard {
    let response = Response::parse(dialect, body.as_bytes(), &ParseLimits::default());
    let response = response.unwrap_or_else(|error| panic!("{error}: {body}"));
    let mut heard = Heard {
        model: response.model.map(|model| model.decode(body.as_bytes()).into_owned()),
        usage: response.usage,
        complete: response.reported.is_some_and(|reported| reported.complete),
        is_error: response.is_error,
        ..Heard::default()
    };
    for text in &response.texts {
        heard.said.entry(text.channel).or_default().push_str(&text.str.decode(body.as_bytes()));
    }
    heard
}

fn in_pieces<'a>(dialect: Dialect, framing: Framing, pieces: impl Iterator<Item = &'a [u8]>) -> Heard {
    let (mut heard, mut chunk, mut reported) = (Heard::default(), Chunk::default(), None);
    let mut framer = Framer::new(framing, 1 << 20);
    let mut each = |event: Event<'_>| {
        let Some(data) = event.data() else { return Ok(()) };
        let more = chunk.parse_event(dialect, event.name(), &data, &ParseLimits::default());
        if !more.unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&data))) {
            heard.ends = true;
        }
        for text in &chunk.texts {
            heard.said.entry(text.channel).or_default().push_str(&text.str.decode(&data));
        }
        ReportedUsage::merge(&mut reported, chunk.usage);
        heard.model = heard.model.take().or(chunk.model.map(|model| model.decode(&data).into_owned()));
        heard.finished.extend_from_slice(&chunk.finished);
        heard.ends |= chunk.ends;
        heard.is_error |= chunk.is_error;
        heard.usage_only += usize::from(chunk.is_usage_only());
        Ok::<_, ()>(())
    };
    for piece in pieces {
        framer.push(piece, &mut each).unwrap();
    }
    framer.finish(&mut each).unwrap();
    heard.usage = reported.map(|reported| reported.usage());
    heard.complete = reported.is_some_and(|reported| reported.complete);
    heard
}

/// Parses a stream after checking that it gives the same result in chunks of any one size and when split in two
/// anywhere.
pub(crate) fn streamed(dialect: Dialect, framing: Framing, body: &[u8]) -> Heard {
    let heard = in_pieces(dialect, framing, [body].into_iter());
    for size in 1..body.len().min(64) {
        assert_eq!(in_pieces(dialect, framing, body.chunks(size)), heard, "in pieces of {size}");
    }
    for at in 1..body.len() {
        let (a, b) = body.split_at(at);
        assert_eq!(in_pieces(dialect, framing, [a, b].into_iter()), heard, "cut at {at}");
    }
    heard
}

/// Returns a stream of server-sent events named after the `type` of their data, like those of Anthropic and OpenAI
/// Responses.
pub(crate) fn typed_events(data: &[&str]) -> Vec<u8> {
    let mut body = String::new();
    for data in data {
        let value: Value = serde_json::from_str(data).unwrap();
        body += &format!("event: {}\ndata: {data}\n\n", value["type"].as_str().unwrap());
    }
    body.into_bytes()
}

/// Returns the error body and the data of the error event, parsed by serde_json, for an error with every awkward
/// character.
pub(crate) fn errors(dialect: Dialect, status: u16) -> (Value, Value) {
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
