//! A framer for an array of JSON values that comes bit by bit, as Gemini streams its answers without `alt=sse`.
//!
//! The body is one JSON array, `[{..}\n,\r\n{..}\n]`, and every element is an event. Brackets, commas and white space
//! belong to the event that follows them; those at the end are an event without data. The framer gives out every byte
//! that it was fed, so that a stream that is not edited leaves as it came.
//!
//! ```
//! use tollgate_llm::json_array::{FrameError, JsonArrayFramer};
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
//! What is between elements is checked here; what is inside of one is only followed as far as its end needs, since
//! whoever reads the element checks it in full.

use std::borrow::Cow;

use crate::framing::splitter::{Delimiter, FrameError, Malformed, Splitter};

#[cfg(test)]
mod tests;

/// Cuts an array into its elements, whatever pieces it comes in.
///
/// A body that is another value than an array (servers answer so with an error) is one event.
#[derive(Clone, Debug)]
pub struct JsonArrayFramer {
    splitter: Splitter<Elements>,
}

impl JsonArrayFramer {
    /// A framer at the start of a body; `max_event_bytes` bounds one element with what stands before it, and so what is
    /// held between pushes.
    #[must_use]
    pub fn new(max_event_bytes: usize) -> JsonArrayFramer {
        JsonArrayFramer { splitter: Splitter::new(Elements::START, max_event_bytes) }
    }

    /// Feeds bytes and calls `each` for every element completed, in order, and for the end of the array. Elements that
    /// lie whole inside `bytes` are not copied.
    ///
    /// # Errors
    /// [`FrameError::TooLarge`]; [`FrameError::Malformed`] when two elements are not divided by one comma, or something
    /// follows the array; or what `each` said.
    pub fn push<E>(
        &mut self,
        bytes: &[u8],
        mut each: impl FnMut(ArrayElement<'_>) -> Result<(), E>,
    ) -> Result<(), FrameError<E>> {
        self.splitter.push(bytes, |raw, data| each(ArrayElement { raw, data }))
    }

    /// The bytes that were not given out yet: the unfinished element at the end with what stands before it.
    #[must_use]
    pub fn pending(&self) -> &[u8] {
        self.splitter.pending()
    }

    /// At the end of the body: gives out what is held as a last event. Its data is `None` if it is no more than white
    /// space and punctuation, and what is there of an element that was cut off: no JSON, unless it is a number. The
    /// framer is empty afterwards, ready for another body.
    ///
    /// # Errors
    /// What `each` said; [`FrameError::TooLarge`] or [`FrameError::Malformed`] if a push said so: what is held is
    /// dropped then.
    pub fn finish<E>(&mut self, mut each: impl FnMut(ArrayElement<'_>) -> Result<(), E>) -> Result<(), FrameError<E>> {
        let result = self.push(&[], &mut each);
        let data = self.splitter.delimiter().len;
        let last = self.splitter.take(Elements::START);
        result?;
        if last.is_empty() { Ok(()) } else { each(ArrayElement { raw: &last, data }).map_err(FrameError::Callback) }
    }
}

/// Appends what makes an array end with `last` as one more element; `begun` says whether the client has got an event
/// with data of it yet.
pub fn close_with(begun: bool, last: &[u8], out: &mut Vec<u8>) {
    out.push(if begun { b',' } else { b'[' });
    out.extend_from_slice(last);
    out.push(b']');
}

/// Finds the ends of elements.
#[derive(Clone, Copy, Debug)]
struct Elements {
    place: Place,
    /// Whether the body is an array.
    array: bool,
    /// How many bytes of the element were seen.
    len: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// Before the body.
    Start,
    /// After the opening bracket.
    First,
    /// After a comma.
    Next,
    /// In an object or array that is an element, this many levels deep.
    Inside(u32),
    /// In a string, at the level that it stands on.
    String(u32),
    /// After a backslash in it.
    Escape(u32),
    /// In a number or a word that is an element.
    Scalar,
    /// After an element.
    After,
    /// After the body.
    End,
}

impl Elements {
    const START: Elements = Elements { place: Place::Start, array: false, len: 0 };

    /// An element ends before `at`; how long it is.
    fn ended(&mut self) -> usize {
        self.place = if self.array { Place::After } else { Place::End };
        std::mem::take(&mut self.len)
    }

    /// The first byte of an element.
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
    /// How many bytes of the event, at its end, are the element; 0 if there is none.
    type Mark = usize;

    fn end(&mut self, bytes: &[u8]) -> Result<Option<(usize, usize)>, Malformed> {
        let mut at = 0;
        while let Some(&byte) = bytes.get(at) {
            let space = matches!(byte, b' ' | b'\t' | b'\n' | b'\r');
            match self.place {
                Place::String(depth) => {
                    // Most bytes are in strings.
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
                _ if space => {}
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

/// One element with what stands before it, or the end of the array.
#[derive(Clone, Copy)]
pub struct ArrayElement<'a> {
    raw: &'a [u8],
    /// How many bytes at its end are the element.
    data: usize,
}

impl<'a> ArrayElement<'a> {
    /// Its bytes as they came.
    #[must_use]
    pub fn raw(&self) -> &'a [u8] {
        self.raw
    }

    /// The element; `None` for the end of the array. Always borrowed.
    #[must_use]
    pub fn data(&self) -> Option<Cow<'a, [u8]>> {
        let (_, data) = self.parts();
        if data.is_empty() { None } else { Some(Cow::Borrowed(data)) }
    }

    /// Appends the event with its element replaced; everything else stays byte for byte. The end of the array is
    /// appended as it is.
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

/// Shows the length only: data is what a model wrote.
impl std::fmt::Debug for ArrayElement<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ArrayElement").field("len", &self.raw.len()).finish_non_exhaustive()
    }
}
