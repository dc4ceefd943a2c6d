//! The verdict on a complete request: the filter judges it, then its edits are applied.

use std::rc::Rc;

use tollgate_llm::RpcCalls;
use tollgate_llm::content_encoding::ContentEncoding;
use tollgate_llm::multipart::FormErrorKind;

use super::waiting::Waiting;
use super::{CallHead, Progress};
use crate::abi::{self, Buffer};
use crate::call::{Call, Edited, Rewritten};
use crate::callout::PendingCallouts;
use crate::filter::{BodyMode, Exchange, Verdict};
use crate::headers::{Head, Headers};
use crate::local_reply::LocalReply;
use crate::parse_cache::ParsedRequest;
use crate::plugin::Plugin;
use crate::property;
use crate::stream::response::ResponseBody;
use crate::stream::{Admitted, Settlement};
use crate::unreadable::{Disposition, Unreadable, UnreadableRequest};

/// Lets the filter judge a request, of whose body Envoy holds `size` bytes, and applies its edits.
#[inline(never)]
pub(super) fn decide(
    plugin: &Rc<Plugin>,
    head: CallHead,
    parsed: &ParsedRequest,
    size: usize,
    encoding: Option<ContentEncoding>,
) -> Progress {
    let mut call = Call::new(plugin, &head.headers, parsed);
    if head.is_first {
        publish(&call, parsed.is_whole);
        if !parsed.view.references.is_empty() {
            plugin.report_unscanned(Unreadable::Reference);
        }
    }
    if parsed.view.has_unread_file && plugin.filter.judges_texts() {
        let unreadable = UnreadableRequest::unread_file();
        if plugin.dispose(unreadable.reason, BodyMode::Enforce) == Disposition::Refuse {
            return Progress::Refuse(head.endpoint.dialect, Box::new(unreadable.reply));
        }
    }
    let mut exchange = Rc::clone(&plugin.filter).exchange();
    let mut verdict = exchange.on_request(&mut call);
    if matches!(verdict, Verdict::Continue)
        && let Some(callouts) = exchange.callouts()
    {
        let callouts = PendingCallouts::start(callouts);
        if !callouts.are_ended() {
            let (edits, streamed) = (call.edits, parsed.view.stream);
            let waiting = Waiting { head, exchange, streamed, edits, size, encoding, form: None, callouts };
            return Progress::Wait(Box::new(waiting));
        }
        call.rewritten = None;
        verdict = exchange.on_callouts(&mut call, callouts.results());
    }
    let judged = Judged { exchange, verdict, edited: call.into_edited() };
    conclude(plugin, head, parsed, judged, (size, encoding))
}

/// Exchange with its verdict on a request, and the edits.
pub(super) struct Judged {
    pub(super) exchange: Box<dyn Exchange>,
    pub(super) verdict: Verdict,
    pub(super) edited: Edited,
}

/// Applies the verdict on a request, of whose body Envoy holds so many bytes in an encoding.
pub(super) fn conclude(
    plugin: &Plugin,
    head: CallHead,
    parsed: &ParsedRequest,
    judged: Judged,
    held: (usize, Option<ContentEncoding>),
) -> Progress {
    let Judged { exchange, verdict, edited } = judged;
    let streamed = parsed.view.stream;
    let calls = RpcCalls::of(&parsed.view, &parsed.body);
    if let Verdict::Reply(mut reply) = verdict {
        reply.calls = calls;
        return match exchange.settles_refusal() {
            true => Progress::Settle(admitted(exchange, head, streamed), reply),
            false => Progress::Refuse(head.endpoint.dialect, reply),
        };
    }
    publish_model(parsed, &edited, head.is_first);
    request_identity_encoding(plugin, &head.headers, exchange.as_ref());
    let edited = apply_edits(plugin, &head.headers, edited, parsed, held);
    // The exchange is settled in `on_log`, also if the edit has failed.
    let mut admitted = admitted(exchange, head, streamed);
    admitted.calls = calls;
    match edited {
        Ok(()) => Progress::Admit(admitted),
        Err(reply) => Progress::Fail(admitted, reply),
    }
}

pub(super) fn admitted(exchange: Box<dyn Exchange>, head: CallHead, streamed: bool) -> Box<Admitted> {
    Box::new(Admitted {
        endpoint: head.endpoint,
        streamed,
        settlement: Settlement { exchange, origin: None, succeeded: false, finished: false },
        late_form: None,
        calls: None,
        mode: BodyMode::Pass,
        response: ResponseBody::Passing,
    })
}

/// Applies the edits of a call to the body that Envoy holds, in its size and encoding.
fn apply_edits(
    plugin: &Plugin,
    headers: &Head,
    edited: Edited,
    parsed: &ParsedRequest,
    (size, encoding): (usize, Option<ContentEncoding>),
) -> Result<(), Box<LocalReply>> {
    if edited.edits_overlap {
        log::error!("tollgate: {}: overlapping edits", plugin.name);
        return Err(plugin.internal_error());
    }
    if edited.edits.is_empty() {
        return Ok(());
    }
    let edited = if let Some(rewritten) = edited.rewritten {
        rewritten.body
    } else if parsed.is_whole {
        edited.edits.apply(&parsed.body)
    } else {
        let whole = held_body(plugin, size).ok_or_else(|| plugin.internal_error())?;
        edited.edits.apply(&whole)
    };
    if parsed.form.as_ref().is_some_and(|form| !form.is_same_form(&edited)) {
        // The client arranged its fields so that a redaction joins the parts of a boundary.
        let UnreadableRequest { reason, reply } = UnreadableRequest::malformed(&FormErrorKind::Malformed);
        plugin.count_refused(reason.name());
        return Err(Box::new(reply));
    }
    replace_body(headers, size, &edited, encoding.is_some()).map_err(|status| {
        log::error!("tollgate: {}: request body not replaced: {status}", plugin.name);
        plugin.internal_error()
    })
}

/// Asks the upstream for a response without content-encoding if the exchange reads it: a compressed response costs
/// decompression, or cannot be read at all.
fn request_identity_encoding(plugin: &Plugin, head: &Head, exchange: &dyn Exchange) {
    if exchange.reads_response()
        && head.has("accept-encoding")
        && *head.get("accept-encoding") != *b"identity"
        && let Err(status) = Headers::REQUEST.set("accept-encoding", "identity")
    {
        log::warn!("tollgate: {}: accept-encoding not set: {status}", plugin.name);
    }
}

/// Returns the `size` bytes of the body that Envoy holds.
#[inline(never)]
pub(super) fn held_body(plugin: &Plugin, size: usize) -> Option<Vec<u8>> {
    match abi::get_buffer(Buffer::RequestBody, 0, size) {
        Ok(body) if body.len() == size => Some(body),
        Ok(body) => {
            log::error!("tollgate: {}: request body of {size} bytes has {}", plugin.name, body.len());
            None
        }
        Err(status) => {
            log::error!("tollgate: {}: request body not readable: {status}", plugin.name);
            None
        }
    }
}

/// Publishes the properties that every LLM call has, whichever filters are in the chain.
fn publish(call: &Call<'_>, is_whole: bool) {
    property::set(property::DIALECT, call.view().dialect.name());
    if is_whole {
        property::set(property::STREAM, if call.view().stream { "true" } else { "false" });
    }
    property::set(property::VERDICT, "allow");
    let view = call.view();
    if view.is_fetch || view.lacks_calls() {
        // It generates nothing. A stage that charges it for an earlier call publishes that usage.
        property::set_zero_usage();
    }
}

/// Publishes the model that the client asked for. A client can choose a name that a rule blocks or redacts, so the first
/// filter that lets the name pass unchanged publishes it.
fn publish_model(parsed: &ParsedRequest, edited: &Edited, is_first: bool) {
    let view = &parsed.view;
    let Some(mut model) = view.model_name(&parsed.body) else { return };
    let mut is_edited = view.path_model.is_none() && view.model.is_some_and(|model| edited.edits.touch(model.span));
    if let Some(Rewritten { model: Some(seen), .. }) = edited.rewritten.as_ref().filter(|_| is_edited) {
        (model, is_edited) = (seen.into(), false);
    }
    if !is_edited && (is_first || property::get(property::MODEL).is_none()) {
        property::set_name(property::MODEL, &model);
    }
}

/// Replaces the `size` bytes that are held, to which more may follow, and corrects the `content-length` of `head`: an
/// HTTP/1.1 upstream with the old length would read the remainder of the body as the next request. A body that came compressed leaves
/// without content-encoding.
fn replace_body(head: &Head, size: usize, body: &[u8], was_encoded: bool) -> Result<(), abi::Status> {
    let headers = Headers::REQUEST;
    abi::set_buffer(Buffer::RequestBody, 0, size, body)?;
    if was_encoded {
        headers.remove("content-encoding")?;
    }
    if let Some(length) = head.first("content-length") {
        let declared = std::str::from_utf8(length).ok().and_then(|length| length.trim().parse::<usize>().ok());
        let length = declared.unwrap_or(size).saturating_sub(size).saturating_add(body.len());
        headers.set("content-length", length.to_string())?;
    }
    Ok(())
}
