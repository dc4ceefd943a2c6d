//! Responses that are read as a whole: JSON, or plain text where the API answers in it.

use tollgate_llm::content_encoding::{ContentEncoding, InflateError, InflateLimits, inflate};
use tollgate_llm::{ParseLimits, Response as View};

use super::large_body::LargeBody;
use super::reader::{MIN_COPY_BYTES, Reader, get_frame};
use super::text_stream::{Stop, TextStream};
use super::{BodyResult, ResponseBody};
use crate::abi::{self, Buffer};
use crate::filter::{BodyMode, Verdict};
use crate::headers::Headers;
use crate::local_reply::LocalReply;
use crate::response::Response;
use crate::stream::FilterStatus;
use crate::unreadable::{Disposition, Unreadable};

/// Format of a response that is read as a whole.
#[derive(Clone, Copy)]
pub(super) struct BodyFormat {
    pub(super) encoding: Option<ContentEncoding>,
    /// `true` if the body is one plain text, not JSON.
    pub(super) is_plain: bool,
    /// Reason why the body is not read, whatever it says.
    pub(super) unreadable: Option<Unreadable>,
}

/// Body of which `size` bytes have arrived. In a mode that holds, Envoy keeps head and body; else `bytes` is a copy.
pub(in crate::stream) struct WholeBody {
    mode: BodyMode,
    format: BodyFormat,
    bytes: Vec<u8>,
    size: usize,
    /// Size by the response's `content-length`; 0 without one.
    declared: u64,
    /// State of a body above the limit.
    large: Option<Box<LargeBody>>,
}

impl WholeBody {
    /// Begins a body of `declared` bytes by the response's `content-length`; 0 without one.
    pub(super) fn new(mode: BodyMode, format: BodyFormat, declared: u64) -> WholeBody {
        WholeBody { mode, format, bytes: Vec::new(), size: 0, declared, large: None }
    }

    /// Returns the number of bytes that have arrived; above the limit without data that is not text.
    pub(super) fn arrived(&self) -> u64 {
        match &self.large {
            Some(large) => large.elided_text().saturating_add(self.bytes.len() as u64),
            None => self.size as u64,
        }
    }

    /// Returns the bytes that Envoy or this virtual machine holds.
    pub(super) fn held_bytes(&self) -> usize {
        if self.mode.holds() { self.size } else { self.bytes.len() }
    }

    /// Handles a frame.
    pub(super) fn frame(mut self, reader: &mut Reader<'_>, size: usize, end: bool) -> BodyResult {
        let (plugin, holds) = (reader.plugin, self.mode.holds());
        // Held, Envoy shows everything received so far; else this frame only.
        self.size = if holds { size } else { self.size + size };
        let limit = plugin.limits().max_response_bytes;
        let own = if holds { size } else { self.bytes.len().saturating_add(size) };
        let is_over_capacity = plugin.is_over_capacity(own, end);
        // Of a body that will exceed the limit, nothing is held: the next piece may be a megabyte, and held bytes and a piece above
        // Envoy's limit are its own 500.
        if self.size > limit
            || is_over_capacity
            || self.large.is_some()
            || holds && size > 0 && self.declared > limit as u64
        {
            // A plain text consists of text, and a compressed body leaves as it came.
            let is_opaque =
                self.format.is_plain || self.format.unreadable.is_some() || holds && self.format.encoding.is_some();
            if holds && !is_opaque {
                return self.pass_texts(reader, end);
            }
            let read = if is_opaque {
                Err(Unreadable::ResponseTooLarge)
            } else {
                self.condense(reader, size, is_over_capacity)
            };
            if let Err(reason) = read {
                self.refuse_or_pass(reader, reason)?;
                return Ok((ResponseBody::Passing, FilterStatus::Continue));
            }
        } else if !holds {
            let frame = get_frame(plugin, size).unwrap_or_default();
            match self.bytes.is_empty() {
                true => self.bytes = frame,
                false => self.bytes.extend_from_slice(&frame),
            }
        }
        if end {
            return self.complete(reader).map(|()| (ResponseBody::Passing, FilterStatus::Continue));
        }
        let status = if holds { FilterStatus::StopIteration } else { FilterStatus::Continue };
        Ok((ResponseBody::Whole(self), status))
    }

    /// Reads the next `size` bytes of a body above the limit that is not held. Where the worker holds too much, little of it is kept.
    #[cold]
    fn condense(&mut self, reader: &mut Reader<'_>, size: usize, is_over_capacity: bool) -> Result<(), Unreadable> {
        let limit = reader.plugin.limits().max_response_bytes;
        let limit = if is_over_capacity { limit.min(MIN_COPY_BYTES) } else { limit };
        if is_over_capacity && self.bytes.len() > 2 * limit && self.large.is_some() {
            return Err(Unreadable::ResponseTooLarge);
        }
        let WholeBody { format, bytes, large, .. } = self;
        let first = if large.is_none() { std::mem::take(bytes) } else { Vec::new() };
        let large = large.get_or_insert_with(|| LargeBody::new(reader.dialect, format.encoding, limit));
        let new = get_frame(reader.plugin, size).unwrap_or_default();
        large.read(&first, bytes)?;
        large.read(&new, bytes)
    }

    /// Decides on a body that cannot be read.
    #[cold]
    fn refuse_or_pass(&self, reader: &mut Reader<'_>, reason: Unreadable) -> Result<(), Box<LocalReply>> {
        let limits = reader.plugin.limits();
        // No more of a refused response is seen: its charge must not depend on how much of it had arrived.
        let bytes = match reason.disposition(limits, self.mode) {
            Disposition::Refuse => self.declared.max(self.size.min(limits.max_response_bytes) as u64),
            Disposition::Pass => self.size as u64,
        };
        reader.refuse_or_pass(reason, self.mode, bytes)
    }

    /// Lets a body above the limit pass text by text, with what Envoy has held of it first. Nothing has been sent yet.
    #[cold]
    fn pass_texts(self, reader: &mut Reader<'_>, end: bool) -> BodyResult {
        let plugin = reader.plugin;
        let held = get_frame(plugin, self.size).map_err(|_| plugin.internal_error())?;
        let mut texts = Box::new(TextStream::new(reader, self.mode, self.size));
        let mut out = Vec::with_capacity(held.len());
        match texts.read(reader, &held, &mut out) {
            Ok(()) => {}
            Err(Stop::Reply(reply)) => {
                texts.finish(reader);
                return Err(reply);
            }
            Err(Stop::Unreadable(reason)) => {
                if reason.disposition(plugin.limits(), self.mode) == Disposition::Refuse {
                    self.refuse_or_pass(reader, reason)?;
                }
                plugin.report_unscanned(reason);
                texts.pass_unjudged(&held, &mut out);
            }
        }
        if end {
            texts.finish(reader);
        } else {
            texts.bound_first(held.len(), &mut out);
        }
        // A later text may change its length.
        let replaced = abi::set_buffer(Buffer::ResponseBody, 0, self.size, &out)
            .and_then(|()| Headers::RESPONSE.remove("content-length"));
        replaced.map_err(|status| {
            log::error!("tollgate: {}: held response not replaced: {status}", plugin.name);
            plugin.internal_error()
        })?;
        Ok((ResponseBody::Texts(texts), FilterStatus::Continue))
    }

    /// Reads the complete body and lets the exchange judge it. A held body is copied only now: until then Envoy's copy is
    /// enough.
    #[inline(never)]
    pub(super) fn complete(mut self, reader: &mut Reader<'_>) -> Result<(), Box<LocalReply>> {
        let plugin = reader.plugin;
        if let Some(mut large) = self.large.take() {
            return match large.finish(&mut self.bytes) {
                Ok(elided) => {
                    if elided > 0 {
                        reader.report_elided(elided, true);
                    }
                    self.decide(reader)
                }
                Err(reason) => reader.refuse_or_pass(reason, self.mode, self.size as u64),
            };
        }
        if self.mode.holds() && self.size > 0 {
            self.bytes = match abi::get_buffer(Buffer::ResponseBody, 0, self.size) {
                Ok(bytes) if bytes.len() == self.size => bytes,
                other => {
                    log::error!(
                        "tollgate: {}: held response of {} bytes not readable: {:?}",
                        plugin.name,
                        self.size,
                        other.err()
                    );
                    return Err(plugin.internal_error());
                }
            };
        }
        if let Some(encoding) = self.format.encoding {
            let caps = InflateLimits { max_bytes: plugin.limits().max_response_bytes, ..InflateLimits::default() };
            self.bytes = match inflate(encoding, &self.bytes, caps) {
                Ok(bytes) => bytes,
                // The decompressed body is above the limit, and only read.
                Err(InflateError::TooLarge) if !self.mode.holds() && !self.format.is_plain => {
                    let limit = plugin.limits().max_response_bytes;
                    let mut large = LargeBody::new(reader.dialect, Some(encoding), limit);
                    let compressed = std::mem::take(&mut self.bytes);
                    if let Err(reason) = large.read(&compressed, &mut self.bytes) {
                        return reader.refuse_or_pass(reason, self.mode, self.size as u64);
                    }
                    self.large = Some(large);
                    return self.complete(reader);
                }
                Err(error) => {
                    let reason = match error {
                        InflateError::TooLarge => Unreadable::ResponseTooLarge,
                        _ => Unreadable::ResponseEncoding,
                    };
                    return reader.refuse_or_pass(reason, self.mode, self.size as u64);
                }
            };
        }
        self.decide(reader)
    }

    /// Parses the decoded body, lets the exchange judge it, and applies the edits.
    fn decide(self, reader: &mut Reader<'_>) -> Result<(), Box<LocalReply>> {
        let WholeBody { mode, format, bytes, size, .. } = self;
        if bytes.is_empty() {
            return Ok(());
        }
        let plugin = reader.plugin;
        if let Some(reason) = format.unreadable {
            return reader.refuse_or_pass(reason, mode, bytes.len() as u64);
        }
        // Its size has been checked.
        let limits = &ParseLimits { max_bytes: bytes.len(), ..plugin.parser_limits };
        let view =
            if format.is_plain { View::plain(&bytes, limits) } else { View::parse(reader.dialect, &bytes, limits) };
        let view = match view {
            Ok(view) => view,
            Err(error) => {
                log::debug!("tollgate: {}: response not readable: {error}", plugin.name);
                return reader.refuse_or_pass(Unreadable::ResponseMalformed, mode, bytes.len() as u64);
            }
        };
        let mut response = Response::new(&view, &bytes);
        match reader.exchange.on_response(&mut response) {
            Verdict::Reply(reply) if mode.holds() => return Err(reply),
            Verdict::Reply(_) | Verdict::Continue => {}
        }
        if mode.holds() && !response.edits.is_empty() {
            let edited = response.edits.apply(&bytes);
            replace_body(size, &edited, format.encoding.is_some()).map_err(|status| {
                log::error!("tollgate: {}: response body not replaced: {status}", plugin.name);
                plugin.internal_error()
            })?;
        }
        Ok(())
    }
}

/// Replaces the held body of `size` bytes, and corrects `content-length` if the upstream sent one. A body that came
/// compressed leaves without content-encoding.
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
