//! End of a stream that the content filter has cut ("Chat with streaming", `message-end`).

use crate::StreamState;

/// Writes the finish reason.
pub(super) fn events(_state: &StreamState, write: &mut dyn FnMut(&str, &[u8])) {
    write("message-end", b"{\"type\":\"message-end\",\"delta\":{\"finish_reason\":\"ERROR\"}}");
}
