//! The body of a response, played from its script: every step is a frame that is flushed before the next, because what a
//! proxy does with an answer depends on the reads that it arrives in.

use std::future::Future as _;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use hyper::HeaderMap;
use hyper::body::{Body, Bytes, Frame, SizeHint};
use tokio::time::{Instant, Sleep};

use crate::received::Exchange;
use crate::script::{Ending, Script, Step};

/// How long a reset waits, so that what was written before it is read before it.
const GRACE: Duration = Duration::from_millis(20);
/// The shortest wait that the runtime's timer keeps; shorter ones are spun.
const TICK: Duration = Duration::from_millis(1);

/// The answer ends here on purpose.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the answer was cut short, as asked")]
pub(crate) struct CutShort;

/// A response body.
#[derive(Debug)]
pub(crate) struct Playback {
    bytes: Bytes,
    steps: std::vec::IntoIter<Step>,
    /// Where events end in `bytes`.
    events: Vec<usize>,
    ending: Ending,
    length: Option<u64>,
    trailers: Option<HeaderMap>,
    pieces: Pieces,
    /// Up to where the current step goes.
    step_end: usize,
    at: usize,
    wait: Option<Wait>,
    /// The wait before a reset is over or under way.
    graced: bool,
    done: bool,
    exchange: Exchange,
    /// Raised to have the whole connection reset once the body has failed.
    reset: Option<Arc<AtomicBool>>,
}

/// In what a step is cut.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pieces {
    /// Bytes of one write, at least 1.
    pub(crate) bytes: usize,
    /// Wait between two.
    pub(crate) pause: Duration,
}

impl Playback {
    pub(crate) fn new(
        script: Script,
        trailers: HeaderMap,
        pieces: Pieces,
        exchange: Exchange,
        reset: Option<Arc<AtomicBool>>,
    ) -> Playback {
        let mut playback = Playback {
            bytes: script.bytes.into(),
            steps: script.steps.into_iter(),
            events: script.events,
            ending: script.ending,
            length: script.length,
            trailers: (!trailers.is_empty()).then_some(trailers),
            pieces,
            step_end: 0,
            at: 0,
            wait: None,
            graced: false,
            done: false,
            exchange,
            reset,
        };
        // Of a body that is known to be none nobody asks for a frame.
        if playback.length == Some(0) {
            playback.finish_if_last();
        }
        playback
    }

    /// The next bytes of the current step, if any are left.
    fn piece(&mut self) -> Option<Bytes> {
        if self.at >= self.step_end {
            return None;
        }
        let end = self.step_end.min(self.at.saturating_add(self.pieces.bytes.max(1)));
        let piece = self.bytes.slice(self.at..end);
        self.at = end;
        self.exchange.sent(self.events.partition_point(|event| *event <= end), end);
        // Between two steps the connection has its turn at least, within a step there may be a pause.
        self.wait = Some(Wait::new(if end < self.step_end { self.pieces.pause } else { Duration::ZERO }));
        Some(piece)
    }

    fn finish_if_last(&mut self) {
        let said = self.at >= self.step_end && self.steps.as_slice().is_empty();
        if said && self.ending == Ending::Clean && self.trailers.is_none() {
            self.done = true;
            self.exchange.finished();
        }
    }
}

impl Body for Playback {
    type Data = Bytes;
    type Error = CutShort;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, CutShort>>> {
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
            if let Some(step) = this.steps.next() {
                // The end of a step lies within the bytes; `slice` would panic if it did not.
                this.step_end = step.end.min(this.bytes.len());
                this.wait = (!step.wait.is_zero()).then(|| Wait::new(step.wait));
            } else if let Some(trailers) = this.trailers.take() {
                this.finish_if_last();
                return Poll::Ready(Some(Ok(Frame::trailers(trailers))));
            } else if this.ending == Ending::Reset && !this.graced {
                this.graced = true;
                this.wait = Some(Wait::new(GRACE));
            } else {
                this.done = true;
                this.exchange.finished();
                if this.ending == Ending::Reset {
                    if let Some(reset) = &this.reset {
                        reset.store(true, Ordering::Relaxed);
                    }
                    return Poll::Ready(Some(Err(CutShort)));
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

/// A time during which nothing is written.
#[derive(Debug)]
enum Wait {
    /// Until the connection has had its turn to write what it holds.
    Turn,
    Spin(Instant),
    Timer(Pin<Box<Sleep>>),
}

impl Wait {
    fn new(time: Duration) -> Wait {
        if time.is_zero() {
            Wait::Turn
        } else if time < TICK {
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
