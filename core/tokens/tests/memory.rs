//! Heap use of counting.

// Clippy does not treat the helper functions of tests as test code.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

#[path = "oracle/kinds.rs"]
mod kinds;
#[path = "oracle/random.rs"]
mod random;

use allocation_counter::measure;
use random::Random;
use tollgate_tokens::{Encoding, StreamCounter};

/// Byte length from which a text that is one long piece may use the heap.
const SMALL: usize = 1 << 16;

/// Adversarial units: runs, and characters in random order.
const UNITS: &[&str] = &[
    "a",
    "A",
    " ",
    "\n",
    " \n",
    "=",
    "ab",
    "aB",
    "漢",
    "漢AAAAAAAA",
    "\u{3000}",
    "\u{301}",
    "\u{200d}",
    "😀",
    "0",
    "'s",
    "'",
    "/\r\n",
    "etaoinsrhl",
    "qxjzvkwqz",
    "!@#$%^&*()",
    "的一是不了人我在有他",
    "абвгдежзийклмн",
    "ไทยภาษา\u{e34}",
];

/// Returns about `bytes` bytes of the unit's characters, in random order or repeated.
fn text(unit: &str, is_shuffled: bool, bytes: usize, random: &mut Random) -> String {
    let chars: Vec<char> = unit.chars().collect();
    let mut text = String::with_capacity(bytes + 4);
    for number in 0.. {
        let char = if is_shuffled { *random.pick(&chars) } else { chars[number % chars.len()] };
        if text.len() + char.len_utf8() > bytes {
            break;
        }
        text.push(char);
    }
    text
}

#[test]
fn texts_below_64_kb_use_no_heap() {
    let mut random = Random(21);
    let mut texts: Vec<String> = [40, 1_000, SMALL - 1]
        .into_iter()
        .flat_map(|bytes| UNITS.iter().flat_map(move |unit| [(unit, false, bytes), (unit, true, bytes)]))
        .map(|(unit, is_shuffled, bytes)| text(unit, is_shuffled, bytes, &mut random))
        .collect();
    for _ in 0..2_000 {
        let mut text = String::new();
        kinds::string(&mut random, &mut |_, _| (), 60, &mut text);
        text.truncate(text.floor_char_boundary(SMALL - 1));
        texts.push(text);
    }
    for &encoding in Encoding::ALL {
        let mut tokens = 0;
        let heap = measure(|| {
            for text in &texts {
                let count = encoding.count(text);
                assert_eq!(encoding.count_at_most(text, count), Some(count));
                tokens += count;
            }
        });
        assert!(tokens > 100_000);
        assert_eq!(heap.count_total, 0, "{}", encoding.name());
    }
}

#[test]
fn streams_of_any_length_keep_less_than_64_kb() {
    const MEGABYTE: usize = 1_000_000;
    let mut random = Random(22);
    let parts = UNITS.iter().flat_map(|unit| [(unit, false), (unit, true)]);
    let text: String = parts
        .map(|(unit, is_shuffled)| text(unit, is_shuffled, 10 * MEGABYTE / UNITS.len() / 2, &mut random))
        .collect();
    assert!(text.len() > 99 * MEGABYTE / 10);
    for &encoding in Encoding::ALL {
        let mut last = 0;
        let heap = measure(|| {
            let mut counter = StreamCounter::new(encoding);
            let mut rest = text.as_bytes();
            while !rest.is_empty() {
                let (chunk, after) = rest.split_at((1 + random.below(1_000)).min(rest.len()));
                counter.push(chunk);
                rest = after;
            }
            last = counter.count();
        });
        assert!(heap.bytes_max < SMALL as u64, "{}: {} bytes", encoding.name(), heap.bytes_max);
        assert_eq!(heap.bytes_current, 0, "{}", encoding.name());
        assert_eq!(last, encoding.count(&text), "{}", encoding.name());
        println!(
            "{}: a stream of {} bytes, {last} tokens, {} bytes of heap",
            encoding.name(),
            text.len(),
            heap.bytes_max
        );
    }
}
