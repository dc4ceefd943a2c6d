//! How a streamed answer has begun.

use crate::{Dialect, Event};

/// The longest name that is kept of a stream, in bytes.
const MAX_ID_BYTES: usize = 256;

/// What the event that ends a streamed answer has to know of those before it ([`Dialect::error_event`]).
#[derive(Clone, Debug, Default)]
pub struct StreamState {
    sent: bool,
    id: Option<Box<str>>,
    seen: bool,
}

impl StreamState {
    /// Takes an event that came. Some APIs name the answer in the first one, and their clients hold later ones against it
    /// (OpenAI Responses).
    pub fn observe(&mut self, dialect: Dialect, event: &Event<'_>) {
        let Some(find) = dialect.spec().stream_id.filter(|_| !self.seen) else { return };
        let Some(data) = event.data() else { return };
        self.seen = true;
        self.id = find(&data).filter(|id| id.len() <= MAX_ID_BYTES);
    }

    /// Says that an event has left.
    pub fn mark_sent(&mut self) {
        self.sent = true;
    }

    /// Whether an event has left.
    #[must_use]
    pub fn is_sent(&self) -> bool {
        self.sent
    }

    #[cfg(test)]
    pub(crate) fn sent() -> StreamState {
        StreamState { sent: true, ..StreamState::default() }
    }

    /// How the answer is named; empty if it is not.
    pub(crate) fn id(&self) -> &str {
        self.id.as_deref().unwrap_or_default()
    }
}
