//! The complete, held request of an LLM call.

use tollgate_llm::{Edits, Endpoint, Overlap, Request, Span};

use crate::abi::{self, Status};
use crate::headers::Headers;
use crate::parse_cache::ParsedRequest;

/// Complete and well-formed request that is held: nothing of it has been sent upstream.
#[derive(Debug)]
pub struct Call<'a> {
    parsed: &'a ParsedRequest,
    pub(crate) edits: Edits,
    pub(crate) edits_overlap: bool,
}

impl<'a> Call<'a> {
    pub(crate) fn new(parsed: &'a ParsedRequest) -> Call<'a> {
        Call { parsed, edits: Edits::new(), edits_overlap: false }
    }

    /// Returns the view of the request.
    pub fn view(&self) -> &'a Request {
        &self.parsed.view
    }

    /// Returns the bytes that the view's spans point into.
    pub fn body(&self) -> &'a [u8] {
        &self.parsed.body
    }

    /// Returns the model as the client spells it.
    pub fn model(&self) -> Option<std::borrow::Cow<'a, str>> {
        self.view().model_name(self.body())
    }

    /// Replaces the model wherever the request names it: in the body, the path or both. An earlier edit of the same span of
    /// the body is kept.
    pub fn set_model(&mut self, model: &str) -> Result<(), Status> {
        let view = self.view();
        view.set_model(model, &mut self.edits);
        let Some(named) = &view.path_model else { return Ok(()) };
        let path = self.headers().get(":path").unwrap_or_default();
        // Another filter may have changed the path in the meantime.
        let named = Endpoint::detect(b"POST", &path).and_then(|endpoint| endpoint.model).filter(|now| now == named);
        match named {
            Some(named) => self.set_header(":path", named.replaced(&path, model)),
            None => Err(Status::BadArgument),
        }
    }

    /// Returns the request headers, which can still be changed. Envoy picks the route again after a change.
    pub fn headers(&self) -> Headers {
        Headers::REQUEST
    }

    /// Returns the edits of the body, applied if the verdict is [`Verdict::Continue`](crate::Verdict::Continue).
    pub fn edits(&mut self) -> &mut Edits {
        &mut self.edits
    }

    /// Replaces all edits by these.
    pub fn set_edits(&mut self, edits: Edits) {
        self.edits = edits;
    }

    /// Replaces one span. An overlap with another edit makes the request fail: it must not leave half edited.
    pub fn replace(&mut self, span: Span, with: impl Into<Vec<u8>>) {
        if let Err(Overlap { .. }) = self.edits.replace(span, with) {
            self.edits_overlap = true;
        }
    }

    /// Returns the time in nanoseconds since the Unix epoch.
    pub fn now_ns(&self) -> u64 {
        abi::now_ns()
    }

    /// Sets a request header.
    pub fn set_header(&self, name: &str, value: impl AsRef<[u8]>) -> Result<(), Status> {
        self.headers().set(name, value)
    }
}
