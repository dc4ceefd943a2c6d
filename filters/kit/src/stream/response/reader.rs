//! Operations that all readers of a response share: the decision on an unreadable one, and the replacement of frames.

use tollgate_llm::Dialect;

use crate::abi::{self, Buffer};
use crate::filter::{BodyMode, Exchange};
use crate::local_reply::LocalReply;
use crate::plugin::Plugin;
use crate::stream::FilterStatus;
use crate::unreadable::{Disposition, Unreadable};

/// Maximum bytes of an event that are held for a verdict on its texts. The limits of a
/// configuration bound what may be text; base64 data, lists of numbers and repetitions of the request come on top.
pub(super) const MAX_HELD_BYTES: usize = 16 << 20;

/// Limit of the copy of a response where the worker holds too much: enough for its usage.
pub(super) const MIN_COPY_BYTES: usize = 4 << 10;

/// Parties that read a response: the plugin, the exchange and the dialect of the call.
pub(super) struct Reader<'a> {
    pub(super) plugin: &'a Plugin,
    pub(super) dialect: Dialect,
    pub(super) exchange: &'a mut dyn Exchange,
}

impl Reader<'_> {
    /// Reports texts that were too large to be held; `is_first`: the first ones of this response.
    #[cold]
    pub(super) fn report_elided(&mut self, bytes: u64, is_first: bool) {
        self.exchange.on_elided(bytes);
        if is_first {
            self.plugin.report_unscanned(Unreadable::ResponseTooLarge);
        }
    }

    /// Decides on a response that cannot be read, of which `bytes` have arrived.
    #[cold]
    pub(super) fn refuse_or_pass(
        &mut self,
        reason: Unreadable,
        mode: BodyMode,
        bytes: u64,
    ) -> Result<(), Box<LocalReply>> {
        self.exchange.on_unscanned(bytes);
        if reason.disposition(self.plugin.limits(), mode) == Disposition::Refuse {
            log::warn!("tollgate: {}: response refused: {}", self.plugin.name, reason.name());
        }
        match self.plugin.dispose(reason, mode) {
            Disposition::Pass => Ok(()),
            Disposition::Refuse => Err(Box::new(LocalReply::unreadable_response())),
        }
    }
}

/// Returns the frame of `size` bytes that arrived; a failure is logged.
pub(super) fn get_frame(plugin: &Plugin, size: usize) -> Result<Vec<u8>, abi::Status> {
    match abi::get_buffer(Buffer::ResponseBody, 0, size) {
        // Envoy has no buffer for an empty last frame.
        Err(_) if size == 0 => Ok(Vec::new()),
        Err(status) => {
            log::error!("tollgate: {}: response body not readable: {status}", plugin.name);
            Err(status)
        }
        frame => frame,
    }
}

/// Replaces the frame that arrived with `out`. `None`: Envoy refused, and the stream must end.
pub(super) fn replace_frame(plugin: &Plugin, size: usize, frame: &[u8], out: &[u8]) -> Option<FilterStatus> {
    if frame == out {
        return Some(FilterStatus::Continue);
    }
    if let Err(status) = abi::set_buffer(Buffer::ResponseBody, 0, size, out) {
        log::error!("tollgate: {}: response body not replaced: {status}", plugin.name);
        return None;
    }
    Some(FilterStatus::Continue)
}

/// Drops the frame that arrived.
pub(super) fn drop_frame(plugin: &Plugin, size: usize) -> FilterStatus {
    if size == 0 {
        return FilterStatus::Continue;
    }
    if let Err(status) = abi::set_buffer(Buffer::ResponseBody, 0, size, &[]) {
        log::error!("tollgate: {}: response body not dropped: {status}", plugin.name);
        return FilterStatus::StopIteration;
    }
    FilterStatus::Continue
}
