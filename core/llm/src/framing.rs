//! Splitting a streamed response into events, behind one type.
//!
//! Callers read events without knowing whether they arrived as server-sent events, as lines or in binary frames. Every
//! framer guarantees the same: any chunking of the input gives the same events; the raw bytes of all events plus the
//! [`pending`](Framer::pending) bytes are the input, byte for byte; the size of one event is bounded.

use std::borrow::Cow;

use crate::Dialect;
use large_event::{CondensedEvent, HeldData, LargeEvents};
use splitter::FrameError;

pub(crate) mod body_start;
pub mod event_stream;
pub(crate) mod held_event;
pub mod json_array;
pub mod json_lines;
pub(crate) mod large_event;
pub(crate) mod splitter;
pub mod sse;

/// Format that divides a body into events.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Framing {
    /// Server-sent events (`text/event-stream`).
    Sse,
    /// One JSON value per line (`application/x-ndjson`).
    JsonLines,
    /// The elements of one JSON array.
    JsonArray,
    /// Binary frames (`application/vnd.amazon.eventstream`).
    EventStream,
}

impl Framing {
    /// Returns the framing of a `content-type`, ignoring its parameters; `None` if it is not a stream of events.
    #[must_use]
    pub fn from_content_type(content_type: &[u8]) -> Option<Framing> {
        let media = content_type.split(|byte| *byte == b';').next().unwrap_or_default().trim_ascii();
        let is = |name: &str| media.eq_ignore_ascii_case(name.as_bytes());
        if is("text/event-stream") {
            Some(Framing::Sse)
        } else if is("application/x-ndjson") || is("application/ndjson") || is("application/jsonl") {
            Some(Framing::JsonLines)
        } else if is("application/vnd.amazon.eventstream") {
            Some(Framing::EventStream)
        } else {
            None
        }
    }
}

/// Splits a body into events, however it is chunked.
#[derive(Clone, Debug)]
pub struct Framer {
    inner: AnyFramer,
}

/// Framer of any framing.
#[derive(Clone, Debug)]
enum AnyFramer {
    Sse(sse::SseFramer),
    JsonLines(json_lines::JsonLinesFramer),
    JsonArray(json_array::JsonArrayFramer),
    EventStream(event_stream::EventStreamFramer),
}

/// One event of a streamed response, with its original bytes.
#[derive(Clone, Copy, Debug)]
pub struct Event<'a> {
    inner: AnyEvent<'a>,
}

/// Event of any framing.
#[derive(Clone, Copy, Debug)]
enum AnyEvent<'a> {
    Sse(sse::SseEvent<'a>),
    JsonLines(json_lines::JsonLine<'a>),
    JsonArray(json_array::ArrayElement<'a>),
    EventStream(event_stream::EventStreamMessage<'a>),
}

impl Framer {
    /// Creates a framer at the start of a body. `max_event_bytes` bounds one event including its framing, and therefore
    /// the bytes held between pushes.
    #[must_use]
    pub fn new(framing: Framing, max_event_bytes: usize) -> Framer {
        let inner = match framing {
            Framing::Sse => AnyFramer::Sse(sse::SseFramer::new(max_event_bytes)),
            Framing::JsonLines => AnyFramer::JsonLines(json_lines::JsonLinesFramer::new(max_event_bytes)),
            Framing::JsonArray => AnyFramer::JsonArray(json_array::JsonArrayFramer::new(max_event_bytes)),
            Framing::EventStream => AnyFramer::EventStream(event_stream::EventStreamFramer::new(max_event_bytes)),
        };
        Framer { inner }
    }

    /// Allows events of up to `max_bytes` that are within the limit without base64 data, lists of numbers and repetitions of the
    /// request. Binary frames (`EventStream`) have their own maximum.
    #[must_use]
    pub fn holding_data(self, dialect: Dialect, max_bytes: usize) -> Framer {
        self.with_large(|by_line| LargeEvents::Held(HeldData::new(dialect, by_line, max_bytes)))
    }

    /// Condenses events above the limit (see [`Condenser`](crate::Condenser)), for a reader that does not change the stream.
    /// Their bytes are not the original ones.
    #[must_use]
    pub fn condensing(self, dialect: Dialect) -> Framer {
        self.with_large(|by_line| LargeEvents::Condensed(CondensedEvent::new(dialect, by_line)))
    }

    fn with_large(mut self, large: impl FnOnce(bool) -> LargeEvents) -> Framer {
        match &mut self.inner {
            AnyFramer::Sse(framer) => framer.set_large(large(true)),
            AnyFramer::JsonLines(framer) => framer.set_large(large(true)),
            AnyFramer::JsonArray(framer) => framer.set_large(large(false)),
            AnyFramer::EventStream(_) => {}
        }
        self
    }

    /// Returns the bytes of texts that were left out of condensed events.
    #[must_use]
    pub fn elided_text(&self) -> u64 {
        match &self.inner {
            AnyFramer::Sse(framer) => framer.elided_text(),
            AnyFramer::JsonLines(framer) => framer.elided_text(),
            AnyFramer::JsonArray(framer) => framer.elided_text(),
            AnyFramer::EventStream(_) => 0,
        }
    }

    /// Returns the format that this framer reads.
    #[must_use]
    pub fn framing(&self) -> Framing {
        match &self.inner {
            AnyFramer::Sse(_) => Framing::Sse,
            AnyFramer::JsonLines(_) => Framing::JsonLines,
            AnyFramer::JsonArray(_) => Framing::JsonArray,
            AnyFramer::EventStream(_) => Framing::EventStream,
        }
    }

    /// Feeds bytes and calls `each` for every completed event, in order.
    ///
    /// # Errors
    /// [`FrameError::TooLarge`] or [`FrameError::Malformed`]: the bytes not handed out stay
    /// [`pending`](Framer::pending), and later pushes consume nothing. [`FrameError::Callback`] with the error of
    /// `each`: the bytes after the event it was called with stay pending, and the next push continues there.
    pub fn push<E>(
        &mut self,
        bytes: &[u8],
        mut each: impl FnMut(Event<'_>) -> Result<(), E>,
    ) -> Result<(), FrameError<E>> {
        match &mut self.inner {
            AnyFramer::Sse(framer) => framer.push(bytes, |event| each(Event { inner: AnyEvent::Sse(event) })),
            AnyFramer::JsonLines(framer) => {
                framer.push(bytes, |event| each(Event { inner: AnyEvent::JsonLines(event) }))
            }
            AnyFramer::JsonArray(framer) => {
                framer.push(bytes, |event| each(Event { inner: AnyEvent::JsonArray(event) }))
            }
            AnyFramer::EventStream(framer) => {
                framer.push(bytes, |event| each(Event { inner: AnyEvent::EventStream(event) }))
            }
        }
    }

    /// Returns the bytes that were not handed out yet: the unfinished event at the end.
    #[must_use]
    pub fn pending(&self) -> &[u8] {
        match &self.inner {
            AnyFramer::Sse(framer) => framer.pending(),
            AnyFramer::JsonLines(framer) => framer.pending(),
            AnyFramer::JsonArray(framer) => framer.pending(),
            AnyFramer::EventStream(framer) => framer.pending(),
        }
    }

    /// Ends the body: hands out the held bytes as a last event. The framer is empty afterwards, ready for another body.
    ///
    /// # Errors
    /// The error of `each`; [`FrameError::TooLarge`] or [`FrameError::Malformed`] if a push failed with it: the held
    /// bytes are dropped then.
    pub fn finish<E>(&mut self, mut each: impl FnMut(Event<'_>) -> Result<(), E>) -> Result<(), FrameError<E>> {
        match &mut self.inner {
            AnyFramer::Sse(framer) => framer.finish(|event| each(Event { inner: AnyEvent::Sse(event) })),
            AnyFramer::JsonLines(framer) => framer.finish(|event| each(Event { inner: AnyEvent::JsonLines(event) })),
            AnyFramer::JsonArray(framer) => framer.finish(|event| each(Event { inner: AnyEvent::JsonArray(event) })),
            AnyFramer::EventStream(framer) => {
                framer.finish(|event| each(Event { inner: AnyEvent::EventStream(event) }))
            }
        }
    }
}

impl<'a> Event<'a> {
    /// Returns the original bytes, including the framing.
    #[must_use]
    pub fn raw(&self) -> &'a [u8] {
        match &self.inner {
            AnyEvent::Sse(event) => event.raw(),
            AnyEvent::JsonLines(event) => event.raw(),
            AnyEvent::JsonArray(event) => event.raw(),
            AnyEvent::EventStream(event) => event.raw(),
        }
    }

    /// Returns the name that the framing gives the event (`event:`, `:event-type`), if any.
    #[must_use]
    pub fn name(&self) -> Option<&'a [u8]> {
        match &self.inner {
            AnyEvent::Sse(event) => event.name(),
            AnyEvent::JsonLines(_) | AnyEvent::JsonArray(_) => None,
            AnyEvent::EventStream(event) => event.name(),
        }
    }

    /// Returns the payload; `None` for events that are framing only (comments, blank lines, brackets).
    #[must_use]
    pub fn data(&self) -> Option<Cow<'a, [u8]>> {
        match &self.inner {
            AnyEvent::Sse(event) => event.data(),
            AnyEvent::JsonLines(event) => event.data(),
            AnyEvent::JsonArray(event) => event.data(),
            AnyEvent::EventStream(event) => event.data(),
        }
    }

    /// Returns [`name`](Self::name) and [`data`](Self::data).
    pub(crate) fn name_and_data(&self) -> (Option<&'a [u8]>, Option<Cow<'a, [u8]>>) {
        match &self.inner {
            AnyEvent::Sse(event) => event.name_and_data(),
            _ => (self.name(), self.data()),
        }
    }

    /// Returns the lines of a server-sent event that are not data and not empty: comments, names, ids, and lines that are no
    /// field. Other framings have none.
    pub fn other_lines(&self) -> impl Iterator<Item = sse::OtherLine<'a>> + use<'a> {
        match &self.inner {
            AnyEvent::Sse(event) => Some(event.other_lines()),
            _ => None,
        }
        .into_iter()
        .flatten()
    }

    /// Appends the event with its data replaced; everything else stays byte for byte, except lengths and checksums. An
    /// event without data is appended unchanged.
    pub fn with_data(&self, data: &[u8], out: &mut Vec<u8>) {
        match &self.inner {
            AnyEvent::Sse(event) => event.with_data(data, out),
            AnyEvent::JsonLines(event) => event.with_data(data, out),
            AnyEvent::JsonArray(event) => event.with_data(data, out),
            AnyEvent::EventStream(event) => event.with_data(data, out),
        }
    }

    /// Returns the format that the event was read in.
    #[must_use]
    pub fn framing(&self) -> Framing {
        match &self.inner {
            AnyEvent::Sse(_) => Framing::Sse,
            AnyEvent::JsonLines(_) => Framing::JsonLines,
            AnyEvent::JsonArray(_) => Framing::JsonArray,
            AnyEvent::EventStream(_) => Framing::EventStream,
        }
    }

    /// Returns `true` if no event can follow: this is the end of an array.
    #[must_use]
    pub fn is_last(&self) -> bool {
        match &self.inner {
            AnyEvent::JsonArray(event) => event.data().is_none() && event.raw().contains(&b']'),
            AnyEvent::Sse(_) | AnyEvent::JsonLines(_) | AnyEvent::EventStream(_) => false,
        }
    }

    /// Returns `true` if a receiver considers the event complete: the last one of a body may lack its terminator.
    #[must_use]
    pub fn is_terminated(&self) -> bool {
        match &self.inner {
            AnyEvent::Sse(event) => is_terminated(event.raw()),
            AnyEvent::JsonLines(event) => event.raw().ends_with(b"\n"),
            AnyEvent::JsonArray(_) => true,
            AnyEvent::EventStream(event) => event.is_whole(),
        }
    }

    /// Returns what an event needs besides its data to be of the same kind as this one.
    #[must_use]
    pub fn envelope(&self) -> Envelope {
        let inner = match &self.inner {
            AnyEvent::Sse(event) => AnyEnvelope::Sse(event.name().map(Box::from)),
            AnyEvent::JsonLines(_) => AnyEnvelope::JsonLines,
            AnyEvent::JsonArray(_) => AnyEnvelope::JsonArray,
            AnyEvent::EventStream(event) => {
                let mut frame = Vec::new();
                event.with_data(b"{}", &mut frame);
                AnyEnvelope::EventStream(frame.into())
            }
        };
        Envelope { inner }
    }
}

/// Framing around the data of an event, used to write additional events of the same kind as a received one.
#[derive(Clone, Debug)]
pub struct Envelope {
    inner: AnyEnvelope,
}

/// Envelope of any framing.
#[derive(Clone, Debug)]
enum AnyEnvelope {
    /// Event name.
    Sse(Option<Box<[u8]>>),
    JsonLines,
    JsonArray,
    /// Frame with the original headers and a minimal payload.
    EventStream(Box<[u8]>),
}

impl Envelope {
    /// Appends an event with this data, which must be one line. An event of the same kind must have been sent before,
    /// and the event before this one must be terminated.
    pub fn write(&self, data: &[u8], out: &mut Vec<u8>) {
        match &self.inner {
            AnyEnvelope::Sse(name) => write_sse(name.as_deref().unwrap_or_default(), data, out),
            AnyEnvelope::JsonLines => {
                out.extend_from_slice(data);
                out.push(b'\n');
            }
            AnyEnvelope::JsonArray => {
                out.push(b',');
                out.extend_from_slice(data);
            }
            AnyEnvelope::EventStream(frame) => {
                let written = event_stream::EventStreamFramer::new(frame.len()).push(frame, |event| {
                    event.with_data(data, out);
                    Ok::<_, ()>(())
                });
                // It was a valid frame when it was stored.
                debug_assert!(written.is_ok());
            }
        }
    }
}

impl Framing {
    /// Appends the terminator that an unterminated event lacks ([`Event::is_terminated`]), so that another event can
    /// follow.
    pub fn terminate(self, out: &mut Vec<u8>) {
        match self {
            Framing::Sse => out.extend_from_slice(b"\n\n"),
            Framing::JsonLines => out.push(b'\n'),
            Framing::JsonArray | Framing::EventStream => {}
        }
    }

    /// Appends the event that ends a stream with an error. `name` may be empty; `data` is one line; `is_started` is
    /// `true` if an event was sent before.
    pub(crate) fn error(self, name: &str, data: &[u8], is_started: bool, out: &mut Vec<u8>) {
        match self {
            Framing::Sse => write_sse(name.as_bytes(), data, out),
            Framing::JsonLines => {
                out.extend_from_slice(data);
                out.push(b'\n');
            }
            Framing::JsonArray => json_array::close_with(is_started, data, out),
            Framing::EventStream => {
                let headers =
                    [(":message-type", "exception"), (":exception-type", name), (":content-type", "application/json")];
                event_stream::write(&headers, data, out);
            }
        }
    }

    /// Appends an event with these data, one line, as the last or one of the last of a stream that has begun.
    pub(crate) fn last_event(self, name: &str, data: &[u8], out: &mut Vec<u8>) {
        match self {
            Framing::EventStream => {
                let headers =
                    [(":message-type", "event"), (":event-type", name), (":content-type", "application/json")];
                event_stream::write(&headers, data, out);
            }
            _ => self.error(name, data, true, out),
        }
    }
}

fn write_sse(name: &[u8], data: &[u8], out: &mut Vec<u8>) {
    if !name.is_empty() {
        out.extend_from_slice(b"event: ");
        out.extend_from_slice(name);
        out.push(b'\n');
    }
    out.extend_from_slice(b"data: ");
    out.extend_from_slice(data);
    out.extend_from_slice(b"\n\n");
}

/// Returns `true` if an event ends with an empty line.
fn is_terminated(raw: &[u8]) -> bool {
    [&b"\n\n"[..], b"\r\r", b"\r\n\r\n", b"\n\r\n"].iter().any(|end| raw.ends_with(end))
        || [&b"\n"[..], b"\r", b"\r\n"].contains(&raw)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [Framing; 4] = [Framing::Sse, Framing::JsonLines, Framing::JsonArray, Framing::EventStream];

    /// Returns a stream of these values.
    fn stream(framing: Framing, values: &[&str]) -> Vec<u8> {
        let mut out = Vec::new();
        for (at, value) in values.iter().enumerate() {
            match framing {
                Framing::Sse => write_sse(b"e", value.as_bytes(), &mut out),
                Framing::JsonLines => out.extend_from_slice(format!("{value}\n").as_bytes()),
                Framing::JsonArray => {
                    out.extend_from_slice(if at == 0 { b"[" } else { b",\r\n" });
                    out.extend_from_slice(value.as_bytes());
                }
                Framing::EventStream => {
                    event_stream::write(
                        &[(":message-type", "event"), (":event-type", "e")],
                        value.as_bytes(),
                        &mut out,
                    );
                }
            }
        }
        out
    }

    fn values(framing: Framing, body: &[u8]) -> Vec<String> {
        let (mut framer, mut values) = (Framer::new(framing, 1 << 20), Vec::new());
        let mut each = |event: Event<'_>| {
            values.extend(event.data().map(|data| String::from_utf8(data.into_owned()).unwrap()));
            Ok::<_, ()>(())
        };
        framer.push(body, &mut each).unwrap();
        framer.finish(&mut each).unwrap();
        values
    }

    #[test]
    fn all_framings_behave_alike() {
        for framing in ALL {
            let body = stream(framing, &["{\"a\":1}", "{\"b\":2}"]);
            for size in 1..=body.len() {
                let (mut framer, mut raw, mut edited) = (Framer::new(framing, 1 << 20), Vec::new(), Vec::new());
                let mut count = 0;
                for piece in body.chunks(size) {
                    let pushed = framer.push(piece, |event| {
                        assert_eq!((event.framing(), event.is_terminated()), (framing, true));
                        assert_eq!(
                            event.name(),
                            Some(&b"e"[..]).filter(|_| [Framing::Sse, Framing::EventStream].contains(&framing))
                        );
                        raw.extend_from_slice(event.raw());
                        event.with_data(b"{}", &mut edited);
                        event.envelope().write(b"[7]", &mut edited);
                        count += 1;
                        Ok::<_, ()>(())
                    });
                    pushed.unwrap();
                }
                assert_eq!((framer.framing(), count), (framing, 2));
                raw.extend_from_slice(framer.pending());
                assert_eq!(raw, body, "{framing:?}");
                assert_eq!(values(framing, &edited), ["{}", "[7]", "{}", "[7]"], "{framing:?}");
            }
        }
    }

    #[test]
    fn error_is_the_last_event_at_any_point_of_a_stream() {
        for framing in ALL {
            for is_started in [true, false] {
                let mut body = stream(framing, if is_started { &["{}"] } else { &[] });
                framing.error("oops", b"{\"error\":1}", is_started, &mut body);
                assert_eq!(values(framing, &body).last().unwrap(), "{\"error\":1}", "{framing:?}");
                if framing == Framing::JsonArray {
                    assert!(serde_json::from_slice::<serde_json::Value>(&body).is_ok());
                }
            }
        }
    }

    #[test]
    fn framing_is_detected_by_content_type() {
        for (content_type, want) in [
            ("text/event-stream; charset=utf-8", Some(Framing::Sse)),
            ("Application/X-NDJSON", Some(Framing::JsonLines)),
            ("application/vnd.amazon.eventstream", Some(Framing::EventStream)),
            ("application/json", None),
            ("", None),
        ] {
            assert_eq!(Framing::from_content_type(content_type.as_bytes()), want, "{content_type}");
        }
    }
}
