//! Events scheduled in virtual time.

use std::collections::BTreeMap;

use crate::Headers;
use crate::callout::{CalloutId, CalloutResult};

/// Step of an upstream's response.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum ResponseStep {
    Headers(Headers, bool),
    Data(Vec<u8>, bool),
    Trailers(Headers),
    /// Reset by the upstream: over HTTP/2, or by closing its connection.
    Reset {
        http2: bool,
    },
    Refused,
}

/// Event in the future.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum ScheduledEvent {
    /// Timer of a root context. The generation distinguishes it from timers that it has replaced.
    Tick { vm: usize, root: u32, generation: u64 },
    /// Next step of the response to a stream's attempt, and the later ones with their times.
    Upstream { stream: u64, attempt: u64, steps: std::collections::VecDeque<(u64, ResponseStep)> },
    /// Route timeout of an attempt.
    RouteTimeout { stream: u64, attempt: u64 },
    /// Response to a callout, or its timeout.
    Call { id: CalloutId, result: Box<CalloutResult> },
    /// Notification of a queue's reader.
    QueueReady { token: u32 },
}

/// Queue of events in the order of their time, and of their scheduling for the same time; but responses to callouts follow
/// all other events of that time.
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

    /// Removes and returns the next event if it is due at `now`.
    pub(crate) fn due(&mut self, now: u64) -> Option<ScheduledEvent> {
        let (&key, _) = self.queue.first_key_value()?;
        if key.0 > now { None } else { self.queue.remove(&key) }
    }

    /// Returns the time of the next event.
    pub(crate) fn next_time(&self) -> Option<u64> {
        self.queue.first_key_value().map(|(key, _)| key.0)
    }
}
