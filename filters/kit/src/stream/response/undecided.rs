//! Responses whose body is read by its first bytes.
//!
//! Servers, and proxies before them, send event streams as `application/octet-stream` and JSON as `text/event-stream`. Clients
//! read what is there, so the bytes decide and not the `content-type`. Until they do, the head of a response that may be
//! changed is held.

use std::rc::Rc;

use tollgate_llm::content_encoding::{ContentEncoding, InflateLimits, Inflater};
use tollgate_llm::{BodyStart, Dialect, Framing, is_json_line};

use super::whole::{BodyFormat, WholeBody};
use super::{ResponseBody, head};
use crate::Limits;
use crate::abi::{self, Buffer};
use crate::filter::BodyMode;
use crate::headers::{Head, Headers};
use crate::plugin::Plugin;
use crate::response::{BodyKind, ResponseHead};
use crate::stream::{Admitted, FilterStatus, Next, State};
use crate::unreadable::{Disposition, Unreadable};

/// Maximum bytes of a first line that may be one of JSON lines. The head of the response waits for its end.
const MAX_FIRST_LINE: usize = 256 << 10;

/// Response of which too few bytes have arrived.
pub(in crate::stream) struct Undecided {
    head: ResponseHead,
    headers: Head,
    mode: BodyMode,
    /// Bytes that Envoy holds.
    size: usize,
    /// Bytes of them that have no line break.
    searched: usize,
    /// `true` for UTF-16 and UTF-32.
    is_wide: bool,
}

/// Kind of a body as its first bytes show it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Found {
    Start(BodyStart),
    /// JSON values, one on each line.
    Lines,
}

impl Undecided {
    /// Returns `true` if the first bytes decide how the body of a response is read.
    pub(super) fn is_wanted(head: &ResponseHead, headers: &Head, mode: BodyMode, dialect: Dialect) -> bool {
        let has_body = !head.ended && mode != BodyMode::Pass && (200..300).contains(&head.status);
        let is_text = match head.kind {
            // A server may open a stream of MCP long before its first message.
            BodyKind::Events(Framing::Sse) => dialect != Dialect::Mcp,
            BodyKind::Events(framing) => framing != Framing::EventStream,
            BodyKind::Json | BodyKind::Plain => true,
            BodyKind::Other => !head::is_textless(headers, dialect),
        };
        has_body && is_text && head.encoding.is_ok()
    }

    pub(super) fn new(head: ResponseHead, headers: Head, mode: BodyMode) -> Undecided {
        Undecided { head, headers, mode, size: 0, searched: 0, is_wide: false }
    }

    /// Returns `true` if the head waits for the first bytes: they may still change how the body is read, and the head with it.
    pub(super) fn holds_head(&self, streamed: bool) -> bool {
        match self.head.kind {
            _ if self.mode.holds() => true,
            BodyKind::Events(_) => false,
            BodyKind::Json | BodyKind::Plain => streamed,
            BodyKind::Other => true,
        }
    }

    /// Returns the number of bytes that have arrived.
    pub(super) fn size(&self) -> usize {
        self.size
    }

    /// Detects the kind of the body. `None`: more bytes decide, unless it is complete.
    fn find(&mut self, streamed: bool, dialect: Dialect, limit: usize, is_complete: bool) -> Option<Found> {
        let found = self.find_start()?;
        if let (BodyStart::Compressed(encoding), None) = (found, self.encoding()) {
            // Clients that detect it read it, so it is read here; edited, it leaves decompressed.
            self.head.encoding = Ok(Some(encoding));
            return self.find(streamed, dialect, limit, is_complete);
        }
        let may_be_lines = found == BodyStart::Json
            && streamed
            && self.encoding().is_none()
            && dialect.json_stream().is_none()
            && self.head.kind != BodyKind::Events(Framing::JsonLines);
        match may_be_lines {
            true => self.find_lines(limit).or_else(|| is_complete.then_some(Found::Start(found))),
            false => Some(Found::Start(found)),
        }
    }

    fn encoding(&self) -> Option<ContentEncoding> {
        self.head.encoding.unwrap_or_default()
    }

    fn find_start(&self) -> Option<BodyStart> {
        let encoding = self.encoding();
        // A compressed beginning may take more bytes than what it says.
        let wanted = if encoding.is_some() { self.size.min(16 << 10) } else { self.size.min(BodyStart::MAX_BYTES) };
        let bytes = read(wanted)?;
        match encoding {
            None => BodyStart::detect(&bytes),
            Some(encoding) => BodyStart::detect(&beginning(encoding, &bytes)).or_else(|| {
                // So much of it says nothing.
                (wanted == 16 << 10).then_some(BodyStart::Other)
            }),
        }
    }

    /// Tells a document from JSON lines by what follows its first line. `None`: it has not arrived.
    fn find_lines(&mut self, limit: usize) -> Option<Found> {
        let document = Found::Start(BodyStart::Json);
        // Longer lines are documents.
        if self.size > limit {
            return Some(document);
        }
        let fresh = abi::get_buffer(Buffer::ResponseBody, self.searched, self.size.checked_sub(self.searched)?).ok()?;
        let Some(end) = fresh.iter().position(|byte| *byte == b'\n') else {
            self.searched = self.size;
            return None;
        };
        // The line break is found at once the next time.
        self.searched = self.searched.saturating_add(end);
        let after = fresh.get(end..).unwrap_or_default();
        let Some(next) = after.iter().find(|byte| !byte.is_ascii_whitespace()) else {
            return (after.len() > BodyStart::MAX_BYTES).then_some(document);
        };
        let line = read(self.searched).unwrap_or_default();
        let line = line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&line);
        match next {
            b'{' if !line.trim_ascii().is_empty() && is_json_line(line) => Some(Found::Lines),
            _ => Some(document),
        }
    }

    /// Returns the reason why the body is not read, and is refused when it is complete.
    fn unreadable(&self, limits: &Limits) -> Option<Unreadable> {
        let reason = match self.head.kind {
            _ if self.is_wide => Unreadable::ResponseEncoding,
            BodyKind::Other => Unreadable::ResponseType,
            _ => return None,
        };
        (self.is_wide || reason.disposition(limits, self.mode) == Disposition::Refuse).then_some(reason)
    }

    /// Corrects the head by what was found. Returns `true` if it has changed.
    fn correct(&mut self, found: Found, streamed: bool, dialect: Dialect) -> bool {
        let kind = match (found, self.head.kind) {
            (Found::Start(BodyStart::Sse), _) => BodyKind::Events(Framing::Sse),
            (Found::Lines, _) => BodyKind::Events(Framing::JsonLines),
            (Found::Start(BodyStart::Json), BodyKind::Events(Framing::Sse) | BodyKind::Other) => {
                match dialect.json_stream().filter(|_| streamed) {
                    Some(framing) => BodyKind::Events(framing),
                    None => BodyKind::Json,
                }
            }
            // No client reads events in it, but one may read it as a whole.
            (Found::Start(BodyStart::Wide), _) => {
                self.is_wide = true;
                BodyKind::Json
            }
            // What is compressed twice is no JSON.
            (Found::Start(BodyStart::Compressed(_)), _) => BodyKind::Json,
            (Found::Start(BodyStart::Json | BodyStart::Other), kind) => kind,
        };
        // A plain text that begins like a field is a text, unless the client asked for a stream.
        let kind = if self.head.kind == BodyKind::Plain && !streamed { BodyKind::Plain } else { kind };
        let has_changed = kind != self.head.kind;
        self.head.kind = kind;
        has_changed
    }
}

/// Reads the first bytes that Envoy holds.
fn read(size: usize) -> Option<Vec<u8>> {
    if size == 0 { None } else { abi::get_buffer(Buffer::ResponseBody, 0, size).ok() }
}

/// Decompresses the beginning of a body, as far as it can be.
fn beginning(encoding: ContentEncoding, bytes: &[u8]) -> Vec<u8> {
    let limits = InflateLimits { max_bytes: BodyStart::MAX_BYTES, max_ratio: usize::MAX, ..InflateLimits::default() };
    let mut out = Vec::new();
    // An error shows again when the body is read.
    let _ = Inflater::new(encoding, limits).push(bytes, &mut out);
    out
}

impl Admitted {
    /// Decides how a response is read, of whose body Envoy holds `size` bytes, and reads them; `is_forced`: there is nothing
    /// more to wait for.
    pub(super) fn decide(
        mut self: Box<Self>,
        plugin: &Rc<Plugin>,
        mut undecided: Box<Undecided>,
        (size, end): (usize, bool),
        is_forced: bool,
    ) -> Next {
        let (dialect, streamed) = (self.dialect(), self.streamed);
        undecided.size = size;
        // Without room to wait for more, the first bytes have to do.
        let is_complete = end || is_forced || plugin.is_over_capacity(size, false);
        let found = undecided.find(streamed, dialect, plugin.limits().event_bytes().min(MAX_FIRST_LINE), is_complete);
        if found.is_none() && !is_complete {
            self.settlement.exchange.on_progress(0);
            self.response = ResponseBody::Undecided(undecided);
            return (State::Admitted(self), FilterStatus::StopIteration);
        }
        if found.is_some_and(|found| undecided.correct(found, streamed, dialect)) {
            // Its usage has been reported.
            undecided.head.usage = None;
            undecided.mode = self.settlement.exchange.on_response_head(&mut undecided.head);
            self.mode = undecided.mode;
        }
        let unreadable = undecided.unreadable(plugin.limits());
        let Undecided { mut head, headers, mode, .. } = *undecided;
        let mut changes = std::mem::take(&mut head.changes);
        let step = match unreadable {
            // It is refused when it is complete: its charge must not depend on how much of it had arrived.
            Some(reason) => {
                let format = BodyFormat { encoding: None, is_plain: false, unreadable: Some(reason) };
                Ok((ResponseBody::Whole(WholeBody::new(mode, format, 0)), FilterStatus::StopIteration))
            }
            None => self.begin_response(plugin, &headers, &head, mode, &mut changes),
        };
        match step {
            Ok((body, _)) => self.response = body,
            Err(reply) => return self.replied(&reply),
        }
        if let Err(status) = changes.apply(Headers::RESPONSE, &headers) {
            log::error!("tollgate: {}: response headers not changed: {status}", plugin.name);
            if matches!(self.response, ResponseBody::Events(_)) && mode.holds() {
                return self.replied(&plugin.internal_error());
            }
        }
        self.response_body(plugin, size, end)
    }
}
