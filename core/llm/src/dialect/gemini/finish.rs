//! End of a stream that the content filter has cut ("GenerateContentResponse", finish reason `SAFETY`).

use crate::StreamState;

/// Writes the finish reason of every candidate that is open, in one event: clients read its first candidate.
pub(super) fn events(state: &StreamState, write: &mut dyn FnMut(&str, &[u8])) {
    let candidates = state.open_choices().into_iter().map(|index| {
        format!("{{\"content\":{{\"parts\":[],\"role\":\"model\"}},\"finishReason\":\"SAFETY\",\"index\":{index}}}")
    });
    let candidates: Vec<String> = candidates.collect();
    write("", format!("{{\"candidates\":[{}]}}", candidates.join(",")).as_bytes());
}
