//! State of a streamed response, as far as its last event depends on it.

use memchr::memmem;

use crate::{Dialect, Event};

/// Maximum bytes of a stored response id.
const MAX_ID_BYTES: usize = 256;

/// Facts about earlier events that the event that ends a streamed response depends on ([`Dialect::error_event`]).
#[derive(Clone, Debug, Default)]
pub struct StreamState {
    sent: bool,
    id: Option<Box<str>>,
    seen: bool,
    /// Sequence number of the last event that was sent.
    sequence: Option<u64>,
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

    /// Records events that are sent to the client. Some APIs number them (OpenAI Responses).
    pub fn mark_sent(&mut self, dialect: Dialect, events: &[u8]) {
        self.sent |= !events.is_empty();
        if dialect.spec().stream_id.is_some() {
            self.sequence = last_sequence_number(events).or(self.sequence);
        }
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

    /// Returns the sequence number of the next event.
    pub(crate) fn next_sequence(&self) -> u64 {
        self.sequence.map_or(0, |last| last.saturating_add(1))
    }

    /// Returns the id of the response; empty if it has none.
    pub(crate) fn id(&self) -> &str {
        self.id.as_deref().unwrap_or_default()
    }
}

/// Finds the last sequence number in events. Quotes within strings are escaped, so no text can contain such a member.
fn last_sequence_number(events: &[u8]) -> Option<u64> {
    const MEMBER: &[u8] = b"\"sequence_number\"";
    let at = memmem::rfind(events, MEMBER)?;
    let value = events.get(at.checked_add(MEMBER.len())?..)?.trim_ascii_start().strip_prefix(b":")?.trim_ascii_start();
    let digits = value.iter().take_while(|byte| byte.is_ascii_digit()).count();
    std::str::from_utf8(value.get(..digits)?).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sequence_numbers_go_on_from_the_last_event_that_was_sent() {
        let mut state = StreamState::default();
        assert_eq!(state.next_sequence(), 0);
        for (events, next) in [
            ("data: {\"sequence_number\":0}\n\ndata: {\"a\":\"b\",\"sequence_number\" : 7 }\n\n", 8),
            ("", 8),
            ("data: {\"type\":\"x\"}\n\n", 8),
            ("data: {\"delta\":\"\\\"sequence_number\\\":99\"}\n\n", 8),
            ("data: {\"sequence_number\":\"9\"}\n\n", 8),
            ("data: {\"sequence_number\":18446744073709551615}\n\n", u64::MAX),
        ] {
            state.mark_sent(Dialect::OpenAiResponses, events.as_bytes());
            assert_eq!(state.next_sequence(), next, "{events}");
        }
    }
}
