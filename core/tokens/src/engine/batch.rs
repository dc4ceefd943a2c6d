//! Counting many pieces of a text together.
//!
//! One piece after the other, a processor waits twice for each: for where it ends and for what it is. Here the pattern says
//! where all of them end that a window holds, and the memo is asked for all of them with nothing that depends on an answer,
//! so that neither a guess of the processor's can be wrong nor does one lookup wait for another. What the memo does not know,
//! a tenth of them, is kept until there are some, and looked up in the same way.

use crate::piece_cache::{Key, PieceCache};
use crate::pretokenizer::{Pattern, SPAN};
use crate::vocabulary::Vocabulary;
use crate::swar;

/// Whether to ask for batch pieces at once: where little comes of it, it is not tried at every piece.
#[derive(Default)]
struct Backoff {
    /// Pieces that are taken without asking.
    wait: u32,
    /// How many that were the last time.
    last: u32,
}

impl Backoff {
    #[inline(always)]
    fn is_due(&mut self) -> bool {
        let is_due = self.wait == 0;
        self.wait = self.wait.saturating_sub(1);
        is_due
    }

    /// So many pieces have come of asking.
    #[inline(always)]
    fn record(&mut self, pieces: u32) {
        /// Pieces at most that are taken without asking.
        const MOST: u32 = 15;
        self.last = if pieces > 1 { 0 } else { (2 * self.last + 1).min(MOST) };
        self.wait = if pieces == 0 { self.last } else { 0 };
    }
}

/// Begin and end of a piece.
type Piece = [usize; 2];

/// So many pieces are looked up together, or more.
const TOGETHER: usize = 16;
/// Room for as many, less one, and those of a window.
const ROOM: usize = 80;

/// What of a text is counted, and what is not yet.
pub(super) struct Batch {
    backoff: Backoff,
    /// Pieces that the memo does not know.
    unknown: List<Piece>,
}

/// Up to [`ROOM`] things.
struct List<T> {
    places: [T; ROOM],
    count: usize,
}

impl<T: Copy> List<T> {
    fn new(empty: T) -> List<T> {
        List { places: [empty; ROOM], count: 0 }
    }

    /// Appends a thing, or does not: which, nothing waits for.
    #[inline(always)]
    fn push_if(&mut self, is_in: bool, thing: T) {
        if let Some(place) = self.places.get_mut(self.count) {
            *place = thing;
        }
        self.count += usize::from(is_in);
    }

    fn all(&self) -> &[T] {
        self.places.get(..self.count).unwrap_or_default()
    }
}

impl Batch {
    pub(super) fn new() -> Batch {
        Batch { backoff: Backoff::default(), unknown: List::new([0; 2]) }
    }

    /// Counts the next pieces of `text` from `at` on, as many as a window tells of: where the last of them ends. `at` if it is
    /// not to be had so.
    #[inline(always)]
    pub(super) fn next<P: Pattern>(
        &mut self,
        vocabulary: &Vocabulary<'_>,
        text: &[u8],
        at: usize,
        total: &mut u64,
    ) -> usize {
        if !self.backoff.is_due() {
            return at;
        }
        let rest = text.get(at..).unwrap_or_default();
        match rest.first_chunk::<SPAN>() {
            Some(span) => self.window::<P>(vocabulary, text, at, span, total),
            None => self.last::<P>(vocabulary, text, at, total),
        }
    }

    /// The same near the end of the text.
    #[inline(never)]
    fn last<P: Pattern>(&mut self, vocabulary: &Vocabulary<'_>, text: &[u8], at: usize, total: &mut u64) -> usize {
        let rest = text.get(at..).unwrap_or_default();
        // Filled up with a byte that is in no text.
        let mut span = [0xFF; SPAN];
        for (to, from) in span.iter_mut().zip(rest) {
            *to = *from;
        }
        self.window::<P>(vocabulary, text, at, &span, total)
    }

    #[inline(never)] // As [`Pattern::ends`], so that it is in the module once for each pattern.
    fn window<P: Pattern>(
        &mut self,
        vocabulary: &Vocabulary<'_>,
        text: &[u8],
        at: usize,
        span: &[u8; SPAN],
        total: &mut u64,
    ) -> usize {
        let ends = P::ends(text, at, span);
        self.backoff.record(ends.count_ones());
        let List { places, count } = &mut self.unknown;
        let counted = PieceCache::with(vocabulary, |cache| {
            let (mut sum, mut start, mut rest, mut unknown) = (0, 0, ends, *count);
            while rest != 0 {
                let end = rest.trailing_zeros() as usize;
                rest &= rest - 1;
                let known = cache.get(key(span, start, end));
                sum += known;
                // As [`List::push_if`], but with the count at hand.
                if let Some(place) = places.get_mut(unknown) {
                    *place = [at + start, at + end];
                }
                unknown += usize::from(known == 0);
                start = end;
            }
            *count = unknown;
            (sum, start)
        });
        let Some((sum, bytes)) = counted else { return at };
        *total += sum;
        if self.unknown.count >= TOGETHER {
            self.flush(vocabulary, text, total);
        }
        at + bytes
    }

    /// Counts what is not counted yet.
    #[inline(never)]
    pub(super) fn flush(&mut self, vocabulary: &Vocabulary<'_>, text: &[u8], total: &mut u64) {
        let pieces = self.unknown.all();
        PieceCache::with(vocabulary, |cache| {
            // By number: those that one table may have, those that the other may, and those that are no token.
            let (mut short, mut longer, mut unmatched) = (List::new(0_u8), List::new(0_u8), List::new(0_u8));
            for (number, [start, end]) in pieces.iter().enumerate() {
                short.push_if(end - start <= 8, number as u8);
                longer.push_if(end - start > 8, number as u8);
            }
            let piece = |number: u8| pieces.get(usize::from(number)).copied().unwrap_or_default();
            for &number in short.all() {
                let [start, end] = piece(number);
                let (first, second, len) = (swar::load(text, start), swar::load(text, start + 8), end - start);
                let found = vocabulary.has_short(first, len);
                // A count of 0 is none.
                cache.set(Key::of(first, second, len), u64::from(found));
                unmatched.push_if(!found, number);
            }
            for &number in longer.all() {
                let [start, end] = piece(number);
                let (first, second, len) = (swar::load(text, start), swar::load(text, start + 8), end - start);
                let found = vocabulary.has_middle(first, second, len);
                cache.set(Key::of(first, second, len), u64::from(found));
                unmatched.push_if(!found, number);
            }
            *total += (pieces.len() - unmatched.count) as u64;
            for &number in unmatched.all() {
                let [start, end] = piece(number);
                *total += super::count_uncached(vocabulary, text, start, end, &cache);
            }
        });
        self.unknown.count = 0;
    }
}

/// The key of a piece of the span.
#[inline(always)]
fn key(span: &[u8; SPAN], start: usize, end: usize) -> Key {
    let word =
        |at: usize| span.get(at..).and_then(|rest| rest.first_chunk()).map_or(0, |word| u64::from_le_bytes(*word));
    Key::of(word(start & 63), word((start & 63) + 8), end.wrapping_sub(start))
}
