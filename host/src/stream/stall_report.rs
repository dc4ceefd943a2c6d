//! Explanation, for a test's author, of why a stream makes no progress.

use super::{ActiveStream, Direction, FilterKind, IterationState};

/// Plugin of the chain, as a stall report names it.
pub(crate) struct ReportedPlugin {
    pub(crate) name: String,
    pub(crate) allow_on_headers_stop_iteration: bool,
}

impl ActiveStream {
    /// Returns what the stream waits for. `request_sent` is `true` once a request has been sent upstream.
    pub(crate) fn stall_reason(&mut self, plugins: &[ReportedPlugin], request_sent: bool) -> String {
        for (direction, name) in [(Direction::Encode, "response"), (Direction::Decode, "request")] {
            let message = self.message(direction);
            if message.headers.is_none() {
                continue;
            }
            let ended = if message.observed_end { "its end has arrived" } else { "its end has not arrived" };
            if let Some(reason) = self.stopped_filter(plugins, direction, name, ended) {
                return reason;
            }
        }
        if request_sent {
            "the upstream's response never ends".to_owned()
        } else if self.request.observed_end {
            "the request has ended, and nothing responds to it".to_owned()
        } else {
            "the client never ends its request".to_owned()
        }
    }

    fn stopped_filter(
        &self,
        plugins: &[ReportedPlugin],
        direction: Direction,
        message: &str,
        ended: &str,
    ) -> Option<String> {
        let slot = self.filters.iter().find(|slot| {
            slot.state(direction).iteration != IterationState::Continue
                && matches!(slot.kind, FilterKind::Guest { .. } | FilterKind::Buffer { .. })
        })?;
        let plugin = plugins.get(slot.plugin).filter(|_| !matches!(slot.kind, FilterKind::Buffer { .. }));
        let name = plugin.map_or("the buffer filter", |plugin| plugin.name.as_str());
        let flag_missing = plugins.get(slot.plugin).is_some_and(|plugin| !plugin.allow_on_headers_stop_iteration);
        let state = slot.state(direction);
        Some(match state.iteration {
            IterationState::StopAllWatermark if flag_missing => format!(
                "{name} paused the {message}'s headers without allow_on_headers_stop_iteration, so Envoy never shows it \
                 the body; nothing resumes it ({ended})"
            ),
            _ if !state.headers_continued => {
                format!("{name} holds the {message}'s headers and never continues them ({ended})")
            }
            _ => format!("{name} holds the {message}'s body and never continues it ({ended})"),
        })
    }
}
