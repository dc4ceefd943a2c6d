//! Finds the piece ends of a 64-byte window at once.
//!
//! Splitting piece by piece branches on the first character of each piece, and the branch predictor fails once or twice
//! per piece, which costs more than everything else. This module has no such branches. One 64-bit mask per class marks
//! which of sixty-four bytes are letters, digits and so on, and the neighbourhood conditions of the patterns become
//! operations on these masks: a letter that does not follow a letter starts a piece, unless white space or a single
//! sign precedes it. Conditions across a run of unknown length use the carry of an addition: a bit added to the first
//! bit of a run of ones is carried past the end of the run.
//!
//! Some cases cannot be expressed this way (a number that is not ASCII, upper case after a caseless letter, a mark
//! after a sign). There, and at the end of the sixty-four bytes, the window ends: all reported ends are certain, and
//! the piece that crosses the end is left to [`Pattern::next`](super::Pattern::next).

mod byte_classes;

use super::class::{self, Class};
use super::{WINDOW, runs};

/// Returns the piece ends after `at`, where a piece starts: with bit `n` set, a piece ends and another starts `n` bytes
/// after `at`. Ends that are not certain are omitted, with everything after them.
///
/// `CASED` as in [`BoundaryRules`](super::BoundaryRules); `DIGITS` is the maximum number of digits of a piece; with
/// `CONTRACTIONS`, contractions belong to the letters before them if `CASED`, and are pieces of their own otherwise.
#[inline(never)] // Inlining everywhere would enlarge the module without being faster.
pub(super) fn ends<const CASED: bool, const DIGITS: usize, const CONTRACTIONS: bool>(
    text: &[u8],
    at: usize,
    window: &[u8; WINDOW],
) -> u64 {
    Window::of::<CASED>(window, text.len().saturating_sub(at)).ends::<CASED, DIGITS, CONTRACTIONS>(text, at)
}

/// Classes of the bytes of a window, one bit per byte. All bytes of a character have its class.
struct Window {
    /// Upper case.
    upper: u64,
    /// Lower case; all letters if case is ignored.
    lower: u64,
    /// Caseless letters and marks, which may occur among both upper and lower case.
    both: u64,
    /// ASCII digits.
    digits: u64,
    /// ASCII white space.
    spaces: u64,
    blanks: u64,
    line_ends: u64,
    /// `[^\s\p{L}\p{N}]`
    signs: u64,
    apostrophes: u64,
    /// Continuation bytes of UTF-8.
    inner: u64,
    /// Bytes whose classes are certain: a prefix of the window.
    known: u64,
}

impl Window {
    /// Classifies the bytes of a window of which `len` bytes are text.
    #[inline(always)]
    fn of<const CASED: bool>(bytes: &[u8; WINDOW], len: usize) -> Window {
        let classes = bytes.first_chunk().map_or_else(|| byte_classes::of(&[0; 64]), byte_classes::of);
        let mut window = Window {
            upper: if CASED { classes.letters & !classes.lower } else { 0 },
            lower: if CASED { classes.lower } else { classes.letters },
            both: 0,
            digits: classes.digits,
            spaces: classes.spaces,
            blanks: classes.blanks,
            line_ends: classes.line_ends,
            signs: !(classes.letters | classes.digits | classes.spaces | classes.wide),
            apostrophes: classes.apostrophes,
            inner: 0,
            known: first(len),
        };
        if classes.wide & window.known != 0 {
            window.add_wide::<CASED>(bytes, classes.leads & window.known);
            window.inner = classes.wide & !classes.leads;
        }
        window
    }

    /// Adds the characters that are not ASCII, whose first bytes are `leads`.
    #[inline(always)]
    fn add_wide<const CASED: bool>(&mut self, bytes: &[u8; WINDOW], mut leads: u64) {
        // Bytes of the characters of each class.
        let mut by_class = [0_u64; Class::COUNT];
        while leads != 0 {
            let place = leads.trailing_zeros() as usize;
            leads &= leads - 1;
            let four = bytes.get(place & 63..).and_then(|rest| rest.first_chunk()).copied().unwrap_or_default();
            let (class, width) = class::of_wide(u32::from_le_bytes(four));
            if let Some(mask) = by_class.get_mut(class.index()) {
                *mask |= ((1 << width) - 1) << place;
            }
        }
        let of = |class: Class| by_class.get(class.index()).copied().unwrap_or_default();
        let (upper, lower, caseless) = (of(Class::UPPER), of(Class::LOWER), of(Class::CASELESS));
        let marks = of(Class::MARK);
        self.signs |= of(Class::OTHER) | of(Class::SIGN);
        let mut unclear = of(Class::NUMBER) | of(Class::SPACE) | of(Class::LINE_END);
        if CASED {
            self.upper |= upper;
            self.lower |= lower;
            self.both = caseless | marks;
            // Upper case after a caseless letter joins its piece depending on what follows; a mark depends on what
            // precedes.
            unclear |= (self.upper & self.both << 1) | (marks & self.signs << 1);
        } else {
            self.lower |= upper | lower | caseless;
            self.signs |= marks;
        }
        self.known &= below(unclear);
    }

    /// Computes the piece ends; see [`ends`].
    #[inline(always)]
    fn ends<const CASED: bool, const DIGITS: usize, const CONTRACTIONS: bool>(self, text: &[u8], at: usize) -> u64 {
        let mut known = self.known;
        let letters = (self.upper | self.lower | self.both) & known;
        let (signs, digits, spaces) = (self.signs & known, self.digits & known, self.spaces & known);
        let line_ends = self.line_ends & known;
        let plain = spaces & !line_ends;

        // A blank before signs and line ends after them belong to their piece.
        let runs = signs & !(signs << 1) & !(self.blanks << 1);
        let taken = line_ends & (signs << 1);
        let behind = line_ends.wrapping_add(taken) & !line_ends;
        if CASED && behind & signs != 0 {
            known &= below(behind & signs & of_byte(text, at, behind & signs, b'/'));
        }
        // A single sign belongs to the letters after it.
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
            // Positions with as many digits before them as a piece holds.
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
            ends = join_contractions(text, at, ends, self.apostrophes & known & letters << 1);
        }
        if !CASED {
            ends = split_contractions(text, at, ends, self.apostrophes & runs);
        }
        ends & known & !1
    }
}

/// Returns a mask of the first `count` bits.
#[inline(always)]
fn first(count: usize) -> u64 {
    if count >= 64 { u64::MAX } else { (1 << count) - 1 }
}

/// Returns a mask of the bits below the lowest set bit; all ones if none is set.
#[inline(always)]
fn below(bits: u64) -> u64 {
    (bits & bits.wrapping_neg()).wrapping_sub(1)
}

/// Returns the positions among `places` that hold `byte`.
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

/// Returns those runs of white space without line ends (`plain`), starting at `starts`, that a line end follows or may
/// follow.
#[inline(always)]
fn followed_by_line_end(plain: u64, starts: u64, line_ends: u64, known: u64) -> u64 {
    // Start of the run that reaches the end of the known bytes.
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

/// Joins contractions to the letters before them. `apostrophes` are those that follow letters.
#[inline(always)]
fn join_contractions(text: &[u8], at: usize, mut ends: u64, mut apostrophes: u64) -> u64 {
    // End of the last contraction: an apostrophe there does not extend the same piece.
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

/// Adds the ends of contractions that are pieces of their own. `apostrophes` are those that may start a piece.
#[inline(always)]
fn split_contractions(text: &[u8], at: usize, mut ends: u64, mut apostrophes: u64) -> u64 {
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

    use super::super::{Cased, Pattern, Uncased, WINDOW};
    use crate::swar;

    /// Asserts that windows and piece-by-piece splitting agree, and returns the number of ends that windows reported.
    fn check<P: Pattern>(text: &str) -> usize {
        let text = text.as_bytes();
        let (mut at, mut reported) = (0, 0);
        while at < text.len() {
            let mut window = [0xFF; WINDOW];
            window.iter_mut().zip(&text[at..]).for_each(|(to, from)| *to = *from);
            let mut ends = P::ends(text, at, &window);
            reported += ends.count_ones() as usize;
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
        reported
    }

    fn check_all(text: &str) {
        check::<Cased<3, true>>(text);
        check::<Cased<1, false>>(text);
        check::<Uncased<3, true>>(text);
        check::<Uncased<1, false>>(text);
    }

    #[test]
    fn windows_report_most_ends_of_plain_text() {
        let text = "The gatekeeper's lamp (lit at 18:30) wasn't 1234567 out.\n\n    if x == 'y':\n        return \"Größe\"; // ж\n";
        for (reported, pieces) in
            [(check::<Cased<3, true>>(&text.repeat(20)), 20), (check::<Uncased<3, true>>(&text.repeat(20)), 20)]
        {
            assert!(reported > 28 * pieces, "{reported}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(20_000))]

        #[test]
        fn windows_agree_with_splitting_piece_by_piece(
            text in "([a-c]{1,9}|[A-C]{1,3}|[0-9]{1,8}| {1,3}|[ \t\n\r]{1,6}|[.,/!(]{1,4}|'|'s|'S|'ll|'Re|'ſ|[éßж]{1,5}|[ÉЖ]{1,2}|[漢字]{1,9}|\u{301}|ʰ|٣|\u{a0}|\u{3000}|[😀。“]{1,3}|\u{200d}|\0|.){0,40}"
        ) {
            check_all(&text);
        }
    }
}
