//! The scan against another parser: the same strings in the same places, and the same verdict on damaged bodies.

#![allow(clippy::indexing_slicing, reason = "a test may panic")]

use proptest::prelude::*;
use serde_json::Value;
use tollgate_llm::{Chunk, Dialect, ErrorKind, Limits, Request, TextKind};

/// Any value, with keys that are no words of the API.
fn value() -> impl Strategy<Value = Value> {
    let text = || prop_oneof![3 => any::<String>(), 1 => "[\\x00-\\x20\"\\\\/~é😀a]{0,12}"];
    let key = text().prop_map(|text| format!("{text}!")).boxed();
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        prop::num::f64::NORMAL.prop_map(Value::from),
        text().prop_map(Value::from),
    ];
    leaf.prop_recursive(6, 60, 8, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..8).prop_map(Value::from),
            prop::collection::vec((key.clone(), inner), 0..8)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

/// Chance that comes from a seed, so that a failure can be seen again.
struct Chance(u64);

impl Chance {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % bound as u64) as usize
    }
}

fn space(chance: &mut Chance, out: &mut Vec<u8>) {
    for _ in 0..chance.below(6).saturating_sub(3) {
        out.push(b" \t\r\n"[chance.below(4)]);
    }
}

/// One of the many ways to write a value.
fn write(value: &Value, chance: &mut Chance, out: &mut Vec<u8>) {
    space(chance, out);
    match value {
        Value::String(text) => write_text(text, chance, out),
        Value::Array(elements) => {
            out.push(b'[');
            for (at, element) in elements.iter().enumerate() {
                out.extend_from_slice(if at > 0 { b"," } else { b"" });
                write(element, chance, out);
            }
            space(chance, out);
            out.push(b']');
        }
        Value::Object(members) => {
            out.push(b'{');
            for (at, (key, member)) in members.iter().enumerate() {
                out.extend_from_slice(if at > 0 { b"," } else { b"" });
                space(chance, out);
                write_text(key, chance, out);
                space(chance, out);
                out.push(b':');
                write(member, chance, out);
            }
            space(chance, out);
            out.push(b'}');
        }
        value => out.extend_from_slice(value.to_string().as_bytes()),
    }
    space(chance, out);
}

fn write_text(text: &str, chance: &mut Chance, out: &mut Vec<u8>) {
    out.push(b'"');
    for char in text.chars() {
        if chance.below(6) == 0 {
            for unit in char.encode_utf16(&mut [0; 2]) {
                out.extend_from_slice(format!("\\u{unit:04x}").as_bytes());
            }
        } else {
            tollgate_llm::escape_into(char.encode_utf8(&mut [0; 4]), out);
        }
    }
    out.push(b'"');
}

fn body(value: &Value, seed: u64) -> Vec<u8> {
    let mut out = Vec::new();
    write(value, &mut Chance(seed | 1), &mut out);
    out
}

/// Every string and every key of a value, with the pointer of the value or member.
fn strings(value: &Value, pointer: &str, out: &mut Vec<(String, String)>) {
    match value {
        Value::String(text) => out.push((pointer.to_owned(), text.clone())),
        Value::Array(elements) => {
            for (at, element) in elements.iter().enumerate() {
                strings(element, &format!("{pointer}/{at}"), out);
            }
        }
        Value::Object(members) => {
            for (key, member) in members {
                let pointer = format!("{pointer}/{}", key.replace('~', "~0").replace('/', "~1"));
                out.push((pointer.clone(), key.clone()));
                strings(member, &pointer, out);
            }
        }
        _ => {}
    }
}

/// Why the crate may refuse what serde_json takes: it is the stricter by design.
fn stricter(kind: ErrorKind) -> bool {
    matches!(
        kind,
        ErrorKind::DuplicateKey
            | ErrorKind::AmbiguousKey
            | ErrorKind::TooDeep
            | ErrorKind::TooMany
            | ErrorKind::TooLarge
            | ErrorKind::WrongType(_)
    )
}

/// Both take the body, both refuse it, or the difference is one of those that are meant. Gives back whether both took
/// it.
fn same_verdict(body: &[u8]) -> Result<bool, TestCaseError> {
    let oracle = serde_json::from_slice::<Value>(body);
    let ours = Request::parse(Dialect::OpenAiChat, body, &Limits::default());
    match (&ours, &oracle) {
        (Ok(_), Ok(_)) | (Err(_), Err(_)) => {}
        (Err(error), Ok(_)) if stricter(error.kind) => {}
        // JSON has no largest number, serde_json has.
        (Ok(_), Err(error)) if error.to_string().starts_with("number out of range") => {}
        _ => prop_assert!(false, "{:?} {:?} {}", ours, oracle, String::from_utf8_lossy(body)),
    }
    // Answers differ from requests in what passes besides: known fields in another case, any type, halves of pairs.
    let answer = Chunk::parse(Dialect::OpenAiChat, body, &Limits::default());
    match (&ours, &answer) {
        (Ok(_), Ok(Some(_))) | (Err(_), Err(_)) => {}
        (Err(error), Ok(Some(_))) => prop_assert!(matches!(
            error.kind,
            ErrorKind::AmbiguousKey | ErrorKind::WrongType(_) | ErrorKind::LoneSurrogate
        )),
        _ => prop_assert!(false, "{:?} {:?} {}", ours, answer, String::from_utf8_lossy(body)),
    }
    Ok(ours.is_ok())
}

/// Tokens that damage a body in interesting ways.
const DAMAGE: [&[u8]; 24] = [
    b"\"",
    b"\\",
    b"{",
    b"}",
    b"[",
    b"]",
    b",",
    b":",
    b"0",
    b"-",
    b".",
    b"e",
    b"\\u",
    b"\\ud83d",
    b"\\ude00",
    b"\x00",
    b"\x1f",
    b"\x7f",
    b"\xff",
    b"\xc3",
    b"\xed\xa0\x80",
    b"null",
    b" ",
    b"\"a\":1,\"\\u0061\":2,",
];

fn damaged(body: &[u8], chance: &mut Chance) -> Vec<u8> {
    let mut body = body.to_vec();
    for _ in 0..=chance.below(2) {
        let at = chance.below(body.len() + 1);
        match chance.below(5) {
            0 => body.truncate(at),
            1 => {
                body.drain(at..(at + 1 + chance.below(3)).min(body.len()).max(at));
            }
            2 => {
                body.splice(at..at, DAMAGE[chance.below(DAMAGE.len())].iter().copied());
            }
            3 => {
                let to = chance.below(body.len() + 1);
                let part = body[at.min(to)..at.max(to)].to_vec();
                body.splice(at..at, part);
            }
            _ if at < body.len() => body[at] ^= 1 << chance.below(8),
            _ => {}
        }
    }
    body
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, ..ProptestConfig::default() })]

    #[test]
    fn the_same_strings_at_the_same_pointers(value in value(), seed in any::<u64>()) {
        let value = serde_json::json!({ "x!": value });
        let body = body(&value, seed);
        let request = Request::parse(Dialect::OpenAiChat, &body, &Limits::default()).unwrap();
        let mut want = Vec::new();
        strings(&value, "", &mut want);
        let mut got: Vec<_> = request
            .texts
            .iter()
            .map(|text| {
                assert_eq!(text.kind, TextKind::Other);
                (Request::pointer(&body, text.str.span), text.str.decode(&body).into_owned())
            })
            .collect();
        // serde_json sorts members
        want.sort();
        got.sort();
        prop_assert_eq!(got, want);
    }

    #[test]
    fn the_same_verdict_on_damaged_bodies(value in value(), seed in any::<u64>()) {
        let value = serde_json::json!({
            "model": "m", "stream": true, "messages": [{ "role": "user", "content": value.clone() }], "x": value
        });
        let whole = body(&value, seed);
        prop_assert!(same_verdict(&whole)?);
        let mut chance = Chance(seed | 1);
        for _ in 0..40 {
            same_verdict(&damaged(&whole, &mut chance))?;
        }
    }
}
