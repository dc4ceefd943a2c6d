//! Framer for `application/vnd.amazon.eventstream`, the binary streaming format of Amazon Bedrock.
//!
//! A message consists of its length and the length of its headers (4 bytes each, big endian), the CRC-32 of these eight
//! bytes, the headers, the payload, and the CRC-32 of everything before (Amazon Transcribe Developer Guide, "Event stream
//! encoding"; Smithy specification, "Amazon Event Stream"). Both checksums are verified before an event is handed out and
//! recomputed for an edited one. The framer hands out every byte it was fed.
//!
//! ```
//! use tollgate_llm::event_stream::{self, EventStreamFramer};
//! use tollgate_llm::FrameError;
//!
//! let mut body = Vec::new();
//! let headers = [(":event-type", "contentBlockDelta"), (":message-type", "event")];
//! event_stream::write(&headers, br#"{"delta":{"text":"Hello"}}"#, &mut body);
//!
//! let mut framer = EventStreamFramer::new(1 << 20);
//! let mut out = Vec::new();
//! for piece in body.chunks(7) {
//!     framer.push(piece, |event| {
//!         assert_eq!(event.name(), Some(&b"contentBlockDelta"[..]));
//!         event.with_data(br#"{"delta":{"text":"[name]"}}"#, &mut out);
//!         Ok::<_, FrameError<()>>(())
//!     })?;
//! }
//! let mut want = Vec::new();
//! event_stream::write(&headers, br#"{"delta":{"text":"[name]"}}"#, &mut want);
//! assert_eq!(out, want);
//! # Ok::<(), FrameError<FrameError<()>>>(())
//! ```

use std::borrow::Cow;

use crate::framing::splitter::{Delimiter, FrameError, Malformed, Splitter};

mod header;
#[cfg(test)]
mod tests;
mod wrapped;

pub use header::{Headers, Value};

/// Bytes of the prelude: the two lengths and their checksum.
const PRELUDE: usize = 12;

/// Bytes of the message checksum at the end.
const TRAILER: usize = 4;

/// Splits a body into messages, however it is chunked.
#[derive(Clone, Debug)]
pub struct EventStreamFramer {
    splitter: Splitter<Messages>,
}

impl EventStreamFramer {
    /// Creates a framer at the start of a body. `max_event_bytes` bounds one message, and therefore the bytes held
    /// between pushes.
    #[must_use]
    pub fn new(max_event_bytes: usize) -> EventStreamFramer {
        EventStreamFramer { splitter: Splitter::new(Messages::START, max_event_bytes) }
    }

    /// Feeds bytes and calls `each` for every completed message, in order. Messages that lie whole inside `bytes` are
    /// not copied.
    ///
    /// # Errors
    /// [`FrameError::TooLarge`]; [`FrameError::Malformed`] if a length or checksum is wrong; or the error of `each`.
    pub fn push<E>(
        &mut self,
        bytes: &[u8],
        mut each: impl FnMut(EventStreamMessage<'_>) -> Result<(), E>,
    ) -> Result<(), FrameError<E>> {
        self.splitter.push(bytes, |raw, ()| each(EventStreamMessage::new(raw)))
    }

    /// Returns the bytes that were not handed out yet: the unfinished message at the end.
    #[must_use]
    pub fn pending(&self) -> &[u8] {
        self.splitter.pending()
    }

    /// Ends the body: hands out the held bytes, a truncated message, as an event that is not
    /// [`whole`](EventStreamMessage::is_whole). The framer is empty afterwards, ready for another body.
    ///
    /// # Errors
    /// The error of `each`; [`FrameError::TooLarge`] or [`FrameError::Malformed`] if a push failed with it: the held
    /// bytes are dropped then.
    pub fn finish<E>(
        &mut self,
        mut each: impl FnMut(EventStreamMessage<'_>) -> Result<(), E>,
    ) -> Result<(), FrameError<E>> {
        let result = self.push(&[], &mut each);
        let last = self.splitter.take(Messages::START);
        result?;
        if last.is_empty() { Ok(()) } else { each(EventStreamMessage::new(&last)).map_err(FrameError::Callback) }
    }
}

/// Appends a message with string headers, for example `(":message-type", "event")`.
///
/// Headers whose name or value exceeds the format (255 and 32,767 bytes) are omitted, and so is a message whose length
/// exceeds 32 bits.
pub fn write(headers: &[(&str, &str)], payload: &[u8], out: &mut Vec<u8>) {
    let mut block = Vec::new();
    for (name, value) in headers {
        header::write(name, value, &mut block);
    }
    frame(&block, payload, out);
}

fn frame(headers: &[u8], payload: &[u8], out: &mut Vec<u8>) {
    let length = PRELUDE.saturating_add(headers.len()).saturating_add(payload.len()).saturating_add(TRAILER);
    let (Ok(length), Ok(headers_length)) = (u32::try_from(length), u32::try_from(headers.len())) else { return };
    let [a, b, c, d] = length.to_be_bytes();
    let [e, f, g, h] = headers_length.to_be_bytes();
    let lengths = [a, b, c, d, e, f, g, h];
    let start = out.len();
    out.extend_from_slice(&lengths);
    out.extend_from_slice(&crc32fast::hash(&lengths).to_be_bytes());
    out.extend_from_slice(headers);
    out.extend_from_slice(payload);
    let checksum = crc32fast::hash(out.get(start..).unwrap_or_default());
    out.extend_from_slice(&checksum.to_be_bytes());
}

/// Lengths of a message, from its prelude.
#[derive(Clone, Copy, Debug)]
struct Lengths {
    message: usize,
    headers: usize,
}

impl Lengths {
    /// Reads the lengths; `None` if the checksum is wrong or the lengths contradict each other.
    fn read(prelude: &[u8]) -> Option<Lengths> {
        let (lengths, rest) = prelude.split_first_chunk::<8>()?;
        let checksum = rest.first_chunk::<4>()?;
        if crc32fast::hash(lengths) != u32::from_be_bytes(*checksum) {
            return None;
        }
        let [a, b, c, d, e, f, g, h] = *lengths;
        let message = usize::try_from(u32::from_be_bytes([a, b, c, d])).ok()?;
        let headers = usize::try_from(u32::from_be_bytes([e, f, g, h])).ok()?;
        let room = message.checked_sub(PRELUDE + TRAILER)?;
        (headers <= room).then_some(Lengths { message, headers })
    }
}

/// Finds the ends of messages.
#[derive(Clone, Copy, Debug)]
struct Messages {
    /// Bytes of the message seen so far.
    seen: usize,
    prelude: [u8; PRELUDE],
    /// Length of the message, known once its prelude was seen.
    length: usize,
    /// CRC-32 of the bytes seen so far, without the trailer.
    checksum: u32,
    trailer: [u8; TRAILER],
}

impl Messages {
    const START: Messages = Messages { seen: 0, prelude: [0; PRELUDE], length: 0, checksum: 0, trailer: [0; TRAILER] };
}

impl Delimiter for Messages {
    type Mark = ();

    fn end(&mut self, bytes: &[u8]) -> Result<Option<(usize, ())>, Malformed> {
        let mut rest = bytes;
        if self.seen < PRELUDE {
            rest = fill(&mut self.prelude, &mut self.seen, rest);
            if self.seen < PRELUDE {
                return Ok(None);
            }
            self.length = Lengths::read(&self.prelude).ok_or(Malformed)?.message;
            self.checksum = crc32fast::hash(&self.prelude);
        }
        let covered = self.length.saturating_sub(TRAILER);
        let (inner, rest) =
            rest.split_at_checked(covered.saturating_sub(self.seen).min(rest.len())).unwrap_or((rest, &[]));
        let mut hasher = crc32fast::Hasher::new_with_initial(self.checksum);
        hasher.update(inner);
        self.checksum = hasher.finalize();
        self.seen += inner.len();
        if self.seen < covered {
            return Ok(None);
        }
        let mut filled = self.seen - covered;
        let rest = fill(&mut self.trailer, &mut filled, rest);
        self.seen = covered + filled;
        if self.seen < self.length {
            return Ok(None);
        }
        if self.checksum != u32::from_be_bytes(self.trailer) {
            return Err(Malformed);
        }
        *self = Messages::START;
        Ok(Some((bytes.len() - rest.len(), ())))
    }
}

/// Moves bytes into the free part of `slot`, of which `filled` bytes are used; returns the remaining bytes.
fn fill<'b>(slot: &mut [u8], filled: &mut usize, bytes: &'b [u8]) -> &'b [u8] {
    let mut rest = bytes;
    for place in slot.iter_mut().skip(*filled) {
        let Some((byte, after)) = rest.split_first() else { break };
        *place = *byte;
        *filled += 1;
        rest = after;
    }
    rest
}

/// One message.
#[derive(Clone, Copy)]
pub struct EventStreamMessage<'a> {
    raw: &'a [u8],
    headers: &'a [u8],
    payload: &'a [u8],
    whole: bool,
}

impl<'a> EventStreamMessage<'a> {
    pub(super) fn new(raw: &'a [u8]) -> EventStreamMessage<'a> {
        EventStreamMessage::parse(raw).unwrap_or(EventStreamMessage { raw, headers: &[], payload: raw, whole: false })
    }

    fn parse(raw: &'a [u8]) -> Option<EventStreamMessage<'a>> {
        let lengths = Lengths::read(raw).filter(|lengths| lengths.message == raw.len())?;
        let inner = raw.get(PRELUDE..raw.len().checked_sub(TRAILER)?)?;
        let (headers, payload) = inner.split_at_checked(lengths.headers)?;
        header::are_valid(headers).then_some(EventStreamMessage { raw, headers, payload, whole: true })
    }

    /// Returns the original bytes.
    #[must_use]
    pub fn raw(&self) -> &'a [u8] {
        self.raw
    }

    /// Returns `true` if the message is complete and its headers are valid. If not, [`data`](EventStreamMessage::data)
    /// returns all of its bytes: they are not JSON, so the reader of the data notices.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.whole
    }

    /// Returns the headers, in order.
    #[must_use]
    pub fn headers(&self) -> Headers<'a> {
        Headers::of(self.headers)
    }

    /// Returns the value of a string header.
    #[must_use]
    pub fn header(&self, name: &[u8]) -> Option<&'a [u8]> {
        self.headers().find_map(|(key, value)| match value {
            Value::Text(text) if key == name => Some(text),
            _ => None,
        })
    }

    /// Returns the kind of the event: the header `:event-type`; for an exception `:exception-type`; for an error
    /// `:error-code`.
    #[must_use]
    pub fn name(&self) -> Option<&'a [u8]> {
        let header = match self.header(b":message-type") {
            Some(b"exception") => b":exception-type".as_slice(),
            Some(b"error") => b":error-code",
            _ => b":event-type",
        };
        self.header(header)
    }

    /// Returns `true` if it reports an upstream failure: its `:message-type` is `exception` or `error`.
    #[must_use]
    pub fn is_error(&self) -> bool {
        matches!(self.header(b":message-type"), Some(b"exception" | b"error"))
    }

    /// Returns the payload; `None` if it is empty.
    ///
    /// For an event `chunk` with `bytes` in base64 (Bedrock's `InvokeModelWithResponseStream`) it returns the decoded
    /// bytes, which are an event in the model's own format. All other payloads are borrowed.
    #[must_use]
    pub fn data(&self) -> Option<Cow<'a, [u8]>> {
        if self.payload.is_empty() {
            return None;
        }
        let wrapped = if self.is_chunk() { wrapped::unwrap(self.payload) } else { None };
        Some(wrapped.map_or(Cow::Borrowed(self.payload), |(bytes, _)| Cow::Owned(bytes)))
    }

    /// Returns `true` if the payload may wrap its bytes in base64.
    fn is_chunk(&self) -> bool {
        self.whole && self.name() == Some(b"chunk")
    }

    /// Appends the message with its payload replaced; the headers stay byte for byte, lengths and checksums are
    /// recomputed. A message without payload is appended unchanged; for one that is not
    /// [`whole`](EventStreamMessage::is_whole) only `data` is appended.
    pub fn with_data(&self, data: &[u8], out: &mut Vec<u8>) {
        if !self.whole {
            out.extend_from_slice(data);
            return;
        }
        if self.payload.is_empty() {
            out.extend_from_slice(self.raw);
            return;
        }
        match if self.is_chunk() { wrapped::unwrap(self.payload) } else { None } {
            Some((_, span)) => frame(self.headers, &wrapped::rewrap(self.payload, span, data), out),
            None => frame(self.headers, data, out),
        }
    }
}

/// Shows the length only: the data is model output.
impl std::fmt::Debug for EventStreamMessage<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("EventStreamMessage").field("len", &self.raw.len()).finish_non_exhaustive()
    }
}
