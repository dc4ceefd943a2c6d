//! Requests that are calls of an LLM API only if their body says so: other services have such paths, too.

use std::rc::Rc;

use tollgate_llm::PathClass;
use tollgate_llm::content_encoding::{ContentEncoding, InflateLimits, inflate};

use super::media::{self, BodyFormat};
use super::owned_headers::Identity;
use super::{
    CallHead, Held, HeldBody, Progress, admission, escaped_slash, has_escaped_slash, not_a_call, owned_headers,
    refuse_or_pass,
};
use crate::abi::{self, Buffer};
use crate::plugin::Plugin;
use crate::unreadable::UnreadableRequest;

/// Bytes that tell a JSON object from other formats.
const BEGINNING: usize = 64;

/// Body that may be a call, of which Envoy holds `size` bytes.
pub(super) struct Candidate {
    size: usize,
    encoding: Option<ContentEncoding>,
    ambiguous: Option<Identity>,
}

/// Begins to hold a request that may be a call. Its content-type and an encoding that is not supported do not matter yet: servers
/// may ignore both.
pub(super) fn begin(plugin: &Rc<Plugin>, id: u32, head: CallHead, ambiguous: Option<Identity>) -> Progress {
    let encoding = ContentEncoding::detect(&head.headers.get("content-encoding")).unwrap_or_default();
    plugin.watchdog.watch(id, head.endpoint.dialect, head.is_first, head.headers.byte_size() as u64);
    Progress::Held(Held { head, body: HeldBody::Candidate(Candidate { size: 0, encoding, ambiguous }) })
}

impl Candidate {
    /// Returns the bytes that Envoy holds.
    pub(super) fn size(&self) -> usize {
        self.size
    }

    pub(super) fn frame(self, plugin: &Rc<Plugin>, head: CallHead, size: usize, end: bool) -> Progress {
        let limit = plugin.limits().max_request_bytes;
        if self.encoding.is_none() && self.size < BEGINNING {
            let beginning = abi::get_buffer(Buffer::RequestBody, 0, size.min(BEGINNING)).unwrap_or_default();
            if !head.endpoint.may_accept(&beginning) {
                return other_service(plugin, &head);
            }
        }
        if size > limit {
            return refuse_or_pass(plugin, head.endpoint.dialect, UnreadableRequest::too_large(limit));
        }
        let body = Candidate { size, ..self };
        if end {
            return body.complete(plugin, head);
        }
        Progress::Held(Held { head, body: HeldBody::Candidate(body) })
    }

    /// Decides on the complete body, and reads it if it is that of a call.
    #[inline(never)]
    pub(super) fn complete(self, plugin: &Rc<Plugin>, mut head: CallHead) -> Progress {
        let dialect = head.endpoint.dialect;
        let Some(body) = admission::held_body(plugin, self.size) else {
            return Progress::Refuse(dialect, plugin.internal_error());
        };
        let limits = InflateLimits { max_bytes: plugin.limits().max_request_bytes, ..InflateLimits::default() };
        let is_call = match self.encoding {
            None => head.endpoint.accepts(&body),
            // A server may ignore the encoding, or read the beginning of what does not decode to its end.
            Some(encoding) => {
                head.endpoint.accepts(&body)
                    || inflate(encoding, &body, limits).map_or(true, |body| head.endpoint.accepts(&body))
            }
        };
        if !is_call {
            return other_service(plugin, &head);
        }
        head.endpoint.is_certain = true;
        if let Some(identity) = self.ambiguous.filter(|_| !plugin.filter.is_audit()) {
            return Progress::Refuse(dialect, Box::new(owned_headers::ambiguous_identity(identity)));
        }
        if has_escaped_slash(Some(&head.endpoint), &head.headers.get(":path")) {
            return escaped_slash(plugin, dialect);
        }
        match media::read(&head.headers, plugin.limits(), dialect) {
            Ok(BodyFormat::Json(encoding)) => super::json::decide(plugin, head, body, encoding),
            Ok(BodyFormat::Form(_)) => other_service(plugin, &head),
            Err(unreadable) => refuse_or_pass(plugin, dialect, *unreadable),
        }
    }
}

/// Decides on a request that is no call.
fn other_service(plugin: &Plugin, head: &CallHead) -> Progress {
    let (method, path) = (head.headers.get(":method"), head.headers.get(":path"));
    let class = PathClass::without_call(&plugin.limits().paths, &method, &path);
    not_a_call(plugin, &class, &path, head.is_first, true)
}
