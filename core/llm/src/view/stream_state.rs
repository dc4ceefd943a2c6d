//! State of a streamed response, as far as its last event depends on it.

use std::collections::VecDeque;

use memchr::memmem;

use crate::Part;
use crate::{Chunk, Dialect, Event, RpcCalls};

/// Maximum bytes of a stored response id.
const MAX_ID_BYTES: usize = 256;
/// Maximum number of candidates whose end is recorded. OpenAI's API allows 128 of them.
const MAX_CHOICES: usize = 256;

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
    /// Candidates of which an event was received, and `true` if the client has their finish reason.
    choices: Vec<(u32, bool)>,
    /// Candidates whose finish reason was received and not sent yet, in order.
    finishing: VecDeque<u32>,
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

    /// Records the candidates of a received event, of APIs that generate several at a time.
    pub fn observe_choices(&mut self, dialect: Dialect, chunk: &Chunk) {
        if finish_member(dialect).is_none() {
            return;
        }
        for index in &chunk.indexes {
            if self.choices.len() < MAX_CHOICES && !self.choices.iter().any(|(own, _)| own == index) {
                self.choices.push((*index, false));
            }
        }
        // Some servers announce the end of a candidate with every piece of it. Moderation and statistics also follow the end, and do
        // not open a candidate again.
        if self.choices.iter().any(|(_, is_finished)| *is_finished) {
            let is_generated = |part: Part| part != Part::Other && !part.repeats();
            let texts = chunk.texts.iter().filter(|text| is_generated(text.channel.part) && !text.str.span.is_empty());
            for text in texts {
                for (_, is_finished) in self.choices.iter_mut().filter(|(own, _)| *own == text.channel.choice) {
                    *is_finished = false;
                }
            }
        }
        let room = MAX_CHOICES.saturating_sub(self.finishing.len());
        self.finishing.extend(chunk.finished.iter().take(room));
    }

    /// Records events that are sent to the client. Some APIs number them (OpenAI Responses).
    pub fn mark_sent(&mut self, dialect: Dialect, events: &[u8]) {
        self.sent |= !events.is_empty();
        match dialect {
            Dialect::OpenAiResponses | Dialect::OpenAiCompact => {
                self.sequence = last_number(events, b"\"sequence_number\"").or(self.sequence)
            }
            Dialect::AnthropicMessages => self.note_block(events),
            dialect => {
                if let Some(member) = finish_member(dialect).filter(|_| !self.finishing.is_empty()) {
                    self.note_finished(events, member);
                }
            }
        }
    }

    /// Records the finish reasons in events. Events leave in the order in which they were received.
    fn note_finished(&mut self, events: &[u8], member: &[u8]) {
        for at in memmem::find_iter(events, member) {
            let value = events.get(at.saturating_add(member.len())..).unwrap_or_default();
            if !is_reason(value) {
                continue;
            }
            let Some(finished) = self.finishing.pop_front() else { return };
            for (_, is_finished) in self.choices.iter_mut().filter(|(own, _)| *own == finished) {
                *is_finished = true;
            }
        }
    }

    /// Returns the candidates that have begun and not ended, in ascending order; the first candidate if there are none.
    pub(crate) fn open_choices(&self) -> Vec<u32> {
        let open = self.choices.iter().filter(|(_, is_finished)| !is_finished);
        let mut open: Vec<u32> = open.map(|(index, _)| *index).collect();
        open.sort_unstable();
        if open.is_empty() {
            open.push(0);
        }
        open
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

/// Returns the member of a candidate that ends it, with its quotes, in APIs that generate several candidates at a time.
fn finish_member(dialect: Dialect) -> Option<&'static [u8]> {
    match dialect.spec().delta_members.indexed.choices {
        "choices" => Some(b"\"finish_reason\""),
        "candidates" => Some(b"\"finishReason\""),
        _ => None,
    }
}

/// Returns `true` if the bytes behind a member's name begin with a finish reason.
fn is_reason(value: &[u8]) -> bool {
    let value = value.trim_ascii_start().strip_prefix(b":").map(<[u8]>::trim_ascii_start);
    let Some(reason) = value.and_then(|value| value.strip_prefix(b"\"")) else { return false };
    !reason.starts_with(b"\"") && !reason.starts_with(b"FINISH_REASON_UNSPECIFIED\"")
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
    use crate::ParseLimits;

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

    /// Finish reasons count once they are sent, in the order in which they arrived.
    #[test]
    fn every_candidate_that_is_open_has_to_be_finished() {
        let event = |index: u32, text: &str, reason: &str| {
            format!(r#"{{"choices":[{{"index":{index},"delta":{{"content":"{text}"}},"finish_reason" : {reason}}}]}}"#)
        };
        let sent = |data: &str| format!("data: {data}\n\n");
        let (null, stop) = ("null", "\"stop\"");
        // Received events, the number of those that were sent, and the candidates that are open then.
        type Case<'a> = (&'a [(u32, &'a str, &'a str)], usize, &'a [u32]);
        let cases: &[Case<'_>] = &[
            (&[], 0, &[0]),
            (&[(0, "a", null), (1, "b", null)], 2, &[0, 1]),
            (&[(1, "b", null), (0, "a", null), (0, "", stop)], 3, &[1]),
            (&[(0, "a", null), (1, "b", null), (0, "", stop), (1, "", stop)], 3, &[1]),
            (&[(0, "a", null), (1, "b", null), (0, "", stop), (1, "", stop)], 4, &[0]),
            // Held, or blocked.
            (&[(0, "a", null), (1, "b", null), (0, "c", stop)], 2, &[0, 1]),
            // The end comes with every piece.
            (&[(0, "a", stop), (0, "b", stop)], 1, &[0]),
            (&[(0, "a", stop), (1, "b", null), (0, "", stop)], 3, &[1]),
            (&[(0, "\\\"finish_reason\\\":\\\"stop\\\"", null), (7, "b", null), (7, "", "\"\"")], 3, &[0, 7]),
        ];
        for (events, passed, open) in cases {
            let mut state = StreamState::default();
            for (at, (index, text, reason)) in events.iter().enumerate() {
                let data = event(*index, text, reason);
                let chunk =
                    Chunk::parse(Dialect::OpenAiChat, data.as_bytes(), &ParseLimits::default()).unwrap().unwrap();
                state.observe_choices(Dialect::OpenAiChat, &chunk);
                if at < *passed {
                    state.mark_sent(Dialect::OpenAiChat, sent(&data).as_bytes());
                }
            }
            assert_eq!(state.open_choices(), *open, "{events:?}");
        }
    }
}
