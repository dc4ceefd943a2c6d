//! End of a stream that the content filter has cut (API documentation, "Generate a chat completion").

use crate::StreamState;

/// Writes the finish reason.
pub(super) fn events(_state: &StreamState, write: &mut dyn FnMut(&str, &[u8])) {
    write(
        "",
        b"{\"model\":\"\",\"created_at\":\"1970-01-01T00:00:00Z\",\"message\":{\"role\":\"assistant\",\"content\":\"\"},\
          \"response\":\"\",\"done\":true,\"done_reason\":\"content_filter\"}",
    );
}
