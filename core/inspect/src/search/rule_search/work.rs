//! Work that texts take which are chosen to take much, by nodes visited.

use super::*;
use crate::search::meter::Meter;
use serde_json::json;

/// Deterministic pseudo-random numbers.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (self.0 >> 33) as usize % bound
    }

    fn of<'a>(&mut self, list: &[&'a str]) -> &'a str {
        list[self.below(list.len())]
    }

    fn run(&mut self, alphabet: &str, len: usize) -> String {
        (0..len).map(|_| char::from(alphabet.as_bytes()[self.below(alphabet.len())])).collect()
    }
}

const BASE64: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const SYLLABLES: [&str; 16] =
    ["ac", "ber", "clou", "dro", "fin", "gram", "hub", "jet", "kor", "lum", "net", "pay", "sen", "tri", "vox", "zen"];

/// Returns the rules of the examples and 200 rules for keys of as many services.
fn policy() -> Policy {
    let mut rules = vec![
        json!({"id": "card", "match": {"regex": r"\b[0-9]{4}([ -]?[0-9]{4}){3}\b"}, "action": "redact"}),
        json!({"id": "email", "match": {"regex": r"\b[A-Za-z0-9._%+-]{1,64}@[A-Za-z0-9.-]{1,255}\.[A-Za-z]{2,24}\b"}, "action": "redact"}),
        json!({"id": "phrase", "match": {"keywords": ["ignore previous instructions"]}, "action": "log"}),
        json!({"id": "aws", "match": {"regex": r"\b(AKIA|ASIA)[0-9A-Z]{16}\b"}, "action": "block"}),
        json!({"id": "github", "match": {"regex": r"\b(ghp|gho|ghu|ghs|ghr)_[A-Za-z0-9]{36}\b"}, "action": "block"}),
        json!({"id": "pem", "match": {"regex": r"-----BEGIN ([A-Z]{2,10} ){0,2}PRIVATE KEY-----"}, "action": "block"}),
        json!({"id": "number", "match": {"regex": r"\b[0-9]{9}\b"}, "action": "log"}),
        json!({"id": "any", "match": {"regex": r#"(?i)(?:access|auth|api|key|passw(?:or)?d|secret|token)[ \t\w.-]{0,20}["'\s]{0,3}(?:=|>|:{1,3}=|:|=>)["'\s=]{0,5}[\w.=-]{10,150}(?:["'\s;]|$)"#}, "action": "log"}),
    ];
    for name in services() {
        let regex = format!(
            r#"(?i)(?:{name})(?:[ \t\w.-]{{0,20}})[\s'"]{{0,3}}(?:=|>|:{{1,3}}=|:|=>|\?=|,)["'\s=]{{0,5}}[a-z0-9]{{32}}(?:["'\s;]|\\[nr]|$)"#
        );
        rules.push(json!({"id": name, "match": {"regex": regex}, "action": "redact"}));
    }
    Policy::from_raw(serde_json::from_value(json!({ "rules": rules })).unwrap()).unwrap()
}

fn services() -> Vec<String> {
    let pairs = SYLLABLES.iter().flat_map(|first| SYLLABLES.iter().map(move |second| format!("{first}{second}")));
    pairs.take(200).collect()
}

/// Returns texts with the work per byte that they may take.
fn texts() -> Vec<(&'static str, String, f64)> {
    let mut random = Random(3);
    let services = services();
    let words =
        ["the", "author", "of", "this", "ordinary", "sentence", "is", "keyed", "to", "its", "reader", "and", "page"];
    let repeat = |random: &mut Random, mut piece: Box<dyn FnMut(&mut Random) -> String>| {
        let mut text = String::new();
        while text.len() < 300_000 {
            text.push_str(&piece(random));
        }
        text
    };
    let soup = services.clone();
    vec![
        ("prose", repeat(&mut random, Box::new(move |random| random.of(&words).to_owned() + " ")), 10.0),
        ("base64", random.run(BASE64, 700_000), 1.0),
        ("alphanumerics", random.run(&BASE64[..62], 300_000), 1.0),
        (
            "runs with @",
            repeat(
                &mut random,
                Box::new(|random| {
                    let len = 1 + random.below(300);
                    random.run(&BASE64[..62], len) + "@"
                }),
            ),
            40.0,
        ),
        ("@ only", "@".repeat(300_000), 8.0),
        ("a@ pairs", "a@".repeat(150_000), 30.0),
        (
            "tables of digits",
            repeat(
                &mut random,
                Box::new(|random| {
                    let len = 1 + random.below(20);
                    random.run("0123456789", len) + "|"
                }),
            ),
            8.0,
        ),
        ("card-like digits", repeat(&mut random, Box::new(|random| random.run("0123456789", 4) + " ")), 40.0),
        (
            "keyword soup",
            repeat(&mut random, Box::new(move |random| soup[random.below(soup.len())].clone() + " ")),
            42.0,
        ),
        ("keys without values", "key token secret api_key=".repeat(12_000), 60.0),
    ]
}

#[test]
fn no_text_takes_much_more_work_than_its_size() {
    let policy = policy();
    let mut memory = (Scratch::default(), StateCache::default());
    let mut wrong = Vec::new();
    for (name, text, most) in texts() {
        memory.0.meter = Meter::default();
        for direction in [Direction::Request, Direction::Response] {
            let mut search = RuleSearch::new(&policy, direction);
            search.read(&text, (View::Raw, Scope::All), &mut memory.0, &mut memory.1, |_, _, _| true).unwrap();
        }
        let per_byte = memory.0.meter.used() as f64 / 2.0 / text.len() as f64;
        println!("{name}: {per_byte:.2} nodes per byte");
        if per_byte > most {
            wrong.push((name, per_byte));
        }
    }
    assert!(wrong.is_empty(), "{wrong:?}");
}
