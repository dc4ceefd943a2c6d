//! The request of an LLM call, complete and held.

use tollgate_llm::{Edits, Endpoint, Overlap, Request, Span};

use crate::abi::{self, Status};
use crate::headers::Headers;
use crate::recent::Parsed;

/// A request that is complete, well-formed and held: nothing of it has gone upstream.
#[derive(Debug)]
pub struct Call<'a> {
    parsed: &'a Parsed,
    pub(crate) edits: Edits,
    pub(crate) edits_overlap: bool,
}

impl<'a> Call<'a> {
    pub(crate) fn new(parsed: &'a Parsed) -> Call<'a> {
        Call { parsed, edits: Edits::new(), edits_overlap: false }
    }

    /// What the request says.
    pub fn view(&self) -> &'a Request {
        &self.parsed.view
    }

    /// The bytes that the view's spans point into.
    pub fn body(&self) -> &'a [u8] {
        &self.parsed.body
    }

    /// The model as the client spells it.
    pub fn model(&self) -> Option<std::borrow::Cow<'a, str>> {
        self.view().model_name(self.body())
    }

    /// Makes the call one for another model: in the body, in the path, or in both, wherever it is named. An edit of the
    /// body that is there already stands.
    pub fn set_model(&mut self, model: &str) -> Result<(), Status> {
        let view = self.view();
        view.set_model(model, &mut self.edits);
        let Some(named) = &view.path_model else { return Ok(()) };
        let path = self.headers().get(":path").unwrap_or_default();
        // Another filter may have changed the path since.
        let named = Endpoint::detect(b"POST", &path).and_then(|endpoint| endpoint.model).filter(|now| now == named);
        match named {
            Some(named) => self.set_header(":path", named.replaced(&path, model)),
            None => Err(Status::BadArgument),
        }
    }

    /// The request's headers; they can still be changed, and Envoy picks the route again if they are.
    pub fn headers(&self) -> Headers {
        Headers::REQUEST
    }

    /// Edits of the body; applied when the verdict is to continue.
    pub fn edits(&mut self) -> &mut Edits {
        &mut self.edits
    }

    /// Replaces all edits by these.
    pub fn set_edits(&mut self, edits: Edits) {
        self.edits = edits;
    }

    /// Replaces one span; an overlap with another edit makes the request fail instead of going out half edited.
    pub fn replace(&mut self, span: Span, with: impl Into<Vec<u8>>) {
        if let Err(Overlap { .. }) = self.edits.replace(span, with) {
            self.edits_overlap = true;
        }
    }

    /// Nanoseconds since the Unix epoch.
    pub fn now_ns(&self) -> u64 {
        abi::now_ns()
    }

    /// Sets a request header.
    pub fn set_header(&self, name: &str, value: impl AsRef<[u8]>) -> Result<(), Status> {
        self.headers().set(name, value)
    }
}
