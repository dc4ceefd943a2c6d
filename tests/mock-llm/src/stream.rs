//! Encoder for the events of a response body, in each of the framings that providers use.

use std::time::Duration;

use crate::eventstream;
use crate::json::Json;
use crate::knobs::Knobs;

/// Bytes of a response body with the ends of its events.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Events {
    pub(crate) bytes: Vec<u8>,
    pub(crate) ends: Vec<EventEnd>,
    /// Event that reports a failure of the server; it replaces the events that the knob `cut-after` removes.
    pub(crate) failure: Vec<u8>,
}

/// End of an event, and the time that the model takes to generate it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct EventEnd {
    pub(crate) end: usize,
    pub(crate) delay: Duration,
}

impl Events {
    /// Creates a body that is one event.
    pub(crate) fn whole(bytes: Vec<u8>) -> Events {
        let event = EventEnd { end: bytes.len(), delay: Duration::ZERO };
        Events { bytes, ends: vec![event], failure: Vec::new() }
    }
}

/// Framing of events in a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Framing {
    /// Server-sent events: `event` if the event has a name, and `data`.
    Sse,
    /// One JSON document per line.
    Lines,
    /// Items of one JSON array.
    Array,
    /// Frames of Amazon's event stream.
    Frames,
}

/// Encoder of a streamed body.
#[derive(Debug)]
pub(crate) struct Stream<'k> {
    encoding: EventEncoding<'k>,
    events: Events,
    /// Output tokens so far.
    pub(crate) spent: u64,
}

impl<'k> Stream<'k> {
    pub(crate) fn new(framing: Framing, knobs: &'k Knobs) -> Stream<'k> {
        Stream { encoding: EventEncoding { framing, knobs }, events: Events::default(), spent: 0 }
    }

    /// Reserves capacity for this many events and bytes.
    pub(crate) fn reserve(&mut self, events: usize, bytes: usize) {
        self.events.ends.reserve(events);
        self.events.bytes.reserve(bytes);
    }

    /// Appends an event with `spent` output tokens. An empty `name` means that the event has none.
    pub(crate) fn event(&mut self, name: &str, spent: u64, data: impl FnOnce(&mut Vec<u8>)) {
        self.spent += spent;
        let first = self.events.ends.is_empty();
        self.encoding.write(&mut self.events.bytes, first, name, data);
        let mut delay = if first { Duration::ZERO } else { self.encoding.knobs.between_events };
        if let Some(speed) = self.encoding.knobs.tokens_per_second {
            delay += Duration::from_nanos(spent.saturating_mul(1_000_000_000) / speed.max(1));
        }
        self.events.ends.push(EventEnd { end: self.events.bytes.len(), delay });
    }

    /// Appends an event whose data is a JSON document.
    pub(crate) fn json(&mut self, name: &str, spent: u64, data: &Json) {
        self.event(name, spent, |out| data.write(out));
    }

    /// Returns the number of events so far.
    pub(crate) fn count(&self) -> usize {
        self.events.ends.len()
    }

    /// Ends the body. `failure` is name and data of the event that reports a failure of the server.
    pub(crate) fn finish(mut self, failure: (&str, impl FnOnce(&mut Vec<u8>))) -> Events {
        let first = self.encoding.knobs.cut_after == Some(0) || self.events.ends.is_empty();
        let (name, data) = failure;
        if self.encoding.framing == Framing::Frames {
            let mut payload = Vec::new();
            data(&mut payload);
            self.events.failure = eventstream::exception(name, &payload);
            return self.events;
        }
        self.encoding.write(&mut self.events.failure, first, name, data);
        if self.encoding.framing == Framing::Array {
            self.events.failure.extend_from_slice(b"\n]");
            self.events.bytes.extend_from_slice(if self.events.ends.is_empty() { b"[]" } else { b"\n]" });
            if let Some(last) = self.events.ends.last_mut() {
                last.end = self.events.bytes.len();
            }
        }
        self.events
    }
}

/// Encoding of single events.
#[derive(Debug, Clone, Copy)]
struct EventEncoding<'k> {
    framing: Framing,
    knobs: &'k Knobs,
}

impl EventEncoding<'_> {
    /// Appends an event to `out`; `first` if it is the first of the body.
    fn write(self, out: &mut Vec<u8>, first: bool, name: &str, data: impl FnOnce(&mut Vec<u8>)) {
        let line_end = self.knobs.line_end.bytes();
        match self.framing {
            Framing::Sse => {
                if self.knobs.comments {
                    out.extend_from_slice(b": keep-alive");
                    out.extend_from_slice(line_end);
                    out.extend_from_slice(line_end);
                }
                if !name.is_empty() {
                    out.extend_from_slice(b"event: ");
                    out.extend_from_slice(name.as_bytes());
                    out.extend_from_slice(line_end);
                }
                out.extend_from_slice(b"data: ");
                data(out);
                out.extend_from_slice(line_end);
                out.extend_from_slice(line_end);
            }
            Framing::Lines => {
                data(out);
                out.extend_from_slice(line_end);
            }
            Framing::Array => {
                out.extend_from_slice(if first { b"[" } else { b",\r\n" });
                data(out);
            }
            Framing::Frames => {
                let mut payload = Vec::new();
                data(&mut payload);
                out.extend_from_slice(&eventstream::event(name, &payload));
            }
        }
    }
}
