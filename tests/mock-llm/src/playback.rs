//! Response body that plays a script: every write is a frame that is flushed before the next one, because the behaviour of a
//! proxy depends on the reads in which a response arrives.

use std::future::Future as _;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use hyper::HeaderMap;
use hyper::body::{Body, Bytes, Frame, SizeHint};
use tokio::time::{Instant, Sleep};

use crate::received::Recorder;
use crate::script::{Ending, Script, Write};

/// Delay before a reset, which lets the client read the bytes written before it.
const RESET_DELAY: Duration = Duration::from_millis(20);
/// Resolution of the runtime's timer. Shorter delays are busy-waits.
const MIN_TIMER: Duration = Duration::from_millis(1);

/// Error that ends a body on purpose.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the body was cut, as requested")]
pub(crate) struct BodyCut;

/// Response body that plays a script.
#[derive(Debug)]
pub(crate) struct Playback {
    bytes: Bytes,
    writes: std::vec::IntoIter<Write>,
    /// Offsets in `bytes` at which events end.
    events: Vec<usize>,
    ending: Ending,
    length: Option<u64>,
    trailers: Option<HeaderMap>,
    pieces: Pieces,
    /// Offset at which the current write ends.
    write_end: usize,
    /// Offset of the next byte to send.
    at: usize,
    wait: Option<Wait>,
    /// `true` once the delay before a reset has begun.
    reset_delayed: bool,
    done: bool,
    recorder: Recorder,
    /// Flag that makes the connection reset itself; set when the body ends with a reset.
    reset: Option<Arc<AtomicBool>>,
}

/// Division of a write into pieces.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pieces {
    /// Bytes of one piece, at least 1.
    pub(crate) bytes: usize,
    /// Pause between two pieces.
    pub(crate) pause: Duration,
}

impl Playback {
    pub(crate) fn new(
        script: Script,
        trailers: HeaderMap,
        pieces: Pieces,
        recorder: Recorder,
        reset: Option<Arc<AtomicBool>>,
    ) -> Playback {
        let mut playback = Playback {
            bytes: script.bytes.into(),
            writes: script.writes.into_iter(),
            events: script.events,
            ending: script.ending,
            length: script.length,
            trailers: (!trailers.is_empty()).then_some(trailers),
            pieces,
            write_end: 0,
            at: 0,
            wait: None,
            reset_delayed: false,
            done: false,
            recorder,
            reset,
        };
        playback.recorder.response(&playback.bytes);
        // Hyper does not poll a body of length 0 for frames.
        if playback.length == Some(0) {
            playback.finish_if_last();
        }
        playback
    }

    /// Returns the next piece of the current write, if any bytes of it remain.
    fn piece(&mut self) -> Option<Bytes> {
        if self.at >= self.write_end {
            return None;
        }
        let end = self.write_end.min(self.at.saturating_add(self.pieces.bytes.max(1)));
        let piece = self.bytes.slice(self.at..end);
        self.at = end;
        self.recorder.sent(self.events.partition_point(|event| *event <= end), end);
        // Between two writes the connection gets a turn to flush; within a write there may be a pause.
        self.wait = Some(Wait::new(if end < self.write_end { self.pieces.pause } else { Duration::ZERO }));
        Some(piece)
    }

    /// Ends the body if everything was sent and no reset or trailers follow.
    fn finish_if_last(&mut self) {
        let sent_all = self.at >= self.write_end && self.writes.as_slice().is_empty();
        if sent_all && self.ending == Ending::Clean && self.trailers.is_none() {
            self.done = true;
            self.recorder.finished();
        }
    }
}

impl Body for Playback {
    type Data = Bytes;
    type Error = BodyCut;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyCut>>> {
        let this = self.get_mut();
        loop {
            if this.done {
                return Poll::Ready(None);
            }
            if let Some(wait) = &mut this.wait {
                ready!(wait.poll(cx));
                this.wait = None;
            }
            if let Some(piece) = this.piece() {
                this.finish_if_last();
                return Poll::Ready(Some(Ok(Frame::data(piece))));
            }
            if let Some(write) = this.writes.next() {
                // A write ends within the bytes; `slice` would panic otherwise.
                this.write_end = write.end.min(this.bytes.len());
                this.wait = (!write.delay.is_zero()).then(|| Wait::new(write.delay));
            } else if let Some(trailers) = this.trailers.take() {
                this.finish_if_last();
                return Poll::Ready(Some(Ok(Frame::trailers(trailers))));
            } else if this.ending == Ending::Reset && !this.reset_delayed {
                this.reset_delayed = true;
                this.wait = Some(Wait::new(RESET_DELAY));
            } else if this.ending == Ending::Stall {
                // The connection drops this body when the client disconnects.
                return Poll::Pending;
            } else {
                this.done = true;
                this.recorder.finished();
                if this.ending == Ending::Reset {
                    if let Some(reset) = &this.reset {
                        reset.store(true, Ordering::Relaxed);
                    }
                    return Poll::Ready(Some(Err(BodyCut)));
                }
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.done
    }

    fn size_hint(&self) -> SizeHint {
        match self.length {
            Some(length) => SizeHint::with_exact(length.saturating_sub(self.at as u64)),
            None => SizeHint::default(),
        }
    }
}

/// Delay before the next write.
#[derive(Debug)]
enum Wait {
    /// Yield once, so that the connection flushes its buffer.
    Turn,
    /// Busy-wait, for delays below the timer's resolution.
    Spin(Instant),
    Timer(Pin<Box<Sleep>>),
}

impl Wait {
    fn new(time: Duration) -> Wait {
        if time.is_zero() {
            Wait::Turn
        } else if time < MIN_TIMER {
            Wait::Spin(Instant::now() + time)
        } else {
            Wait::Timer(Box::pin(tokio::time::sleep(time)))
        }
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        match self {
            Wait::Timer(sleep) => return sleep.as_mut().poll(cx),
            Wait::Spin(until) if Instant::now() >= *until => return Poll::Ready(()),
            Wait::Spin(_) => {}
            Wait::Turn => *self = Wait::Spin(Instant::now()),
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}
