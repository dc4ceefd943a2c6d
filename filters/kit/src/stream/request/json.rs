//! JSON bodies: read once, when they are complete.

use std::rc::Rc;

use tollgate_llm::content_encoding::{ContentEncoding, InflateError, InflateLimits, inflate};
use tollgate_llm::{Endpoint, ErrorKind, Request};

use super::{CallHead, Held, HeldBody, Progress, admission, refuse_or_pass};
use crate::abi::{self, Buffer};
use crate::filter::BodyScope;
use crate::parse_cache::ParsedRequest;
use crate::plugin::Plugin;
use crate::property;
use crate::unreadable::UnreadableRequest;

/// Bytes that are scanned first for the model, where a filter needs nothing else.
const MODEL_BYTES: usize = 4 << 10;

/// JSON body, perhaps compressed, of which Envoy holds `size` bytes.
///
/// It is read when it is complete, not before: a second copy of it in here would fill the memory of the virtual machine
/// (1 GiB, shared by all streams of a worker) while clients send slowly.
pub(super) struct JsonBody {
    pub(super) size: usize,
    pub(super) encoding: Option<ContentEncoding>,
}

impl JsonBody {
    pub(super) fn frame(self, plugin: &Rc<Plugin>, head: CallHead, size: usize, end: bool) -> Progress {
        let limit = plugin.limits().max_request_bytes;
        if size > limit {
            return refuse_or_pass(plugin, head.endpoint.dialect, UnreadableRequest::too_large(limit));
        }
        let body = JsonBody { size, ..self };
        if end {
            return body.complete(plugin, head);
        }
        Progress::Held(Held { head, body: HeldBody::Json(body) })
    }

    /// Reads the complete body and lets the filter judge it.
    #[inline(never)]
    pub(super) fn complete(self, plugin: &Rc<Plugin>, head: CallHead) -> Progress {
        let JsonBody { size, encoding } = self;
        if size == 0 {
            return decide(plugin, head, Vec::new(), None);
        }
        if let Some(parsed) = model_only(plugin, &head, size, encoding) {
            return admission::decide(plugin, head, &parsed, size, encoding);
        }
        match admission::held_body(plugin, size) {
            Some(body) => decide(plugin, head, body, encoding),
            None => Progress::Refuse(head.endpoint.dialect, plugin.internal_error()),
        }
    }
}

/// Reads the model alone, if the filter needs nothing else and the remaining body need not be read: an earlier filter has
/// read it, and has refused a second model, or the configuration accepts the risk.
fn model_only(
    plugin: &Plugin,
    head: &CallHead,
    size: usize,
    encoding: Option<ContentEncoding>,
) -> Option<ParsedRequest> {
    let BodyScope::ModelOnly { even_if_first } = plugin.filter.body_scope() else { return None };
    let endpoint = &head.endpoint;
    let was_read = !head.is_first && property::get(property::UNSCANNED).is_none();
    if !(even_if_first || was_read) || encoding.is_some() {
        return None;
    }
    let body = abi::get_buffer(Buffer::RequestBody, 0, size.min(MODEL_BYTES)).ok()?;
    let model = match Request::model_only(&body, &plugin.parser_limits) {
        Ok(Some(model)) => Some(model),
        _ if endpoint.model.is_some() => None,
        _ => return None,
    };
    let view = Request::of_model(endpoint, model);
    Some(ParsedRequest { view, body, endpoint: endpoint.clone(), is_whole: false, form: None })
}

/// Decodes and parses a complete body, and lets the filter judge it.
#[inline(never)]
pub(super) fn decide(
    plugin: &Rc<Plugin>,
    head: CallHead,
    body: Vec<u8>,
    encoding: Option<ContentEncoding>,
) -> Progress {
    let size = body.len();
    match parsed(plugin, &head.endpoint, body, encoding) {
        Ok(parsed) => admission::decide(plugin, head, &parsed, size, encoding),
        Err(unreadable) => refuse_or_pass(plugin, head.endpoint.dialect, *unreadable),
    }
}

/// Decodes and parses a complete body.
pub(super) fn parsed(
    plugin: &Plugin,
    endpoint: &Endpoint,
    body: Vec<u8>,
    encoding: Option<ContentEncoding>,
) -> Result<Rc<ParsedRequest>, Box<UnreadableRequest>> {
    decode(plugin, body, encoding).and_then(|body| parse(plugin, endpoint, body))
}

fn decode(
    plugin: &Plugin,
    body: Vec<u8>,
    encoding: Option<ContentEncoding>,
) -> Result<Vec<u8>, Box<UnreadableRequest>> {
    let Some(encoding) = encoding else { return Ok(body) };
    let limit = plugin.limits().max_request_bytes;
    inflate(encoding, &body, InflateLimits { max_bytes: limit, ..InflateLimits::default() }).map_err(|error| {
        Box::new(match error {
            InflateError::TooLarge | InflateError::TooDense => UnreadableRequest::too_large(limit),
            error => UnreadableRequest::undecodable(&error),
        })
    })
}

fn parse(plugin: &Plugin, endpoint: &Endpoint, body: Vec<u8>) -> Result<Rc<ParsedRequest>, Box<UnreadableRequest>> {
    if body.is_empty() && endpoint.may_be_bodiless() {
        return Ok(Rc::new(ParsedRequest::without_body(endpoint)));
    }
    plugin.parse_cache.parse(endpoint, body, &plugin.parser_limits).map_err(|error| {
        let mut unreadable = UnreadableRequest::malformed(&error);
        if let ErrorKind::WrongType(field) = error.kind {
            unreadable.reply.param = Some(field);
            unreadable.reply.code = Some("invalid_type");
        }
        Box::new(unreadable)
    })
}
