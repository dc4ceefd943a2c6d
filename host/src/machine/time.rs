//! Virtual time.

use std::time::Duration;

use super::Machine;
use super::client::nanos;
use crate::events::Due;

/// More events than this for one moment are a loop: two guests that wake each other for ever.
const MAX_EVENTS_AT_ONCE: usize = 100_000;

impl Machine {
    pub(crate) fn advance(&mut self, time: Duration) {
        let end = self.world.now.saturating_add(nanos(time));
        let mut ends = self.run_due();
        while ends
            && let Some(at) = self.world.events.next_time()
            && at <= end
        {
            self.world.now = at.max(self.world.now);
            ends = self.run_due();
        }
        self.world.now = end;
    }

    /// Everything that is due now; `false` if that never ends.
    pub(super) fn run_due(&mut self) -> bool {
        for _ in 0..MAX_EVENTS_AT_ONCE {
            let now = self.world.now;
            let Some(due) = self.world.events.due(now) else { return true };
            match due {
                Due::Tick { vm, root, generation } => self.tick(vm, root, generation),
                Due::Upstream { stream, attempt, steps } => self.upstream_step(stream, attempt, steps),
                Due::RouteTimeout { stream, attempt } => self.route_timeout(stream, attempt),
                Due::Call { vm, root, token, call, result } => self.call_answered(vm, root, token, call, *result),
                Due::QueueReady { token } => self.queue_ready(token),
            }
        }
        false
    }
}
