//! The character classes that the pre-tokenizers tell apart, from the tables of the regex crates, so that they are the
//! same as in the patterns of the oracle.

use std::path::Path;

use regex_syntax::hir::{Class, HirKind};

/// Pattern of the class, and its number in `src/pattern/class.rs`. What is in none is 0.
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

pub(crate) fn write(out: &Path) {
    let mut classes = vec![0_u8; 0x11_0000];
    for (pattern, number) in CLASSES {
        let hir = regex_syntax::parse(pattern).expect("the pattern is one");
        let HirKind::Class(Class::Unicode(class)) = hir.kind() else { panic!("{pattern} is no class") };
        for range in class.ranges() {
            for c in &mut classes[range.start() as usize..=range.end() as usize] {
                assert_eq!(*c, 0, "classes overlap");
                *c = *number;
            }
        }
    }
    // Two characters per byte.
    let mut blocks: Vec<Vec<u8>> = Vec::new();
    let mut index: Vec<u8> = Vec::new();
    for block in classes.chunks(BLOCK) {
        let packed: Vec<u8> = block.chunks(2).map(|pair| pair[0] | (pair[1] << 4)).collect();
        let at = blocks.iter().position(|known| *known == packed).unwrap_or_else(|| {
            blocks.push(packed);
            blocks.len() - 1
        });
        index.push(u8::try_from(at).expect("there are at most 256 different blocks"));
    }
    // Planes 4 to 13, 15 and 16 hold nothing but one block, and plane 14 some marks at its very beginning: the index
    // ends where it begins to repeat itself for good.
    let last = *index.last().expect("there are characters");
    let used = index.iter().rposition(|&block| block != last).map_or(0, |at| at + 1);
    index.truncate(used.next_multiple_of(BLOCK));
    std::fs::write(out.join("class_index.bin"), &index).expect("OUT_DIR can be written to");
    std::fs::write(out.join("class_blocks.bin"), blocks.concat()).expect("OUT_DIR can be written to");
}
