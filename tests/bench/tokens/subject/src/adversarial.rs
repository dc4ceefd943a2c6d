//! Adversarial texts of one megabyte.

use std::hint::black_box;

use crate::library::encoding;
use crate::{clock, memory};

/// Byte length of a text.
const SIZE: usize = 1_000_000;

/// Returns the next part of a text, given a random number.
type NextPart = fn(u64) -> String;

fn pick(from: &str, random: u64) -> String {
    from.chars().nth((random % from.chars().count() as u64) as usize).map(String::from).unwrap_or_default()
}

fn within(first: u32, count: u64, random: u64) -> String {
    char::from_u32(first + (random % count) as u32).unwrap_or('x').to_string()
}

const LETTERS: &str = "abcdefghijklmnopqrstuvwxyz";
const BASE64: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

const TEXTS: &[(&str, NextPart)] = &[
    ("a", |_| "a".into()),
    ("A", |_| "A".into()),
    ("spaces", |_| " ".into()),
    ("newlines", |_| "\n".into()),
    ("997 spaces and x", |_| format!("{}x", " ".repeat(997))),
    ("spaces, now and then a newline", |r| if r % 50 == 0 { "\n".into() } else { " ".into() }),
    ("random letters", |r| pick(LETTERS, r)),
    ("frequent letters", |r| pick("etaoinsrhl", r)),
    ("punctuation", |r| pick("!@#$%^&*()-_=+[]{};:,.<>?/|`~\"", r)),
    ("base64", |r| pick(BASE64, r)),
    ("digits", |r| pick("0123456789", r)),
    ("any character", |r| within(0, 0x11_0000, r)),
    ("BMP, emoji, ASCII", |r| match r % 4 {
        0 => within(0, 0xFFFF, r / 4),
        1 => within(0x1F600, 64, r / 4),
        _ => within(0x20, 94, r / 4),
    }),
    ("emoji", |r| within(0x1F600, 64, r)),
    ("CJK", |r| within(0x4E00, 0x5000, r)),
    ("frequent CJK", |r| within(0x4E00, 300, r)),
    ("Cyrillic", |r| within(0x430, 32, r)),
    ("Thai", |r| within(0xE01, 0x39, r)),
    ("combining marks", |r| within(0x300, 0x60, r)),
    ("zero-width", |r| within(0x200B, 3, r)),
    ("漢 and A", |_| "漢AAAAAAAAAAAAAAAA".into()),
];

/// Prints for every text its name, the milliseconds of CPU time for half of it and for all of it, and the bytes by
/// which memory has grown since before the first one was counted.
pub(crate) fn run(name: &str) -> Result<(), String> {
    let encoding = encoding(name)?;
    let mut state = 88_172_645_463_325_252_u64;
    let mut text = String::with_capacity(SIZE + 1024);
    let before = memory::linear();
    for (name, unit) in TEXTS {
        text.clear();
        while text.len() < SIZE {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            text += &unit(state);
        }
        let half = text.get(..text.floor_char_boundary(text.len() / 2)).unwrap_or_default();
        let mut times = [0.0; 2];
        for (time, text) in times.iter_mut().zip([half, &text]) {
            let start = clock::now()?;
            black_box(encoding.count(text));
            *time = (clock::now()? - start).as_secs_f64() * 1e3;
        }
        let [half, all] = times;
        println!("{name}\t{half:.2}\t{all:.2}\t{}", memory::linear() - before);
    }
    Ok(())
}
