//! Compares the parser with serde_json: the same strings at the same positions, and the same verdict on damaged bodies.

#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test, its helpers included, may panic"
)]

use proptest::prelude::*;
use serde_json::Value;
use tollgate_llm::{Chunk, Dialect, ErrorKind, ParseLimits, Request, TextKind};

/// Generates any value, with keys that no API defines.
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

/// Random numbers from a seed, so that failures are reproducible.
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

/// Writes a value in one of its many spellings.
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

/// Collects every string and every key of a value, with the pointer of the value or member.
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

/// Returns `true` if an error is of this kind.
type Reason = fn(ErrorKind) -> bool;

/// Reasons why this crate may refuse a body that serde_json accepts, each with an example. It is stricter by design,
/// because receivers disagree about these bodies or because they cost too much.
const STRICTER: [(&str, &str, Reason); 7] = [
    ("the last of two members counts, or the first", r#"{"a":1,"\u0061":2}"#, |kind| kind == ErrorKind::DuplicateKey),
    ("Go takes it for the field", r#"{"Model":"m"}"#, |kind| kind == ErrorKind::AmbiguousKey),
    ("the gateway acts on the field", r#"{"stream":"yes"}"#, |kind| matches!(kind, ErrorKind::WrongType(_))),
    ("a request is an object", "[]", |kind| kind == ErrorKind::WrongType("body")),
    ("a limit of ours, 64", DEEP, |kind| kind == ErrorKind::TooDeep),
    ("a limit of ours, here 12", r#"{"a":["","","","","","","","","","","","","",""]}"#, |kind| {
        kind == ErrorKind::TooMany
    }),
    ("a limit of ours, here 99", LONG, |kind| kind == ErrorKind::TooLarge),
];

/// Reasons why serde_json may refuse a body that this crate accepts.
const LOOSER: [(&str, &str, &str); 1] = [("JSON has no largest number", r#"{"a":1e999}"#, "number out of range")];

const DEEP: &str = concat!(
    r#"{"a":[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[1"#,
    "]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]}"
);
const LONG: &str = concat!(
    r#"{"a":"0123456789 123456789 123456789 123456789 123456789 123456789 "#,
    r#"123456789 123456789 123456789 123456789 "}"#
);

#[test]
fn every_listed_difference_exists() {
    for (why, body, reason) in STRICTER {
        assert!(serde_json::from_str::<Value>(body).is_ok(), "{why}");
        let limits = match why {
            "a limit of ours, here 12" => ParseLimits { max_items: 12, ..ParseLimits::default() },
            "a limit of ours, here 99" => ParseLimits { max_bytes: 99, ..ParseLimits::default() },
            _ => ParseLimits::default(),
        };
        let error = Request::parse(Dialect::OpenAiChat, body.as_bytes(), &limits).unwrap_err();
        assert!(reason(error.kind), "{why}: {error}");
    }
    for (why, body, theirs) in LOOSER {
        assert!(Request::parse(Dialect::OpenAiChat, body.as_bytes(), &ParseLimits::default()).is_ok(), "{why}");
        let error = serde_json::from_str::<Value>(body).unwrap_err().to_string();
        assert!(error.starts_with(theirs), "{why}: {error}");
    }
}

/// Outcome of comparing both parsers on a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    Taken,
    Refused,
    /// Refused by this crate only, for a listed reason.
    Stricter,
    /// Refused by serde_json only, for a listed reason.
    Looser,
}

/// Parses a body with both parsers; panics if they differ for a reason that is not listed.
fn verdict(body: &[u8]) -> Verdict {
    let oracle = serde_json::from_slice::<Value>(body);
    let ours = Request::parse(Dialect::OpenAiChat, body, &ParseLimits::default());
    let verdict = match (&ours, &oracle) {
        (Ok(_), Ok(_)) => Verdict::Taken,
        (Err(_), Err(_)) => Verdict::Refused,
        (Err(error), Ok(_)) if STRICTER.iter().any(|(_, _, reason)| reason(error.kind)) => Verdict::Stricter,
        (Ok(_), Err(error)) if LOOSER.iter().any(|(_, _, theirs)| error.to_string().starts_with(theirs)) => {
            Verdict::Looser
        }
        _ => panic!("{ours:?} {oracle:?} {}", String::from_utf8_lossy(body)),
    };
    // Responses accept more than requests: known fields in another case, any type, and what servers that are not strict send.
    let chunk = Chunk::parse(Dialect::OpenAiChat, body, &ParseLimits::default());
    match (&ours, &chunk) {
        (Ok(_), Ok(Some(_))) | (Err(_), Err(_)) => {}
        (Err(error), Ok(Some(_))) => {
            use ErrorKind::{AmbiguousKey, ControlCharacter, DuplicateKey, LoneSurrogate, WrongType};
            let is_loose = matches!(error.kind, DuplicateKey | ControlCharacter | LoneSurrogate);
            assert!(is_loose || matches!(error.kind, AmbiguousKey | WrongType(_)), "{error}");
        }
        _ => panic!("{ours:?} {chunk:?} {}", String::from_utf8_lossy(body)),
    }
    // `model_only` succeeds on bodies that both accept, and on many that are invalid after the model; it never finds
    // another model.
    if let Ok(request) = &ours {
        let model = Request::model_only(body, &ParseLimits::default());
        assert_eq!(model.map_err(|error| error.kind), Ok(request.model), "{}", String::from_utf8_lossy(body));
    }
    verdict
}

/// Fragments that are likely to break a body.
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
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn same_strings_at_the_same_pointers(value in value(), seed in any::<u64>()) {
        let value = serde_json::json!({ "x!": value });
        let body = body(&value, seed);
        let request = Request::parse(Dialect::OpenAiChat, &body, &ParseLimits::default()).unwrap();
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
        // serde_json sorts members.
        want.sort();
        got.sort();
        prop_assert_eq!(got, want);
    }
}

/// Returns a string of typical parts, of varying length.
fn text(chance: &mut Chance) -> String {
    const PARTS: [&str; 16] = [
        "a",
        "the toll of the bridge ",
        "\n",
        "\"",
        "\\",
        "/",
        "\t",
        "\u{1}",
        "\u{7f}",
        "é",
        "料金所",
        "😀",
        "~",
        " ",
        "\u{fffd}",
        "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
    ];
    let most = 2 << chance.below(6);
    (0..chance.below(most)).map(|_| PARTS[chance.below(PARTS.len())]).collect()
}

/// Returns a request with everything that the scan distinguishes.
fn request(chance: &mut Chance) -> Value {
    let messages: Vec<Value> = (0..1 + chance.below(3))
        .map(|_| match chance.below(3) {
            0 => serde_json::json!({ "role": "user", "content": text(chance) }),
            1 => serde_json::json!({ "role": "user", "content": [{ "type": "text", "text": text(chance) }] }),
            _ => serde_json::json!({ "role": "tool", "content": null, text(chance) + "!": [-1.5e3, true, {}, [text(chance)]] }),
        })
        .collect();
    serde_json::json!({ "model": text(chance), "stream": true, "n": 2, "messages": messages, "x": { "y": text(chance) } })
}

#[test]
fn same_verdict_on_100_000_damaged_bodies() {
    let mut chance = Chance(0x2545_f491_4f6c_dd1d);
    let mut counts = [0; 4];
    for _ in 0..5_000 {
        let mut whole = Vec::new();
        write(&request(&mut chance), &mut chance, &mut whole);
        assert_eq!(verdict(&whole), Verdict::Taken);
        for _ in 0..20 {
            counts[verdict(&damaged(&whole, &mut chance)) as usize] += 1;
        }
    }
    let [taken, refused, stricter, _looser] = counts;
    // If no damage or all damage were detected, the test would prove nothing.
    assert!(taken > 10_000 && refused > 10_000 && stricter > 100, "{counts:?}");
}
