//! Scans the inside of a string in one pass, 64 bytes at a time: finds its end, whether it contains an escape, and
//! whether it is UTF-8.
//!
//! A block without significant bytes costs three comparisons per 16 bytes. In other blocks, the comparisons become bit
//! masks of one word: quotes, backslashes, the backslashes that begin an escape, the end of the string. No step goes
//! byte by byte, so text full of line breaks is scanned about as fast as text without; only `\u` escapes and errors are
//! handled one by one. Blocks with non-ASCII bytes, and the blocks after them, are validated as UTF-8.

use super::simd::Lanes;
use super::utf8::Utf8;
use super::{Inside, Side, escape_at};
use crate::{Error, ErrorKind};

/// Bytes of a piece, the width of [`Lanes`].
const PIECE: usize = 16;
/// Bytes of a block: the number of bits in a word.
const BLOCK: usize = 4 * PIECE;

/// Scans the inside of a string that starts at `start`.
#[inline(always)]
pub(super) fn inside<L: Lanes>(body: &[u8], start: usize, side: Side) -> Result<Inside, Error> {
    let rest = body.get(start..).unwrap_or_default();
    // Most strings are member names and end in the first piece.
    if let Some(piece) = rest.first_chunk::<PIECE>() {
        let place = (marked(L::load(piece)).bits() | 1 << PIECE).trailing_zeros() as usize;
        if rest.get(place) == Some(&b'"') {
            return Ok(Inside { end: start + place, escaped: false, suspect: false });
        }
    }
    let mut walk = Walk::<L> { body, side, utf8: Utf8::new(), escaped: false, skip: 0 };
    let mut at = start;
    loop {
        let rest = body.get(at..).unwrap_or_default();
        let end = match rest.first_chunk::<BLOCK>() {
            Some(block) => walk.block(at, block)?,
            None => walk.block(at, &padded(rest))?,
        };
        if let Some(end) = end {
            return Ok(Inside { end, escaped: walk.escaped, suspect: !walk.utf8.valid() });
        }
        at += BLOCK;
    }
}

/// Marks the significant bytes: quotes, backslashes, control characters, and non-ASCII bytes.
#[inline(always)]
fn marked<L: Lanes>(piece: L) -> L {
    piece.equal(b'"') | piece.equal(b'\\') | piece.less(0x20)
}

/// Pads the last bytes of a body with control characters, which stop the scan.
#[cold]
fn padded(rest: &[u8]) -> [u8; BLOCK] {
    let mut block = [0; BLOCK];
    for (to, from) in block.iter_mut().zip(rest) {
        *to = *from;
    }
    block
}

struct Walk<'b, L> {
    body: &'b [u8],
    side: Side,
    utf8: Utf8<L>,
    escaped: bool,
    /// Bytes of the next block that belong to an escape that began before it.
    skip: u32,
}

impl<L: Lanes> Walk<'_, L> {
    /// Scans the block at `at`; returns the offset of the closing quote if it is in this block.
    #[inline(always)]
    fn block(&mut self, at: usize, block: &[u8; BLOCK]) -> Result<Option<usize>, Error> {
        let pieces = pieces::<L>(block);
        let marks = pieces.map(marked);
        if self.skip == 0 && !self.utf8.open() && !marks.iter().fold(L::all(0), |all, piece| all | *piece).any() {
            return Ok(None);
        }
        let wide = word(pieces);
        let own = u64::MAX << self.skip;
        let stops = word(marks) & !wide & own;
        let quotes = word(pieces.map(|piece| piece.equal(b'"'))) & own;
        let backslashes = word(pieces.map(|piece| piece.equal(b'\\'))) & own;
        let first = first_of_escapes(backslashes);
        let end = (quotes & !(first << 1)).trailing_zeros();
        let inside = below(end);
        let mut odd = stops & !quotes & !backslashes;
        if backslashes != 0 {
            odd |= first << 1 & word(pieces.map(not_short));
        }
        let end = if odd & inside != 0 {
            self.one_by_one(at, stops)?
        } else {
            self.escaped |= first & inside != 0;
            // An escape that begins in the last byte of the block continues in the next one.
            self.skip = match first & inside & 1 << 63 {
                0 => 0,
                _ => escape_at(self.body, at + BLOCK - 1, self.side)? as u32 - 1,
            };
            end
        };
        if wide & below(end) != 0 || self.utf8.open() {
            for (number, piece) in pieces.into_iter().enumerate() {
                self.utf8.push(piece & before((end as usize).saturating_sub(number * PIECE)));
            }
        }
        Ok((end < u64::BITS).then_some(at + end as usize))
    }

    /// Scans like [`block`](Walk::block), from stop to stop; returns the position of the closing quote in the block, or
    /// 64.
    fn one_by_one(&mut self, at: usize, mut stops: u64) -> Result<u32, Error> {
        self.skip = 0;
        while stops != 0 {
            let place = stops.trailing_zeros();
            let offset = at + place as usize;
            match self.body.get(offset) {
                Some(b'"') => return Ok(place),
                Some(b'\\') => {
                    self.escaped = true;
                    let next = place + escape_at(self.body, offset, self.side)? as u32;
                    self.skip = next.saturating_sub(u64::BITS);
                    stops &= !below(next);
                }
                Some(_) if self.side == Side::Response => stops &= stops - 1,
                Some(_) => return Err(Error::new(ErrorKind::ControlCharacter, offset)),
                None => return Err(Error::new(ErrorKind::UnexpectedEnd, self.body.len())),
            }
        }
        Ok(u64::BITS)
    }
}

#[inline(always)]
fn pieces<L: Lanes>(block: &[u8; BLOCK]) -> [L; 4] {
    let (pieces, _) = block.as_chunks::<PIECE>();
    match pieces {
        [a, b, c, d] => [a, b, c, d].map(L::load),
        _ => [L::all(0); 4],
    }
}

/// Collects the high bits of all bytes.
#[inline(always)]
fn word<L: Lanes>(pieces: [L; 4]) -> u64 {
    let [a, b, c, d] = pieces.map(L::bits).map(u64::from);
    a | b << 16 | c << 32 | d << 48
}

/// Returns a mask of the bits below this one; all bits for 64 and more.
#[inline(always)]
fn below(bit: u32) -> u64 {
    !u64::MAX.checked_shl(bit).unwrap_or(0)
}

/// Returns the backslashes that begin an escape: every second one of a run, starting with its first.
#[inline(always)]
fn first_of_escapes(backslashes: u64) -> u64 {
    const EVEN: u64 = 0x5555_5555_5555_5555;
    let begin = backslashes & !(backslashes << 1);
    // Adding the first bit of a run to the run leaves one bit after it, so runs that begin at an even position cancel
    // out.
    let odd = backslashes & backslashes.wrapping_add(begin & EVEN);
    let even = backslashes & !odd;
    even & EVEN | odd & !EVEN
}

/// Marks the bytes that form no two-byte escape after a backslash: all except `"`, `\`, `/`, `b`, `f`, `n`, `r`, `t`.
#[inline(always)]
fn not_short<L: Lanes>(piece: L) -> L {
    // For each lower nibble, one bit per upper nibble (2, 5, 6, 7) that completes an escape character.
    const LOWER: [u8; 16] = [0, 0, 1 | 4 | 8, 0, 8, 0, 4, 0, 0, 0, 0, 0, 2, 0, 4, 1];
    const UPPER: [u8; 16] = [0, 0, 1, 0, 0, 2, 4, 8, 0, 0, 0, 0, 0, 0, 0, 0];
    let short = (piece & L::all(0x0f)).look_up(&LOWER) & piece.upper().look_up(&UPPER);
    short.equal(0)
}

/// Returns a mask of the first `len` bytes.
#[inline(always)]
fn before<L: Lanes>(count: usize) -> L {
    const MASK: [u8; 2 * PIECE] = {
        let mut mask = [0; 2 * PIECE];
        let (ones, _) = mask.split_at_mut(PIECE);
        ones.copy_from_slice(&[0xff; PIECE]);
        mask
    };
    L::load(MASK.get(PIECE - count.min(PIECE)..).and_then(|mask| mask.first_chunk()).unwrap_or(&[0; PIECE]))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::simd::Bytes;
    use super::super::swar;
    use super::*;

    /// Checks that both scanners stop at the same offset for the same reason, and that strings are UTF-8 exactly where
    /// this one guarantees it.
    fn agrees_with_swar(body: &[u8], start: usize) {
        for side in [Side::Request, Side::Response] {
            let (ours, other) = (inside::<Bytes>(body, start, side), swar::inside(body, start, side));
            match (ours, other) {
                (Ok(ours), Ok(other)) => {
                    assert_eq!((ours.end, ours.escaped), (other.end, other.escaped), "{body:x?} from {start}");
                    let utf8 = std::str::from_utf8(&body[start..ours.end]).is_ok();
                    assert_eq!(ours.suspect, !utf8, "{body:x?} from {start}");
                }
                (ours, other) => assert_eq!(ours, other, "{body:x?} from {start}"),
            }
        }
    }

    #[test]
    fn every_second_backslash_of_a_run_begins_an_escape() {
        for backslashes in (0..1 << 12).map(|bits: u64| bits << 52 | bits << 20 | bits) {
            let (mut want, mut at) = (0, 0);
            while at < 64 {
                let begins = backslashes >> at & 1;
                want |= begins << at;
                at += 1 + begins;
            }
            assert_eq!(first_of_escapes(backslashes), want, "{backslashes:b}");
        }
    }

    #[test]
    fn two_byte_escapes_are_recognised() {
        for byte in 0..=255 {
            let short = br#""\/bfnrt"#.contains(&byte);
            assert_eq!(not_short(Bytes::all(byte)), Bytes::all(if short { 0 } else { 0xff }), "{byte}");
        }
    }

    #[test]
    fn every_byte_at_every_position_of_a_block_agrees_with_swar() {
        for byte in (0..=0x23).chain(0x5b..=0x5d).chain([0x7f, 0x80, 0xbf, 0xc0, 0xc3, 0xff]) {
            for at in 0..70 {
                let mut body = vec![b'a'; 100];
                body[at] = byte;
                agrees_with_swar(&body, 0);
                body[99] = b'"';
                agrees_with_swar(&body, 0);
                agrees_with_swar(&body, at / 2);
            }
        }
    }

    #[test]
    fn escapes_and_characters_may_cross_pieces() {
        for token in [r"\n", r"\\", r#"\""#, r"\u00e9", r"\ud83d\ude00", r"\ud83d", r"\u12", r"\x", "é", "料", "😀"]
        {
            for next in ["", "\"", "\\\"", "料\"", "\u{1}", "x\"", "\\u0041\\n\""] {
                for at in 0..70 {
                    let text = format!("{}{token}{next}", "a".repeat(at));
                    for cut in 0..token.len() {
                        agrees_with_swar(&text.as_bytes()[..text.len() - cut], 0);
                    }
                    agrees_with_swar(format!("{text}{}", ",\"料\":[\"\"]}".repeat(9)).as_bytes(), 0);
                }
            }
        }
    }

    proptest! {
        #[test]
        fn bytes_after_the_string_are_ignored(text in "[a-z料é😀]{0,90}", behind: Vec<u8>) {
            let body = [text.as_bytes(), b"\"", &behind].concat();
            let want = Inside { end: text.len(), escaped: false, suspect: false };
            prop_assert_eq!(inside::<Bytes>(&body, 0, Side::Request), Ok(want));
        }

        #[test]
        fn agrees_with_swar_on_any_bytes(body in prop::collection::vec(prop_oneof![
            24 => "[ -~]".prop_map(String::into_bytes),
            2 => "\\PC".prop_map(String::into_bytes),
            2 => prop::sample::select(vec!["\\n", "\\\"", "\\\\", "\\u00e9", "\\ud83d\\ude00", "\\ud83d"]).prop_map(|text| text.as_bytes().to_vec()),
            1 => prop::collection::vec(any::<u8>(), 1..3),
        ], 0..120), start in 0usize..40) {
            let body = body.concat();
            agrees_with_swar(&body, start.min(body.len()));
        }
    }
}
