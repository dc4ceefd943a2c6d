//! Splits bytes that arrive in any chunks into whole events, for all framers.

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
}

#[derive(Clone, Copy, Debug)]
enum Failure {
    TooLarge,
    Malformed,
}

impl<D: Delimiter> Splitter<D> {
    pub(crate) fn new(delimiter: D, max: usize) -> Splitter<D> {
        Splitter { held: Vec::new(), scanned: true, delimiter, failed: None, max }
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
            if self.held.len().saturating_add(event.len()) > self.max {
                self.failed = Some(Failure::TooLarge);
                break;
            }
            rest = after;
            let result = if self.held.is_empty() {
                each(event, mark)
            } else {
                self.held.extend_from_slice(event);
                let result = each(&self.held, mark);
                self.held.clear();
                result
            };
            if let Err(error) = result {
                self.held.extend_from_slice(rest);
                self.scanned = false;
                return Err(FrameError::Callback(error));
            }
        }
        self.held.extend_from_slice(rest);
        if self.failed.is_none() && self.held.len() > self.max {
            self.failed = Some(Failure::TooLarge);
        }
        self.check()
    }
}
