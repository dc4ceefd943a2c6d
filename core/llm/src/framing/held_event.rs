//! Event that is kept after the bytes it was read from are gone.

use super::{AnyEvent, Event, event_stream, json_array, json_lines, sse};
use crate::Edits;

/// Event of a streamed response that is kept, because it is not known yet whether it may leave as it is.
#[derive(Clone, Debug)]
pub struct HeldEvent {
    raw: Box<[u8]>,
    kind: Kind,
}

/// Facts about an event besides its bytes.
#[derive(Clone, Copy, Debug)]
enum Kind {
    /// `true` if it begins with a byte order mark that counts as one.
    Sse(bool),
    JsonLines,
    /// Number of bytes of the element.
    JsonArray(usize),
    EventStream,
}

impl Event<'_> {
    /// Returns a copy that can be kept.
    #[must_use]
    pub fn to_held(&self) -> HeldEvent {
        let kind = match &self.inner {
            AnyEvent::Sse(event) => Kind::Sse(event.has_bom()),
            AnyEvent::JsonLines(_) => Kind::JsonLines,
            AnyEvent::JsonArray(event) => Kind::JsonArray(event.data_len()),
            AnyEvent::EventStream(_) => Kind::EventStream,
        };
        HeldEvent { raw: self.raw().into(), kind }
    }
}

impl HeldEvent {
    /// Returns the event.
    #[must_use]
    pub fn event(&self) -> Event<'_> {
        let inner = match self.kind {
            Kind::Sse(is_first) => AnyEvent::Sse(sse::SseEvent::new(&self.raw, is_first)),
            Kind::JsonLines => AnyEvent::JsonLines(json_lines::JsonLine::new(&self.raw)),
            Kind::JsonArray(data) => AnyEvent::JsonArray(json_array::ArrayElement::new(&self.raw, data)),
            Kind::EventStream => AnyEvent::EventStream(event_stream::EventStreamMessage::new(&self.raw)),
        };
        Event { inner }
    }

    /// Returns the number of bytes of the event.
    #[must_use]
    pub fn len(&self) -> usize {
        self.raw.len()
    }

    /// Returns `true` if the event has no bytes.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.raw.is_empty()
    }

    /// Appends the event with edits of its data; everything else stays byte for byte, except lengths and checksums.
    pub fn with_edits(&self, edits: &Edits, out: &mut Vec<u8>) {
        match self.event().data().filter(|_| !edits.is_empty()) {
            Some(data) => self.event().with_data(&edits.apply(&data), out),
            None => out.extend_from_slice(&self.raw),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Framer, Framing, Span};

    #[test]
    fn held_events_are_written_like_the_events_they_were_made_from() {
        let mut frame = Vec::new();
        event_stream::write(&[(":message-type", "event"), (":event-type", "e")], b"{\"a\":1}", &mut frame);
        for (framing, body) in [
            (
                Framing::Sse,
                b"\xef\xbb\xbfevent: a\r\ndata: {\"a\":\r\ndata: 1}\r\n\r\n: c\n\ndata:{\"a\":1}\n\n".to_vec(),
            ),
            (Framing::JsonLines, b" {\"a\":1} \n\n{\"b\":2}".to_vec()),
            (Framing::JsonArray, b"[{\"a\":1},\r\n{\"b\":2}\n]".to_vec()),
            (Framing::EventStream, [frame.clone(), frame].concat()),
        ] {
            let mut each = |event: Event<'_>| {
                let held = event.to_held();
                assert_eq!((held.len(), held.is_empty()), (event.raw().len(), event.raw().is_empty()));
                let mut edits = Edits::new();
                let (mut out, mut want) = (Vec::new(), Vec::new());
                held.with_edits(&edits, &mut out);
                assert_eq!(out, event.raw(), "{framing:?}");
                let data = event.data().unwrap_or_default().into_owned();
                edits.replace(Span::new(0, data.len().min(1)), "xyz").unwrap();
                out.clear();
                held.with_edits(&edits, &mut out);
                event.with_data(&edits.apply(&data), &mut want);
                assert_eq!(out, want, "{framing:?}");
                Ok::<_, ()>(())
            };
            let mut framer = Framer::new(framing, 1 << 10);
            framer.push(&body, &mut each).unwrap();
            framer.finish(&mut each).unwrap();
        }
    }
}
