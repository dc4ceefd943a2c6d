//! What is going to happen, in virtual time.

use std::collections::BTreeMap;

use crate::Headers;

/// A step of an upstream's answer.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum ResponseStep {
    Headers(Headers, bool),
    Data(Vec<u8>, bool),
    Trailers(Headers),
    /// The upstream resets; over HTTP/2, or by closing its connection.
    Reset {
        http2: bool,
    },
    Refused,
}

/// Something that is going to happen.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum ScheduledEvent {
    /// A root context's timer. The number tells a timer from those it has replaced.
    Tick { vm: usize, root: u32, generation: u64 },
    /// The next step of the answer to a stream's attempt, and when the ones after it come.
    Upstream { stream: u64, attempt: u64, steps: std::collections::VecDeque<(u64, ResponseStep)> },
    /// The route's timeout of an attempt.
    RouteTimeout { stream: u64, attempt: u64 },
    /// The answer of a callout, or its timeout.
    Call { vm: usize, root: u32, token: u32, call: u64, result: Box<crate::callout::CalloutResult> },
    /// A queue's reader is told.
    QueueReady { token: u32 },
}

/// EventQueue in the order of their time, and of their coming for the same time; but what is on its way already comes before
/// an answer that had to be asked for.
#[derive(Debug, Default)]
pub(crate) struct EventQueue {
    queue: BTreeMap<(u64, bool, u64), ScheduledEvent>,
    sequence: u64,
}

impl EventQueue {
    pub(crate) fn at(&mut self, time: u64, due: ScheduledEvent) {
        self.sequence += 1;
        let asked_for = matches!(due, ScheduledEvent::Call { .. });
        self.queue.insert((time, asked_for, self.sequence), due);
    }

    /// The next event if it is due at `now`.
    pub(crate) fn due(&mut self, now: u64) -> Option<ScheduledEvent> {
        let (&key, _) = self.queue.first_key_value()?;
        if key.0 > now { None } else { self.queue.remove(&key) }
    }

    /// When the next event is due.
    pub(crate) fn next_time(&self) -> Option<u64> {
        self.queue.first_key_value().map(|(key, _)| key.0)
    }
}
