//! Splits bytes that arrive in any chunks into whole events, for all framers.

use super::large_event::LargeEvents;

/// Reason why a framer stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FrameError<E> {
    /// An event is larger than the limit. Nothing is lost: the bytes not handed out stay pending, and later pushes
    /// consume nothing.
    #[error("an event of the stream is larger than the limit")]
    TooLarge,
    /// The next bytes do not follow the format of the stream. As with [`TooLarge`](FrameError::TooLarge), the bytes not
    /// handed out stay pending, and later pushes consume nothing.
    #[error("the stream does not follow its format")]
    Malformed,
    /// The callback failed. The bytes after the event it was called with stay pending; the next push continues there.
    #[error("{0}")]
    Callback(E),
}

/// The bytes do not follow the format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Malformed;

/// Finds the ends of events, in one pass over bytes that arrive in any chunks.
pub(crate) trait Delimiter: Clone {
    /// Knowledge about an event besides its bytes.
    type Mark: Copy;

    /// Returns the offset in `bytes` after the current event as soon as its end is certain; the next call then starts
    /// at the following event. `None` if the event continues after `bytes`.
    fn end(&mut self, bytes: &[u8]) -> Result<Option<(usize, Self::Mark)>, Malformed>;

    /// Returns the mark of an event of which `missing` bytes were left out.
    fn shortened(mark: Self::Mark, _missing: usize) -> Self::Mark {
        mark
    }
}

/// Splits a body into events.
#[derive(Clone, Debug)]
pub(crate) struct Splitter<D> {
    /// Bytes not handed out yet.
    held: Vec<u8>,
    /// `true` if `held` was scanned by `delimiter` already; `false` only after the callback failed.
    scanned: bool,
    delimiter: D,
    failed: Option<Failure>,
    max: usize,
    large: LargeEvents,
}

#[derive(Clone, Copy, Debug)]
enum Failure {
    TooLarge,
    Malformed,
}

impl<D: Delimiter> Splitter<D> {
    pub(crate) fn new(delimiter: D, max: usize) -> Splitter<D> {
        Splitter { held: Vec::new(), scanned: true, delimiter, failed: None, max, large: LargeEvents::Refused }
    }

    /// Chooses the treatment of events above the limit.
    pub(crate) fn set_large(&mut self, large: LargeEvents) {
        self.large = large;
    }

    /// Returns the bytes of texts that were left out of condensed events.
    pub(crate) fn elided_text(&self) -> u64 {
        match &self.large {
            LargeEvents::Condensed(event) => event.elided_text(),
            _ => 0,
        }
    }

    /// Adds bytes of the current event to the held ones.
    fn hold(&mut self, bytes: &[u8]) {
        match &mut self.large {
            LargeEvents::Condensed(event) => event.hold(&mut self.held, bytes, self.max),
            _ => self.held.extend_from_slice(bytes),
        }
    }

    /// Returns `true` if the current event is too large: the held bytes and `rest`.
    fn is_too_large(&mut self, rest: &[u8]) -> bool {
        match &mut self.large {
            LargeEvents::Held(data) => data.is_too_large(&self.held, rest, self.max),
            LargeEvents::Condensed(_) => self.held.len() > self.max,
            LargeEvents::Refused => self.held.len().saturating_add(rest.len()) > self.max,
        }
    }

    /// Ends the current event; returns the number of bytes that its held copy lacks.
    fn end_event(&mut self) -> usize {
        match &mut self.large {
            LargeEvents::Refused => 0,
            LargeEvents::Held(data) => {
                data.end_event();
                0
            }
            LargeEvents::Condensed(event) => event.end_event(&mut self.held),
        }
    }

    /// Feeds bytes and calls `each` for every completed event, in order. Events that lie whole inside `bytes` are not
    /// copied.
    pub(crate) fn push<E>(
        &mut self,
        bytes: &[u8],
        each: impl FnMut(&[u8], D::Mark) -> Result<(), E>,
    ) -> Result<(), FrameError<E>> {
        self.check()?;
        if self.scanned {
            return self.feed(bytes, each);
        }
        let mut all = std::mem::take(&mut self.held);
        all.extend_from_slice(bytes);
        self.scanned = true;
        self.feed(&all, each)
    }

    pub(crate) fn pending(&self) -> &[u8] {
        &self.held
    }

    pub(crate) fn delimiter(&self) -> &D {
        &self.delimiter
    }

    /// Ends the body: returns the held bytes. The splitter is empty afterwards and starts over with `start`.
    pub(crate) fn take(&mut self, start: D) -> Vec<u8> {
        self.end_event();
        self.scanned = true;
        self.failed = None;
        self.delimiter = start;
        std::mem::take(&mut self.held)
    }

    fn check<E>(&self) -> Result<(), FrameError<E>> {
        match self.failed {
            None => Ok(()),
            Some(Failure::TooLarge) => Err(FrameError::TooLarge),
            Some(Failure::Malformed) => Err(FrameError::Malformed),
        }
    }

    fn feed<E>(
        &mut self,
        bytes: &[u8],
        mut each: impl FnMut(&[u8], D::Mark) -> Result<(), E>,
    ) -> Result<(), FrameError<E>> {
        let mut rest = bytes;
        loop {
            let (end, mark) = match self.delimiter.end(rest) {
                Ok(Some(end)) => end,
                Ok(None) => break,
                Err(Malformed) => {
                    self.failed = Some(Failure::Malformed);
                    break;
                }
            };
            debug_assert!(end <= rest.len(), "the delimiter found an end beyond its input");
            let Some((event, after)) = rest.split_at_checked(end) else { break };
            let is_condensed = matches!(self.large, LargeEvents::Condensed(_)) && event.len() > self.max;
            if self.is_too_large(event) {
                self.failed = Some(Failure::TooLarge);
                break;
            }
            rest = after;
            let result = if self.held.is_empty() && !is_condensed {
                self.end_event();
                each(event, mark)
            } else {
                self.hold(event);
                let missing = self.end_event();
                if is_condensed && self.held.len() > self.max {
                    self.failed = Some(Failure::TooLarge);
                    break;
                }
                let result = each(&self.held, D::shortened(mark, missing));
                self.held.clear();
                result
            };
            if let Err(error) = result {
                self.held.extend_from_slice(rest);
                self.scanned = false;
                return Err(FrameError::Callback(error));
            }
        }
        if self.failed.is_some() {
            self.held.extend_from_slice(rest);
            return self.check();
        }
        self.hold(rest);
        if self.is_too_large(&[]) {
            self.failed = Some(Failure::TooLarge);
        }
        self.check()
    }
}
