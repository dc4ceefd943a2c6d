//! A framer for `text/event-stream` that works on bytes.
//!
//! The format is that of WHATWG HTML, section 9.2 "Server-sent events": lines end in CR, LF or CRLF, an empty line ends
//! an event, a byte order mark may stand before the first line. The framer gives out every byte that it was fed: each
//! [`Event`] holds its raw bytes with its terminator, and events without data (comments, `retry:`, blank lines) come out
//! too, so that a stream that is not edited leaves as it came.
//!
//! ```
//! use tollgate_llm::sse::{Framer, PushError};
//!
//! let mut framer = Framer::new(1 << 20);
//! let mut seen = Vec::new();
//! for piece in ["data: {\"a\"", ":1}\r", "\n\r\n: ping\n\nda", "ta: [DONE]\n\n"] {
//!     framer.push(piece.as_bytes(), |event| {
//!         seen.push(event.data().map(|data| data.into_owned()));
//!         Ok::<_, PushError<()>>(())
//!     })?;
//! }
//! assert_eq!(seen, [Some(b"{\"a\":1}".to_vec()), None, Some(b"[DONE]".to_vec())]);
//! assert_eq!(framer.pending(), b"");
//! # Ok::<(), PushError<PushError<()>>>(())
//! ```
//!
//! An event is given out when its end is certain. After a CR that is the last byte fed it is not, if an LF may follow
//! that belongs to the same terminator. But where the line before ended in a CR alone, lines end so, and an event need
//! not wait for a byte that may never come (there is no more time to give it out when trailers do). If an LF follows all
//! the same, it comes out as an empty line of its own, which says nothing to any receiver.

use std::borrow::Cow;

#[cfg(test)]
mod tests;

const BOM: [u8; 3] = [0xef, 0xbb, 0xbf];

/// Why a push stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PushError<E> {
    /// An event is larger than the limit. Nothing is lost: what was not given out is [`Framer::pending`], and later
    /// pushes take no bytes.
    #[error("an event of the stream is larger than the limit")]
    TooLarge,
    /// The callback stopped. What follows the event it was called with is [`Framer::pending`]; the next push goes on
    /// there.
    #[error("{0}")]
    Each(E),
}

/// Cuts a body into events, whatever pieces it comes in.
#[derive(Clone, Debug)]
pub struct Framer {
    /// Bytes not given out yet.
    held: Vec<u8>,
    /// Whether `held` went through `scan` already. Not so only after the callback stopped.
    scanned: bool,
    scan: Scan,
    /// Whether no event was given out yet: a byte order mark counts at the start of a body only.
    first: bool,
    /// Whether an event was too large.
    failed: bool,
    max: usize,
}

impl Framer {
    /// A framer at the start of a body; `max_event_bytes` bounds one event with its terminator, and so what is held
    /// between pushes.
    #[must_use]
    pub fn new(max_event_bytes: usize) -> Framer {
        Framer {
            held: Vec::new(),
            scanned: true,
            scan: Scan::start(),
            first: true,
            failed: false,
            max: max_event_bytes,
        }
    }

    /// Feeds bytes and calls `each` for every event completed, in order. Events that lie whole inside `bytes` are not
    /// copied.
    ///
    /// # Errors
    /// [`PushError::TooLarge`], or what `each` said.
    pub fn push<E>(&mut self, bytes: &[u8], each: impl FnMut(Event<'_>) -> Result<(), E>) -> Result<(), PushError<E>> {
        if self.failed {
            return Err(PushError::TooLarge);
        }
        if self.scanned {
            return self.feed(bytes, each);
        }
        let mut all = std::mem::take(&mut self.held);
        all.extend_from_slice(bytes);
        self.scanned = true;
        self.feed(&all, each)
    }

    /// The bytes that were not given out yet: the unfinished event at the end.
    #[must_use]
    pub fn pending(&self) -> &[u8] {
        &self.held
    }

    /// At the end of the body: gives out what is held as a last event, though its end is missing (many servers omit the
    /// final blank line). Without a data line it is an event whose [`data`](Event::data) is `None`. The framer is empty
    /// afterwards, ready for another body.
    ///
    /// # Errors
    /// What `each` said; [`PushError::TooLarge`] if a push said so: what is held is dropped then.
    pub fn finish<E>(&mut self, mut each: impl FnMut(Event<'_>) -> Result<(), E>) -> Result<(), PushError<E>> {
        let result = self.push(&[], &mut each);
        let result = match result {
            Ok(()) if !self.held.is_empty() => {
                each(Event { raw: &self.held, bom: self.first && self.held.starts_with(&BOM) }).map_err(PushError::Each)
            }
            result => result,
        };
        *self = Framer::new(self.max);
        result
    }

    fn feed<E>(&mut self, bytes: &[u8], mut each: impl FnMut(Event<'_>) -> Result<(), E>) -> Result<(), PushError<E>> {
        let mut rest = bytes;
        while let Some((event, after)) = self.scan.end(rest).and_then(|end| rest.split_at_checked(end)) {
            if self.held.len() + event.len() > self.max {
                break;
            }
            rest = after;
            let said = if self.held.is_empty() {
                each(Event { raw: event, bom: self.first && event.starts_with(&BOM) })
            } else {
                self.held.extend_from_slice(event);
                let said = each(Event { raw: &self.held, bom: self.first && self.held.starts_with(&BOM) });
                self.held.clear();
                said
            };
            self.first = false;
            if let Err(error) = said {
                self.held.extend_from_slice(rest);
                self.scanned = false;
                return Err(PushError::Each(error));
            }
        }
        self.held.extend_from_slice(rest);
        self.failed = self.held.len() > self.max;
        if self.failed { Err(PushError::TooLarge) } else { Ok(()) }
    }
}

/// Finds the ends of events; remembers where in a line it is between calls.
#[derive(Clone, Copy, Debug)]
struct Scan {
    /// How much of a byte order mark was seen at the start of the body; `None` once past it.
    bom: Option<usize>,
    /// Whether the line so far is empty.
    empty: bool,
    /// Whether the last byte was a CR: an LF that follows belongs to it.
    cr: bool,
    /// Whether that CR ended an empty line, and with it an event.
    ended: bool,
    /// Whether the last line, of this event or of the one before, ended in a CR alone.
    bare: bool,
}

impl Scan {
    fn start() -> Scan {
        Scan { bom: Some(0), ..Scan::event(false) }
    }

    /// At the start of an event that is not the first.
    fn event(bare: bool) -> Scan {
        Scan { bom: None, empty: true, cr: false, ended: false, bare }
    }

    /// The offset in `bytes` after the event that goes on there; `None` if it does not end for certain.
    fn end(&mut self, bytes: &[u8]) -> Option<usize> {
        let mut at = self.skip_bom(bytes);
        loop {
            if self.cr {
                self.bare = *bytes.get(at)? != b'\n';
                at += usize::from(!self.bare);
                self.cr = false;
                if self.ended {
                    *self = Scan::event(self.bare);
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
                    *self = Scan::event(true);
                    return Some(at);
                }
                self.cr = true;
                self.ended = ended;
            } else {
                if ended {
                    *self = Scan::event(false);
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

/// One event, or a run of comments, with its terminator.
#[derive(Clone, Copy)]
pub struct Event<'a> {
    raw: &'a [u8],
    /// Whether it starts with a byte order mark that counts as one.
    bom: bool,
}

impl<'a> Event<'a> {
    /// Its bytes as they came, up to the end of the empty line.
    #[must_use]
    pub fn raw(&self) -> &'a [u8] {
        self.raw
    }

    /// The value of `event:`; the last one counts. `None` stands for `message`.
    #[must_use]
    pub fn name(&self) -> Option<&'a [u8]> {
        self.lines().filter_map(|line| line.value(b"event")).last()
    }

    /// The values of its `data:` lines, joined by LF; `None` if it has none (a comment, `retry:`). Clients ignore an
    /// event whose data is empty. Borrowed when there is one line.
    #[must_use]
    pub fn data(&self) -> Option<Cow<'a, [u8]>> {
        let mut values = self.lines().filter_map(|line| line.value(b"data"));
        let mut data = Cow::Borrowed(values.next()?);
        for value in values {
            let joined = data.to_mut();
            joined.push(b'\n');
            joined.extend_from_slice(value);
        }
        Some(data)
    }

    /// Appends the event with its data replaced; everything else stays byte for byte. There are as many data lines as
    /// `data` has lines, where the first one stood. An event without data is appended as it is.
    pub fn with_data(&self, data: &[u8], out: &mut Vec<u8>) {
        let mut lines = self.lines();
        out.extend_from_slice(if self.bom { &BOM } else { &[] });
        let mut written = false;
        for line in &mut lines {
            let Some(value) = line.value(b"data") else {
                // With the lines between gone, a CR and the LF of the last line would become one terminator.
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
                // the receiver takes one space away
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

    fn lines(&self) -> Lines<'a> {
        Lines { rest: self.raw.get(if self.bom { BOM.len() } else { 0 }..).unwrap_or_default() }
    }
}

/// Shows the length only: data is what a model wrote.
impl std::fmt::Debug for Event<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Event").field("len", &self.raw.len()).finish_non_exhaustive()
    }
}

#[derive(Clone, Copy)]
struct Line<'a> {
    content: &'a [u8],
    terminator: &'a [u8],
}

impl<'a> Line<'a> {
    /// The value of the line if its field is `name`.
    fn value(self, name: &[u8]) -> Option<&'a [u8]> {
        match self.content.strip_prefix(name)? {
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
