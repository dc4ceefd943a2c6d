//! Where pieces end, of as many pieces at once as sixty-four bytes hold.
//!
//! Cutting piece by piece asks of each what it begins with, and a processor that guesses the answer is wrong once or
//! twice a piece, which takes it longer than all else. Here nothing is asked. Of sixty-four bytes one word of bits says
//! which are letters, one which are digits and so on, and what the patterns say about neighbours are operations on
//! these words: a letter that is not preceded by one begins a piece, unless a white space or one sign on its own comes
//! before it. What reaches over a run of unknown length is carried there by an addition: a bit added to the first of a
//! run of ones comes out where the run ends.
//!
//! Not everything can be said so. Where it cannot (a number that is not ASCII, upper case behind a letter without
//! case, a mark behind a sign), and at the end of the sixty-four bytes, the window ends: what is said is certain, and
//! the piece in which it ends is left to the pattern's other way.

mod byte_classes;

use super::class::{self, Class};
use super::{SPAN, runs};

/// Bits of pieces' ends: bit `n` says that one ends, and another one begins, `n` bytes behind `at`, where one begins.
/// What is not certain is left out, with all behind it.
///
/// `CASED` as in [`BoundaryRules`](super::BoundaryRules); `DIGITS` of a piece at most; `CONTRACTIONS` behind letters, where `CASED`, and
/// as pieces of their own otherwise.
#[inline(never)] // A call for every window costs less than the module grows by if it is wherever pieces are counted.
pub(super) fn ends<const CASED: bool, const DIGITS: usize, const CONTRACTIONS: bool>(
    text: &[u8],
    at: usize,
    span: &[u8; SPAN],
) -> u64 {
    Window::of::<CASED>(span, text.len().saturating_sub(at)).ends::<CASED, DIGITS, CONTRACTIONS>(text, at)
}

/// What the bytes of a window are, all bytes of a character the same.
struct Window {
    /// Upper case.
    upper: u64,
    /// Lower case; where case does not matter, all letters.
    lower: u64,
    /// Letters without case, and marks: what may stand among upper and among lower case.
    both: u64,
    /// Digits of ASCII.
    digits: u64,
    /// White space of ASCII.
    spaces: u64,
    blanks: u64,
    line_ends: u64,
    /// `[^\s\p{L}\p{N}]`
    signs: u64,
    apostrophes: u64,
    /// ByteClasses that do not begin a character.
    inner: u64,
    /// What is known is that of the bytes that have a bit here: the first so many.
    known: u64,
}

impl Window {
    /// The window of the first bytes of a span, of which `len` are text.
    #[inline(always)]
    fn of<const CASED: bool>(span: &[u8; SPAN], len: usize) -> Window {
        let bytes = span.first_chunk().map_or_else(|| byte_classes::of(&[0; 64]), byte_classes::of);
        let mut window = Window {
            upper: if CASED { bytes.letters & !bytes.lower } else { 0 },
            lower: if CASED { bytes.lower } else { bytes.letters },
            both: 0,
            digits: bytes.digits,
            spaces: bytes.spaces,
            blanks: bytes.blanks,
            line_ends: bytes.line_ends,
            signs: !(bytes.letters | bytes.digits | bytes.spaces | bytes.wide),
            apostrophes: bytes.apostrophes,
            inner: 0,
            known: first(len),
        };
        if bytes.wide & window.known != 0 {
            window.wide::<CASED>(span, bytes.leads & window.known);
            window.inner = bytes.wide & !bytes.leads;
        }
        window
    }

    /// Takes in the characters that are not ASCII, whose first bytes are `leads`.
    #[inline(always)]
    fn wide<const CASED: bool>(&mut self, span: &[u8; SPAN], mut leads: u64) {
        // By class, the bytes of its characters.
        let mut bytes = [0_u64; Class::COUNT];
        while leads != 0 {
            let place = leads.trailing_zeros() as usize;
            leads &= leads - 1;
            let four = span.get(place & 63..).and_then(|rest| rest.first_chunk()).copied().unwrap_or_default();
            let (class, width) = class::of_wide(u32::from_le_bytes(four));
            if let Some(bytes) = bytes.get_mut(class.index()) {
                *bytes |= ((1 << width) - 1) << place;
            }
        }
        let of = |class: Class| bytes.get(class.index()).copied().unwrap_or_default();
        let (upper, lower, caseless) = (of(Class::UPPER), of(Class::LOWER), of(Class::CASELESS));
        let marks = of(Class::MARK);
        self.signs |= of(Class::OTHER) | of(Class::SIGN);
        let mut unclear = of(Class::NUMBER) | of(Class::SPACE) | of(Class::LINE_END);
        if CASED {
            self.upper |= upper;
            self.lower |= lower;
            self.both = caseless | marks;
            // Upper case belongs to what is before it or not by what comes behind; so does a mark by what is before.
            unclear |= (self.upper & self.both << 1) | (marks & self.signs << 1);
        } else {
            self.lower |= upper | lower | caseless;
            self.signs |= marks;
        }
        self.known &= below(unclear);
    }

    /// See [`ends`].
    #[inline(always)]
    fn ends<const CASED: bool, const DIGITS: usize, const CONTRACTIONS: bool>(self, text: &[u8], at: usize) -> u64 {
        let mut known = self.known;
        let letters = (self.upper | self.lower | self.both) & known;
        let (signs, digits, spaces) = (self.signs & known, self.digits & known, self.spaces & known);
        let line_ends = self.line_ends & known;
        let plain = spaces & !line_ends;

        // Signs go with a blank before them, and with line ends behind them.
        let runs = signs & !(signs << 1) & !(self.blanks << 1);
        let taken = line_ends & (signs << 1);
        let behind = line_ends.wrapping_add(taken) & !line_ends;
        if CASED && behind & signs != 0 {
            known &= below(behind & signs & of_byte(text, at, behind & signs, b'/'));
        }
        // One on its own goes with the letters behind it.
        let second = signs & (signs << 1) & !self.inner;
        let alone = (signs & !second).wrapping_add(runs) & !signs;

        let mut ends = runs;
        ends |= letters & !(letters << 1) & !(plain << 1) & !alone;
        if CASED {
            ends |= self.upper & (self.lower << 1);
        }

        // Numbers.
        ends |= digits & !(digits << 1);
        if DIGITS == 1 {
            ends |= digits;
        } else {
            // Places with as many digits before them as a piece has.
            let far = (1..=DIGITS).fold(digits, |far, back| far & digits << back);
            let mut third = (digits & !(digits << 1)) << DIGITS & far;
            while third != 0 {
                ends |= third;
                third = third << DIGITS & far;
            }
        }

        // White space: up to its last line end; then all but its last character.
        ends |= spaces & !(spaces << 1) & !taken;
        ends |= plain & !(spaces >> 1) & (known >> 1);
        let lines = plain & (line_ends << 1);
        ends |= lines & !followed_by_line_end(plain, lines & !behind, line_ends, known);

        if CASED && CONTRACTIONS {
            ends = behind_letters(text, at, ends, self.apostrophes & known & letters << 1);
        }
        if !CASED {
            ends = on_their_own(text, at, ends, self.apostrophes & runs);
        }
        ends & known & !1
    }
}

/// The first `count` bits.
#[inline(always)]
fn first(count: usize) -> u64 {
    if count >= 64 { u64::MAX } else { (1 << count) - 1 }
}

/// The bits below the lowest one; all if there is none.
#[inline(always)]
fn below(bits: u64) -> u64 {
    (bits & bits.wrapping_neg()).wrapping_sub(1)
}

/// Which of these places have that byte.
#[inline(always)]
fn of_byte(text: &[u8], at: usize, mut places: u64, byte: u8) -> u64 {
    let mut found = 0;
    while places != 0 {
        let lowest = places & places.wrapping_neg();
        if text.get(at + places.trailing_zeros() as usize) == Some(&byte) {
            found |= lowest;
        }
        places ^= lowest;
    }
    found
}

/// Of runs of white space without line ends in it (`plain`) that begin at `starts`, those behind which a line end comes,
/// or may come.
#[inline(always)]
fn followed_by_line_end(plain: u64, starts: u64, line_ends: u64, known: u64) -> u64 {
    // Where the one at the end of what is known begins.
    let last = !plain & known;
    let open = if plain & !(known >> 1) & known != 0 { 1_u64.rotate_left(64 - last.leading_zeros()) } else { 0 };
    let mut found = starts & open;
    let mut ends = plain.wrapping_add(starts) & !plain & line_ends;
    while ends != 0 {
        let end = below(ends);
        found |= 1_u64.rotate_left(64 - (!plain & end).leading_zeros());
        ends &= ends - 1;
    }
    found
}

/// Contractions go with the letters before them, behind which the apostrophes are.
#[inline(always)]
fn behind_letters(text: &[u8], at: usize, mut ends: u64, mut apostrophes: u64) -> u64 {
    // Behind the last contraction: what comes there is no contraction of it.
    let mut last = usize::MAX;
    while apostrophes != 0 {
        let place = apostrophes.trailing_zeros() as usize;
        apostrophes &= apostrophes - 1;
        let len = runs::contraction(text, at + place);
        if len > 0 && place != last {
            last = place + len;
            ends = ends & !(first(len) << place) | 1_u64.checked_shl(last as u32).unwrap_or_default();
        }
    }
    ends
}

/// Contractions are pieces, with which the apostrophes may begin.
#[inline(always)]
fn on_their_own(text: &[u8], at: usize, mut ends: u64, mut apostrophes: u64) -> u64 {
    while apostrophes != 0 {
        let place = apostrophes.trailing_zeros() as usize;
        apostrophes &= apostrophes - 1;
        let len = runs::contraction(text, at + place);
        if len > 0 {
            ends |= 1_u64.checked_shl((place + len) as u32).unwrap_or_default();
        }
    }
    ends
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::{Cased, Pattern, Uncased, SPAN};
    use crate::swar;

    /// Windows say what cutting piece by piece says; how many pieces they said it of.
    fn check<P: Pattern>(text: &str) -> usize {
        let text = text.as_bytes();
        let (mut at, mut said) = (0, 0);
        while at < text.len() {
            let mut span = [0xFF; SPAN];
            span.iter_mut().zip(&text[at..]).for_each(|(to, from)| *to = *from);
            let mut ends = P::ends(text, at, &span);
            said += ends.count_ones() as usize;
            let begin = at;
            while ends != 0 {
                let end = P::next(text, at, swar::load(text, at));
                let bit = ends.trailing_zeros() as usize;
                assert_eq!(begin + bit, end, "from {begin}: {:?}", String::from_utf8_lossy(&text[at..]));
                ends &= ends - 1;
                at = end;
            }
            at = P::next(text, at, swar::load(text, at));
        }
        said
    }

    fn check_all(text: &str) {
        check::<Cased<3, true>>(text);
        check::<Cased<1, false>>(text);
        check::<Uncased<3, true>>(text);
        check::<Uncased<1, false>>(text);
    }

    #[test]
    fn most_of_a_plain_text_is_said_by_windows() {
        let text = "The gatekeeper's lamp (lit at 18:30) wasn't 1234567 out.\n\n    if x == 'y':\n        return \"Größe\"; // ж\n";
        for (said, pieces) in
            [(check::<Cased<3, true>>(&text.repeat(20)), 20), (check::<Uncased<3, true>>(&text.repeat(20)), 20)]
        {
            assert!(said > 28 * pieces, "{said}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(20_000))]

        #[test]
        fn windows_say_what_cutting_piece_by_piece_says(
            text in "([a-c]{1,9}|[A-C]{1,3}|[0-9]{1,8}| {1,3}|[ \t\n\r]{1,6}|[.,/!(]{1,4}|'|'s|'S|'ll|'Re|'ſ|[éßж]{1,5}|[ÉЖ]{1,2}|[漢字]{1,9}|\u{301}|ʰ|٣|\u{a0}|\u{3000}|[😀。“]{1,3}|\u{200d}|\0|.){0,40}"
        ) {
            check_all(&text);
        }
    }
}
