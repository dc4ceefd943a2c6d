//! Framer for a JSON array that arrives incrementally, the streaming format of Gemini without `alt=sse`.
//!
//! The body is one JSON array, `[{..}\n,\r\n{..}\n]`, and every element is an event. Brackets, commas and white space
//! belong to the event that follows them; those at the end are an event without data. The framer hands out every byte it
//! was fed, so that an unedited stream is forwarded unchanged.
//!
//! ```
//! use tollgate_llm::FrameError;
//! use tollgate_llm::json_array::JsonArrayFramer;
//!
//! let mut framer = JsonArrayFramer::new(1 << 20);
//! let mut out = Vec::new();
//! for piece in ["[{\"a", "\":1}\n,\r\n{\"a\":", "2}\n]"] {
//!     framer.push(piece.as_bytes(), |event| {
//!         event.with_data(b"{}", &mut out);
//!         Ok::<_, FrameError<()>>(())
//!     })?;
//! }
//! assert_eq!(out, b"[{}\n,\r\n{}\n]");
//! # Ok::<(), FrameError<FrameError<()>>>(())
//! ```
//!
//! Bytes between elements are validated here; bytes inside an element are scanned only as far as needed to find its end,
//! because the parser of the element validates them.

use std::borrow::Cow;

use crate::framing::large_event::LargeEvents;
use crate::framing::splitter::{Delimiter, FrameError, Malformed, Splitter};

#[cfg(test)]
mod tests;

/// Splits an array into its elements, however it is chunked.
///
/// A body that is not an array (servers respond so with an error) is one event.
#[derive(Clone, Debug)]
pub struct JsonArrayFramer {
    splitter: Splitter<Elements>,
}

impl JsonArrayFramer {
    /// Creates a framer at the start of a body. `max_event_bytes` bounds one element with the punctuation before it,
    /// and therefore the bytes held between pushes.
    #[must_use]
    pub fn new(max_event_bytes: usize) -> JsonArrayFramer {
        JsonArrayFramer { splitter: Splitter::new(Elements::START, max_event_bytes) }
    }

    /// Chooses the treatment of events above the limit.
    pub(super) fn set_large(&mut self, large: LargeEvents) {
        self.splitter.set_large(large);
    }

    /// Returns the bytes of texts that were left out of condensed events.
    pub(super) fn elided_text(&self) -> u64 {
        self.splitter.elided_text()
    }

    /// Feeds bytes and calls `each` for every completed element, in order, and for the end of the array. Elements that
    /// lie whole inside `bytes` are not copied.
    ///
    /// # Errors
    /// [`FrameError::TooLarge`]; [`FrameError::Malformed`] if two elements are not separated by one comma, or bytes
    /// follow the array; or the error of `each`.
    pub fn push<E>(
        &mut self,
        bytes: &[u8],
        mut each: impl FnMut(ArrayElement<'_>) -> Result<(), E>,
    ) -> Result<(), FrameError<E>> {
        self.splitter.push(bytes, |raw, data| each(ArrayElement { raw, data }))
    }

    /// Returns the bytes that were not handed out yet: the unfinished element at the end with the punctuation before
    /// it.
    #[must_use]
    pub fn pending(&self) -> &[u8] {
        self.splitter.pending()
    }

    /// Ends the body: hands out the held bytes as a last event. Its data is `None` if only white space and punctuation
    /// are held, and otherwise the available part of the truncated element, which is valid JSON only if it is a number.
    /// The framer is empty afterwards, ready for another body.
    ///
    /// # Errors
    /// The error of `each`; [`FrameError::TooLarge`] or [`FrameError::Malformed`] if a push failed with it: the held
    /// bytes are dropped then.
    pub fn finish<E>(&mut self, mut each: impl FnMut(ArrayElement<'_>) -> Result<(), E>) -> Result<(), FrameError<E>> {
        let result = self.push(&[], &mut each);
        let data = self.splitter.delimiter().len;
        let last = self.splitter.take(Elements::START);
        result?;
        let data = data.min(last.len());
        if last.is_empty() { Ok(()) } else { each(ArrayElement { raw: &last, data }).map_err(FrameError::Callback) }
    }
}

/// Appends `last` as one more element and closes the array. `is_started` is `true` if the client has received an
/// element already.
pub fn close_with(is_started: bool, last: &[u8], out: &mut Vec<u8>) {
    out.push(if is_started { b',' } else { b'[' });
    out.extend_from_slice(last);
    out.push(b']');
}

/// Finds the ends of elements.
#[derive(Clone, Copy, Debug)]
struct Elements {
    place: Place,
    /// `true` if the body is an array.
    array: bool,
    /// Bytes of the current element seen so far.
    len: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// Before the body.
    Start,
    /// Behind so many bytes of a byte order mark.
    Mark(u8),
    /// After the opening bracket.
    First,
    /// After a comma.
    Next,
    /// Inside an object or array that is an element; holds the nesting depth.
    Inside(u32),
    /// Inside a string; holds the nesting depth around it.
    String(u32),
    /// After a backslash in a string; holds the nesting depth around it.
    Escape(u32),
    /// Inside a number or a literal name (`true`, `null`) that is an element.
    Scalar,
    /// After an element.
    After,
    /// After the body.
    End,
}

impl Elements {
    const START: Elements = Elements { place: Place::Start, array: false, len: 0 };

    /// Ends the current element and returns its length.
    fn ended(&mut self) -> usize {
        self.place = if self.array { Place::After } else { Place::End };
        std::mem::take(&mut self.len)
    }

    /// Starts an element with its first byte.
    fn begin(&mut self, byte: u8) {
        self.len = 1;
        self.place = match byte {
            b'{' | b'[' => Place::Inside(1),
            b'"' => Place::String(0),
            _ => Place::Scalar,
        };
    }
}

impl Delimiter for Elements {
    /// Number of bytes at the end of the event that are the element; 0 if there is none.
    type Mark = usize;

    fn shortened(element: usize, missing: usize) -> usize {
        element.saturating_sub(missing)
    }

    fn end(&mut self, bytes: &[u8]) -> Result<Option<(usize, usize)>, Malformed> {
        let mut at = 0;
        while let Some(&byte) = bytes.get(at) {
            let space = matches!(byte, b' ' | b'\t' | b'\n' | b'\r');
            match self.place {
                Place::String(depth) => {
                    // Most bytes are inside strings.
                    let rest = bytes.get(at..).unwrap_or_default();
                    let len = memchr::memchr2(b'"', b'\\', rest);
                    let seen = len.map_or(rest.len(), |len| len + 1);
                    at += seen;
                    self.len += seen;
                    match len.and_then(|len| rest.get(len)) {
                        Some(b'\\') => self.place = Place::Escape(depth),
                        Some(_) if depth == 0 => return Ok(Some((at, self.ended()))),
                        Some(_) => self.place = Place::Inside(depth),
                        None => {}
                    }
                    continue;
                }
                Place::Escape(depth) => {
                    self.len += 1;
                    self.place = Place::String(depth);
                }
                Place::Inside(depth) => {
                    self.len += 1;
                    match byte {
                        b'"' => self.place = Place::String(depth),
                        b'{' | b'[' => self.place = Place::Inside(depth.saturating_add(1)),
                        b'}' | b']' if depth == 1 => return Ok(Some((at + 1, self.ended()))),
                        b'}' | b']' => self.place = Place::Inside(depth - 1),
                        _ => {}
                    }
                }
                Place::Scalar if space || matches!(byte, b',' | b']') => return Ok(Some((at, self.ended()))),
                Place::Scalar => self.len += 1,
                _ if space && !matches!(self.place, Place::Mark(_)) => {}
                Place::Start if byte == 0xef => self.place = Place::Mark(1),
                Place::Mark(1) if byte == 0xbb => self.place = Place::Mark(2),
                Place::Mark(2) if byte == 0xbf => self.place = Place::Start,
                Place::Mark(_) => return Err(Malformed),
                Place::Start if byte == b'[' => {
                    self.array = true;
                    self.place = Place::First;
                }
                Place::First | Place::After if byte == b']' => {
                    self.place = Place::End;
                    return Ok(Some((at + 1, 0)));
                }
                Place::After if byte == b',' => self.place = Place::Next,
                Place::First | Place::Next if matches!(byte, b',' | b']') => return Err(Malformed),
                Place::Start | Place::First | Place::Next => self.begin(byte),
                Place::After | Place::End => return Err(Malformed),
            }
            at += 1;
        }
        Ok(None)
    }
}

/// One element with the punctuation before it, or the end of the array.
#[derive(Clone, Copy)]
pub struct ArrayElement<'a> {
    raw: &'a [u8],
    /// Number of bytes at the end of `raw` that are the element.
    data: usize,
}

impl<'a> ArrayElement<'a> {
    pub(super) fn new(raw: &'a [u8], data: usize) -> ArrayElement<'a> {
        ArrayElement { raw, data }
    }

    /// Returns the number of bytes of the element.
    pub(super) fn data_len(&self) -> usize {
        self.data
    }

    /// Returns the original bytes.
    #[must_use]
    pub fn raw(&self) -> &'a [u8] {
        self.raw
    }

    /// Returns the element; `None` for the end of the array. Always borrowed.
    #[must_use]
    pub fn data(&self) -> Option<Cow<'a, [u8]>> {
        let (_, data) = self.parts();
        if data.is_empty() { None } else { Some(Cow::Borrowed(data)) }
    }

    /// Appends the event with its element replaced; everything else stays byte for byte. The end of the array is
    /// appended unchanged.
    pub fn with_data(&self, data: &[u8], out: &mut Vec<u8>) {
        let (before, old) = self.parts();
        out.extend_from_slice(before);
        if !old.is_empty() {
            out.extend_from_slice(data);
        }
    }

    fn parts(&self) -> (&'a [u8], &'a [u8]) {
        self.raw.split_at_checked(self.raw.len().saturating_sub(self.data)).unwrap_or((self.raw, &[]))
    }
}

/// Shows the length only: the data is model output.
impl std::fmt::Debug for ArrayElement<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ArrayElement").field("len", &self.raw.len()).finish_non_exhaustive()
    }
}
