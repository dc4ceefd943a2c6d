//! Count of the bytes that the streams of a virtual machine hold: request bodies that wait for their end or for a service, and
//! responses that are held or copied until they can be judged.
//!
//! Envoy's buffers count, too: it keeps a body because a filter has stopped it. Each stream has a [`Share`], which is set
//! to what its state holds after every callback, so the count needs no hooks where a stream ends.

use std::cell::Cell;
use std::rc::Rc;

/// Sum of the bytes that the streams of a virtual machine hold, whatever their plugin.
#[derive(Debug, Default)]
pub(crate) struct HeldBytes(Cell<u64>);

impl HeldBytes {
    /// Returns `true` if a stream must not hold `own` bytes. During its callback the sum has the bytes of all others.
    ///
    /// `is_complete`: the bytes are judged in this callback and released, so that what the others hold does not matter. A body that
    /// is larger than the limit by itself is refused all the same: its fate must not depend on its frames. A stream that
    /// holds nothing is never refused.
    pub(crate) fn refuses(&self, own: usize, limit: usize, is_complete: bool) -> bool {
        own > limit || own > 0 && !is_complete && self.0.get().saturating_add(own as u64) > limit as u64
    }

    #[cfg(test)]
    pub(crate) fn sum(&self) -> u64 {
        self.0.get()
    }
}

/// Bytes that one stream holds; they are released when it is dropped.
#[derive(Debug)]
pub(crate) struct Share {
    sum: Rc<HeldBytes>,
    bytes: u64,
}

impl Share {
    pub(crate) fn new(sum: &Rc<HeldBytes>) -> Share {
        Share { sum: Rc::clone(sum), bytes: 0 }
    }

    /// Sets the bytes that the stream holds.
    pub(crate) fn set(&mut self, bytes: u64) {
        let others = self.sum.0.get().checked_sub(self.bytes);
        debug_assert!(others.is_some(), "the sum has the bytes of every stream");
        self.sum.0.set(others.unwrap_or(0).saturating_add(bytes));
        self.bytes = bytes;
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.set(0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_is_refused_by_the_sum_while_it_waits_and_by_its_own_size_at_any_time() {
        let sum = Rc::new(HeldBytes::default());
        let mut others = Share::new(&sum);
        for (held, own, is_complete, want) in [
            (0, 100, false, false),
            (0, 101, false, true),
            (0, 101, true, true),
            (60, 40, false, false),
            (60, 41, false, true),
            (60, 41, true, false),
            (100, 0, false, false),
            (200, 0, false, false),
            (u64::MAX, 1, false, true),
        ] {
            others.set(held);
            assert_eq!(sum.refuses(own, 100, is_complete), want, "{held} + {own}, {is_complete}");
        }
    }

    /// Streams begin, hold other sizes, and end in any order.
    #[test]
    fn the_sum_is_that_of_the_living_streams() {
        let sum = Rc::new(HeldBytes::default());
        let mut streams: Vec<Option<Share>> = (0..16).map(|_| None).collect();
        let mut random = 1_u64;
        for step in 0..10_000 {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let (at, bytes) = ((random >> 60) as usize, random >> 44 & 0xffff);
            match (random >> 40 & 3, &mut streams[at]) {
                (0, stream) => *stream = None,
                (_, Some(share)) => share.set(bytes),
                (_, stream) => stream.insert(Share::new(&sum)).set(bytes),
            }
            let living: u64 = streams.iter().flatten().map(|share| share.bytes).sum();
            assert_eq!(sum.sum(), living, "step {step}");
        }
        streams.clear();
        assert_eq!(sum.sum(), 0);
    }
}
