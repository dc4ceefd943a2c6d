//! Why a stream does not move, in words.

use super::{ActiveStream, FilterKind, FilterState, IterationState};

impl ActiveStream {
    /// What the stream waits for, given the names of the plugins and whether each has `allow_on_headers_stop_iteration`.
    pub(crate) fn stall_reason(&self, names: &[String], allowed: &[bool], upstream_asked: bool) -> String {
        for (request, what) in [(false, "response"), (true, "request")] {
            let way = if request { &self.request } else { &self.response };
            if way.headers.is_none() {
                continue;
            }
            for place in &self.filters {
                let side: &FilterState = if request { &place.decode } else { &place.encode };
                if side.iteration == IterationState::Continue
                    || !matches!(place.kind, FilterKind::Guest { .. } | FilterKind::Buffer { .. })
                {
                    continue;
                }
                let stock = "the buffer filter".to_owned();
                let name = match place.kind {
                    FilterKind::Buffer { .. } => &stock,
                    _ => names.get(place.plugin).unwrap_or(&stock),
                };
                let flagless = allowed.get(place.plugin) == Some(&false);
                let ended = if way.observed_end { "its end has come" } else { "its end has not come" };
                return match side.iteration {
                    IterationState::StopAllWatermark if flagless => format!(
                        "{name} paused the {what}'s headers without allow_on_headers_stop_iteration, so Envoy never \
                         shows it the body; nothing resumes it ({ended})"
                    ),
                    _ if !side.headers_continued => {
                        format!("{name} holds the {what}'s headers and never lets them go ({ended})")
                    }
                    _ => format!("{name} holds the {what}'s body and never lets it go ({ended})"),
                };
            }
        }
        if upstream_asked {
            "the upstream's answer never ends".to_owned()
        } else if self.request.observed_end {
            "the request has ended, and nothing answers it".to_owned()
        } else {
            "the client never ends its request".to_owned()
        }
    }
}
