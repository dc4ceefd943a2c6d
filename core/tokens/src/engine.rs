//! Counting and encoding of a whole text.

mod batch;

use std::ops::Deref;

use crate::merge::{self, LinearMerge, ShortMerge, Workspace};
use crate::piece_cache::{Key, LongEntry, PieceCache};
use crate::pretokenizer::Pattern;
use crate::swar;
use crate::vocabulary::{O200K_BASE, O200k, Vocabulary};
use batch::Batch;

/// Consumer of the tokens of a text.
pub(crate) trait Sink {
    /// Takes the token that the `len` bytes at `at` form.
    fn token(&mut self, vocabulary: &Vocabulary<'_>, text: &[u8], at: usize, len: usize);
    /// Takes the merge result of a short piece at `at`.
    fn short(&mut self, vocabulary: &Vocabulary<'_>, text: &[u8], at: usize, merged: &ShortMerge);
    /// Takes the merge result of a long piece at `at`.
    fn linear(&mut self, vocabulary: &Vocabulary<'_>, text: &[u8], at: usize, merged: &LinearMerge<'_>);
    /// Returns the running count of a sink that needs nothing else; such a sink is served faster.
    #[inline(always)]
    fn total(&mut self) -> Option<&mut u64> {
        None
    }
    /// Returns `true` if the sink needs no more tokens.
    fn is_full(&self) -> bool {
        false
    }
}

/// Byte range of a piece within its text.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Piece {
    pub(crate) start: usize,
    pub(crate) end: usize,
}

impl Piece {
    #[inline(always)]
    fn len(self) -> usize {
        self.end - self.start
    }
}

/// Passes the tokens of `text` to `sink`.
#[inline]
pub(crate) fn run<P: Pattern>(vocabulary: &Vocabulary<'_>, text: &[u8], sink: &mut impl Sink) {
    let mut at = 0;
    let mut batch = Batch::new(vocabulary, text);
    while at < text.len() && !sink.is_full() {
        // A count does not depend on the order in which the pieces are counted.
        if let Some(total) = sink.total() {
            let end = batch.next::<P>(at, total);
            if end > at {
                at = end;
                continue;
            }
        }
        let first = swar::load(text, at);
        let end = P::next(text, at, first);
        encode_piece(vocabulary, text, Piece { start: at, end }, first, sink);
        at = end;
    }
    if let Some(total) = sink.total() {
        batch.flush(total);
    }
}

/// Token counts of the beginning of a growing text.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct StablePrefix {
    /// Byte length of the pieces that no continuation of the text can change.
    pub(crate) bytes: usize,
    /// Number of tokens of these pieces.
    pub(crate) tokens: u64,
    /// Number of tokens of the remaining pieces, of which there are at most two.
    pub(crate) pending_tokens: u64,
}

/// Counts the tokens of `text`, the last two pieces separately, since a continuation can change these: see
/// [`Pattern::next`].
#[inline]
pub(crate) fn stable_prefix<P: Pattern>(vocabulary: &Vocabulary<'_>, text: &[u8]) -> StablePrefix {
    let mut prefix = StablePrefix::default();
    // Start of the next piece, and number of tokens of the previous one.
    let (mut at, mut before) = (0, 0);
    while at < text.len() {
        let first = swar::load(text, at);
        let end = P::next(text, at, first);
        let mut count = Count::default();
        encode_piece(vocabulary, text, Piece { start: at, end }, first, &mut count);
        prefix.pending_tokens += count.0;
        if end < text.len() {
            // The previous piece is followed by this one and by a character, so it is stable.
            prefix.bytes = at;
            prefix.tokens += before;
            before = count.0;
        }
        at = end;
    }
    prefix.pending_tokens -= prefix.tokens;
    prefix
}

/// Passes the tokens of one piece to `sink`; `first` is the word at its start.
#[inline(never)]
fn encode_piece(vocabulary: &Vocabulary<'_>, text: &[u8], piece: Piece, first: u64, sink: &mut impl Sink) {
    if vocabulary.has(text, piece.start, piece.len(), first) {
        return sink.token(vocabulary, text, piece.start, piece.len());
    }
    match sink.total() {
        Some(total) => *total += count_cached(vocabulary, text, piece),
        None => split_and_merge(vocabulary, text, piece, sink),
    }
}

/// Counts the tokens of a piece that is not a token, using the cache.
#[inline(always)]
fn count_cached(vocabulary: &Vocabulary<'_>, text: &[u8], piece: Piece) -> u64 {
    let count = PieceCache::with(vocabulary, |cache| {
        // Every length that exceeds a key's maximum has the same meaning.
        let len = piece.len().min(63);
        let key = Key::of(swar::load(text, piece.start), swar::load(text, piece.start + 8), len);
        let count = cache.get(key);
        if count > 0 { count } else { count_uncached(vocabulary, text, piece, &cache) }
    });
    count.unwrap_or_else(|| count_merged(vocabulary, text, piece))
}

/// Counts the tokens of a piece that is neither a token of up to sixteen bytes nor in the short-piece cache.
#[inline(always)]
fn count_uncached(vocabulary: &Vocabulary<'_>, text: &[u8], piece: Piece, cache: &PieceCache<'_>) -> u64 {
    let Piece { start, .. } = piece;
    let len = piece.len();
    if len < 16 {
        let count = count_merged(vocabulary, text, piece);
        cache.set(Key::of(swar::load(text, start), swar::load(text, start + 8), len), count);
        return count;
    }
    if len > 16 && vocabulary.has(text, start, len, swar::load(text, start)) {
        return 1;
    }
    let entry = LongEntry::of(vocabulary, text, start, len);
    entry.and_then(LongEntry::get).unwrap_or_else(|| {
        let count = count_merged(vocabulary, text, piece);
        if let Some(entry) = entry {
            entry.set(count);
        }
        count
    })
}

#[inline(always)]
fn count_merged(vocabulary: &Vocabulary<'_>, text: &[u8], piece: Piece) -> u64 {
    let mut count = Count::default();
    split_and_merge(vocabulary, text, piece, &mut count);
    count.0
}

/// Passes the tokens of a piece that is not a token to `sink`. The most used vocabulary gets its own instantiation, in
/// which its tables are constants.
#[inline(never)]
fn split_and_merge(vocabulary: &Vocabulary<'_>, text: &[u8], piece: Piece, sink: &mut impl Sink) {
    if vocabulary.cache_id == O200K_BASE.cache_id {
        split_and_merge_in(O200k, text, piece, sink);
    } else {
        split_and_merge_in(vocabulary, text, piece, sink);
    }
}

/// Splits the piece at the character boundaries that no token crosses, and merges each part.
#[inline(always)]
fn split_and_merge_in<'v, V>(vocabulary: V, text: &[u8], piece: Piece, sink: &mut impl Sink)
where
    V: Copy + Deref<Target = Vocabulary<'v>>,
{
    let Piece { start, end } = piece;
    let (is_ascii, is_narrow) = char_widths(text, piece);
    if is_ascii {
        let merged = merge::merge_short_ascii(vocabulary, text, (start, end));
        return finish_merge(&vocabulary, text, piece, merged, sink);
    }
    let (mut part, mut at) = (start, start);
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
            && vocabulary.is_token_boundary(left, right, last, lead)
        {
            encode_part(vocabulary, text, Piece { start: part, end: at }, true, sink);
            part = at;
        }
        let last = text.get(at + width - 1).copied().unwrap_or_default();
        left = Some((right, last));
        at += width;
    }
    // The whole piece is known not to be a token.
    encode_part(vocabulary, text, Piece { start: part, end }, part > start, sink);
}

/// Returns whether all characters of a piece are ASCII, and whether all take at most two bytes.
#[inline(always)]
fn char_widths(text: &[u8], piece: Piece) -> (bool, bool) {
    let Piece { start, end } = piece;
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

/// Passes the tokens of a part of a piece to `sink`; with `may_be_token`, the part itself may be a token.
#[inline(never)]
fn encode_part<'v, V>(vocabulary: V, text: &[u8], part: Piece, may_be_token: bool, sink: &mut impl Sink)
where
    V: Copy + Deref<Target = Vocabulary<'v>>,
{
    let Piece { start, end } = part;
    let len = part.len();
    let is_token =
        || vocabulary.has(text, start, len, swar::load(text, start)) && vocabulary.is_reachable(text, start, len);
    if may_be_token && is_token() {
        return sink.token(&vocabulary, text, start, len);
    }
    let merged = merge::merge_short(vocabulary, text, (start, end));
    finish_merge(&vocabulary, text, part, merged, sink);
}

/// Passes the tokens of a part that is not a token to `sink`; `first` is the merge result of its first symbols.
#[inline(always)]
fn finish_merge(vocabulary: &Vocabulary<'_>, text: &[u8], part: Piece, first: ShortMerge, sink: &mut impl Sink) {
    if first.is_all {
        return sink.short(vocabulary, text, part.start, &first);
    }
    match part.len() {
        ..64 => merge_on_stack::<1>(vocabulary, text, part, first, sink),
        64..0x400 => merge_on_stack::<0x10>(vocabulary, text, part, first, sink),
        0x400..0x1_0000 => merge_on_stack::<0x400>(vocabulary, text, part, first, sink),
        len => {
            let (mut ends, mut dead) = (vec![0; len / 64 + 1], vec![0; len / 64 + 1]);
            let space = Workspace { ends: &mut ends, dead: &mut dead };
            let merged = merge::merge_linear(vocabulary, text, (part.start, part.end), first, space);
            sink.linear(vocabulary, text, part.start, &merged);
        }
    }
}

/// Merges in linear time with a workspace of `WORDS` words, which occupies the stack only during the call.
#[inline(never)]
fn merge_on_stack<const WORDS: usize>(
    vocabulary: &Vocabulary<'_>,
    text: &[u8],
    part: Piece,
    first: ShortMerge,
    sink: &mut impl Sink,
) {
    let (mut ends, mut dead) = ([0; WORDS], [0; WORDS]);
    let space = Workspace { ends: &mut ends, dead: &mut dead };
    let merged = merge::merge_linear(vocabulary, text, (part.start, part.end), first, space);
    sink.linear(vocabulary, text, part.start, &merged);
}

/// Sink that counts.
#[derive(Default)]
pub(crate) struct Count(pub(crate) u64);

impl Sink for Count {
    #[inline(always)]
    fn token(&mut self, _: &Vocabulary<'_>, _: &[u8], _: usize, _: usize) {
        self.0 += 1;
    }

    #[inline(always)]
    fn short(&mut self, _: &Vocabulary<'_>, _: &[u8], _: usize, merged: &ShortMerge) {
        self.0 += merged.count() as u64;
    }

    #[inline(always)]
    fn linear(&mut self, _: &Vocabulary<'_>, _: &[u8], _: usize, merged: &LinearMerge<'_>) {
        self.0 += merged.count as u64;
    }

    #[inline(always)]
    fn total(&mut self) -> Option<&mut u64> {
        Some(&mut self.0)
    }
}

/// Sink that counts until the count exceeds a limit.
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
    fn short(&mut self, vocabulary: &Vocabulary<'_>, text: &[u8], at: usize, merged: &ShortMerge) {
        self.count.short(vocabulary, text, at, merged);
    }

    #[inline(always)]
    fn linear(&mut self, vocabulary: &Vocabulary<'_>, text: &[u8], at: usize, merged: &LinearMerge<'_>) {
        self.count.linear(vocabulary, text, at, merged);
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

/// Sink that collects ids.
pub(crate) struct Ids<'a>(pub(crate) &'a mut Vec<u32>);

impl Sink for Ids<'_> {
    #[inline]
    fn token(&mut self, vocabulary: &Vocabulary<'_>, text: &[u8], at: usize, len: usize) {
        let rank = vocabulary.rank(text, at, len);
        debug_assert!(rank.is_some(), "merging produces tokens only");
        self.0.extend(rank.map(|rank| vocabulary.id(rank)));
    }

    fn short(&mut self, vocabulary: &Vocabulary<'_>, text: &[u8], at: usize, merged: &ShortMerge) {
        self.extend(vocabulary, text, at, merged.lengths());
    }

    fn linear(&mut self, vocabulary: &Vocabulary<'_>, text: &[u8], at: usize, merged: &LinearMerge<'_>) {
        self.extend(vocabulary, text, at, merged.lengths());
    }
}

impl Ids<'_> {
    /// Appends the ids of consecutive tokens of these lengths.
    fn extend(&mut self, vocabulary: &Vocabulary<'_>, text: &[u8], at: usize, lengths: impl Iterator<Item = usize>) {
        let mut at = at;
        for len in lengths {
            self.token(vocabulary, text, at, len);
            at += len;
        }
    }
}
