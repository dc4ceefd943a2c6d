//! The complete, held request of an LLM call.

use tollgate_llm::{Edits, Endpoint, Overlap, Request, Span};

use crate::abi::Status;
use crate::clock;
use crate::filter::Verdict;
use crate::headers::{Head, Headers};
use crate::parse_cache::ParsedRequest;
use crate::plugin::Plugin;

/// Complete and well-formed request that is held: nothing of it has been sent upstream.
pub struct Call<'a> {
    plugin: &'a Plugin,
    head: &'a Head,
    parsed: &'a ParsedRequest,
    pub(crate) edits: Edits,
    pub(crate) edits_overlap: bool,
    pub(crate) rewritten: Option<Rewritten>,
}

/// Request as the later stages of a filter have seen it, see [`Call::continue_edited`].
pub(crate) struct Rewritten {
    /// Complete body with all edits.
    pub(crate) body: Vec<u8>,
    /// Model that the later stages were asked for, unless they have edited it.
    pub(crate) model: Option<String>,
}

/// Edits of a request.
pub(crate) struct Edited {
    pub(crate) edits: Edits,
    pub(crate) edits_overlap: bool,
    pub(crate) rewritten: Option<Rewritten>,
}

impl<'a> Call<'a> {
    pub(crate) fn new(plugin: &'a Plugin, head: &'a Head, parsed: &'a ParsedRequest) -> Call<'a> {
        Call { plugin, head, parsed, edits: Edits::new(), edits_overlap: false, rewritten: None }
    }

    /// Returns the edits, without the request.
    pub(crate) fn into_edited(self) -> Edited {
        Edited { edits: self.edits, edits_overlap: self.edits_overlap, rewritten: self.rewritten }
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
        let path = Headers::REQUEST.get(":path").unwrap_or_default();
        // Another filter may have changed the path in the meantime.
        let named = Endpoint::detect(b"POST", &path).and_then(|endpoint| endpoint.model).filter(|now| now == named);
        match named {
            Some(named) => self.set_header(":path", named.replaced(&path, model)),
            None => Err(Status::BadArgument),
        }
    }

    /// Returns the first value of a request header, as it was when the filter received the head. `name` is in lower case.
    pub fn header(&self, name: &str) -> Option<&'a [u8]> {
        self.head.first(name)
    }

    /// Returns the number of values of a request header, as [`header`](Self::header) reads it.
    pub fn header_count(&self, name: &str) -> usize {
        self.head.count(name)
    }

    /// Returns the edits of the body, applied if the verdict is [`Verdict::Continue`].
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

    /// Reads the request as it was edited so far.
    ///
    /// # Errors
    /// The verdict on an edited body that cannot be read, as the filter's limits say.
    pub fn read_edited<T>(&self, read: impl FnOnce(&Call<'_>) -> T) -> Result<T, Verdict> {
        if self.edits.is_empty() || self.edits_overlap {
            return Ok(read(self));
        }
        match self.parsed.edited(self.head, &self.edits, &self.plugin.parser_limits) {
            Ok(parsed) => Ok(read(&Call::new(self.plugin, self.head, &parsed))),
            Err(unreadable) => Err(self.plugin.verdict_on(*unreadable)),
        }
    }

    /// Lets the remaining stages of a filter judge the request as it was edited so far: an edited body is parsed anew, and
    /// the edits of `stages` apply to it. A body without edits is judged as it is.
    ///
    /// An edited body that cannot be read (a redaction has made two names equal) is refused or passes unjudged, as the
    /// filter's limits say.
    pub fn continue_edited(&mut self, stages: impl FnOnce(&mut Call<'_>) -> Verdict) -> Verdict {
        if self.edits.is_empty() || self.edits_overlap {
            return stages(self);
        }
        let parsed = match self.parsed.edited(self.head, &self.edits, &self.plugin.parser_limits) {
            Ok(parsed) => parsed,
            Err(unreadable) => return self.plugin.verdict_on(*unreadable),
        };
        let mut edited = Call::new(self.plugin, self.head, &parsed);
        let verdict = stages(&mut edited);
        let is_model_kept = !edited.view().model.is_some_and(|model| edited.edits.touch(model.span));
        let model = edited.model().filter(|_| is_model_kept).map(|model| model.into_owned());
        self.edits_overlap = edited.edits_overlap;
        let body = edited.rewritten.map_or_else(|| edited.edits.apply(&parsed.body), |rewritten| rewritten.body);
        self.rewritten = Some(Rewritten { body, model });
        verdict
    }

    /// Returns the time in nanoseconds since the Unix epoch.
    pub fn now_ns(&self) -> u64 {
        clock::now_ns()
    }

    /// Sets a request header. Envoy picks the route again after a change.
    pub fn set_header(&self, name: &str, value: impl AsRef<[u8]>) -> Result<(), Status> {
        Headers::REQUEST.set(name, value)
    }
}
