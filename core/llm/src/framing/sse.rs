//! Framer for `text/event-stream`, working on bytes.
//!
//! The format is WHATWG HTML, section 9.2 "Server-sent events": lines end in CR, LF or CRLF, an empty line ends an
//! event, and a byte order mark may precede the first line. The framer hands out every byte it was fed: each
//! [`SseEvent`] holds its raw bytes with the terminator, and events without data (comments, `retry:`, blank lines) are
//! handed out too, so that an unedited stream is forwarded unchanged.
//!
//! ```
//! use tollgate_llm::sse::SseFramer;
//! use tollgate_llm::FrameError;
//!
//! let mut framer = SseFramer::new(1 << 20);
//! let mut seen = Vec::new();
//! for piece in ["data: {\"a\"", ":1}\r", "\n\r\n: ping\n\nda", "ta: [DONE]\n\n"] {
//!     framer.push(piece.as_bytes(), |event| {
//!         seen.push(event.data().map(|data| data.into_owned()));
//!         Ok::<_, FrameError<()>>(())
//!     })?;
//! }
//! assert_eq!(seen, [Some(b"{\"a\":1}".to_vec()), None, Some(b"[DONE]".to_vec())]);
//! assert_eq!(framer.pending(), b"");
//! # Ok::<(), FrameError<FrameError<()>>>(())
//! ```
//!
//! An event is emitted as soon as its end is certain. If the last byte fed is a CR, an LF that belongs to the same
//! terminator may follow, so the event waits for the next byte. If the line before ended in a bare CR, the stream uses
//! bare CRs and the event does not wait: the next byte may never come, and when trailers arrive it is too late to emit
//! the event. If an LF follows nevertheless, it is emitted as a separate empty line, which receivers ignore.

use std::borrow::Cow;

use crate::framing::large_event::LargeEvents;
use crate::framing::splitter::{Delimiter, FrameError, Malformed, Splitter};

#[cfg(test)]
mod tests;

const BOM: [u8; 3] = [0xef, 0xbb, 0xbf];

/// Splits a body into server-sent events, however it is chunked.
#[derive(Clone, Debug)]
pub struct SseFramer {
    splitter: Splitter<EmptyLine>,
}

impl SseFramer {
    /// Creates a framer at the start of a body. `max_event_bytes` bounds one event with its terminator, and therefore
    /// the bytes held between pushes.
    #[must_use]
    pub fn new(max_event_bytes: usize) -> SseFramer {
        SseFramer { splitter: Splitter::new(EmptyLine::START, max_event_bytes) }
    }

    /// Chooses the treatment of events above the limit.
    pub(super) fn set_large(&mut self, large: LargeEvents) {
        self.splitter.set_large(large);
    }

    /// Returns the bytes of texts that were left out of condensed events.
    pub(super) fn elided_text(&self) -> u64 {
        self.splitter.elided_text()
    }

    /// Feeds bytes and calls `each` for every completed event, in order. Events that lie whole inside `bytes` are not
    /// copied.
    ///
    /// # Errors
    /// [`FrameError::TooLarge`], or the error of `each`.
    pub fn push<E>(
        &mut self,
        bytes: &[u8],
        mut each: impl FnMut(SseEvent<'_>) -> Result<(), E>,
    ) -> Result<(), FrameError<E>> {
        self.splitter.push(bytes, |raw, is_first| each(SseEvent::new(raw, is_first)))
    }

    /// Returns the bytes that were not handed out yet: the unfinished event at the end.
    #[must_use]
    pub fn pending(&self) -> &[u8] {
        self.splitter.pending()
    }

    /// Ends the body: hands out the held bytes as a last event, although its terminator is missing (many servers omit
    /// the final blank line). Without a data line the [`data`](SseEvent::data) of that event is `None`. The framer is
    /// empty afterwards, ready for another body.
    ///
    /// # Errors
    /// The error of `each`; [`FrameError::TooLarge`] if a push failed with it: the held bytes are dropped then.
    pub fn finish<E>(&mut self, mut each: impl FnMut(SseEvent<'_>) -> Result<(), E>) -> Result<(), FrameError<E>> {
        let result = self.push(&[], &mut each);
        let is_first = self.splitter.delimiter().first;
        let last = self.splitter.take(EmptyLine::START);
        result?;
        if last.is_empty() { Ok(()) } else { each(SseEvent::new(&last, is_first)).map_err(FrameError::Callback) }
    }
}

/// Finds the empty line that ends an event. Keeps its position within a line between calls.
#[derive(Clone, Copy, Debug)]
struct EmptyLine {
    /// `true` until the first event has ended: a byte order mark counts only at the start of a body.
    first: bool,
    /// Bytes of a byte order mark seen at the start of the body; `None` once past it.
    bom: Option<usize>,
    /// `true` while the current line has no content.
    empty: bool,
    /// `true` if the last byte was a CR: an LF that follows belongs to it.
    cr: bool,
    /// `true` if that CR ended an empty line, and with it an event.
    ended: bool,
    /// `true` if the last line, of this event or of the one before, ended in a CR alone.
    bare: bool,
}

impl EmptyLine {
    const START: EmptyLine = EmptyLine { first: true, bom: Some(0), ..EmptyLine::at_event(false) };

    /// Returns the state at the start of an event that is not the first.
    const fn at_event(bare: bool) -> EmptyLine {
        EmptyLine { first: false, bom: None, empty: true, cr: false, ended: false, bare }
    }

    /// Returns the offset in `bytes` after the current event; `None` if its end is not certain yet.
    fn find(&mut self, bytes: &[u8]) -> Option<usize> {
        let mut at = self.skip_bom(bytes);
        loop {
            if self.cr {
                self.bare = *bytes.get(at)? != b'\n';
                at += usize::from(!self.bare);
                self.cr = false;
                if self.ended {
                    *self = EmptyLine::at_event(self.bare);
                    return Some(at);
                }
            }
            let rest = bytes.get(at..).filter(|rest| !rest.is_empty())?;
            let Some(len) = memchr::memchr2(b'\n', b'\r', rest) else {
                self.empty = false;
                return None;
            };
            let ended = self.empty && len == 0;
            self.empty = true;
            at += len + 1;
            if rest.get(len) == Some(&b'\r') {
                if ended && self.bare {
                    *self = EmptyLine::at_event(true);
                    return Some(at);
                }
                self.cr = true;
                self.ended = ended;
            } else {
                if ended {
                    *self = EmptyLine::at_event(false);
                    return Some(at);
                }
                self.bare = false;
            }
        }
    }

    fn skip_bom(&mut self, bytes: &[u8]) -> usize {
        let mut at = 0;
        while let Some(seen) = self.bom {
            let (Some(byte), Some(want)) = (bytes.get(at), BOM.get(seen)) else { break };
            if byte == want {
                at += 1;
                self.bom = Some(seen + 1).filter(|seen| *seen < BOM.len());
            } else {
                self.bom = None;
                self.empty = seen == 0;
            }
        }
        at
    }
}

impl Delimiter for EmptyLine {
    /// `true` for the first event of a body.
    type Mark = bool;

    fn end(&mut self, bytes: &[u8]) -> Result<Option<(usize, bool)>, Malformed> {
        let first = self.first;
        Ok(self.find(bytes).map(|end| (end, first)))
    }
}

/// One event, or a run of comments, with its terminator.
#[derive(Clone, Copy)]
pub struct SseEvent<'a> {
    raw: &'a [u8],
    /// `true` if it starts with a byte order mark that counts as one.
    bom: bool,
}

impl<'a> SseEvent<'a> {
    pub(super) fn new(raw: &'a [u8], is_first: bool) -> SseEvent<'a> {
        SseEvent { raw, bom: is_first && raw.starts_with(&BOM) }
    }

    /// Returns `true` if the event begins with a byte order mark that counts as one.
    pub(super) fn has_bom(&self) -> bool {
        self.bom
    }

    /// Returns the original bytes, up to the end of the empty line.
    #[must_use]
    pub fn raw(&self) -> &'a [u8] {
        self.raw
    }

    /// Returns the value of `event:`; the last one wins. `None` means `message`.
    #[must_use]
    pub fn name(&self) -> Option<&'a [u8]> {
        self.name_and_data().0
    }

    /// Returns the values of the `data:` lines, joined by LF; `None` if there are none (a comment, `retry:`). Clients
    /// ignore an event whose data is empty. Borrowed if there is only one line.
    #[must_use]
    pub fn data(&self) -> Option<Cow<'a, [u8]>> {
        self.name_and_data().1
    }

    /// Returns [`name`](Self::name) and [`data`](Self::data), read in one pass.
    pub(super) fn name_and_data(&self) -> (Option<&'a [u8]>, Option<Cow<'a, [u8]>>) {
        let (mut name, mut data) = (None, None::<Cow<'a, [u8]>>);
        for line in self.lines() {
            if let Some(value) = line.value(b"data") {
                match &mut data {
                    None => data = Some(Cow::Borrowed(value)),
                    Some(data) => append_line(data.to_mut(), value),
                }
            } else if let Some(value) = line.value(b"event") {
                name = Some(value);
            }
        }
        (name, data)
    }

    /// Appends the event with its data replaced; everything else stays byte for byte. There are as many data lines as
    /// `data` has lines, in place of the first one. An event without data is appended unchanged.
    pub fn with_data(&self, data: &[u8], out: &mut Vec<u8>) {
        let mut lines = self.lines();
        out.extend_from_slice(if self.bom { &BOM } else { &[] });
        let mut written = false;
        for line in &mut lines {
            let Some(value) = line.value(b"data") else {
                // Without the dropped lines between them, a CR and the LF of the last line would become one terminator.
                if line.content.is_empty() && line.terminator == b"\n" && out.ends_with(b"\r") {
                    out.push(b'\n');
                }
                out.extend_from_slice(line.content);
                out.extend_from_slice(line.terminator);
                continue;
            };
            if written {
                continue;
            }
            written = true;
            let prefix = line.content.get(..line.content.len() - value.len()).filter(|_| line.content.contains(&b':'));
            let mut pieces = Lines { rest: data };
            let mut piece = pieces.next();
            loop {
                let content = piece.map_or(&[][..], |piece| piece.content);
                let prefix = prefix.unwrap_or(b"data:");
                out.extend_from_slice(prefix);
                // The receiver strips one leading space.
                if prefix.ends_with(b":") && content.starts_with(b" ") {
                    out.push(b' ');
                }
                out.extend_from_slice(content);
                let more = piece.is_some_and(|piece| !piece.terminator.is_empty());
                if !more {
                    break;
                }
                out.extend_from_slice(if line.terminator.is_empty() { b"\n" } else { line.terminator });
                piece = pieces.next();
            }
            out.extend_from_slice(line.terminator);
        }
    }

    /// Returns the lines that are neither data nor empty.
    pub fn other_lines(&self) -> impl Iterator<Item = OtherLine<'a>> + use<'a> {
        let start = self.raw.as_ptr().addr();
        self.lines().filter_map(move |line| {
            let kind = if line.content.is_empty() || line.value(b"data").is_some() {
                return None;
            } else if line.content.starts_with(b":") {
                LineKind::Comment
            } else if line.value(b"event").is_some() {
                LineKind::Name
            } else if line.value(b"id").is_some() || line.value(b"retry").is_some() {
                LineKind::Id
            } else {
                LineKind::Unknown
            };
            let text = match kind {
                LineKind::Unknown => line.content,
                _ => {
                    let colon = line.content.iter().position(|byte| *byte == b':');
                    let value = colon.and_then(|at| line.content.get(at + 1..)).unwrap_or_default();
                    value.strip_prefix(b" ").unwrap_or(value)
                }
            };
            let end = line.content.as_ptr().addr().saturating_sub(start).saturating_add(line.content.len());
            Some(OtherLine { kind, text, end })
        })
    }

    fn lines(&self) -> Lines<'a> {
        debug_assert!(!self.bom || self.raw.len() >= BOM.len());
        Lines { rest: self.raw.get(if self.bom { BOM.len() } else { 0 }..).unwrap_or_default() }
    }
}

/// Line of an event that is not data.
#[derive(Clone, Copy)]
pub struct OtherLine<'a> {
    /// Kind of the line.
    pub kind: LineKind,
    /// Value of the field, text of the comment, or the whole line.
    pub text: &'a [u8],
    /// Offset in the event of the end of the text.
    pub end: usize,
}

/// Kind of a line that is not data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LineKind {
    /// Comment (`: ping`).
    Comment,
    /// Name of the event (`event:`).
    Name,
    /// Identifier or delay (`id:`, `retry:`).
    Id,
    /// Line that is no field, which receivers ignore.
    Unknown,
}

fn append_line(data: &mut Vec<u8>, line: &[u8]) {
    data.push(b'\n');
    data.extend_from_slice(line);
}

/// Shows the length only: the data is model output.
impl std::fmt::Debug for SseEvent<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SseEvent").field("len", &self.raw.len()).finish_non_exhaustive()
    }
}

#[derive(Clone, Copy)]
struct Line<'a> {
    content: &'a [u8],
    terminator: &'a [u8],
}

impl<'a> Line<'a> {
    /// Returns the value of the line if its field is `name`, in any case: the standard says lower case, and some clients accept
    /// `DATA:`. What is read here must cover what any client reads.
    fn value(self, name: &[u8]) -> Option<&'a [u8]> {
        let (field, rest) = self.content.split_at_checked(name.len())?;
        if !field.eq_ignore_ascii_case(name) {
            return None;
        }
        match rest {
            [] => Some(&[]),
            [b':', b' ', value @ ..] | [b':', value @ ..] => Some(value),
            _ => None,
        }
    }
}

struct Lines<'a> {
    rest: &'a [u8],
}

impl<'a> Iterator for Lines<'a> {
    type Item = Line<'a>;

    fn next(&mut self) -> Option<Line<'a>> {
        if self.rest.is_empty() {
            return None;
        }
        let len = memchr::memchr2(b'\n', b'\r', self.rest).unwrap_or(self.rest.len());
        let (content, after) = self.rest.split_at_checked(len)?;
        let (terminator, rest) = after.split_at_checked(match after {
            [b'\r', b'\n', ..] => 2,
            [] => 0,
            _ => 1,
        })?;
        self.rest = rest;
        Some(Line { content, terminator })
    }
}
