//! Counts and ids against tiktoken-rs, the oracle of these tests.
//!
//! The default compares a million random strings. `TOLLGATE_TOKENS_STRINGS=50000000` (with `TOLLGATE_TOKENS_SEED=7`)
//! sets their number, and `TOLLGATE_TOKENS_FILES=/usr/share/doc` compares all files below a directory as well.

// Clippy does not treat the helper functions of tests as test code.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]
#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "this test reads files and the clock, in threads"
)]

mod files;
mod kinds;
mod mix;
mod random;
mod stream;

use tiktoken_rs::CoreBPE;
use tollgate_tokens::Encoding;

/// Returns each built-in encoding with its oracle.
fn encodings() -> Vec<(Encoding, &'static CoreBPE)> {
    let oracle = |encoding: Encoding| match encoding.name() {
        "cl100k_base" => tiktoken_rs::cl100k_base_singleton(),
        "p50k_base" => tiktoken_rs::p50k_base_singleton(),
        "r50k_base" => tiktoken_rs::r50k_base_singleton(),
        _ => tiktoken_rs::o200k_base_singleton(),
    };
    Encoding::ALL.iter().map(|&encoding| (encoding, oracle(encoding))).collect()
}

/// Asserts that ids and counts equal the oracle's, and returns the count; `ids` is a reused buffer.
fn check(encoding: Encoding, oracle: &CoreBPE, text: &str, ids: &mut Vec<u32>) -> u64 {
    let expected = oracle.encode_ordinary(text);
    ids.clear();
    encoding.encode(text, ids);
    // Test texts may be printed; users' texts may not.
    let shown = || text.chars().take(400).collect::<String>();
    assert!(*ids == expected, "{} differs at {:?}", encoding.name(), shown());
    let count = encoding.count(text);
    assert_eq!(count, expected.len() as u64, "{} {:?}", encoding.name(), shown());
    count
}

#[test]
fn known_difficult_texts_are_exact() {
    let texts = [
        "",
        " ",
        "\0",
        "\0\0",
        "\0\0\0",
        "a\0b",
        "hello world",
        "<|endoftext|><|im_start|>system<|fim_prefix|>",
        "we're we'RE we'ſ WE'S we'x 'quoted' 'sitter don't've",
        "'s 'S 'ſ 'll",
        "HTTPServer getHTTPResponseCode iPhone McDonald ABC",
        "漢AAAA漢AAAb漢 A",
        "ʰABC ʰABCd ǅab ǅAB aǅ",
        "e\u{301}E\u{301}\u{301} \u{301}\u{301}A !\u{301}x",
        "  \n  \n\n \t x\r\n\r\n  ",
        "   \n",
        "\n\n\n   ",
        "x   y    z\u{a0}\u{a0}w \u{3000}\u{3000}v",
        "\u{85}\u{2028}a\u{2029}\u{1680}b\u{205f} c",
        "///\n/\n//x !!!\r\n\r\n/a / \n/",
        "1234567 12 ٣٤٥٦٧ Ⅻ½ 1a2b3 a1 _1",
        "日本語のテキストです。これは漢字とかなです。",
        "Съешь ещё этих мягких французских булок, да выпей чаю",
        "👩‍👩‍👧‍👦🏳️‍🌈👍🏽 😀😀😀",
        "\u{200b}\u{200d}\u{feff}\u{ad}\u{e0001}\u{e0100}",
        "नमस्ते दुनिया ไทยแลนด์ 한국어 텍스트 العربية עברית",
        "\u{10ffff}\u{fffd}\u{fffe}\u{e000}",
        "    def f(self):\n        return self.x\n\n\n    def g",
        "{\"a\":[1,2,{\"b\":null}],\"c\":\"d\\n\"}",
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
    ];
    for (encoding, oracle) in encodings() {
        for text in texts {
            for (end, _) in text.char_indices().chain([(text.len(), ' ')]) {
                check(encoding, oracle, &text[..end], &mut Vec::new());
                check(encoding, oracle, &text[end..], &mut Vec::new());
            }
        }
    }
}

#[test]
fn runs_of_any_length_are_exact() {
    let units = [
        "a", "A", " ", "\n", "=", "-", "ab", "漢", "é", "ж", "😀", "\u{301}", "\u{200d}", "aB", "0", "\t", "/", "\r\n",
        "' ",
    ];
    for (encoding, oracle) in encodings() {
        for unit in units {
            for bytes in [1, 15, 16, 17, 62, 63, 64, 65, 127, 128, 129, 130, 255, 1022, 1023, 1024, 1025, 5000] {
                check(encoding, oracle, &unit.repeat(bytes / unit.len() + 1), &mut Vec::new());
            }
        }
    }
}
