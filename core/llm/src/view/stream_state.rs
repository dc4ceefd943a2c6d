//! State of a streamed response, as far as its last event depends on it.

use memchr::memmem;

use crate::{Dialect, Event, RpcCalls};

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
    /// Index of the block that was sent last and has not ended (Anthropic).
    open_block: Option<u64>,
    calls: Option<RpcCalls>,
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
        match dialect {
            Dialect::OpenAiResponses | Dialect::OpenAiCompact => {
                self.sequence = last_number(events, b"\"sequence_number\"").or(self.sequence)
            }
            Dialect::AnthropicMessages => self.note_block(events),
            _ => {}
        }
    }

    /// Returns `true` if an event was sent to the client.
    #[must_use]
    pub fn is_sent(&self) -> bool {
        self.sent
    }

    /// Records the block that is open after these events.
    fn note_block(&mut self, events: &[u8]) {
        const START: &[u8] = b"\"content_block_start\"";
        const STOP: &[u8] = b"\"content_block_stop\"";
        let (start, stop) = (memmem::rfind(events, START), memmem::rfind(events, STOP));
        match start.filter(|start| Some(*start) > stop) {
            Some(start) => {
                self.open_block = first_number(events.get(start..).unwrap_or_default(), b"\"index\"").or(Some(0))
            }
            None if stop.is_some() => self.open_block = None,
            None => {}
        }
    }

    /// Returns the index of the block that has not ended.
    pub(crate) fn open_block(&self) -> Option<u64> {
        self.open_block
    }

    #[cfg(test)]
    pub(crate) fn sent() -> StreamState {
        StreamState { sent: true, ..StreamState::default() }
    }

    /// Returns the sequence number of the next event.
    pub(crate) fn next_sequence(&self) -> u64 {
        self.sequence.map_or(0, |last| last.saturating_add(1))
    }

    /// Sets the calls that an error must answer (JSON-RPC).
    pub fn set_calls(&mut self, calls: Option<RpcCalls>) {
        self.calls = calls;
    }

    /// Returns the calls that an error must answer.
    pub(crate) fn calls(&self) -> Option<&RpcCalls> {
        self.calls.as_ref()
    }

    /// Returns the id of the response; empty if it has none.
    pub(crate) fn id(&self) -> &str {
        self.id.as_deref().unwrap_or_default()
    }
}

/// Finds the last number of a member in events. Quotes within strings are escaped, so no text can contain such a member.
fn last_number(events: &[u8], member: &[u8]) -> Option<u64> {
    number_after(events, memmem::rfind(events, member)?.checked_add(member.len())?)
}

/// Finds the first number of a member in events.
fn first_number(events: &[u8], member: &[u8]) -> Option<u64> {
    number_after(events, memmem::find(events, member)?.checked_add(member.len())?)
}

/// Reads the number of the member whose key ends at `at`.
fn number_after(events: &[u8], at: usize) -> Option<u64> {
    let value = events.get(at..)?.trim_ascii_start().strip_prefix(b":")?.trim_ascii_start();
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
