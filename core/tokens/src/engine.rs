//! Counting and encoding a whole text.

mod batch;

use std::ops::Deref;

use crate::piece_cache::PieceCache;
use crate::merge::ShortMerge;
use crate::pretokenizer::Pattern;
use crate::vocabulary::{O200K_BASE, O200k, Vocabulary};
use crate::swar;
use crate::{merge, piece_cache};
use batch::Batch;

/// What is done with the tokens.
pub(crate) trait Sink {
    /// Takes the token that the `len` bytes at `at` are.
    fn token(&mut self, vocabulary: &Vocabulary<'_>, text: &[u8], at: usize, len: usize);
    /// Takes what merging leaves of a piece at `at`.
    fn merged(&mut self, vocabulary: &Vocabulary<'_>, text: &[u8], at: usize, merged: &ShortMerge);
    /// Takes what merging leaves of a piece at `at`: `count` tokens, of which a bit of `ends` says where each ends.
    fn tokens(&mut self, vocabulary: &Vocabulary<'_>, text: &[u8], at: usize, ends: &[u64], count: usize);
    /// The count so far, of one that wants to know nothing else.
    #[inline(always)]
    fn total(&mut self) -> Option<&mut u64> {
        None
    }
    /// Whether there is no need to go on.
    fn is_full(&self) -> bool {
        false
    }
}

/// Gives the tokens of `text` to `sink`.
#[inline]
pub(crate) fn run<P: Pattern>(vocabulary: &Vocabulary<'_>, text: &[u8], sink: &mut impl Sink) {
    let mut at = 0;
    let mut batch = Batch::new();
    while at < text.len() && !sink.is_full() {
        // A count does not depend on which piece is counted first.
        if let Some(total) = sink.total() {
            let end = batch.next::<P>(vocabulary, text, at, total);
            if end > at {
                at = end;
                continue;
            }
        }
        let first = swar::load(text, at);
        let end = P::next(text, at, first);
        piece(vocabulary, text, at, end, first, sink);
        at = end;
    }
    if let Some(total) = sink.total() {
        batch.flush(vocabulary, text, total);
    }
}

/// What is known of the beginning of a text.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct StablePrefix {
    /// Bytes of the pieces that nothing can change that may follow the text.
    pub(crate) bytes: usize,
    /// Their tokens.
    pub(crate) tokens: u64,
    /// Tokens of the others, which are two at most.
    pub(crate) rest: u64,
}

/// Counts the tokens of `text`: those of the last two pieces apart, see [`Pattern::next`].
#[inline]
pub(crate) fn stable_prefix<P: Pattern>(vocabulary: &Vocabulary<'_>, text: &[u8]) -> StablePrefix {
    let mut settled = StablePrefix::default();
    // Where the next piece begins, and tokens of the one before it.
    let (mut at, mut before) = (0, 0);
    while at < text.len() {
        let first = swar::load(text, at);
        let end = P::next(text, at, first);
        let mut count = Count::default();
        piece(vocabulary, text, at, end, first, &mut count);
        settled.rest += count.0;
        if end < text.len() {
            // The piece before this one is followed by it, and by a character.
            settled.bytes = at;
            settled.tokens += before;
            before = count.0;
        }
        at = end;
    }
    settled.rest -= settled.tokens;
    settled
}

/// Gives the tokens of one piece to `sink`.
#[inline(never)]
pub(crate) fn piece(vocabulary: &Vocabulary<'_>, text: &[u8], at: usize, end: usize, first: u64, sink: &mut impl Sink) {
    if vocabulary.has(text, at, end - at, first) {
        return sink.token(vocabulary, text, at, end - at);
    }
    match sink.total() {
        Some(total) => *total += count_cached(vocabulary, text, at, end),
        None => split_and_merge(vocabulary, text, at, end, sink),
    }
}

/// The tokens of a piece that is not one itself.
#[inline(always)]
fn count_cached(vocabulary: &Vocabulary<'_>, text: &[u8], at: usize, end: usize) -> u64 {
    let known = PieceCache::with(vocabulary, |cache| {
        // What is too long for a key is so by any length.
        let key = piece_cache::Key::of(swar::load(text, at), swar::load(text, at + 8), (end - at).min(63));
        let known = cache.get(key);
        if known > 0 { known } else { count_uncached(vocabulary, text, at, end, &cache) }
    });
    known.unwrap_or_else(|| count_parts(vocabulary, text, at, end))
}

/// The tokens of a piece that is not one itself, and that the memo of short pieces does not know.
#[inline(always)]
fn count_uncached(vocabulary: &Vocabulary<'_>, text: &[u8], at: usize, end: usize, cache: &PieceCache<'_>) -> u64 {
    let len = end - at;
    if len < 16 {
        let count = count_parts(vocabulary, text, at, end);
        cache.set(piece_cache::Key::of(swar::load(text, at), swar::load(text, at + 8), len), count);
        return count;
    }
    if len > 16 && vocabulary.has(text, at, len, swar::load(text, at)) {
        return 1;
    }
    let place = piece_cache::LongEntry::of(vocabulary, text, at, len);
    place.and_then(piece_cache::LongEntry::get).unwrap_or_else(|| {
        let count = count_parts(vocabulary, text, at, end);
        if let Some(place) = place {
            place.set(count);
        }
        count
    })
}

#[inline(always)]
fn count_parts(vocabulary: &Vocabulary<'_>, text: &[u8], at: usize, end: usize) -> u64 {
    let mut count = Count::default();
    split_and_merge(vocabulary, text, at, end, &mut count);
    count.0
}

/// Gives the tokens of a piece that is not one itself. The vocabulary that most are counted by has code of its own, in which
/// its tables are constants.
#[inline(never)]
fn split_and_merge(vocabulary: &Vocabulary<'_>, text: &[u8], start: usize, end: usize, sink: &mut impl Sink) {
    if vocabulary.number == O200K_BASE.number {
        split_and_merge_in(O200k, text, start, end, sink);
    } else {
        split_and_merge_in(vocabulary, text, start, end, sink);
    }
}

/// First the piece is cut where no token can reach across.
#[inline(always)]
fn split_and_merge_in<'v, V>(vocabulary: V, text: &[u8], start: usize, end: usize, sink: &mut impl Sink)
where
    V: Copy + Deref<Target = Vocabulary<'v>>,
{
    let (is_ascii, is_narrow) = char_widths(text, start, end);
    if is_ascii {
        let merged = merge::merge_short_ascii(vocabulary, text, (start, end));
        return merge_piece(&vocabulary, text, start, end, merged, sink);
    }
    let (piece, mut start, mut at) = (start, start, start);
    // The character before `at`, if its UTF-8 is three or four bytes long.
    let mut left = None;
    while at < end && !is_narrow {
        let Some(&lead) = text.get(at) else { break };
        let (right, width) = match lead {
            ..0xE0 => {
                left = None;
                at += if lead < 0x80 { 1 } else { 2 };
                continue;
            }
            0xE0..0xF0 => (swar::load(text, at) as u32 | 0xFF00_0000, 3),
            0xF0.. => (swar::load(text, at) as u32, 4),
        };
        if let Some((left, last)) = left
            && vocabulary.is_char_boundary(left, right, last, lead)
        {
            emit_part(vocabulary, text, start, at, true, sink);
            start = at;
        }
        let last = text.get(at + width - 1).copied().unwrap_or_default();
        left = Some((right, last));
        at += width;
    }
    // Of all of the piece it is known that it is no token.
    emit_part(vocabulary, text, start, end, start > piece, sink);
}

/// Whether the characters of a piece are ASCII, and whether their UTF-8 is two bytes at most.
#[inline(always)]
fn char_widths(text: &[u8], start: usize, end: usize) -> (bool, bool) {
    let (mut all, mut wide, mut at) = (0, 0, start);
    while at < end {
        let word = swar::load(text, at);
        let word = if end - at < 8 { word & ((1 << (8 * (end - at))) - 1) } else { word };
        all |= word;
        // The three upper bits of a byte.
        wide |= word & word << 1 & word << 2;
        at += 8;
    }
    (all & swar::HIGH_BITS == 0, wide & swar::HIGH_BITS == 0)
}

/// Gives the tokens of a part of a piece to `sink`; it may be one itself.
#[inline(never)]
fn emit_part<'v, V>(vocabulary: V, text: &[u8], start: usize, end: usize, may_be: bool, sink: &mut impl Sink)
where
    V: Copy + Deref<Target = Vocabulary<'v>>,
{
    let len = end - start;
    let is_token = || vocabulary.has(text, start, len, swar::load(text, start)) && vocabulary.merges(text, start, len);
    if may_be && is_token() {
        return sink.token(&vocabulary, text, start, len);
    }
    let merged = merge::merge_short(vocabulary, text, (start, end));
    merge_piece(&vocabulary, text, start, end, merged, sink);
}

/// Gives the tokens of what is no token itself to `sink`; `merged` are what merging leaves of its first symbols.
#[inline(always)]
fn merge_piece(vocabulary: &Vocabulary<'_>, text: &[u8], start: usize, end: usize, merged: ShortMerge, sink: &mut impl Sink) {
    if merged.is_all {
        return sink.merged(vocabulary, text, start, &merged);
    }
    match end - start {
        ..64 => merge_linear_in::<1>(vocabulary, text, start, end, merged, sink),
        64..0x400 => merge_linear_in::<0x10>(vocabulary, text, start, end, merged, sink),
        0x400..0x1_0000 => merge_linear_in::<0x400>(vocabulary, text, start, end, merged, sink),
        len => {
            let (mut ends, mut dead) = (vec![0; len / 64 + 1], vec![0; len / 64 + 1]);
            let count = merge::merge_linear(vocabulary, text, (start, end), merged, &mut ends, &mut dead);
            sink.tokens(vocabulary, text, start, &ends, count);
        }
    }
}

/// Merges with working space of that size, which is on the stack only while it is needed.
#[inline(never)]
fn merge_linear_in<const WORDS: usize>(
    vocabulary: &Vocabulary<'_>,
    text: &[u8],
    start: usize,
    end: usize,
    merged: ShortMerge,
    sink: &mut impl Sink,
) {
    let (mut ends, mut dead) = ([0; WORDS], [0; WORDS]);
    let count = merge::merge_linear(vocabulary, text, (start, end), merged, &mut ends, &mut dead);
    sink.tokens(vocabulary, text, start, &ends, count);
}

/// Counts.
#[derive(Default)]
pub(crate) struct Count(pub(crate) u64);

impl Sink for Count {
    #[inline(always)]
    fn token(&mut self, _: &Vocabulary<'_>, _: &[u8], _: usize, _: usize) {
        self.0 += 1;
    }

    #[inline(always)]
    fn merged(&mut self, _: &Vocabulary<'_>, _: &[u8], _: usize, merged: &ShortMerge) {
        self.0 += merged.count() as u64;
    }

    #[inline(always)]
    fn tokens(&mut self, _: &Vocabulary<'_>, _: &[u8], _: usize, _: &[u64], count: usize) {
        self.0 += count as u64;
    }

    #[inline(always)]
    fn total(&mut self) -> Option<&mut u64> {
        Some(&mut self.0)
    }
}

/// Counts until it is more than a limit.
pub(crate) struct CountAtMost {
    pub(crate) count: Count,
    pub(crate) limit: u64,
}

impl Sink for CountAtMost {
    #[inline(always)]
    fn token(&mut self, vocabulary: &Vocabulary<'_>, text: &[u8], at: usize, len: usize) {
        self.count.token(vocabulary, text, at, len);
    }

    #[inline(always)]
    fn merged(&mut self, vocabulary: &Vocabulary<'_>, text: &[u8], at: usize, merged: &ShortMerge) {
        self.count.merged(vocabulary, text, at, merged);
    }

    #[inline(always)]
    fn tokens(&mut self, vocabulary: &Vocabulary<'_>, text: &[u8], at: usize, ends: &[u64], count: usize) {
        self.count.tokens(vocabulary, text, at, ends, count);
    }

    #[inline(always)]
    fn total(&mut self) -> Option<&mut u64> {
        self.count.total()
    }

    #[inline(always)]
    fn is_full(&self) -> bool {
        self.count.0 > self.limit
    }
}

/// Collects ids.
pub(crate) struct Ids<'a>(pub(crate) &'a mut Vec<u32>);

impl Sink for Ids<'_> {
    #[inline]
    fn token(&mut self, vocabulary: &Vocabulary<'_>, text: &[u8], at: usize, len: usize) {
        self.0.extend(vocabulary.rank(text, at, len).map(|rank| vocabulary.id(rank)));
    }

    fn merged(&mut self, vocabulary: &Vocabulary<'_>, text: &[u8], at: usize, merged: &ShortMerge) {
        self.all(vocabulary, text, at, merged.lengths());
    }

    fn tokens(&mut self, vocabulary: &Vocabulary<'_>, text: &[u8], at: usize, ends: &[u64], _: usize) {
        self.all(vocabulary, text, at, merge::token_lengths(ends));
    }
}

impl Ids<'_> {
    fn all(&mut self, vocabulary: &Vocabulary<'_>, text: &[u8], at: usize, lengths: impl Iterator<Item = usize>) {
        let mut at = at;
        for len in lengths {
            self.token(vocabulary, text, at, len);
            at += len;
        }
    }
}
