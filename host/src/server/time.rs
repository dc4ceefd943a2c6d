//! Virtual time.

use std::time::Duration;

use super::Server;
use super::client::nanos;
use crate::event_queue::ScheduledEvent;

/// More events than this for one moment are a loop: two guests that wake each other for ever.
const MAX_EVENTS_AT_ONCE: usize = 100_000;

impl Server {
    pub(crate) fn advance(&mut self, time: Duration) {
        let end = self.host.now.saturating_add(nanos(time));
        let mut ends = self.run_due();
        while ends
            && let Some(at) = self.host.events.next_time()
            && at <= end
        {
            self.host.now = at.max(self.host.now);
            ends = self.run_due();
        }
        self.host.now = end;
    }

    /// Everything that is due now; `false` if that never ends.
    pub(super) fn run_due(&mut self) -> bool {
        for _ in 0..MAX_EVENTS_AT_ONCE {
            let now = self.host.now;
            let Some(due) = self.host.events.due(now) else { return true };
            match due {
                ScheduledEvent::Tick { vm, root, generation } => self.tick(vm, root, generation),
                ScheduledEvent::Upstream { stream, attempt, steps } => self.upstream_step(stream, attempt, steps),
                ScheduledEvent::RouteTimeout { stream, attempt } => self.route_timeout(stream, attempt),
                ScheduledEvent::Call { vm, root, token, call, result } => {
                    self.callout_responded(vm, root, token, call, *result)
                }
                ScheduledEvent::QueueReady { token } => self.queue_ready(token),
            }
        }
        false
    }
}
