//! Character classes of the patterns.
//!
//! The build script generates the table: four bits per character, in blocks of 128 characters. Equal blocks are stored
//! once; an index maps a character's number without its last seven bits to its block.

static INDEX: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/class_index.bin"));
static BLOCKS: &[[u8; 64]] = include_bytes!(concat!(env!("OUT_DIR"), "/class_blocks.bin")).as_chunks::<64>().0;

/// Character class. Every character is in exactly one.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Class(u8);

impl Class {
    /// All other characters: control, format and unassigned characters.
    pub(crate) const OTHER: Class = Class(0);
    /// `\p{Lu}` and `\p{Lt}`.
    pub(crate) const UPPER: Class = Class(1);
    /// `\p{Ll}`.
    pub(crate) const LOWER: Class = Class(2);
    /// `\p{Lm}` and `\p{Lo}`.
    pub(crate) const CASELESS: Class = Class(3);
    /// `\p{M}`.
    pub(crate) const MARK: Class = Class(4);
    /// `\p{N}`.
    pub(crate) const NUMBER: Class = Class(5);
    /// `\s` without line ends.
    pub(crate) const SPACE: Class = Class(6);
    /// CR and LF.
    pub(crate) const LINE_END: Class = Class(7);
    /// `\p{P}` and `\p{S}`.
    pub(crate) const SIGN: Class = Class(8);

    /// Number of class values that fit into four bits.
    pub(crate) const COUNT: usize = 16;

    /// Returns the index of the class.
    #[inline(always)]
    pub(crate) fn index(self) -> usize {
        usize::from(self.0)
    }

    /// Returns the class of the character with this number.
    #[inline(always)]
    fn of(number: u32) -> Class {
        let Some(&block) = INDEX.get((number >> 7) as usize) else { return Class::OTHER };
        let Some(block) = BLOCKS.get(block as usize) else { return Class::OTHER };
        let pair = block.get((number >> 1) as usize & 63).copied().unwrap_or_default();
        Class((pair >> (4 * (number & 1))) & 0xF)
    }

    /// Returns `true` for `\p{L}`.
    #[inline(always)]
    pub(crate) fn is_letter(self) -> bool {
        self.is_in(Set::LETTER)
    }

    /// Returns `true` for `\s`.
    #[inline(always)]
    pub(crate) fn is_space(self) -> bool {
        self.is_in(Set::SPACE)
    }

    /// Returns `true` if the class is in the set.
    #[inline(always)]
    pub(crate) fn is_in(self, set: Set) -> bool {
        set.0 >> self.0 & 1 == 1
    }
}

/// Set of character classes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Set(u16);

impl Set {
    /// `\p{L}`
    pub(crate) const LETTER: Set = Set::of(&[Class::UPPER, Class::LOWER, Class::CASELESS]);
    /// `[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]`
    pub(crate) const UPPER: Set = Set::of(&[Class::UPPER, Class::CASELESS, Class::MARK]);
    /// `[\p{Ll}\p{Lm}\p{Lo}\p{M}]`
    pub(crate) const LOWER: Set = Set::of(&[Class::LOWER, Class::CASELESS, Class::MARK]);
    /// `\s`
    pub(crate) const SPACE: Set = Set::of(&[Class::SPACE, Class::LINE_END]);
    /// `[^\s\p{L}\p{N}]`
    pub(crate) const SYMBOL: Set = Set::of(&[Class::OTHER, Class::SIGN, Class::MARK]);
    /// `[^\r\n\p{L}\p{N}]`
    pub(crate) const PREFIX: Set = Set::of(&[Class::OTHER, Class::SIGN, Class::MARK, Class::SPACE]);

    /// `\p{N}`
    pub(crate) const NUMBER: Set = Set::of(&[Class::NUMBER]);
    /// `[\p{P}\p{S}]`
    pub(crate) const SIGN: Set = Set::of(&[Class::SIGN]);
    /// `[\p{L}\p{M}]`
    pub(crate) const WORD: Set = Set::of(&[Class::UPPER, Class::LOWER, Class::CASELESS, Class::MARK]);
    /// `[^\r\n\p{L}\p{N}\p{P}\p{S}]`
    pub(crate) const FORMAT: Set = Set::of(&[Class::OTHER, Class::MARK, Class::SPACE]);

    const fn of(classes: &[Class]) -> Set {
        let mut set = 0;
        let mut rest = classes;
        while let [class, others @ ..] = rest {
            set |= 1 << class.0;
            rest = others;
        }
        Set(set)
    }
}

/// Returns the class of the character at `at` and the start of the next one; `None` at the end of the text.
#[inline(always)]
pub(crate) fn at(text: &[u8], at: usize) -> Option<(Class, usize)> {
    let continuation = |n: usize| u32::from(text.get(at + n).copied().unwrap_or_default() & 0x3F);
    let lead = u32::from(*text.get(at)?);
    Some(match lead {
        ..0x80 => (Class::of(lead), at + 1),
        0x80..0xE0 => (Class::of((lead & 0x1F) << 6 | continuation(1)), at + 2),
        0xE0..0xF0 => (Class::of((lead & 0xF) << 12 | continuation(1) << 6 | continuation(2)), at + 3),
        0xF0.. => {
            let number = (lead & 7) << 18 | continuation(1) << 12 | continuation(2) << 6 | continuation(3);
            (Class::of(number), at + 4)
        }
    })
}

/// Returns the class and byte length of the character at the start of `word`, which is not ASCII.
#[inline(always)]
pub(crate) fn of_wide(word: u32) -> (Class, u32) {
    let six = |byte: u32| word >> (8 * byte) & 0x3F;
    match word as u8 {
        ..0xE0 => (Class::of((word & 0x1F) << 6 | six(1)), 2),
        0xE0..0xF0 => (Class::of((word & 0xF) << 12 | six(1) << 6 | six(2)), 3),
        0xF0.. => (Class::of((word & 7) << 18 | six(1) << 12 | six(2) << 6 | six(3)), 4),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn characters_have_their_unicode_class() {
        let cases = [
            ('a', Class::LOWER),
            ('Z', Class::UPPER),
            ('ǅ', Class::UPPER),
            ('ß', Class::LOWER),
            ('ʰ', Class::CASELESS),
            ('漢', Class::CASELESS),
            ('\u{301}', Class::MARK),
            ('\u{e0100}', Class::MARK),
            ('7', Class::NUMBER),
            ('Ⅻ', Class::NUMBER),
            ('٣', Class::NUMBER),
            (' ', Class::SPACE),
            ('\u{a0}', Class::SPACE),
            ('\u{3000}', Class::SPACE),
            ('\u{85}', Class::SPACE),
            ('\n', Class::LINE_END),
            ('\r', Class::LINE_END),
            ('\0', Class::OTHER),
            ('!', Class::SIGN),
            ('😀', Class::SIGN),
            ('€', Class::SIGN),
            ('\u{ad}', Class::OTHER),
            ('\u{200d}', Class::OTHER),
            ('\u{10ffff}', Class::OTHER),
        ];
        for (c, expected) in cases {
            let text = c.to_string();
            let (class, end) = at(text.as_bytes(), 0).unwrap();
            assert!(class == expected, "{c:?}");
            assert_eq!(end, text.len());
        }
    }
}
