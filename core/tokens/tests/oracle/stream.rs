//! Streaming counter: after every push its count equals that of the text so far.

use tollgate_tokens::StreamCounter;

use crate::encodings;
use crate::kinds::string;
use crate::mix::{size, token};
use crate::random::Random;

/// Units of long pieces, and texts that end them in every possible way.
const LONG: &[(&str, &[&str])] = &[
    (" ", &["x", "\n", "\n x", "\nx", "  ", "1", "\u{3000}x", "!"]),
    (" \n", &["x", " x", "  x", "1"]),
    ("\u{3000}", &["x", "\u{3000}\n"]),
    ("A", &["b", "'s", "'S x", "'re", "'r", "'rx", "'l", "'", "''", "'ſ", "漢", " ", "漢B"]),
    ("a", &["B", "'ll", "'x", "1"]),
    ("漢", &["A", "AAAA", "AAb", "AA'm", "AA 漢", "\u{301}", "。"]),
    ("ก\u{e34}", &["A", " "]),
    ("漢AB", &["c", "C", " ", "'s"]),
    (".", &["\n", "\n\n/x", "/", "a", " ", "\u{301}a", "1"]),
    ("\u{301}", &["a", "A", "!", " "]),
    ("😀", &["a", "\r\n", " "]),
    ("ab", &["A"]),
    ("1", &["a"]),
];

/// Asserts that every prefix of a text, pushed in random chunks of up to `most` bytes, has the count of that prefix.
fn check(text: &str, random: &mut Random, most: usize) {
    let bytes = text.as_bytes();
    for (encoding, _) in encodings() {
        let mut counter = StreamCounter::new(encoding);
        let mut at = 0;
        while at < bytes.len() {
            let end = (at + 1 + random.below(most)).min(bytes.len());
            counter.push(&bytes[at..end]);
            at = end;
            let valid = match std::str::from_utf8(&bytes[..end]) {
                Ok(valid) => valid,
                Err(error) => &text[..error.valid_up_to()],
            };
            assert_eq!(counter.count(), encoding.count(valid), "{} {valid:?}", encoding.name());
        }
    }
}

#[test]
fn every_prefix_of_random_texts_is_exact() {
    let strings = std::env::var("TOLLGATE_TOKENS_STREAMS").map_or(3_000, |strings| strings.parse().unwrap());
    let mut random = Random(5);
    let (encoding, oracle) = encodings()[0];
    let mut text = String::new();
    for number in 0..strings {
        text.clear();
        let runs = if number % 16 == 0 { 60 } else { 12 };
        string(&mut random, &mut |random, out| token(oracle, size(encoding), random, out), runs, &mut text);
        let most = 1 + random.below(12);
        check(&text, &mut random, most);
    }
}

#[test]
fn long_pieces_with_every_end_are_exact() {
    let mut random = Random(6);
    for (unit, ends) in LONG {
        for before in ["", "x", " ", "\n", "1", "漢", "'"] {
            for end in *ends {
                let times = (300 + random.below(1500)) / unit.len();
                let text = format!("{before}{}{end}{}", unit.repeat(times), " and so on, ".repeat(3));
                check(&text, &mut random, 40);
            }
        }
    }
}

#[test]
fn invalid_utf8_is_replaced() {
    let bytes = b"abc\xFFdef\xE2\x82 x\xF0\x9F\x98\x80\xC3";
    for most in 1..bytes.len() {
        for (encoding, _) in encodings() {
            let mut counter = StreamCounter::new(encoding);
            bytes.chunks(most).for_each(|chunk| counter.push(chunk));
            assert_eq!(counter.count(), encoding.count("abc\u{fffd}def\u{fffd} x😀"));
        }
    }
}

#[test]
fn a_stream_of_one_long_piece_takes_linear_time() {
    for unit in ["a", " ", "\n", "漢A", ".", "A"] {
        for (encoding, _) in encodings() {
            let text = unit.repeat(200_000 / unit.len());
            let mut counter = StreamCounter::new(encoding);
            for chunk in text.as_bytes().chunks(4) {
                counter.push(chunk);
                std::hint::black_box(counter.count());
            }
            assert_eq!(counter.count(), encoding.count(&text));
        }
    }
}
