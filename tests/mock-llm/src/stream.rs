//! The bytes of a body and where its events end, in each of the ways in which providers send events.

use std::time::Duration;

use crate::eventstream;
use crate::json::Json;
use crate::knobs::Knobs;

/// The bytes of a body and where its events end.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Events {
    pub(crate) bytes: Vec<u8>,
    pub(crate) ends: Vec<Event>,
    /// The event by which this server says that it failed, to stand in the place of what is cut off.
    pub(crate) failure: Vec<u8>,
}

/// One event: where it ends, and how long the model takes to produce it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Event {
    pub(crate) end: usize,
    pub(crate) takes: Duration,
}

impl Events {
    /// A body that is one event.
    pub(crate) fn whole(bytes: Vec<u8>) -> Events {
        let event = Event { end: bytes.len(), takes: Duration::ZERO };
        Events { bytes, ends: vec![event], failure: Vec::new() }
    }
}

/// How events are told apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Framing {
    /// Server-sent events: `event`, if it has a name, and `data`.
    Sse,
    /// A JSON document a line.
    Lines,
    /// The items of one JSON array.
    Array,
    /// Amazon's binary frames.
    Frames,
}

/// A stream being written.
#[derive(Debug)]
pub(crate) struct Stream<'k> {
    knobs: &'k Knobs,
    framing: Framing,
    events: Events,
    /// Tokens of output so far.
    pub(crate) spent: u64,
}

impl<'k> Stream<'k> {
    pub(crate) fn new(framing: Framing, knobs: &'k Knobs) -> Stream<'k> {
        Stream { knobs, framing, events: Events::default(), spent: 0 }
    }

    /// Makes room.
    pub(crate) fn reserve(&mut self, events: usize, bytes: usize) {
        self.events.ends.reserve(events);
        self.events.bytes.reserve(bytes);
    }

    /// An event called `name` (empty: it has none), in which the model spends so many tokens.
    pub(crate) fn event(&mut self, name: &str, spent: u64, data: impl FnOnce(&mut Vec<u8>)) {
        self.spent += spent;
        let first = self.events.ends.is_empty();
        frame(&mut self.events.bytes, self.framing, self.knobs, first, name, data);
        let mut takes = if first { Duration::ZERO } else { self.knobs.between_events };
        if let Some(speed) = self.knobs.tokens_per_second {
            takes += Duration::from_nanos(spent.saturating_mul(1_000_000_000) / speed.max(1));
        }
        self.events.ends.push(Event { end: self.events.bytes.len(), takes });
    }

    /// The same with a JSON document.
    pub(crate) fn json(&mut self, name: &str, spent: u64, data: &Json) {
        self.event(name, spent, |out| data.write(out));
    }

    /// How many events there are.
    pub(crate) fn count(&self) -> usize {
        self.events.ends.len()
    }

    /// The whole. `failure`: name and data of the event by which this server says that it failed.
    pub(crate) fn end(mut self, failure: (&str, impl FnOnce(&mut Vec<u8>))) -> Events {
        let first = self.knobs.cut_after == Some(0) || self.events.ends.is_empty();
        let (name, data) = failure;
        let framing = match self.framing {
            Framing::Frames => {
                let mut payload = Vec::new();
                data(&mut payload);
                self.events.failure = eventstream::exception(name, &payload);
                return self.events;
            }
            other => other,
        };
        frame(&mut self.events.failure, framing, self.knobs, first, name, data);
        if framing == Framing::Array {
            self.events.failure.extend_from_slice(b"\n]");
            self.events.bytes.extend_from_slice(if self.events.ends.is_empty() { b"[]" } else { b"\n]" });
            if let Some(last) = self.events.ends.last_mut() {
                last.end = self.events.bytes.len();
            }
        }
        self.events
    }
}

fn frame(out: &mut Vec<u8>, framing: Framing, knobs: &Knobs, first: bool, name: &str, data: impl FnOnce(&mut Vec<u8>)) {
    let line_end = knobs.line_end.bytes();
    match framing {
        Framing::Sse => {
            if knobs.comments {
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
