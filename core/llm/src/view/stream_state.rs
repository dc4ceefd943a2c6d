//! State of a streamed response, as far as its last event depends on it.

use crate::{Dialect, Event};

/// Maximum bytes of a stored response id.
const MAX_ID_BYTES: usize = 256;

/// Facts about earlier events that the event that ends a streamed response depends on ([`Dialect::error_event`]).
#[derive(Clone, Debug, Default)]
pub struct StreamState {
    sent: bool,
    id: Option<Box<str>>,
    seen: bool,
}

impl StreamState {
    /// Records a received event. Some APIs name the response in the first event, and their clients check later events
    /// against that id (OpenAI Responses).
    pub fn observe(&mut self, dialect: Dialect, event: &Event<'_>) {
        let Some(find) = dialect.spec().stream_id.filter(|_| !self.seen) else { return };
        let Some(data) = event.data() else { return };
        self.seen = true;
        self.id = find(&data).filter(|id| id.len() <= MAX_ID_BYTES);
    }

    /// Records that an event was sent to the client.
    pub fn mark_sent(&mut self) {
        self.sent = true;
    }

    /// Returns `true` if an event was sent to the client.
    #[must_use]
    pub fn is_sent(&self) -> bool {
        self.sent
    }

    #[cfg(test)]
    pub(crate) fn sent() -> StreamState {
        StreamState { sent: true, ..StreamState::default() }
    }

    /// Returns the id of the response; empty if it has none.
    pub(crate) fn id(&self) -> &str {
        self.id.as_deref().unwrap_or_default()
    }
}
