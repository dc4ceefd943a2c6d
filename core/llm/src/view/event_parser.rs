//! Parsing of the events of one streamed response.

use std::borrow::Cow;

use crate::view::event_shape::EventShape;
use crate::{Chunk, Dialect, Edits, Event, Framing, ParseLimits};

/// Parser of the events of one streamed response: every reader of the stream shares its result.
///
/// ```
/// use tollgate_llm::{Dialect, EventContent, EventParser, Framer, Framing};
///
/// let mut parser = EventParser::new(Dialect::OpenAiChat);
/// let mut framer = Framer::new(Framing::Sse, 1 << 10);
/// framer.push(b"data: {\"choices\":[{\"delta\":{\"content\":\"yes\"}}]}\n\ndata: [DONE]\n\n", |event| {
///     let event = parser.parse(event);
///     match event.content() {
///         EventContent::Chunk(chunk) => assert_eq!(chunk.texts[0].str.decode(event.data()), "yes"),
///         content => assert!(matches!(content, EventContent::End)),
///     }
///     Ok::<(), ()>(())
/// }).map_err(|_| "too large")?;
/// # Ok::<(), &str>(())
/// ```
#[derive(Debug)]
pub struct EventParser {
    dialect: Dialect,
    limits: ParseLimits,
    /// Content of the last event that was parsed and has no shape; reused for its allocations.
    chunk: Chunk,
    /// Last shapes of events, the most recent first: candidates of a response may take turns.
    shapes: [EventShape; 2],
}

/// Event of a streamed response with its parsed content.
#[derive(Debug)]
pub struct ParsedEvent<'a> {
    event: Event<'a>,
    data: Cow<'a, [u8]>,
    content: EventContent<'a>,
}

/// Content of an event.
#[derive(Clone, Copy, Debug)]
pub enum EventContent<'a> {
    /// The event has no data: a comment, a blank line, a bracket of an array.
    Empty,
    /// Texts, usage and state of the response.
    Chunk(&'a Chunk),
    /// End marker of the dialect (`[DONE]`).
    End,
    /// The data cannot be parsed.
    Unreadable,
}

impl EventParser {
    /// Creates the parser for a response in `dialect`.
    #[must_use]
    pub fn new(dialect: Dialect) -> EventParser {
        let (chunk, shapes) = Default::default();
        EventParser { dialect, limits: ParseLimits::default(), chunk, shapes }
    }

    /// Parses an event.
    pub fn parse<'a>(&'a mut self, event: Event<'a>) -> ParsedEvent<'a> {
        let (name, data) = event.name_and_data();
        let data = data.unwrap_or_default();
        let content = if data.is_empty() { EventContent::Empty } else { self.content(name, &data) };
        ParsedEvent { event, data, content }
    }

    fn content(&mut self, name: Option<&[u8]>, data: &[u8]) -> EventContent<'_> {
        let EventParser { dialect, limits, chunk, shapes: [recent, older] } = self;
        if recent.matches(name, data) {
            return EventContent::Chunk(recent.chunk());
        }
        if older.matches(name, data) {
            std::mem::swap(recent, older);
            return EventContent::Chunk(recent.chunk());
        }
        match chunk.parse_event(*dialect, name, data, limits) {
            Ok(true) if EventShape::can_store(name, data, chunk) => {
                std::mem::swap(recent, older);
                recent.store(name, data, chunk);
                EventContent::Chunk(recent.chunk())
            }
            Ok(true) => EventContent::Chunk(chunk),
            Ok(false) => EventContent::End,
            Err(_) => EventContent::Unreadable,
        }
    }
}

impl<'a> ParsedEvent<'a> {
    /// Returns the event as it arrived.
    #[must_use]
    pub fn event(&self) -> &Event<'a> {
        &self.event
    }

    /// Returns the original bytes, including the framing.
    #[must_use]
    pub fn raw(&self) -> &'a [u8] {
        self.event.raw()
    }

    /// Returns the payload, which the spans of the content refer to; empty if the event has none.
    #[must_use]
    pub fn data(&self) -> &[u8] {
        &self.data
    }

    /// Appends the event with edits of its data; everything else stays byte for byte, as with [`Event::with_data`].
    pub fn with_edits(&self, edits: &Edits, out: &mut Vec<u8>) {
        match self.around_data().filter(|_| edits.keep_lines()) {
            Some((before, after)) => {
                out.extend_from_slice(before);
                edits.apply_to(&self.data, out);
                out.extend_from_slice(after);
            }
            None => self.event.with_data(&edits.apply(&self.data), out),
        }
    }

    /// Returns the bytes of a server-sent event before and after its data; `None` if these depend on the data: it has several
    /// lines, or no space in front that the receiver strips.
    fn around_data(&self) -> Option<(&'a [u8], &'a [u8])> {
        let (Cow::Borrowed(data), Framing::Sse) = (&self.data, self.event.framing()) else { return None };
        let raw = self.event.raw();
        let start = data.as_ptr().addr().checked_sub(raw.as_ptr().addr())?;
        let (before, after) = (raw.get(..start)?, raw.get(start.checked_add(data.len())?..)?);
        before.ends_with(b": ").then_some((before, after))
    }

    /// Returns the parsed content.
    #[must_use]
    pub fn content(&self) -> EventContent<'_> {
        self.content
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{Framer, Framing};

    use Dialect::{
        AnthropicMessages, CohereChat, GeminiGenerate, OllamaChat, OpenAiChat, OpenAiCompletions, OpenAiResponses,
    };

    /// Events of streams, and `true` if similar ones are read by their shape. `@` is a text and `#` a number.
    const EVENTS: &[(Dialect, bool, &str)] = &[
        (
            OpenAiChat,
            true,
            r#"{"id":"c","model":"m","choices":[{"index":#,"delta":{"content":"@"}}],"usage":null,"obfuscation":"@"}"#,
        ),
        (
            OpenAiChat,
            true,
            r#"{"choices":[{"delta":{"content":"@","reasoning":"@"}},{"index":1,"delta":{"content":"@"},"x":"y"}],"model":"m"}"#,
        ),
        (
            OpenAiChat,
            true,
            r#"{"choices":[{"delta":{"tool_calls":[{"index":#,"function":{"arguments":"@"}}]}}],"model":"m"}"#,
        ),
        // The value of a discriminator decides whether it is a text.
        (OpenAiChat, false, r#"{"choices":[{"delta":{"content":[{"type":"text","text":"@"},{"type":"@","x":"y"}]}}]}"#),
        (
            OpenAiChat,
            false,
            r#"{"choices":[{"delta":{"content":"@"},"finish_reason":"@"}],"usage":{"prompt_tokens":#}}"#,
        ),
        (OpenAiChat, false, r#"{"choices":[{"delta":{"content":"@"},"logprobs":{"content":[{"token":"@"}]}}]}"#),
        (
            OpenAiCompletions,
            true,
            r#"{"model":"m","choices":[{"index":0,"text":"@","logprobs":null,"finish_reason":null}]}"#,
        ),
        (
            OpenAiResponses,
            true,
            r#"{"type":"response.output_text.delta","sequence_number":#,"item_id":"i","delta":"@","logprobs":[],"obfuscation":"@"}"#,
        ),
        (
            OpenAiResponses,
            true,
            r#"{"type":"response.function_call_arguments.delta","delta":"@","output_index":1,"sequence_number":#}"#,
        ),
        (
            AnthropicMessages,
            true,
            r#"{"type":"content_block_delta","index":1,"delta":{"type":"text_delta","text":"@"}}"#,
        ),
        (
            AnthropicMessages,
            false,
            r#"{"type":"content_block_delta","index":#,"delta":{"type":"@","partial_json":"@"}}"#,
        ),
        (
            GeminiGenerate,
            true,
            r#"{"candidates":[{"content":{"parts":[{"text":"@"}],"role":"model"},"index":0}],"modelVersion":"g"}"#,
        ),
        (OllamaChat, true, r#"{"model":"l","message":{"role":"assistant","content":"@"},"done":false}"#),
        (CohereChat, true, r#"{"type":"content-delta","index":0,"delta":{"message":{"content":{"text":"@"}}}}"#),
    ];

    /// Everything that readers of an event see.
    fn content(event: &ParsedEvent<'_>) -> String {
        match event.content() {
            EventContent::Chunk(chunk) => view(chunk),
            content => format!("{content:?}"),
        }
    }

    fn view(chunk: &Chunk) -> String {
        let Chunk { model, texts, finished, ends, choices, indexes, usage, is_error, logprobs, offsets, .. } = chunk;
        format!(
            "{model:?} {texts:?} {finished:?} {ends} {choices} {indexes:?} {usage:?} {is_error} {logprobs:?} {offsets:?}"
        )
    }

    /// Returns the number of events that were read by their shape.
    fn check(dialect: Dialect, events: &[(Option<&str>, String)]) -> usize {
        let mut parser = EventParser::new(dialect);
        let mut by_shape = 0;
        for (name, data) in events {
            let line = name.map(|name| format!("event: {name}\n")).unwrap_or_default();
            let body = format!("{line}data: {data}\n\n");
            let mut framer = Framer::new(Framing::Sse, 1 << 20);
            framer
                .push(body.as_bytes(), |event| {
                    let data = event.data().unwrap_or_default();
                    let mut chunk = Chunk::default();
                    let expected = match chunk.parse_event(dialect, event.name(), &data, &ParseLimits::default()) {
                        _ if data.is_empty() => "Empty".to_owned(),
                        Ok(true) => view(&chunk),
                        Ok(false) => "End".to_owned(),
                        Err(_) => "Unreadable".to_owned(),
                    };
                    by_shape += usize::from(parser.shapes.iter_mut().any(|shape| shape.matches(event.name(), &data)));
                    assert_eq!(content(&parser.parse(event)), expected, "{data:?} of {events:?}");
                    Ok::<(), ()>(())
                })
                .unwrap();
        }
        by_shape
    }

    #[test]
    fn similar_events_are_read_by_their_shape() {
        for (dialect, has_shape, template) in EVENTS {
            let event = |n: u32| (None, template.replace('@', &format!("w\\u0061{n}\u{e9}")).replace('#', "1"));
            let events: Vec<_> = (0..10).map(event).collect();
            assert_eq!(check(*dialect, &events), if *has_shape { 9 } else { 0 }, "{template}");
        }
    }

    #[test]
    fn edited_events_keep_the_bytes_around_their_data() {
        for (stream, replaced) in [
            ("data: {}\n\n", "x"),
            ("\u{feff}event: a\r\ndata: {}\r\nid: 1\r\n\r\n", "x"),
            ("data:{}\n\n", " x"),
            ("data: {}\ndata: 1\n\n", "x"),
            (": c\ndata: {}\nevent: b\n\n", "x\ny"),
            ("data: {}", "x"),
            ("data\n\n", "x"),
            (": c\n\n", "x"),
        ] {
            let mut framer = Framer::new(Framing::Sse, 1 << 10);
            let mut parser = EventParser::new(OpenAiChat);
            let mut each = |event: Event<'_>| {
                let data = event.data().unwrap_or_default().into_owned();
                let parsed = parser.parse(event);
                let mut edits = Edits::new();
                edits.replace(crate::Span::new(0, data.len().min(1)), replaced).unwrap();
                let (mut out, mut want) = (b"before ".to_vec(), b"before ".to_vec());
                parsed.with_edits(&edits, &mut out);
                event.with_data(&edits.apply(&data), &mut want);
                assert_eq!(String::from_utf8(out), String::from_utf8(want), "{stream:?}");
                Ok::<_, ()>(())
            };
            framer.push(stream.as_bytes(), &mut each).unwrap();
            framer.finish(&mut each).unwrap();
        }
    }

    proptest! {
        #[test]
        fn shapes_change_nothing(
            at in 0..EVENTS.len(),
            other in 0..EVENTS.len(),
            values in prop::collection::vec(("[a-z\\PC\"\\\\é😀]{0,6}", 0u32..3, 0usize..8, any::<prop::sample::Index>(), any::<u8>()), 1..12),
        ) {
            let (dialect, _, template) = EVENTS[at];
            let events: Vec<(Option<&str>, String)> = values.iter().map(|(text, number, kind, index, byte)| {
                let template = if *kind == 7 { EVENTS[other].2 } else { template };
                let text = if *kind < 5 { serde_json::to_string(text).unwrap().trim_matches('"').to_owned() } else { text.clone() };
                let mut data = template.replace('@', &text).replace('#', &number.to_string());
                if *kind == 6 {
                    let mut bytes = data.into_bytes();
                    let at = index.index(bytes.len());
                    bytes[at] = b"\"\\{}[],:0a\xc3 "[usize::from(*byte) % 12];
                    data = String::from_utf8_lossy(&bytes).replace(['\n', '\r'], " ");
                }
                let name = [None, Some("a"), Some("response.output_text.delta")][index.index(3)].filter(|_| byte % 4 == 0);
                (name, data)
            }).collect();
            check(dialect, &events);
        }
    }
}
