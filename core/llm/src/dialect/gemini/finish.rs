//! End of a stream that the content filter has cut ("GenerateContentResponse", finish reason `SAFETY`).

use crate::StreamState;

/// Writes the finish reason.
pub(super) fn events(_state: &StreamState, write: &mut dyn FnMut(&str, &[u8])) {
    write(
        "",
        b"{\"candidates\":[{\"content\":{\"parts\":[],\"role\":\"model\"},\"finishReason\":\"SAFETY\",\"index\":0}]}",
    );
}
