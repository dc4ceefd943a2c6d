//! Events of a stream that may not leave yet.

use std::collections::VecDeque;
use tollgate_llm::{Edits, HeldEvent, Overlap, Span};

/// Maximum bytes of an event that count in the weight of the queue: a single event that repeats the response must not end the wait
/// for the one that follows it.
const MAX_WEIGHT: usize = 32 << 10;

/// Queue of the events behind a text that may still become part of a match.
///
/// A text in an unknown member may be a piece of a longer text, or complete. Its event therefore leaves as a whole, unchanged unless
/// a rule matches: part of a name or a status would be wrong. All events behind it wait for it, so that their order is kept.
#[derive(Debug, Default)]
pub(super) struct DelayedEvents {
    queue: VecDeque<Delayed>,
    /// Number of the first event of the queue.
    first: u64,
    /// Number of bytes in the queue.
    bytes: usize,
    /// Number of bytes that count in the delay of the stream.
    weight: usize,
}

/// Output that waits.
#[derive(Debug)]
struct Delayed {
    /// Bytes in front of the event.
    before: Vec<u8>,
    event: Option<(HeldEvent, Edits)>,
    /// Number of texts in the event that may still become part of a match.
    undecided: usize,
    /// Number of texts whose withheld end is to leave in front of the event.
    tails: usize,
}

impl Delayed {
    fn len(&self) -> usize {
        self.before.len() + self.event.as_ref().map_or(0, |(event, _)| event.len())
    }

    fn weight(&self) -> usize {
        self.len().min(MAX_WEIGHT)
    }
}

impl DelayedEvents {
    /// Returns the number of the last event that waits.
    pub(super) fn last(&self) -> u64 {
        (self.first + self.queue.len() as u64).saturating_sub(1)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }

    /// Returns the number of bytes that wait.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Returns the number of bytes that wait, of each event at most 32 KiB.
    pub(super) fn weight(&self) -> usize {
        self.weight
    }

    /// Adds the event with the next number, and the output in front of it. `undecided` is the number of its texts that may still
    /// become part of a match, and `tails` that of the texts whose withheld end is to leave in front of it.
    pub(super) fn push(
        &mut self,
        number: u64,
        before: Vec<u8>,
        event: Option<(HeldEvent, Edits)>,
        (undecided, tails): (usize, usize),
    ) {
        if self.queue.is_empty() {
            self.first = number;
        }
        debug_assert_eq!(number, self.first + self.queue.len() as u64, "events are numbered without gaps");
        let delayed = Delayed { before, event, undecided, tails };
        self.bytes += delayed.len();
        self.weight += delayed.weight();
        self.queue.push_back(delayed);
    }

    /// Decides on a text of an event: it is replaced, or stays as it is.
    pub(super) fn decide(&mut self, event: u64, replaced: Option<(Span, &str)>) -> Result<(), Overlap> {
        let delayed = event.checked_sub(self.first).and_then(|at| self.queue.get_mut(usize::try_from(at).ok()?));
        debug_assert!(delayed.as_ref().is_some_and(|delayed| delayed.undecided > 0), "{event} is undecided");
        let Some(delayed) = delayed else { return Ok(()) };
        delayed.undecided = delayed.undecided.saturating_sub(1);
        match (&mut delayed.event, replaced) {
            (Some((_, edits)), Some((span, text))) => edits.replace_text(span, text),
            _ => Ok(()),
        }
    }

    /// Adds the withheld end of a text, which is complete, in front of an event.
    pub(super) fn add_tail(&mut self, event: u64, tail: &[u8]) {
        let delayed = event.checked_sub(self.first).and_then(|at| self.queue.get_mut(usize::try_from(at).ok()?));
        debug_assert!(delayed.as_ref().is_some_and(|delayed| delayed.tails > 0), "{event} waits for a text");
        let Some(delayed) = delayed else { return };
        delayed.tails = delayed.tails.saturating_sub(1);
        let weight = delayed.weight();
        delayed.before.extend_from_slice(tail);
        self.bytes += tail.len();
        self.weight += delayed.weight() - weight;
    }

    /// Appends the events in front of the first that waits to `out`.
    pub(super) fn flush(&mut self, out: &mut Vec<u8>) {
        self.flush_while(|front| front.undecided == 0 && front.tails == 0, out);
    }

    /// Appends the events in front of the first that is undecided to `out`, without the withheld ends of texts, and drops the others.
    /// Returns `true` if there were others.
    pub(super) fn abandon(&mut self, out: &mut Vec<u8>) -> bool {
        self.flush_while(|front| front.undecided == 0, out);
        (self.bytes, self.weight) = (0, 0);
        !std::mem::take(&mut self.queue).is_empty()
    }

    fn flush_while(&mut self, may_leave: impl Fn(&Delayed) -> bool, out: &mut Vec<u8>) {
        while self.queue.front().is_some_and(&may_leave) {
            let Some(delayed) = self.queue.pop_front() else { return };
            self.first += 1;
            self.bytes = self.bytes.saturating_sub(delayed.len());
            self.weight = self.weight.saturating_sub(delayed.weight());
            out.extend_from_slice(&delayed.before);
            if let Some((event, edits)) = &delayed.event {
                event.with_edits(edits, out);
            }
        }
    }
}
