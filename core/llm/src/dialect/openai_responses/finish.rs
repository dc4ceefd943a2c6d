//! End of a stream that the content filter has cut (API reference, "Streaming events", `response.incomplete`).

use super::{TAIL, head};
use crate::StreamState;

/// Writes the incomplete response.
pub(super) fn events(state: &StreamState, write: &mut dyn FnMut(&str, &[u8])) {
    let mut data = Vec::new();
    head("incomplete", state, &mut data);
    data.extend_from_slice(b"\"error\":null,\"incomplete_details\":{\"reason\":\"content_filter\"},");
    data.extend_from_slice(TAIL);
    data.push(b'}');
    write("response.incomplete", &data);
}
