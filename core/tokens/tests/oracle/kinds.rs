//! Random strings that combine everything that the patterns and the merges distinguish.

use std::sync::LazyLock;

use crate::random::Random;

/// Characters of each of the [`KINDS`].
static CHARACTERS: LazyLock<Vec<Vec<char>>> =
    LazyLock::new(|| KINDS.iter().map(|kind| kind.chars().collect()).collect());

/// Characters by kind.
const KINDS: &[&str] = &[
    "abcdefghijklmnopqrstuvwxyz",
    "etaoinsrh",
    "ABCDEFGHIJKLMNOPQRSTUVWXYZ",
    "0123456789",
    " ",
    "  \t",
    "\n",
    "\r\n",
    "\u{b}\u{c}\u{85}\u{a0}\u{1680}\u{2003}\u{2028}\u{2029}\u{202f}\u{205f}\u{3000}",
    ".,;:!?-_=+*/\\|()[]{}<>@#$%^&~`\"",
    "'",
    "/",
    "\0\u{1}\u{1b}\u{7f}",
    "абвгдежзийклмнопрстуфхцчшщъыьэюя",
    "АБВГДЕЖЗИЙКЛМНОПРСТУФХЦЧШЩ",
    "àáâãäåæçèéêëìíîïñòóôõöøùúûüýÿœšž",
    "ÀÁÂÃÄÅÆÇÈÉÊËÌÍÎÏÑÒÓÔÕÖØÙÚÛÜÝŒŠŽ",
    "αβγδεζηθικλμνξοπρστυφχψω",
    "ſKÅıİßẞǅǈǋ",
    "ʰʲʷˠªº",
    "\u{300}\u{301}\u{302}\u{308}\u{327}\u{20dd}\u{fe0f}",
    "\u{200b}\u{200c}\u{200d}\u{2060}\u{feff}\u{ad}",
    "的一是不了人我在有他这中大来上国",
    "ひらがなカタカナーのはをに",
    "한국어텍스트입니다안녕하세요",
    "नमस्तेदुनियािीुू्ंक",
    "ไทยภาษาเป็นที่",
    "العربيةمرحبا\u{64b}\u{651}",
    "שלוםעברית",
    "٠١٢٣٤٥٦٧٨٩½Ⅻ²",
    "😀😂🤣👍🏽👩\u{200d}🏳\u{fe0f}🇩🇪",
    "。、「」！？…—“”’",
    "€£©®™°±→∑√",
];

/// Strings with special treatment in some pattern or vocabulary.
const WORDS: &[&str] = &[
    "'s",
    "'S",
    "'ſ",
    "'t",
    "'re",
    "'RE",
    "'Ve",
    "'ll",
    "'LL",
    "'m",
    "'d",
    "'r",
    "'l",
    "the",
    " the",
    "http://",
    "\r\n",
    "<|endoftext|>",
    "<|fim_prefix|>",
    "    ",
    "        ",
    "\n\n",
    "----------------",
    "================",
    "            ",
    "function",
    "return",
    "();\n",
    "{\n",
    "ing",
    "tion",
    "HTTP",
    "iPhone",
    "de",
    " of",
];

/// Returns a random character, mostly of the BMP.
fn character(random: &mut Random) -> char {
    let plane = match random.below(8) {
        0..5 => 0,
        5 => 1,
        6 => 2,
        _ => random.below(17) as u32,
    };
    char::from_u32(plane << 16 | random.below(0x1_0000) as u32).unwrap_or('\u{fffd}')
}

/// Appends a random string of up to `runs` runs, some of which `token` generates.
pub(crate) fn string(
    random: &mut Random,
    token: &mut dyn FnMut(&mut Random, &mut String),
    runs: usize,
    out: &mut String,
) {
    let kinds = CHARACTERS.as_slice();
    // Some strings use few kinds, so that these are often adjacent.
    let palette: [usize; 5] = std::array::from_fn(|_| random.below(kinds.len()));
    let few = 1 + random.below(palette.len());
    let everything = random.below(3) == 0;
    for _ in 0..1 + random.below(runs) {
        match random.below(12) {
            0 => out.push(character(random)),
            1 => out.push_str(random.pick::<&str>(WORDS)),
            2 => token(random, out),
            _ => {
                let kind = if everything { random.below(kinds.len()) } else { palette[random.below(few)] };
                let chars = &kinds[kind];
                let len = match random.below(16) {
                    0..8 => 1,
                    8..12 => 1 + random.below(4),
                    12..15 => 1 + random.below(12),
                    _ => 1 + random.below(80),
                };
                let same = random.below(6) == 0;
                let one = *random.pick(chars);
                out.extend((0..len).map(|_| if same { one } else { *random.pick(chars) }));
            }
        }
    }
}
