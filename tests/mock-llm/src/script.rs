//! Script of a response body: its bytes, the time of each write, and the kind of its end.

use std::io::Write as _;
use std::time::Duration;

use flate2::Compression;
use flate2::write::GzEncoder;

use crate::knobs::{EarlyEnd, Knobs};
use crate::stream::{EventEnd, Events};

/// Response body, ready to be played.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Script {
    pub(crate) bytes: Vec<u8>,
    /// Offsets at which events end, for the events that are sent completely.
    pub(crate) events: Vec<usize>,
    /// Writes, in order.
    pub(crate) writes: Vec<Write>,
    pub(crate) ending: Ending,
    /// Value of content-length; `None` for a body without it.
    pub(crate) length: Option<u64>,
}

/// One write: the bytes up to `end`, after a delay.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Write {
    pub(crate) delay: Duration,
    pub(crate) end: usize,
}

/// Kind of the end of a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Ending {
    #[default]
    Clean,
    Reset,
    /// The body stays open.
    Stall,
}

impl Script {
    /// Creates the script that sends `events` under `knobs`. A `streamed` body has no content-length.
    pub(crate) fn new(mut events: Events, streamed: bool, knobs: &Knobs) -> Script {
        let whole = events.ends.len();
        let cut_events = knobs.cut_after.filter(|max| *max <= whole);
        if let Some(max) = cut_events {
            events.ends.truncate(max);
            let fails = knobs.cut == EarlyEnd::Error && streamed;
            if fails {
                events.bytes.truncate(events.ends.last().map_or(0, |event| event.end));
                events.bytes.extend_from_slice(&events.failure);
                events.ends.push(EventEnd { end: events.bytes.len(), delay: knobs.between_events });
            }
        }
        // A body that is cut by a reset announces its full length, including the part that is never sent.
        let mut length = events.bytes.len();
        events.bytes.truncate(events.ends.last().map_or(0, |event| event.end));
        if knobs.gzip {
            events = gzip(&events, cut_events.is_none() || !matches!(knobs.cut, EarlyEnd::Reset | EarlyEnd::Stall));
            length = events.bytes.len();
        }
        let mut script = Script { ending: Ending::Clean, length: Some(length as u64), ..Script::default() };
        let cut_bytes = knobs.cut_after_bytes.filter(|max| *max <= events.bytes.len());
        if cut_events.is_some() || cut_bytes.is_some() {
            match knobs.cut {
                EarlyEnd::Reset => script.ending = Ending::Reset,
                EarlyEnd::Stall => script.ending = Ending::Stall,
                EarlyEnd::Clean | EarlyEnd::Error => script.length = None,
            }
        }
        if streamed || knobs.chunked || !knobs.trailers.is_empty() {
            script.length = None;
        }
        if let Some(max) = cut_bytes {
            events.bytes.truncate(max);
        }
        script.writes = writes(&events, knobs);
        script.events = events.ends.iter().map(|event| event.end).filter(|end| *end <= events.bytes.len()).collect();
        script.bytes = events.bytes;
        script
    }

    /// Creates the script of an empty body.
    pub(crate) fn empty(knobs: &Knobs) -> Script {
        Script { length: (!knobs.chunked && knobs.trailers.is_empty()).then_some(0), ..Script::default() }
    }
}

/// Groups events into writes of `burst` events each. The last write ends where the bytes were cut.
fn writes(events: &Events, knobs: &Knobs) -> Vec<Write> {
    let length = events.bytes.len();
    let mut writes: Vec<Write> = Vec::with_capacity(events.ends.len() / knobs.burst.max(1) + 1);
    for burst in events.ends.chunks(knobs.burst.max(1)) {
        let start = writes.last().map_or(0, |write| write.end);
        let end = burst.last().map_or(start, |event| event.end.min(length));
        let delay = burst.iter().map(|event| event.delay).sum();
        if end > start {
            writes.push(Write { delay, end });
        }
    }
    // Pieces respect the boundaries of events only if there are delays between events.
    if knobs.piece_bytes.is_some() && writes.iter().all(|write| write.delay.is_zero()) {
        writes = writes.pop().into_iter().collect();
    }
    writes
}

/// Compresses the events as one gzip stream that is flushed after each event. Only a `finished` stream has the gzip trailer.
fn gzip(events: &Events, finished: bool) -> Events {
    let mut encoder = GzEncoder::new(Vec::with_capacity(events.bytes.len() / 2 + 64), Compression::fast());
    let mut ends: Vec<EventEnd> = Vec::with_capacity(events.ends.len());
    let mut start = 0;
    for event in &events.ends {
        let plain = events.bytes.get(start..event.end).unwrap_or_default();
        // Writing to a vector cannot fail.
        let _ = encoder.write_all(plain).and_then(|()| encoder.flush());
        ends.push(EventEnd { end: encoder.get_ref().len(), ..*event });
        start = event.end;
    }
    let bytes = if finished { encoder.finish().unwrap_or_default() } else { encoder.get_ref().clone() };
    if let Some(last) = ends.last_mut() {
        last.end = bytes.len();
    }
    Events { bytes, ends, failure: Vec::new() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn events(sizes: &[usize]) -> Events {
        let mut events = Events { failure: b"failed".to_vec(), ..Events::default() };
        for size in sizes {
            events.bytes.extend(std::iter::repeat_n(b'x', *size));
            events.ends.push(EventEnd { end: events.bytes.len(), delay: Duration::ZERO });
        }
        events
    }

    fn script(set: &[(&str, &str)], streamed: bool) -> Script {
        let mut knobs = Knobs::default();
        for (name, value) in set {
            knobs.set(name, value.as_bytes()).unwrap();
        }
        Script::new(events(&[4, 3, 3]), streamed, &knobs)
    }

    type Row<'a> = (&'a [(&'a str, &'a str)], bool, &'a [usize], &'a [usize], Ending, Option<u64>);

    #[test]
    fn knobs_determine_writes_end_and_length() {
        let rows: &[Row<'_>] = &[
            (&[], true, &[4, 7, 10], &[4, 7, 10], Ending::Clean, None),
            (&[], false, &[4, 7, 10], &[4, 7, 10], Ending::Clean, Some(10)),
            (&[("chunked", "true")], false, &[4, 7, 10], &[4, 7, 10], Ending::Clean, None),
            (&[("burst", "2")], true, &[7, 10], &[4, 7, 10], Ending::Clean, None),
            (&[("piece-bytes", "2")], true, &[10], &[4, 7, 10], Ending::Clean, None),
            (&[("cut-after", "1")], true, &[4], &[4], Ending::Reset, None),
            (&[("cut-after", "0")], true, &[], &[], Ending::Reset, None),
            (&[("cut-after", "1"), ("cut", "stall")], true, &[4], &[4], Ending::Stall, None),
            (&[("cut-after-bytes", "5"), ("cut", "stall")], false, &[4, 5], &[4], Ending::Stall, Some(10)),
            (&[("cut-after", "3")], true, &[4, 7, 10], &[4, 7, 10], Ending::Reset, None),
            (&[("cut-after", "4")], true, &[4, 7, 10], &[4, 7, 10], Ending::Clean, None),
            (&[("cut-after", "1"), ("cut", "clean")], true, &[4], &[4], Ending::Clean, None),
            (&[("cut-after-bytes", "5")], true, &[4, 5], &[4], Ending::Reset, None),
            (&[("cut-after-bytes", "5")], false, &[4, 5], &[4], Ending::Reset, Some(10)),
            (&[("cut-after-bytes", "5"), ("cut", "clean")], false, &[4, 5], &[4], Ending::Clean, None),
            (&[("cut-after-bytes", "11")], false, &[4, 7, 10], &[4, 7, 10], Ending::Clean, Some(10)),
            (&[("trailer", "x-a=1")], false, &[4, 7, 10], &[4, 7, 10], Ending::Clean, None),
        ];
        for (set, streamed, writes, events, ending, length) in rows {
            let script = script(set, *streamed);
            assert_eq!(script.writes.iter().map(|write| write.end).collect::<Vec<_>>(), *writes, "{set:?}");
            assert_eq!(script.events, *events, "{set:?}");
            assert_eq!((script.ending, script.length), (*ending, *length), "{set:?}");
            assert_eq!(script.bytes.len(), writes.last().copied().unwrap_or(0), "{set:?}");
        }
    }

    #[test]
    fn a_failing_stream_ends_with_an_error_event() {
        let script = script(&[("cut-after", "1"), ("cut", "error")], true);
        assert_eq!(script.ending, Ending::Clean);
        let failed = std::str::from_utf8(&script.bytes).unwrap();
        assert_eq!(failed, "xxxxfailed");
        assert_eq!(script.events.len(), 2);
    }

    #[test]
    fn a_gzip_event_is_readable_before_the_next_one() {
        use std::io::Read as _;
        let script = script(&[("gzip", "true")], true);
        let first = script.bytes.get(..script.events[0]).unwrap();
        let mut plain = [0; 4];
        flate2::read::GzDecoder::new(first).read_exact(&mut plain).unwrap();
        assert_eq!(&plain, b"xxxx");
        let mut whole = Vec::new();
        flate2::read::GzDecoder::new(script.bytes.as_slice()).read_to_end(&mut whole).unwrap();
        assert_eq!(whole, b"xxxxxxxxxx");
    }
}
