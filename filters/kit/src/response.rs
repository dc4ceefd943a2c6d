//! The response to an LLM call, as an exchange sees it.

use tollgate_llm::content_encoding::{ContentEncoding, UnsupportedEncoding};
use tollgate_llm::{Dialect, Edits, Framing, ParseLimits, ReportedUsage, Response as View, Span};

use crate::clock;
use crate::filter::Verdict;
use crate::headers::HeaderChanges;
use crate::local_reply::LocalReply;
use crate::property;

/// Sender of a response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// The upstream.
    Upstream,
    /// Envoy or another filter: a local reply.
    Local,
}

/// Kind of a response body, by its `content-type`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BodyKind {
    /// `application/json` (and `+json`).
    Json,
    /// Stream of events (`text/event-stream` and others).
    Events(Framing),
    /// Plain text, where the API answers in it.
    Plain,
    /// Any other content.
    Other,
}

impl BodyKind {
    pub(crate) fn of(content_type: &[u8]) -> BodyKind {
        if let Some(framing) = Framing::from_content_type(content_type) {
            return BodyKind::Events(framing);
        }
        let media = content_type.split(|&b| b == b';').next().unwrap_or_default().trim_ascii().to_ascii_lowercase();
        if media == b"application/json" || media.ends_with(b"+json") { BodyKind::Json } else { BodyKind::Other }
    }
}

/// Head of a response.
#[derive(Clone, Debug)]
pub struct ResponseHead {
    /// HTTP status.
    pub status: u16,
    /// Sender of the response.
    pub origin: Origin,
    /// Kind of the body.
    pub kind: BodyKind,
    /// Content-encoding, which an upstream may use although it was asked not to. An error: it is not supported.
    pub encoding: Result<Option<ContentEncoding>, UnsupportedEncoding>,
    /// `true` if there is no body.
    pub ended: bool,
    /// Usage that the provider reports in the headers.
    pub usage: Option<ReportedUsage>,
    pub(crate) changes: HeaderChanges,
}

impl ResponseHead {
    /// Sets a response header, in place of all earlier ones of its name. Changes of a head are made together; one that
    /// Envoy refuses is logged.
    pub fn set_header(&mut self, name: &'static str, value: String) {
        self.changes.set(name, value);
    }

    /// Returns `true` if the body is a stream of events.
    pub fn is_streamed(&self) -> bool {
        matches!(self.kind, BodyKind::Events(_))
    }

    /// Returns `true` for a response of the model, not an error.
    pub fn is_success(&self) -> bool {
        self.origin == Origin::Upstream && (200..300).contains(&self.status)
    }
}

/// Complete response in JSON.
#[derive(Debug)]
pub struct Response<'a> {
    view: &'a View,
    body: &'a [u8],
    pub(crate) edits: Edits,
}

impl<'a> Response<'a> {
    pub(crate) fn new(view: &'a View, body: &'a [u8]) -> Response<'a> {
        Response { view, body, edits: Edits::new() }
    }

    /// Returns the view of the response.
    pub fn view(&self) -> &'a View {
        self.view
    }

    /// Returns the bytes that the view's spans point into.
    pub fn body(&self) -> &'a [u8] {
        self.body
    }

    /// Lets `judge` decide on another body in place of this one, with the edits that it makes of it.
    /// A body that cannot be read gets a reply.
    pub fn replaced(
        &mut self,
        dialect: Dialect,
        body: Vec<u8>,
        judge: impl FnOnce(&mut Response<'_>) -> Verdict,
    ) -> Verdict {
        let limits = ParseLimits { max_bytes: body.len(), ..ParseLimits::default() };
        let Ok(view) = View::parse(dialect, &body, &limits) else {
            return Verdict::Reply(Box::new(LocalReply::unreadable_response()));
        };
        let mut other = Response::new(&view, &body);
        let verdict = judge(&mut other);
        let edited = other.edits.apply(&body);
        let mut edits = Edits::new();
        // It is the only edit.
        let added = edits.replace(Span::new(0, self.body.len()), edited);
        debug_assert!(added.is_ok(), "one edit has no overlap");
        self.edits = edits;
        verdict
    }

    /// Replaces all edits by these. They are applied under [`BodyMode::Edit`](crate::BodyMode::Edit) and
    /// [`BodyMode::Enforce`](crate::BodyMode::Enforce).
    pub fn set_edits(&mut self, edits: Edits) {
        self.edits = edits;
    }
}

/// End of a stream: the facts by which a call is settled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StreamEnd {
    /// Sender of the response; `None` if there was none.
    pub origin: Option<Origin>,
    /// `true` if the upstream answered with a 2xx status.
    pub succeeded: bool,
    /// `true` if the response was complete.
    pub finished: bool,
    /// Nanoseconds since the Unix epoch.
    pub now_ns: u64,
}

/// `response.flags` of requests that were never sent: no healthy host, connection failure, overflow, no route (bits of
/// Envoy's `StreamInfo::CoreResponseFlag`).
const NEVER_SENT: u64 = 1 << 1 | 1 << 5 | 1 << 7 | 1 << 8;

/// `response.flags` of streams that the client has reset or disconnected.
const CLIENT_LEFT: u64 = 1 << 14 | 1 << 28;

/// `response.flags` of streams that Envoy has ended by a timeout: of the route, the stream's idleness, its duration at the
/// upstream or in all.
const TIMED_OUT: u64 = 1 << 2 | 1 << 16 | 1 << 19 | 1 << 22;

impl StreamEnd {
    /// Returns `true` if the upstream got the request, so that its provider may charge for it even without a response.
    pub fn reached_upstream(&self) -> bool {
        if self.origin == Some(Origin::Upstream) {
            return true;
        }
        let flags = property::attribute_u64(&["response", "flags"]).unwrap_or_default();
        flags & NEVER_SENT == 0 && property::attribute(&["upstream", "address"]).is_some_and(|a| !a.is_empty())
    }

    /// Returns `true` if a provider has worked for this call: it answered with a 2xx status, or it may have been at work
    /// when the client left or Envoy gave up (a timeout, a reset before the response). `false` if a filter refused the
    /// call, it could not be sent, or the provider refused it.
    pub fn was_served(&self) -> bool {
        self.succeeded || (self.origin != Some(Origin::Upstream) && self.reached_upstream())
    }

    /// Returns `true` if the client left, or Envoy gave up waiting, before the response was complete, so that the provider
    /// may have gone on.
    pub fn was_abandoned(&self) -> bool {
        let has_flag = |flags| property::attribute_u64(&["response", "flags"]).unwrap_or_default() & flags != 0;
        match self.origin {
            // Whatever happens to the upstream, Envoy replies to a client that is still there.
            None => true,
            Some(Origin::Local) => has_flag(TIMED_OUT),
            Some(Origin::Upstream) => !self.finished && has_flag(CLIENT_LEFT | TIMED_OUT),
        }
    }

    pub(crate) fn read(origin: Option<Origin>, succeeded: bool, finished: bool) -> StreamEnd {
        StreamEnd { origin, succeeded, finished, now_ns: clock::now_ns() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_types_have_a_body_kind() {
        for (content_type, kind) in [
            ("text/event-stream", BodyKind::Events(Framing::Sse)),
            ("text/event-stream; charset=utf-8", BodyKind::Events(Framing::Sse)),
            ("Application/JSON", BodyKind::Json),
            ("application/problem+json ; x=y", BodyKind::Json),
            ("text/html", BodyKind::Other),
            ("", BodyKind::Other),
        ] {
            assert_eq!(BodyKind::of(content_type.as_bytes()), kind, "{content_type}");
        }
    }
}
