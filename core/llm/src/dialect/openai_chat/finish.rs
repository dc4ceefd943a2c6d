//! End of a stream that the content filter has cut (API reference, "The chat completion chunk object").

use crate::{StreamState, escape_into};

/// Writes the finish reason of every choice that is open, and the end marker.
pub(in crate::dialect) fn events(state: &StreamState, write: &mut dyn FnMut(&str, &[u8])) {
    chunks(state, "chat.completion.chunk", "\"delta\":{}", write);
}

/// Writes the same for legacy completions.
pub(in crate::dialect) fn text_events(state: &StreamState, write: &mut dyn FnMut(&str, &[u8])) {
    chunks(state, "text_completion", "\"text\":\"\"", write);
}

fn chunks(state: &StreamState, object: &str, member: &str, write: &mut dyn FnMut(&str, &[u8])) {
    for index in state.open_choices() {
        let mut data = b"{\"id\":\"".to_vec();
        escape_into(state.id(), &mut data);
        let rest = format!(
            "\",\"object\":\"{object}\",\"created\":0,\"model\":\"\",\"choices\":[{{\"index\":{index},{member},\"logprobs\":null,\
             \"finish_reason\":\"content_filter\"}}]}}"
        );
        data.extend_from_slice(rest.as_bytes());
        write("", &data);
    }
    write("", b"[DONE]");
}
