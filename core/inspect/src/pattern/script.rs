//! Scripts, as far as they decide where a keyword ends.

/// Script of a character at the edge of a keyword.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Script {
    /// ASCII and the other Latin letters.
    Latin,
    /// Scripts that do not separate words by spaces: Chinese, Japanese, Thai and the like.
    Unspaced,
    /// All others.
    Other,
}

/// Blocks of the scripts that do not separate words: first and last code point, ascending.
const UNSPACED: &[(u32, u32)] = &[
    (0x0e00, 0x109f),   // Thai, Lao, Tibetan, Myanmar
    (0x1780, 0x17ff),   // Khmer
    (0x1950, 0x19df),   // Tai Le, New Tai Lue
    (0x1a20, 0x1aaf),   // Tai Tham
    (0x1b00, 0x1b7f),   // Balinese
    (0x3005, 0x3007),   // ideographic iteration mark, closing mark and zero
    (0x3040, 0x312f),   // Hiragana, Katakana, Bopomofo
    (0x31a0, 0x31ff),   // Bopomofo and Katakana, extended
    (0x3400, 0x4dbf),   // Han, extension A
    (0x4e00, 0x9fff),   // Han
    (0xa980, 0xa9df),   // Javanese
    (0xa9e0, 0xaa7f),   // Myanmar, extended; Cham
    (0xf900, 0xfaff),   // Han, compatibility
    (0xff66, 0xff9f),   // Katakana, half-width
    (0x1b000, 0x1b16f), // Kana, extended
    (0x20000, 0x3ffff), // Han, extensions B and later
];

impl Script {
    /// Returns the script of a character. Combining accents, digits and everything else in ASCII count as Latin.
    pub(crate) fn of(c: char) -> Script {
        let code = c as u32;
        match code {
            // Latin-1 Supplement, Latin Extended-A and -B, IPA; combining accents; Latin Extended Additional.
            0..=0x2af | 0x300..=0x36f | 0x1e00..=0x1eff => Script::Latin,
            _ => {
                let after = UNSPACED.partition_point(|&(first, _)| first <= code);
                let block = after.checked_sub(1).and_then(|at| UNSPACED.get(at));
                if block.is_some_and(|&(_, last)| code <= last) { Script::Unspaced } else { Script::Other }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scripts_of_characters() {
        for (chars, expected) in [
            ("aZ0_-éßŁſə\u{301}ế", Script::Latin),
            ("漢字々ひカㄅㄞﾊไทยລາວမခ𠀀", Script::Unspaced),
            ("жΩאعहি한—", Script::Other),
        ] {
            for c in chars.chars() {
                assert_eq!(Script::of(c), expected, "{c}");
            }
        }
    }

    #[test]
    fn blocks_are_ascending() {
        assert!(UNSPACED.windows(2).all(|pair| pair[0].1 < pair[1].0));
        assert!(UNSPACED.iter().all(|(first, last)| first < last));
    }
}
