//! Texts to measure.

use std::fmt::Write as _;

/// Size of each text in bytes.
const SIZE: usize = 1 << 20;

const WORDS: &str = "the of and to in is that it was for on are with as his they be at one have this from by hot word but what some \
    you had were all your when up use how said an each she which do their time if will way about many then them would write \
    like so these her long make thing see him two has look more day could go come did my sound no most number who over know \
    water than call first people may down side been now find any new work part take get place made live where after back little \
    only round man year came show every good me give our under name very through just form much great think say help low line \
    before turn cause same mean differ move right boy old too does tell sentence set three want air well also play small end put \
    home read hand port large spell add even land here must big high such follow act why ask men change went light kind off need \
    house picture try us again animal point mother world near build self earth father head stand own page should country found";

const SYLLABLES: &[&str] = &[
    "al", "an", "ber", "ca", "con", "de", "der", "di", "ed", "en", "er", "est", "ful", "ge", "hin", "in", "ing", "ist",
    "ite", "la", "ly", "ma", "ment", "mis", "na", "ness", "on", "or", "per", "pre", "re", "ri", "sion", "sta", "ta",
    "ter", "ti", "to", "un", "ver",
];

/// Deterministic pseudo-random numbers.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (self.0 >> 33) as usize % bound.max(1)
    }

    fn of<'a>(&mut self, list: &[&'a str]) -> &'a str {
        list.get(self.below(list.len())).copied().unwrap_or_default()
    }

    /// Returns one of `words`, or a word of syllables: texts have many different words.
    fn word(&mut self, words: &[&str]) -> String {
        if self.below(2) == 0 {
            return self.of(words).to_owned();
        }
        (0..2 + self.below(3)).map(|_| self.of(SYLLABLES)).collect()
    }

    fn char(&mut self, alphabet: &str) -> char {
        char::from(alphabet.as_bytes().get(self.below(alphabet.len())).copied().unwrap_or(b'a'))
    }
}

const ALPHANUMERIC: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
const BASE64: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// Appends the next piece of a text.
type Piece<'w> = Box<dyn FnMut(&mut String, &mut Random) + 'w>;

/// Returns texts of several kinds with their names.
pub(crate) fn generated() -> Vec<(String, String)> {
    let words: Vec<&str> = WORDS.split_whitespace().collect();
    let mut random = Random(7);
    let mut all = Vec::new();
    let mut add = |name: &str, mut next: Piece<'_>| {
        let mut text = String::with_capacity(SIZE + 1024);
        while text.len() < SIZE {
            next(&mut text, &mut random);
        }
        all.push((name.to_owned(), text));
    };
    add(
        "prose",
        Box::new(|text, random| {
            let words: Vec<String> = (0..6 + random.below(12)).map(|_| random.word(&words)).collect();
            text.push_str(&words.join(" "));
            text.push_str(if random.below(5) == 0 { ".\n\n" } else { ". " });
        }),
    );
    add(
        "tool output",
        Box::new(|text, random| {
            let (id, year, port) = (random.below(90_000), 2000 + random.below(30), random.below(65_000));
            let (name, city) = (random.of(&words), random.of(&words));
            let _ = writeln!(
                text,
                "{{\"id\": {id}, \"name\": \"{name} {city}\", \"created_at\": \"{year}-05-15T10:{:02}:00Z\", \"url\": \
                 \"https://{name}.example.com:{port}/{city}?page={id}\", \"tags\": [\"{city}\", \"{name}\"], \"score\": 0.{port}}},",
                random.below(60)
            );
        }),
    );
    add(
        "code",
        Box::new(|text, random| {
            let (a, b, c) = (random.of(&words), random.of(&words), random.of(&words));
            let _ = write!(
                text,
                "    def {a}_{b}(self, {c}: str, *, limit: int = {}) -> list[{b}]:\n        \"\"\"Returns the {a} of {c}.\"\"\"\n        \
                 if not {c}.startswith(\"{a}\"):\n            raise ValueError(f\"{{ {c} }} is no {b}\")\n        self._{a} = {c}[1:-1]\n\n",
                random.below(1000)
            );
        }),
    );
    add("base64", Box::new(|text, random| text.push(random.char(BASE64))));
    let soup =
        ["key", "token", "secret", "api", "sk-", "AKIA", "ghp_", "password=", "xoxb-", "auth", "facebook", "dropbox"];
    add(
        "keyword soup",
        Box::new(|text, random| {
            text.push_str(random.of(&soup));
            text.push(random.char(" =:_-"));
        }),
    );
    add(
        "tables of digits",
        Box::new(|text, random| {
            let _ = write!(
                text,
                "{:>5} | {:04}-{:02}-{:02} | ",
                random.below(99999),
                random.below(9999),
                random.below(99),
                random.below(99)
            );
            let _ = writeln!(
                text,
                "{}{:09} | {:03} {:03}",
                random.below(999),
                random.below(999_999_999),
                random.below(999),
                random.below(999)
            );
        }),
    );
    add(
        "runs with @",
        Box::new(|text, random| {
            (0..1 + random.below(300)).for_each(|_| text.push(random.char(ALPHANUMERIC)));
            text.push('@');
        }),
    );
    all
}

/// Reads texts from a file with one JSON object per line, joined.
pub(crate) fn read(name: &str, path: &str) -> Result<(String, String), Box<dyn std::error::Error>> {
    let mut text = String::new();
    for line in std::fs::read_to_string(path)?.lines() {
        let value: serde_json::Value = serde_json::from_str(line)?;
        text.push_str(value.get("text").and_then(serde_json::Value::as_str).unwrap_or_default());
        text.push('\n');
    }
    Ok((name.to_owned(), text))
}
