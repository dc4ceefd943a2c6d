//! Incremental counting of a text that arrives in chunks.

mod long_piece;

use std::str::from_utf8;

use crate::Tokenizer;
use crate::pretokenizer::class;
use long_piece::{LongPiece, Progress};

/// Byte length from which a piece is merged incrementally instead of being re-encoded on every push.
const LONG: usize = 192;

/// Token counter of a text that arrives in arbitrary chunks, split even inside a character.
///
/// After every push the count equals [`Tokenizer::count`] of the whole text so far. An incomplete character at the end
/// is not counted yet, and bytes that are not UTF-8 count as U+FFFD. The counter keeps only the end of the text that
/// may still become part of another piece: some hundred bytes, however long the text and its pieces are. (With a loaded
/// DeepSeek tokenizer, it keeps the whole of a long piece.)
///
/// ```
/// use tollgate_tokens::{Encoding, StreamCounter};
///
/// let mut counter = StreamCounter::new(Encoding::O200kBase);
/// let counts = [&b"hel"[..], b"lo w", b"orld \xE2", b"\x82\xAC"].map(|bytes| {
///     counter.push(bytes);
///     counter.count()
/// });
/// assert_eq!(counts, [1, 2, 3, 3]);
/// assert_eq!(Encoding::O200kBase.count("hello world €"), 3);
/// ```
#[derive(Clone, Debug)]
pub struct StreamCounter {
    tokenizer: Tokenizer,
    /// Number of tokens of the stable pieces.
    stable: u64,
    /// Text after the stable pieces, or after the long piece.
    tail: Vec<u8>,
    /// Number of tokens of the tail; `None` if not counted yet.
    tail_tokens: Option<u64>,
    /// Long piece between the stable pieces and the tail.
    long: Option<Box<LongPiece>>,
    /// First bytes of an incomplete character.
    partial: Vec<u8>,
    /// Byte length at which the tail is encoded again.
    next_look: usize,
}

impl StreamCounter {
    /// Creates a counter of an empty text.
    #[must_use]
    pub fn new(tokenizer: impl Into<Tokenizer>) -> StreamCounter {
        StreamCounter {
            tokenizer: tokenizer.into(),
            stable: 0,
            tail: Vec::new(),
            tail_tokens: Some(0),
            long: None,
            partial: Vec::new(),
            next_look: 0,
        }
    }

    /// Appends bytes.
    pub fn push(&mut self, bytes: &[u8]) {
        // Usually, complete characters follow complete characters.
        if self.partial.is_empty()
            && let Ok(text) = from_utf8(bytes)
        {
            return self.text(text);
        }
        let mut joined = std::mem::take(&mut self.partial);
        joined.extend_from_slice(bytes);
        let mut rest = joined.as_slice();
        loop {
            let error = match from_utf8(rest) {
                Ok(text) => return self.text(text),
                Err(error) => error,
            };
            let (valid, invalid) = rest.split_at_checked(error.valid_up_to()).unwrap_or((rest, &[]));
            self.text(from_utf8(valid).unwrap_or_default());
            let Some(len) = error.error_len() else {
                self.partial = invalid.to_vec();
                return;
            };
            self.text("\u{fffd}");
            rest = invalid.get(len..).unwrap_or_default();
        }
    }

    /// Returns the number of tokens of the text so far.
    #[must_use]
    pub fn count(&self) -> u64 {
        let tail = || self.tokenizer.count(from_utf8(&self.tail).unwrap_or_default());
        let long = self.long.as_ref().map_or(0, |long| long.count(&self.tokenizer));
        self.stable + long + self.tail_tokens.unwrap_or_else(tail)
    }

    /// Appends complete characters.
    fn text(&mut self, text: &str) {
        let text = text.as_bytes();
        if self.long.is_none() {
            self.tail.extend_from_slice(text);
            return self.advance();
        }
        let rest = self.feed(text);
        if let Some(rest) = rest {
            self.tail.extend_from_slice(&rest);
            self.advance();
        }
    }

    /// Counts the tail and drops its stable pieces.
    fn advance(&mut self) {
        while self.tail.len() >= self.next_look {
            let prefix = self.tokenizer.stable_prefix(&self.tail);
            self.stable += prefix.tokens;
            self.tail.drain(..prefix.bytes);
            self.tail_tokens = Some(prefix.pending_tokens);
            self.next_look = 0;
            if self.tail.len() < LONG {
                return;
            }
            let Some(rules) = self.tokenizer.rules() else {
                // A long piece that must be kept: it is encoded again when its length has doubled.
                self.next_look = 2 * self.tail.len();
                break;
            };
            let tail = std::mem::take(&mut self.tail);
            self.tail_tokens = Some(0);
            self.long = LongPiece::begin(rules, &tail).map(Box::new);
            if self.long.is_some() {
                match self.feed(&tail) {
                    Some(rest) => self.tail = rest,
                    None => return,
                }
            } else {
                // Digits, or a contraction: a piece that is stable once others follow.
                let end = self.tokenizer.next(&tail);
                let (piece, rest) = tail.split_at_checked(end).unwrap_or((&tail, &[]));
                self.stable += self.tokenizer.count(from_utf8(piece).unwrap_or_default());
                self.tail = rest.to_vec();
            }
        }
        self.tail_tokens = None;
    }

    /// Passes characters to the long piece. If it ends, returns the text after it.
    fn feed(&mut self, text: &[u8]) -> Option<Vec<u8>> {
        let long = self.long.as_deref_mut()?;
        let step = self.tokenizer.with_vocabulary(|vocabulary| {
            let mut at = 0;
            while let Some((class, next)) = class::at(text, at) {
                let step = long.push(vocabulary, class, text.get(at..next).unwrap_or_default());
                at = next;
                if let Progress::Ended { tokens, mut rest } = step {
                    rest.extend_from_slice(text.get(at..).unwrap_or_default());
                    return Some((tokens, rest));
                }
            }
            None
        });
        let (tokens, rest) = step?;
        self.stable += tokens;
        self.long = None;
        Some(rest)
    }
}
