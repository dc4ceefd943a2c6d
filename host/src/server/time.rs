//! Virtual time.

use std::time::Duration;

use super::Server;
use crate::event_queue::ScheduledEvent;

/// Limit of events at one moment. More are a loop: two guests that wake each other for ever.
const MAX_EVENTS_AT_ONCE: usize = 100_000;

impl Server {
    pub(crate) fn advance(&mut self, time: Duration) {
        let end = self.host.now.saturating_add(nanos(time));
        let mut all_run = self.run_due();
        while all_run
            && let Some(at) = self.host.events.next_time()
            && at <= end
        {
            self.host.now = at.max(self.host.now);
            all_run = self.run_due();
        }
        self.host.now = end;
    }

    /// Runs every event that is due; returns `false` if there is no end of them.
    pub(super) fn run_due(&mut self) -> bool {
        for _ in 0..MAX_EVENTS_AT_ONCE {
            let now = self.host.now;
            let Some(due) = self.host.events.due(now) else { return true };
            match due {
                ScheduledEvent::Tick { vm, root, generation } => self.tick(vm, root, generation),
                ScheduledEvent::Upstream { stream, attempt, steps } => self.upstream_step(stream, attempt, steps),
                ScheduledEvent::RouteTimeout { stream, attempt } => self.route_timeout(stream, attempt),
                ScheduledEvent::Call { id, result } => self.callout_responded(id, *result),
                ScheduledEvent::QueueReady { token } => self.queue_ready(token),
            }
        }
        false
    }
}

/// Converts a duration to nanoseconds; longer ones saturate (584 years).
pub(super) fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}
