//! The response half of a stream.

use tollgate_llm::content_encoding::{ContentEncoding, InflateError, InflateLimits, Inflater, inflate};
use tollgate_llm::{Dialect, Framer, Response as View, StreamState};

use super::events::finish;
use super::head::is_utf8;
use super::{Phase, Step, Stream};
use crate::abi::{self, Buffer};
use crate::config::OnUnscannable;
use crate::filter::{Reading, Verdict};
use crate::headers::Headers;
use crate::plugin::{Plugin, Unscanned};
use crate::property;
use crate::reply::Reply;
use crate::response::{BodyKind, Origin, Response, ResponseHead};

/// Of a compressed stream, which may be long: what comes out is not kept, so only the ratio is bounded, and what is in
/// memory at a time.
const STREAM_CAPS: InflateLimits = InflateLimits { max_bytes: usize::MAX, max_ratio: 100, max_push: 4 << 20 };

/// How the answer is being read.
pub(super) enum Answer {
    /// Not at all.
    Passing,
    /// JSON of which `size` bytes have come. Observed, they are kept in `body`; else head and body are held by Envoy.
    Whole { reading: Reading, spelling: Spelling, body: Vec<u8>, size: usize },
    /// A stream of events; `begun`: what of it has. `out` is kept for its capacity.
    Events { reading: Reading, framer: Framer, inflater: Option<Box<Inflater>>, begun: StreamState, out: Vec<u8> },
    /// The rest of a compressed stream that is not read any more, and leaves inflated as it began.
    Inflating(Box<Inflater>),
    /// A streamed answer was ended by us: whatever still comes is dropped.
    Cut,
}

/// How a whole answer is written down.
#[derive(Clone, Copy)]
pub(super) struct Spelling {
    encoding: Option<ContentEncoding>,
    /// It is one text, and not JSON.
    is_plain: bool,
}

impl Stream {
    pub(crate) fn response_headers(&mut self, end: bool) -> Step {
        let Some(plugin) = self.plugin.clone() else {
            return Step::Continue;
        };
        let replied = matches!(self.phase, Phase::Replied);
        // Our own reply comes back through here (Envoy runs it through the encoder chain); it is not to be read.
        if replied || self.exchange.is_none() {
            return Step::Continue;
        }
        let head = self.read_head(end);
        let Some(exchange) = &mut self.exchange else {
            return Step::Continue;
        };
        self.origin = Some(head.origin);
        self.succeeded = head.is_success();
        self.finished = end;
        let reading = exchange.on_response_head(&head);
        // An error that Envoy or a filter speaks is nobody's answer; but a cache or a script may speak for a model.
        let speaks = (200..300).contains(&head.status);
        let is_refusal = head.origin == Origin::Local && !speaks;
        if end || reading == Reading::Pass || is_refusal {
            return Step::Continue;
        }
        let unreadable = match head.kind {
            _ if head.encoding.is_err() => Some(Unscanned::ResponseEncoding),
            // An error page of the upstream's own proxy is not the model speaking.
            BodyKind::Other if speaks && self.is_textless() => Some(Unscanned::ResponseTextless),
            BodyKind::Other if speaks => Some(Unscanned::ResponseType),
            _ => None,
        };
        if let Some(reason) = unreadable {
            return self.unscannable_response(&plugin, reason, reading, 0);
        }
        let encoding = head.encoding.unwrap_or_default();
        match head.kind {
            BodyKind::Json | BodyKind::Plain => {
                let spelling = Spelling { encoding, is_plain: head.kind == BodyKind::Plain };
                self.answer = Answer::Whole { reading, spelling, body: Vec::new(), size: 0 };
                if holds(reading) { Step::Hold } else { Step::Continue }
            }
            BodyKind::Events(framing) => {
                // What may be changed leaves as it was inflated, in a length that is not known yet.
                for name in ["content-length", "content-encoding"] {
                    if holds(reading)
                        && let Err(status) = Headers::RESPONSE.remove(name)
                    {
                        log::error!("tollgate: {}: {name} not removed: {status}", plugin.name);
                        return self.failed(&plugin);
                    }
                }
                let framer = Framer::new(framing, plugin.limits().max_event_bytes);
                let inflater = encoding.map(|encoding| Box::new(Inflater::new(encoding, STREAM_CAPS)));
                self.answer =
                    Answer::Events { reading, framer, inflater, begun: StreamState::default(), out: Vec::new() };
                Step::Continue
            }
            BodyKind::Other => Step::Continue,
        }
    }

    pub(crate) fn response_body(&mut self, size: usize, end: bool) -> Step {
        self.finished |= end;
        let (Some(plugin), Some(dialect)) = (self.plugin.clone(), self.dialect()) else {
            return Step::Continue;
        };
        if let Some(exchange) = &mut self.exchange {
            let unread = if matches!(self.answer, Answer::Passing | Answer::Inflating(_)) { size as u64 } else { 0 };
            exchange.on_progress(abi::now_ns, unread);
        }
        match &mut self.answer {
            Answer::Passing => Step::Continue,
            Answer::Cut => self.drop_frame(&plugin, size),
            Answer::Inflating(_) => self.inflate_frame(&plugin, size),
            Answer::Whole { .. } => self.whole_body(&plugin, dialect, size, end),
            Answer::Events { .. } => self.event_bytes(&plugin, dialect, size, end),
        }
    }

    /// The end of an answer that has trailers. Of a streamed answer nothing more can be let out here (Envoy takes no
    /// body bytes with trailers); an exchange has let go of everything by the last event of a complete answer.
    pub(crate) fn response_trailers(&mut self) -> Step {
        self.finished = true;
        let (Some(plugin), Some(dialect)) = (self.plugin.clone(), self.dialect()) else {
            return Step::Continue;
        };
        match std::mem::replace(&mut self.answer, Answer::Passing) {
            Answer::Whole { reading, spelling, body, size } => {
                self.end_whole(&plugin, dialect, reading, spelling, body, size)
            }
            Answer::Events { framer, inflater, mut out, .. } => {
                out.clear();
                if inflater.is_some_and(|inflater| inflater.finish().is_err()) {
                    plugin.report_unscanned(Unscanned::ResponseEncoding);
                }
                if let Some(exchange) = &mut self.exchange {
                    let _ = finish(framer, exchange.as_mut(), &mut out);
                    if !out.is_empty() {
                        log::debug!("tollgate: {} bytes of a cut answer were still held at its trailers", out.len());
                    }
                }
                Step::Continue
            }
            Answer::Passing | Answer::Inflating(_) | Answer::Cut => Step::Continue,
        }
    }

    fn read_head(&self, ended: bool) -> ResponseHead {
        let head = Headers::RESPONSE.read();
        let status = head.number(":status").unwrap_or_default();
        // The one attribute that says who made an answer, in every phase and version.
        let details = property::attribute(&["response", "code_details"]).unwrap_or_default();
        let origin = if details == b"via_upstream" { Origin::Upstream } else { Origin::Local };
        let content_type = head.get("content-type");
        let mut kind = BodyKind::of(&content_type);
        let json_stream = self.dialect().and_then(Dialect::json_stream);
        if let (BodyKind::Json, true, Some(framing), 200..300) = (kind, self.streamed, json_stream, status) {
            kind = BodyKind::Events(framing);
        }
        let is_plain = self.dialect().is_some_and(|dialect| dialect.is_plain(&content_type)) && is_utf8(&content_type);
        if let (BodyKind::Other, true, 200..300) = (kind, is_plain, status) {
            kind = BodyKind::Plain;
        }
        ResponseHead { status, origin, kind, encoding: ContentEncoding::detect(&head.get("content-encoding")), ended }
    }

    /// Whether the answer is in a medium in which the dialect's answers have no text.
    fn is_textless(&self) -> bool {
        let content_type = Headers::RESPONSE.get("content-type").unwrap_or_default();
        self.dialect().is_some_and(|dialect| dialect.is_textless(&content_type))
    }

    // === JSON ===

    fn whole_body(&mut self, plugin: &Plugin, dialect: Dialect, size: usize, end: bool) -> Step {
        let Answer::Whole { reading, spelling, body, size: so_far } = &mut self.answer else {
            return Step::Continue;
        };
        let (reading, spelling) = (*reading, *spelling);
        let held = holds(reading);
        // Held, Envoy shows all that has come; passing, only this frame.
        *so_far = if held { size } else { *so_far + size };
        let total = *so_far;
        if total > plugin.limits().max_response_bytes {
            self.answer = Answer::Passing;
            // Refused, no more of it is seen: what is charged must not depend on how much of it had come.
            let bytes =
                if is_strict(plugin, reading) { declared(plugin.limits().max_response_bytes) } else { total as u64 };
            return self.unscannable_response(plugin, Unscanned::ResponseTooLarge, reading, bytes);
        }
        if !held && size > 0 {
            match abi::get_buffer(Buffer::ResponseBody, 0, size) {
                Ok(bytes) if body.is_empty() => *body = bytes,
                Ok(bytes) => body.extend_from_slice(&bytes),
                Err(status) => log::error!("tollgate: {}: response body not readable: {status}", plugin.name),
            }
        }
        if end {
            let body = std::mem::take(body);
            self.answer = Answer::Passing;
            return self.end_whole(plugin, dialect, reading, spelling, body, total);
        }
        if held { Step::Hold } else { Step::Continue }
    }

    /// The answer is complete. One that is held is read only now: as long as it grows, Envoy's copy is enough.
    fn end_whole(
        &mut self,
        plugin: &Plugin,
        dialect: Dialect,
        reading: Reading,
        spelling: Spelling,
        mut body: Vec<u8>,
        size: usize,
    ) -> Step {
        if holds(reading) && size > 0 {
            body = match abi::get_buffer(Buffer::ResponseBody, 0, size) {
                Ok(body) if body.len() == size => body,
                other => {
                    log::error!(
                        "tollgate: {}: held answer of {size} bytes not readable: {:?}",
                        plugin.name,
                        other.err()
                    );
                    return self.failed(plugin);
                }
            };
        }
        let limit = plugin.limits().max_response_bytes;
        let inflated =
            |encoding| inflate(encoding, &body, InflateLimits { max_bytes: limit, ..InflateLimits::default() });
        match spelling.encoding.map(inflated) {
            None => self.judge_whole(plugin, dialect, reading, body, size, spelling),
            Some(Ok(body)) => self.judge_whole(plugin, dialect, reading, body, size, spelling),
            Some(Err(error)) => {
                let reason = match error {
                    InflateError::TooLarge => Unscanned::ResponseTooLarge,
                    _ => Unscanned::ResponseEncoding,
                };
                self.unscannable_response(plugin, reason, reading, size as u64)
            }
        }
    }

    /// Lets the exchange judge an answer; of it `size` bytes came, perhaps compressed.
    fn judge_whole(
        &mut self,
        plugin: &Plugin,
        dialect: Dialect,
        reading: Reading,
        body: Vec<u8>,
        size: usize,
        spelling: Spelling,
    ) -> Step {
        if body.is_empty() {
            return Step::Continue;
        }
        let limits = &plugin.parser_limits;
        let view = if spelling.is_plain { View::plain(&body, limits) } else { View::parse(dialect, &body, limits) };
        let view = match view {
            Ok(view) => view,
            Err(error) => {
                log::debug!("tollgate: {}: answer not read: {error}", plugin.name);
                return self.unscannable_response(plugin, Unscanned::ResponseMalformed, reading, body.len() as u64);
            }
        };
        let Some(exchange) = &mut self.exchange else {
            return Step::Continue;
        };
        let mut response = Response::new(&view, &body);
        match exchange.on_response(&mut response) {
            Verdict::Reply(reply) if holds(reading) => return self.reply(&reply),
            Verdict::Reply(_) | Verdict::Continue => {}
        }
        if holds(reading) && !response.edits.is_empty() {
            let edited = response.edits.apply(&body);
            if let Err(status) = replace_body(size, &edited, spelling.encoding.is_some()) {
                log::error!("tollgate: {}: response body not replaced: {status}", plugin.name);
                return self.failed(plugin);
            }
        }
        Step::Continue
    }

    // === what cannot be read ===

    /// An answer, of which `bytes` have come so far, cannot be read.
    fn unscannable_response(&mut self, plugin: &Plugin, reason: Unscanned, reading: Reading, bytes: u64) -> Step {
        if let Some(exchange) = &mut self.exchange {
            exchange.on_unscanned(bytes);
        }
        let limits = plugin.limits();
        let refuses = match reason {
            Unscanned::ResponseTextless => limits.on_textless_answer == OnUnscannable::Refuse,
            _ => limits.on_unscannable == OnUnscannable::Refuse,
        };
        if reading == Reading::Gate && refuses {
            log::warn!("tollgate: {}: answer refused: {}", plugin.name, reason.name());
            plugin.count_refused(reason.name());
            return self.reply(&Reply::unreadable_answer());
        }
        plugin.report_unscanned(reason);
        Step::Continue
    }
}

/// How large an answer says that it is, in bytes; at least `seen`.
fn declared(seen: usize) -> u64 {
    let stated: Option<u64> = Headers::RESPONSE.get_ascii("content-length").and_then(|length| length.parse().ok());
    stated.unwrap_or_default().max(seen as u64)
}

/// Whether what is read is held back until it has been.
pub(super) fn holds(reading: Reading) -> bool {
    matches!(reading, Reading::Edit | Reading::Gate)
}

/// Whether what cannot be read is not to pass.
pub(super) fn is_strict(plugin: &Plugin, reading: Reading) -> bool {
    reading == Reading::Gate && plugin.limits().on_unscannable == OnUnscannable::Refuse
}

/// Puts another body in place of the held one of `size` bytes, and says its length if the upstream said one. What came
/// compressed leaves as it is now: without.
fn replace_body(size: usize, body: &[u8], was_encoded: bool) -> Result<(), abi::Status> {
    abi::set_buffer(Buffer::ResponseBody, 0, size, body)?;
    let headers = Headers::RESPONSE;
    if was_encoded {
        headers.remove("content-encoding")?;
    }
    if headers.get("content-length").is_some() {
        headers.set("content-length", body.len().to_string())?;
    }
    Ok(())
}
