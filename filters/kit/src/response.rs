//! The answer to an LLM call, as an exchange sees it.

use tollgate_llm::content_encoding::{ContentEncoding, UnsupportedEncoding};
use tollgate_llm::{Edits, Framing, Response as View};

use crate::abi;
use crate::headers::Headers;
use crate::property;

/// Who made an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// The upstream.
    Upstream,
    /// Envoy or a filter, this one's later neighbours included: a local reply.
    Local,
}

/// What an answer's body is, by its `content-type`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BodyKind {
    /// `application/json` (and `+json`).
    Json,
    /// A stream of events (`text/event-stream` and others).
    Events(Framing),
    /// One text as it is, where the API answers so.
    Plain,
    /// Something else.
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

/// The head of an answer.
#[derive(Clone, Copy, Debug)]
pub struct ResponseHead {
    /// HTTP status.
    pub status: u16,
    /// Who made the answer.
    pub origin: Origin,
    /// What the body is.
    pub kind: BodyKind,
    /// How the body is compressed, although the upstream was asked not to; an error: in a way that cannot be read.
    pub encoding: Result<Option<ContentEncoding>, UnsupportedEncoding>,
    /// There is no body.
    pub ended: bool,
}

impl ResponseHead {
    /// The answer's headers; they can still be changed.
    pub fn headers(&self) -> Headers {
        Headers::RESPONSE
    }

    /// Whether the body is a stream of events.
    pub fn is_streamed(&self) -> bool {
        matches!(self.kind, BodyKind::Events(_))
    }

    /// An answer of the model, not an error.
    pub fn is_success(&self) -> bool {
        self.origin == Origin::Upstream && (200..300).contains(&self.status)
    }
}

/// The whole of an answer in JSON.
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

    /// What the answer says.
    pub fn view(&self) -> &'a View {
        self.view
    }

    /// The bytes that the view's spans point into.
    pub fn body(&self) -> &'a [u8] {
        self.body
    }

    /// Replaces all edits by these; they are applied if the answer is gated.
    pub fn set_edits(&mut self, edits: Edits) {
        self.edits = edits;
    }
}

/// How a stream ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct End {
    /// The status the client got, if any.
    pub status: Option<u16>,
    /// Who answered, if anybody did.
    pub origin: Option<Origin>,
    /// The upstream answered with a status of success.
    pub succeeded: bool,
    /// The answer came to its end before the stream did.
    pub finished: bool,
    /// Nanoseconds since the Unix epoch.
    pub now_ns: u64,
}

/// `response.flags` that say that the chosen upstream never got the request: no healthy host, connection failure,
/// overflow, no route (bits of Envoy's `StreamInfo::CoreResponseFlag`).
const NEVER_SENT: u64 = 1 << 1 | 1 << 5 | 1 << 7 | 1 << 8;

impl End {
    /// Whether the upstream got the request, so that its provider may charge for it even if no answer came back.
    pub fn reached_upstream(&self) -> bool {
        if self.origin == Some(Origin::Upstream) {
            return true;
        }
        let flags = property::attribute_u64(&["response", "flags"]).unwrap_or_default();
        flags & NEVER_SENT == 0 && property::attribute(&["upstream", "address"]).is_some_and(|a| !a.is_empty())
    }

    /// Whether a provider has worked for this call: it answered, or it may have been at work when the client left or Envoy
    /// gave up on it (a timeout, a reset before the answer). Not if the call was refused on its way, could not be sent,
    /// or the provider refused it.
    pub fn was_served(&self) -> bool {
        self.succeeded || (self.origin != Some(Origin::Upstream) && self.reached_upstream())
    }

    pub(crate) fn read(origin: Option<Origin>, succeeded: bool, finished: bool) -> End {
        End {
            status: property::attribute_u64(&["response", "code"]).and_then(|code| u16::try_from(code).ok()),
            origin,
            succeeded,
            finished,
            now_ns: abi::now_ns(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_of_bodies() {
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
