//! End of a stream that the content filter has cut ("Streaming messages", stop reason `refusal`).

use crate::StreamState;

/// Writes the end of the open block, the stop reason, and the end of the message.
pub(super) fn events(state: &StreamState, write: &mut dyn FnMut(&str, &[u8])) {
    if let Some(index) = state.open_block() {
        write("content_block_stop", format!("{{\"type\":\"content_block_stop\",\"index\":{index}}}").as_bytes());
    }
    let delta = b"{\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"refusal\",\"stop_sequence\":null},\
        \"usage\":{\"output_tokens\":0}}";
    write("message_delta", delta);
    write("message_stop", b"{\"type\":\"message_stop\"}");
}
