//! The unread remainder of a compressed stream whose beginning left decompressed.

use tollgate_llm::content_encoding::Inflater;

use super::reader::{drop_frame, replace_frame};
use crate::abi::{self, Buffer};
use crate::plugin::Plugin;
use crate::stream::FilterStatus;

/// Decompressor of the remaining frames.
pub(in crate::stream) struct Inflating(pub(super) Box<Inflater>);

impl Inflating {
    /// Decompresses a frame. `None` in place of the state: the stream cannot go on.
    pub(super) fn frame(mut self, plugin: &Plugin, size: usize) -> (Option<Inflating>, FilterStatus) {
        let bytes = if size == 0 { Ok(Vec::new()) } else { abi::get_buffer(Buffer::ResponseBody, 0, size) };
        let mut out = Vec::new();
        match bytes {
            Ok(bytes) if self.0.push(&bytes, &mut out).is_ok() => match replace_frame(plugin, size, &bytes, &out) {
                Some(status) => (Some(self), status),
                None => (None, FilterStatus::StopIteration),
            },
            _ => (None, drop_frame(plugin, size)),
        }
    }
}
