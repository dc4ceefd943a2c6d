//! A response body as it will go over the wire: bytes, when they may be written, and how they end.

use std::io::Write as _;
use std::time::Duration;

use flate2::Compression;
use flate2::write::GzEncoder;

use crate::knobs::{Cut, Knobs};
use crate::stream::{Event, Events};

/// A body, ready to be played.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Script {
    pub(crate) bytes: Vec<u8>,
    /// Where events end, as far as they are played whole.
    pub(crate) events: Vec<usize>,
    /// What is written at once.
    pub(crate) steps: Vec<Step>,
    pub(crate) ending: Ending,
    /// The length that content-length may announce.
    pub(crate) length: Option<u64>,
}

/// Bytes up to `end`, after a wait.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Step {
    pub(crate) wait: Duration,
    pub(crate) end: usize,
}

/// How a body ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Ending {
    #[default]
    Clean,
    Reset,
}

impl Script {
    /// The script of `events` under `knobs`. `streamed`: as they come, so that no length is known before.
    pub(crate) fn new(mut events: Events, streamed: bool, knobs: &Knobs) -> Script {
        let whole = events.ends.len();
        let cut_events = knobs.cut_after.filter(|most| *most <= whole);
        if let Some(most) = cut_events {
            events.ends.truncate(most);
            let fails = knobs.cut == Cut::Error && streamed;
            if fails {
                events.bytes.truncate(events.ends.last().map_or(0, |event| event.end));
                events.bytes.extend_from_slice(&events.failure);
                events.ends.push(Event { end: events.bytes.len(), takes: knobs.between_events });
            }
        }
        // What content-length says is true of a body that is cut by a reset only if the cut part counts too.
        let mut length = events.bytes.len();
        events.bytes.truncate(events.ends.last().map_or(0, |event| event.end));
        if knobs.gzip {
            events = gzip(&events, cut_events.is_none() || knobs.cut != Cut::Reset);
            length = events.bytes.len();
        }
        let mut script = Script { ending: Ending::Clean, length: Some(length as u64), ..Script::default() };
        let cut_bytes = knobs.cut_after_bytes.filter(|most| *most <= events.bytes.len());
        if cut_events.is_some() || cut_bytes.is_some() {
            match knobs.cut {
                Cut::Reset => script.ending = Ending::Reset,
                Cut::Clean | Cut::Error => script.length = None,
            }
        }
        if streamed || knobs.chunked || !knobs.trailers.is_empty() {
            script.length = None;
        }
        if let Some(most) = cut_bytes {
            events.bytes.truncate(most);
        }
        script.steps = steps(&events, knobs);
        script.events = events.ends.iter().map(|event| event.end).filter(|end| *end <= events.bytes.len()).collect();
        script.bytes = events.bytes;
        script
    }

    /// No body at all.
    pub(crate) fn empty(knobs: &Knobs) -> Script {
        Script { length: (!knobs.chunked && knobs.trailers.is_empty()).then_some(0), ..Script::default() }
    }
}

/// `burst` events make one step; what is cut off by bytes ends the last step early.
fn steps(events: &Events, knobs: &Knobs) -> Vec<Step> {
    let most = events.bytes.len();
    let mut steps: Vec<Step> = Vec::with_capacity(events.ends.len() / knobs.burst.max(1) + 1);
    for burst in events.ends.chunks(knobs.burst.max(1)) {
        let start = steps.last().map_or(0, |step| step.end);
        let end = burst.last().map_or(start, |event| event.end.min(most));
        let wait = burst.iter().map(|event| event.takes).sum();
        if end > start {
            steps.push(Step { wait, end });
        }
    }
    // Pieces of bytes heed the ends of events only if there is time between these.
    if knobs.piece_bytes.is_some() && steps.iter().all(|step| step.wait.is_zero()) {
        steps = steps.pop().into_iter().collect();
    }
    steps
}

/// The events compressed as one gzip stream, flushed after each; `finished` with its trailer, or left open.
fn gzip(events: &Events, finished: bool) -> Events {
    let mut encoder = GzEncoder::new(Vec::with_capacity(events.bytes.len() / 2 + 64), Compression::fast());
    let mut ends: Vec<Event> = Vec::with_capacity(events.ends.len());
    let mut start = 0;
    for event in &events.ends {
        let plain = events.bytes.get(start..event.end).unwrap_or_default();
        // A vector takes every write.
        let _ = encoder.write_all(plain).and_then(|()| encoder.flush());
        ends.push(Event { end: encoder.get_ref().len(), ..*event });
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
            events.ends.push(Event { end: events.bytes.len(), takes: Duration::ZERO });
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
    fn cuts() {
        let rows: &[Row<'_>] = &[
            (&[], true, &[4, 7, 10], &[4, 7, 10], Ending::Clean, None),
            (&[], false, &[4, 7, 10], &[4, 7, 10], Ending::Clean, Some(10)),
            (&[("chunked", "true")], false, &[4, 7, 10], &[4, 7, 10], Ending::Clean, None),
            (&[("burst", "2")], true, &[7, 10], &[4, 7, 10], Ending::Clean, None),
            (&[("piece-bytes", "2")], true, &[10], &[4, 7, 10], Ending::Clean, None),
            (&[("cut-after", "1")], true, &[4], &[4], Ending::Reset, None),
            (&[("cut-after", "0")], true, &[], &[], Ending::Reset, None),
            (&[("cut-after", "3")], true, &[4, 7, 10], &[4, 7, 10], Ending::Reset, None),
            (&[("cut-after", "4")], true, &[4, 7, 10], &[4, 7, 10], Ending::Clean, None),
            (&[("cut-after", "1"), ("cut", "clean")], true, &[4], &[4], Ending::Clean, None),
            (&[("cut-after-bytes", "5")], true, &[4, 5], &[4], Ending::Reset, None),
            (&[("cut-after-bytes", "5")], false, &[4, 5], &[4], Ending::Reset, Some(10)),
            (&[("cut-after-bytes", "5"), ("cut", "clean")], false, &[4, 5], &[4], Ending::Clean, None),
            (&[("cut-after-bytes", "11")], false, &[4, 7, 10], &[4, 7, 10], Ending::Clean, Some(10)),
            (&[("trailer", "x-a=1")], false, &[4, 7, 10], &[4, 7, 10], Ending::Clean, None),
        ];
        for (set, streamed, steps, events, ending, length) in rows {
            let script = script(set, *streamed);
            assert_eq!(script.steps.iter().map(|step| step.end).collect::<Vec<_>>(), *steps, "{set:?}");
            assert_eq!(script.events, *events, "{set:?}");
            assert_eq!((script.ending, script.length), (*ending, *length), "{set:?}");
            assert_eq!(script.bytes.len(), steps.last().copied().unwrap_or(0), "{set:?}");
        }
    }

    #[test]
    fn an_error_event_ends_a_stream_that_fails() {
        let script = script(&[("cut-after", "1"), ("cut", "error")], true);
        assert_eq!(script.ending, Ending::Clean);
        let failed = std::str::from_utf8(&script.bytes).unwrap();
        assert_eq!(failed, "xxxxfailed");
        assert_eq!(script.events.len(), 2);
    }

    #[test]
    fn a_flushed_gzip_event_can_be_read_before_the_next() {
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
