//! End of a stream that the content filter has cut ("ConverseStreamOutput", stop reason `content_filtered`).

use crate::StreamState;

/// Writes the finish reason.
pub(super) fn events(_state: &StreamState, write: &mut dyn FnMut(&str, &[u8])) {
    write("messageStop", b"{\"stopReason\":\"content_filtered\"}");
}
