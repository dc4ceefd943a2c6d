//! A framer for `application/vnd.amazon.eventstream`, the binary frames that Bedrock streams its answers in.
//!
//! A message is: its length and the length of its headers (4 bytes each, big endian), the CRC-32 of these eight bytes,
//! the headers, the payload, and the CRC-32 of all before (Amazon Transcribe Developer Guide, "Event stream encoding";
//! Smithy specification, "Amazon Event Stream"). Both sums are checked before an event is given out, and made anew for
//! one that is edited. The framer gives out every byte that it was fed.
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

use crate::crc32::Crc32;
use crate::framing::splitter::{Delimiter, FrameError, Malformed, Splitter};

mod header;
#[cfg(test)]
mod tests;
mod wrapped;

pub use header::{Headers, Value};

/// Bytes of the two lengths and their sum.
const PRELUDE: usize = 12;

/// Bytes of the sum at the end.
const TRAILER: usize = 4;

/// Cuts a body into messages, whatever pieces it comes in.
#[derive(Clone, Debug)]
pub struct EventStreamFramer {
    splitter: Splitter<Messages>,
}

impl EventStreamFramer {
    /// A framer at the start of a body; `max_event_bytes` bounds one message, and so what is held between pushes.
    #[must_use]
    pub fn new(max_event_bytes: usize) -> EventStreamFramer {
        EventStreamFramer { splitter: Splitter::new(Messages::START, max_event_bytes) }
    }

    /// Feeds bytes and calls `each` for every message completed, in order. Messages that lie whole inside `bytes` are
    /// not copied.
    ///
    /// # Errors
    /// [`FrameError::TooLarge`]; [`FrameError::Malformed`] when lengths or sums are not right; or what `each` said.
    pub fn push<E>(
        &mut self,
        bytes: &[u8],
        mut each: impl FnMut(Message<'_>) -> Result<(), E>,
    ) -> Result<(), FrameError<E>> {
        self.splitter.push(bytes, |raw, ()| each(Message::new(raw)))
    }

    /// The bytes that were not given out yet: the unfinished message at the end.
    #[must_use]
    pub fn pending(&self) -> &[u8] {
        self.splitter.pending()
    }

    /// At the end of the body: gives out what is held, a message that was cut off, as an event that is not
    /// [`whole`](Message::is_whole). The framer is empty afterwards, ready for another body.
    ///
    /// # Errors
    /// What `each` said; [`FrameError::TooLarge`] or [`FrameError::Malformed`] if a push said so: what is held is
    /// dropped then.
    pub fn finish<E>(&mut self, mut each: impl FnMut(Message<'_>) -> Result<(), E>) -> Result<(), FrameError<E>> {
        let result = self.push(&[], &mut each);
        let last = self.splitter.take(Messages::START);
        result?;
        if last.is_empty() { Ok(()) } else { each(Message::new(&last)).map_err(FrameError::Callback) }
    }
}

/// Appends a message with headers that are strings, for example `(":message-type", "event")`.
///
/// Names and values that the format has no room for (255 and 32,767 bytes) are left out, and so is a message longer than
/// its 32 bits can say.
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
    let sum = Crc32::START.with(&lengths);
    let prelude_sum = sum.sum().to_be_bytes();
    out.extend_from_slice(&lengths);
    out.extend_from_slice(&prelude_sum);
    out.extend_from_slice(headers);
    out.extend_from_slice(payload);
    out.extend_from_slice(&sum.with(&prelude_sum).with(headers).with(payload).sum().to_be_bytes());
}

/// The lengths of a message, from its first bytes.
#[derive(Clone, Copy, Debug)]
struct Lengths {
    message: usize,
    headers: usize,
}

impl Lengths {
    /// `None` when the sum is another or the lengths do not fit each other.
    fn read(prelude: &[u8]) -> Option<Lengths> {
        let (lengths, rest) = prelude.split_first_chunk::<8>()?;
        let sum = rest.first_chunk::<4>()?;
        if Crc32::of(lengths) != u32::from_be_bytes(*sum) {
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
    /// How many bytes of the message were seen.
    seen: usize,
    prelude: [u8; PRELUDE],
    /// Length of the message, once its prelude was seen.
    length: usize,
    sum: Crc32,
    trailer: [u8; TRAILER],
}

impl Messages {
    const START: Messages =
        Messages { seen: 0, prelude: [0; PRELUDE], length: 0, sum: Crc32::START, trailer: [0; TRAILER] };
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
            self.sum = Crc32::START.with(&self.prelude);
        }
        let summed = self.length.saturating_sub(TRAILER);
        let (inner, rest) =
            rest.split_at_checked(summed.saturating_sub(self.seen).min(rest.len())).unwrap_or((rest, &[]));
        self.sum = self.sum.with(inner);
        self.seen += inner.len();
        if self.seen < summed {
            return Ok(None);
        }
        let mut filled = self.seen - summed;
        let rest = fill(&mut self.trailer, &mut filled, rest);
        self.seen = summed + filled;
        if self.seen < self.length {
            return Ok(None);
        }
        if self.sum.sum() != u32::from_be_bytes(self.trailer) {
            return Err(Malformed);
        }
        *self = Messages::START;
        Ok(Some((bytes.len() - rest.len(), ())))
    }
}

/// Moves bytes into `slot`, of which `filled` are there; gives back the rest.
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
pub struct Message<'a> {
    raw: &'a [u8],
    headers: &'a [u8],
    payload: &'a [u8],
    whole: bool,
}

impl<'a> Message<'a> {
    fn new(raw: &'a [u8]) -> Message<'a> {
        Message::parse(raw).unwrap_or(Message { raw, headers: &[], payload: raw, whole: false })
    }

    fn parse(raw: &'a [u8]) -> Option<Message<'a>> {
        let lengths = Lengths::read(raw).filter(|lengths| lengths.message == raw.len())?;
        let inner = raw.get(PRELUDE..raw.len().checked_sub(TRAILER)?)?;
        let (headers, payload) = inner.split_at_checked(lengths.headers)?;
        header::are_valid(headers).then_some(Message { raw, headers, payload, whole: true })
    }

    /// Its bytes as they came.
    #[must_use]
    pub fn raw(&self) -> &'a [u8] {
        self.raw
    }

    /// Whether it is a message to its end, and its headers can be read. Its [`data`](Message::data) is all of its bytes
    /// if not: no JSON, so that who reads it sees that it cannot be read.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.whole
    }

    /// Its headers, in order.
    #[must_use]
    pub fn headers(&self) -> Headers<'a> {
        Headers::of(self.headers)
    }

    /// The value of a header that is a string.
    #[must_use]
    pub fn header(&self, name: &[u8]) -> Option<&'a [u8]> {
        self.headers().find_map(|(key, value)| match value {
            Value::Text(text) if key == name => Some(text),
            _ => None,
        })
    }

    /// What kind of event: the header `:event-type`, of an exception `:exception-type`, of an error `:error-code`.
    #[must_use]
    pub fn name(&self) -> Option<&'a [u8]> {
        let header = match self.header(b":message-type") {
            Some(b"exception") => b":exception-type".as_slice(),
            Some(b"error") => b":error-code",
            _ => b":event-type",
        };
        self.header(header)
    }

    /// Whether it says that something went wrong upstream: its `:message-type` is `exception` or `error`.
    #[must_use]
    pub fn is_error(&self) -> bool {
        matches!(self.header(b":message-type"), Some(b"exception" | b"error"))
    }

    /// Its payload; `None` if it has none.
    ///
    /// An event `chunk` that holds `bytes` in base64 (Bedrock's `InvokeModelWithResponseStream`) says these: they are an
    /// event in the format of the model. All other payloads are borrowed.
    #[must_use]
    pub fn data(&self) -> Option<Cow<'a, [u8]>> {
        if self.payload.is_empty() {
            return None;
        }
        let wrapped = if self.is_chunk() { wrapped::unwrap(self.payload) } else { None };
        Some(wrapped.map_or(Cow::Borrowed(self.payload), |(bytes, _)| Cow::Owned(bytes)))
    }

    /// Whether its bytes may be wrapped.
    fn is_chunk(&self) -> bool {
        self.whole && self.name() == Some(b"chunk")
    }

    /// Appends the message with other data in its payload; the headers stay byte for byte, lengths and sums are made
    /// anew. A message without payload is appended as it is, one that is not [`whole`](Message::is_whole) becomes `data`.
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

/// Shows the length only: data is what a model wrote.
impl std::fmt::Debug for Message<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Message").field("len", &self.raw.len()).finish_non_exhaustive()
    }
}
