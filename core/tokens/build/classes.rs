//! Generates the character-class tables of the pre-tokenizers.
//!
//! The classes come from the tables of `regex-syntax`, so they equal those of the regexes that the tests compare with.

use std::path::Path;

use regex_syntax::hir::{Class, HirKind};

/// Regex of each class and its number in `src/pretokenizer/class.rs`. A character in no class has number 0.
const CLASSES: &[(&str, u8)] = &[
    (r"[\p{Lu}\p{Lt}]", 1),
    (r"\p{Ll}", 2),
    (r"[\p{Lm}\p{Lo}]", 3),
    (r"\p{M}", 4),
    (r"\p{N}", 5),
    (r"[\s&&[^\r\n]]", 6),
    (r"[\r\n]", 7),
    (r"[\p{P}\p{S}]", 8),
];

/// Characters per block.
const BLOCK: usize = 128;

/// Writes `class_index.bin` and `class_blocks.bin`.
pub(crate) fn write(out: &Path) {
    let mut classes = vec![0_u8; 0x11_0000];
    for (pattern, number) in CLASSES {
        let hir = regex_syntax::parse(pattern).expect("the pattern is valid");
        let HirKind::Class(Class::Unicode(class)) = hir.kind() else { panic!("{pattern} is not a character class") };
        for range in class.ranges() {
            for c in &mut classes[range.start() as usize..=range.end() as usize] {
                assert_eq!(*c, 0, "classes overlap");
                *c = *number;
            }
        }
    }
    // Two characters share a byte. Equal blocks are stored once.
    let mut blocks: Vec<Vec<u8>> = Vec::new();
    let mut index: Vec<u8> = Vec::new();
    for block in classes.chunks(BLOCK) {
        let packed: Vec<u8> = block.chunks(2).map(|pair| pair[0] | (pair[1] << 4)).collect();
        let at = blocks.iter().position(|known| *known == packed).unwrap_or_else(|| {
            blocks.push(packed);
            blocks.len() - 1
        });
        index.push(u8::try_from(at).expect("at most 256 distinct blocks"));
    }
    // Planes 4 to 13, 15 and 16 consist of one repeated block, and plane 14 has marks at its very beginning only. The
    // index is truncated where the repetition starts.
    let last = *index.last().expect("there are characters");
    let used = index.iter().rposition(|&block| block != last).map_or(0, |at| at + 1);
    index.truncate(used.next_multiple_of(BLOCK));
    std::fs::write(out.join("class_index.bin"), &index).expect("OUT_DIR is writable");
    std::fs::write(out.join("class_blocks.bin"), blocks.concat()).expect("OUT_DIR is writable");
}
