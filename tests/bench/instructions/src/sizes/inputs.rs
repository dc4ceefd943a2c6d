//! Inputs: ordinary ones, and those that a sender would choose who wants to keep the filter busy.

use std::fmt::Write as _;

use super::{Place, rules};

/// Response to a measured request.
pub(super) const RESPONSE: &str = r#"{"id":"c","object":"chat.completion","model":"gpt-4o","choices":[{"index":0,"message":{"role":"assistant","content":"Good."},"finish_reason":"stop"}],"usage":{"prompt_tokens":2,"completion_tokens":2,"total_tokens":4}}"#;

/// Body of any size.
#[derive(Clone, Debug)]
pub struct Input {
    /// Name of the input.
    pub name: &'static str,
    kind: Kind,
}

/// Parts of a body, which are repeated until it has its size.
#[derive(Clone, Debug)]
enum Kind {
    /// Contents of one string of the body, with escapes: pieces of text.
    Text(Source),
    /// Body at one place: its start, its pieces and its end.
    Body(Place, &'static str, Source, &'static str),
}

/// Source of the pieces of a body.
#[derive(Clone, Debug)]
enum Source {
    /// One piece, repeated.
    Same(String),
    /// Pieces that are escaped for JSON, in turn.
    Each(Vec<String>),
    /// Pieces with numbers and words from a random generator.
    Made(fn(&mut Random) -> String),
    /// Text with as many levels of JSON in strings.
    Nested(u32),
}

/// Deterministic pseudo-random numbers.
#[derive(Clone, Debug)]
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap_or(0) % bound.max(1)
    }

    fn of<'a>(&mut self, list: &[&'a str]) -> &'a str {
        list.get(self.below(list.len())).copied().unwrap_or_default()
    }

    fn char(&mut self, alphabet: &str) -> char {
        char::from(alphabet.as_bytes().get(self.below(alphabet.len())).copied().unwrap_or(b'a'))
    }

    /// Returns a word that is common half of the time, and made of syllables otherwise.
    fn word(&mut self) -> String {
        const COMMON: [&str; 24] = [
            "the", "of", "and", "to", "in", "is", "that", "it", "was", "for", "on", "are", "with", "as", "have",
            "this", "from", "by", "water", "people", "under", "great", "sentence", "country",
        ];
        const SYLLABLES: [&str; 24] = [
            "al", "an", "ber", "ca", "con", "de", "er", "est", "ful", "ing", "ist", "la", "ment", "na", "or", "pre",
            "re", "ri", "sion", "ta", "ter", "ti", "un", "ver",
        ];
        match self.below(2) {
            0 => self.of(&COMMON).to_owned(),
            _ => (0..2 + self.below(3)).map(|_| self.of(&SYLLABLES)).collect(),
        }
    }
}

fn prose(random: &mut Random) -> String {
    let words: Vec<String> = (0..6 + random.below(12)).map(|_| random.word()).collect();
    words.join(" ") + if random.below(5) == 0 { ".\n\n" } else { ". " }
}

fn code(random: &mut Random) -> String {
    let (a, b, c) = (random.word(), random.word(), random.word());
    format!(
        "    def {a}_{b}(self, {c}: str, *, limit: int = {}) -> list[{b}]:\n        \"\"\"Returns the {a} of {c}.\"\"\"\n        if not \
         {c}.startswith(\"{a}\"):\n            raise ValueError(f\"{{ {c} }} is no {b}\")\n        self._{a} = {c}[1:-1]\n\n",
        random.below(1000)
    )
}

fn tool_output(random: &mut Random) -> String {
    let (id, name, city) = (random.below(90_000), random.word(), random.word());
    format!(
        "{{\"id\": {id}, \"name\": \"{name} {city}\", \"created_at\": \"2026-05-15T10:{:02}:00Z\", \"url\": \
         \"https://{name}.example.com:{}/{city}?page={id}\", \"tags\": [\"{city}\", \"{name}\"], \"score\": 0.{id}}},\n",
        random.below(60),
        random.below(65_000)
    )
}

const BASE64: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

fn of_chars(random: &mut Random, alphabet: &str, count: usize) -> String {
    (0..count).map(|_| random.char(alphabet)).collect()
}

fn scalar(random: &mut Random, first: u32, count: usize) -> char {
    char::from_u32(first + u32::try_from(random.below(count)).unwrap_or(0)).unwrap_or('x')
}

/// Appends a text, escaped for JSON.
fn escape(text: &str, out: &mut String) {
    let quoted = serde_json::Value::from(text).to_string();
    out.push_str(quoted.get(1..quoted.len() - 1).unwrap_or_default());
}

impl Source {
    /// Appends whole pieces to `out` until it has almost `size` bytes. `is_text`: pieces are escaped for JSON, unless they are
    /// all the same.
    fn fill(&self, is_text: bool, size: usize, out: &mut String) {
        let (mut random, mut turn, mut next) = (Random(7), 0, String::new());
        loop {
            next.clear();
            match self {
                Source::Same(piece) => next.push_str(piece),
                Source::Each(pieces) => escape(pieces.get(turn % pieces.len()).map_or("", String::as_str), &mut next),
                Source::Made(make) if is_text => escape(&make(&mut random), &mut next),
                Source::Made(make) => next.push_str(&make(&mut random)),
                Source::Nested(levels) => {
                    let mut text = r#"{"a":["b",1,null],"c":"a word or two"}"#.to_owned();
                    for _ in 0..*levels {
                        text = format!("{{\"data\":{}}}", serde_json::Value::from(text));
                    }
                    escape(if turn == 0 { "[" } else { "," }, &mut next);
                    escape(&text, &mut next);
                }
            }
            turn += 1;
            if out.len() + next.len() > size {
                return;
            }
            out.push_str(&next);
        }
    }
}

/// Returns a body of ordinary text.
pub(super) fn prose_of(place: Place, size: usize) -> Vec<u8> {
    Input { name: super::PROSE, kind: Kind::Text(Source::Made(prose)) }.body(place, size)
}

/// Bytes of the end of a body.
const END: usize = 512;

impl Input {
    /// Returns the places that the input is measured at.
    pub(super) fn places(&self) -> Vec<Place> {
        match self.kind {
            Kind::Text(_) => vec![Place::Request, Place::Response, Place::Stream],
            Kind::Body(place, ..) => vec![place],
        }
    }

    /// Returns the body of at most `size` bytes, or an empty one of its kind.
    pub(super) fn body(&self, place: Place, size: usize) -> Vec<u8> {
        let (start, end) = match (&self.kind, place) {
            (Kind::Body(_, start, _, end), _) => (*start, *end),
            (_, Place::Upload) => ("", ""),
            (_, Place::Request) => (r#"{"model":"gpt-4o","messages":[{"role":"user","content":""#, r#""}]}"#),
            (_, Place::Response) => (
                r#"{"id":"c","object":"chat.completion","model":"gpt-4o","choices":[{"index":0,"message":{"role":"assistant","content":""#,
                r#""},"finish_reason":"stop"}],"usage":{"prompt_tokens":2,"completion_tokens":2,"total_tokens":4}}"#,
            ),
            (_, Place::Stream) => (
                "data: {\"id\":\"c\",\"object\":\"chat.completion.chunk\",\"model\":\"gpt-4o\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"",
                "\"},\"finish_reason\":\"stop\"}]}\n\ndata: {\"choices\":[],\"usage\":{\"prompt_tokens\":2,\"completion_tokens\":2,\"total_tokens\":4}}\n\ndata: [DONE]\n\n",
            ),
        };
        let mut body = start.to_owned();
        let room = size.saturating_sub(END);
        match &self.kind {
            Kind::Text(source) => source.fill(true, room, &mut body),
            Kind::Body(_, _, source, _) => source.fill(false, room, &mut body),
        }
        // Elements are separated by commas.
        if body.ends_with(',') && end.starts_with([']', '}']) {
            body.pop();
        }
        body.push_str(end);
        body.into_bytes()
    }
}

const CHAT: &str = r#"{"model":"gpt-4o","messages":["#;
const CHAT_END: &str = "]}";
const DELTA: &str =
    r#"data: {"id":"c","object":"chat.completion.chunk","model":"gpt-4o","choices":[{"index":0,"delta":{"#;
const DONE: &str = "data: [DONE]\n\n";

/// Returns all inputs.
#[allow(clippy::too_many_lines, reason = "a table")]
pub fn inputs() -> Vec<Input> {
    let same = |text: &str| Source::Same(text.to_owned());
    let mut all = Vec::new();
    let mut text = |name, source| all.push(Input { name, kind: Kind::Text(source) });
    text(super::PROSE, Source::Made(prose));
    text("code", Source::Made(code));
    text("output of tools (JSON lines in a string)", Source::Made(tool_output));
    text("base64", Source::Made(|random| of_chars(random, BASE64, 64)));
    text("lines of base64", Source::Made(|random| of_chars(random, BASE64, 76) + "\n"));
    text("hexadecimal digits", Source::Made(|random| of_chars(random, "0123456789abcdef", 64)));
    text("one letter", same("a"));
    text("one capital letter", same("A"));
    text("spaces", same(" "));
    text("line breaks", same("\\n"));
    text("digits", Source::Made(|random| of_chars(random, "0123456789", 64)));
    text(
        "numbers like those of cards and phones",
        Source::Made(|random| {
            format!(
                "{:04} {:04} {:04} {:04}, ({:03}) {:03}-{:04}; ",
                random.below(9999),
                random.below(9999),
                random.below(9999),
                random.below(9999),
                random.below(999),
                random.below(999),
                random.below(9999)
            )
        }),
    );
    text("punctuation", Source::Made(|random| of_chars(random, "!@#$%^&*()-_=+[]{};:,.<>?/|`~'", 64)));
    text("quotation marks", same("\\\""));
    text("backslashes", same("\\\\"));
    text(
        "runs of letters with @",
        Source::Made(|random| {
            let count = 1 + random.below(300);
            of_chars(random, BASE64, count) + "@"
        }),
    );
    text(
        "addresses and URLs",
        Source::Made(|random| {
            let (a, b) = (random.word(), random.word());
            format!("{a}@{b}.com https://{a}:{b}@{b}.example.com/{a}?{b}={a}#{b} ")
        }),
    );
    text("literals of the rules", Source::Each(words_of(&rules::matches())));
    text("beginnings of literals", Source::Each(cut(&words_of(&rules::matches()))));
    text("texts that rules match", Source::Each(rules::matches().into_iter().map(|text| text + " \n").collect()));
    text("texts that rules nearly match", Source::Each(cut(&rules::matches())));
    text(
        "keywords of secrets",
        Source::Made(|random| {
            const SOUP: [&str; 12] = [
                "key",
                "token",
                "secret",
                "api",
                "sk-",
                "AKIA",
                "ghp_",
                "password=",
                "xoxb-",
                "auth",
                "bearer",
                "-----BEGIN",
            ];
            format!("{}{}", random.of(&SOUP), random.char(" =:_-"))
        }),
    );
    text(
        "instructions in fragments",
        Source::Made(|random| {
            const SOUP: [&str; 12] = [
                "ignore",
                "previous",
                "all",
                "instructions",
                "disregard",
                "system",
                "prompt",
                "reveal",
                "the",
                "you",
                "are",
                "now",
            ];
            format!("{} ", random.of(&SOUP))
        }),
    );
    text("escapes (\\u0041)", same("\\u0041"));
    text(
        "escapes of words",
        Source::Same(prose(&mut Random(3)).bytes().map(|byte| format!("\\u{byte:04x}")).collect()),
    );
    text("escapes of zero-width characters", same("\\u200b"));
    text("zero-width characters", same("\u{200b}"));
    text(
        "words with zero-width characters",
        Source::Made(|random| prose(random).chars().flat_map(|letter| [letter, '\u{200b}']).collect()),
    );
    text("tag characters", Source::Made(|random| scalar(random, 0xe0020, 94).into()));
    text("combining marks", Source::Made(|random| scalar(random, 0x300, 0x60).into()));
    text("full-width letters", Source::Made(|random| scalar(random, 0xff21, 26).into()));
    text("mathematical letters", Source::Made(|random| scalar(random, 0x1d400, 52).into()));
    text("Cyrillic", Source::Made(|random| scalar(random, 0x430, 32).into()));
    text("Chinese", Source::Made(|random| scalar(random, 0x4e00, 0x5000).into()));
    text("emoji", Source::Made(|random| scalar(random, 0x1f600, 64).into()));
    text("percent escapes", Source::Made(|random| prose(random).bytes().map(|byte| format!("%{byte:02X}")).collect()));
    text("HTML escapes", Source::Made(|random| prose(random).bytes().map(|byte| format!("&#{byte};")).collect()));
    text(
        "letters with spaces",
        Source::Made(|random| prose(random).chars().flat_map(|letter| [letter, ' ']).collect()),
    );
    text("JSON in strings, 1 level", Source::Nested(1));
    text("JSON in strings, 4 levels", Source::Nested(4));
    text("JSON in strings, 8 levels", Source::Nested(8));
    text("JSON, only opening brackets", same("["));
    text("JSON, only opening objects", same("{\\\"a\\\":"));
    text("JSON, many strings", same("[\\\"a\\\",\\\"b\\\"],"));
    text("JSON, strings of escapes", same("[\\\"\\\\u0041\\\\u0042\\\"],"));

    let mut body = |name, place, start, source, end| {
        all.push(Input { name, kind: Kind::Body(place, start, source, end) });
    };
    let (request, response, stream, upload) = (Place::Request, Place::Response, Place::Stream, Place::Upload);
    body("many messages", request, CHAT, same(r#"{"role":"user","content":"a bc"},"#), CHAT_END);
    body(
        "many parts",
        request,
        r#"{"model":"gpt-4o","messages":[{"role":"user","content":["#,
        same(r#"{"type":"text","text":"a bcde"},"#),
        "]}]}",
    );
    body(
        "many calls of tools",
        request,
        r#"{"model":"gpt-4o","messages":[{"role":"assistant","tool_calls":["#,
        same(r#"{"id":"a","type":"function","function":{"name":"f","arguments":"{\"a\":\"b\"}"}},"#),
        "]}]}",
    );
    body(
        "arguments of one tool",
        request,
        r#"{"model":"gpt-4o","messages":[{"role":"assistant","tool_calls":[{"id":"a","type":"function","function":{"name":"f","arguments":"[1"#,
        Source::Made(|random| {
            let mut out = String::new();
            escape(&format!(",{{\"path\":\"{}\",\"text\":\"{}\"}}", random.word(), random.word()), &mut out);
            out
        }),
        r#"]"}}]}]}"#,
    );
    body(
        "many tools",
        request,
        r#"{"model":"gpt-4o","messages":[{"role":"user","content":"hi"}],"tools":["#,
        same(
            r#"{"type":"function","function":{"name":"f","description":"Returns it.","parameters":{"type":"object","properties":{"a":{"type":"string","description":"A word."}}}}},"#,
        ),
        "]}",
    );
    body(
        "many members",
        request,
        r#"{"model":"gpt-4o","messages":[{"role":"user","content":"hi"}],"metadata":{"#,
        Source::Made(member),
        "}}",
    );
    body(
        "members of one name",
        request,
        r#"{"model":"gpt-4o","messages":[{"role":"user","content":"hi"}],"metadata":{"#,
        same(r#""name":"a value of some bytes ....","#),
        "}}",
    );
    body(
        "white space",
        request,
        r#"{"model":"gpt-4o","messages":["#,
        same(" \t"),
        r#"{"role":"user","content":"hi"}]}"#,
    );
    body(
        "nested arrays",
        request,
        r#"{"model":"gpt-4o","messages":[{"role":"user","content":"hi"}],"x":["#,
        Source::Same("[".repeat(50) + "1" + &"]".repeat(50) + ","),
        "]}",
    );
    body(
        "numbers",
        request,
        r#"{"model":"gpt-4o","messages":[{"role":"user","content":"hi"}],"x":["#,
        Source::Made(|random| format!("0.{},", random.below(1 << 30))),
        "]}",
    );
    body(
        "token ids",
        request,
        r#"{"model":"gpt-4o","messages":[{"role":"user","content":"hi"}],"prompt":["#,
        Source::Made(|random| format!("{},", random.below(100_000))),
        "]}",
    );
    body(
        "many choices",
        response,
        r#"{"choices":["#,
        same(r#"{"index":0,"message":{"role":"assistant","content":"a bcde"}},"#),
        "]}",
    );
    body(
        "many calls of tools",
        response,
        r#"{"choices":[{"index":0,"message":{"role":"assistant","tool_calls":["#,
        same(r#"{"id":"a","type":"function","function":{"name":"f","arguments":"{\"a\":\"b\"}"}},"#),
        "]}}]}",
    );
    body(
        "members of one name",
        response,
        r#"{"choices":[],"x":{"#,
        same(r#""name":"a value of some bytes ....","#),
        "}}",
    );
    body("many members", response, r#"{"choices":[],"x":{"#, Source::Made(member), "}}");
    body("unknown strings", response, r#"{"choices":[],"x":["#, same(r#""a word of some bytes or more ....","#), "]}");
    body(
        "pieces of one byte",
        stream,
        "",
        Source::Made(|random| format!("{DELTA}\"content\":\"{}\"}}}}]}}\n\n", random.char("etaoins rhl"))),
        DONE,
    );
    body(
        "pieces of a word",
        stream,
        "",
        Source::Made(|random| format!("{DELTA}\"content\":\"{} \"}}}}]}}\n\n", random.word())),
        DONE,
    );
    body(
        "shortest pieces",
        stream,
        "",
        Source::Made(|random| {
            format!("data:{{\"choices\":[{{\"delta\":{{\"content\":\"{}\"}}}}]}}\n\n", random.char("etaoins rhl"))
        }),
        DONE,
    );
    body(
        "arguments of one byte",
        stream,
        "",
        Source::Made(|random| {
            format!(
                "{DELTA}\"tool_calls\":[{{\"index\":0,\"function\":{{\"name\":\"f\",\"arguments\":\"{}\"}}}}]}}}}]}}\n\n",
                random.char("[aeiou,1")
            )
        }),
        DONE,
    );
    body(
        "unknown pieces of one byte",
        stream,
        "",
        Source::Made(|random| format!("{DELTA}\"x\":\"{}\"}}}}]}}\n\n", random.char("etaoins rhl"))),
        DONE,
    );
    body(
        "unknown members of many names",
        stream,
        "",
        Source::Made(|random| format!("{DELTA}\"{}\":\"{}\"}}}}]}}\n\n", random.word(), random.word())),
        DONE,
    );
    body(
        "pieces of 100 choices",
        stream,
        "",
        Source::Made(|random| {
            format!(
                "data: {{\"choices\":[{{\"index\":{},\"delta\":{{\"content\":\"{} \"}}}}]}}\n\n",
                random.below(100),
                random.word()
            )
        }),
        DONE,
    );
    body(
        "pieces of a secret",
        stream,
        "",
        Source::Made(|random| {
            format!(
                "{DELTA}\"content\":\"{}\"}}}}]}}\n\n",
                random.of(&["AKIA", "sk-", "ghp_", "IOSF", "0123", "-----BEGIN ", "@mail", ".com "])
            )
        }),
        DONE,
    );
    body("comments", stream, "", Source::Made(|random| format!(": {}\n\n", random.word())), DONE);
    body("blank lines", stream, "", same("\n"), DONE);
    body(
        "names of events",
        stream,
        "",
        Source::Made(|random| format!("event: {} {}\ndata: {{}}\n\n", random.word(), random.word())),
        DONE,
    );
    body("an event of many lines", stream, "data: {\"choices\":[\n", same("data: \n"), "data: ]}\n\n");
    body(
        "an event of many choices",
        stream,
        "data: {\"choices\":[",
        same(r#"{"index":0,"delta":{"content":"a bcde"}},"#),
        "]}\n\n",
    );
    body(
        "an event of many unknown strings",
        stream,
        "data: {\"choices\":[{\"index\":0,\"delta\":{\"x\":[",
        same(r#""a word of some bytes or more ....","#),
        "]}}]}\n\n",
    );
    body(
        "an event of many unknown members",
        stream,
        "data: {\"choices\":[{\"index\":0,\"delta\":{",
        Source::Made(member),
        "}}]}\n\n",
    );
    body("prose", upload, "", Source::Made(prose), "");
    body("JSON in one line", upload, "[", Source::Made(|random| tool_output(random).replace('\n', "")), "]");
    body("JSON lines", upload, "", Source::Made(|random| tool_output(random).replace("},\n", "}\n")), "");
    body("JSON, strings of escapes in one line", upload, "[", same(r#"["\u0041\u0042"],"#), "]");
    body("literals with escapes in one line", upload, "", same(r#""\n" "#), "");
    body("quotation marks without an end in their lines", upload, "", same("\"\\\"a\n"), "");
    body("arrays without an end", upload, "", same("[\n[\"a\",\n"), "");
    all
}

/// Returns a member with a name of its own, large enough that a body of 8 MiB is within the number of members that is read.
fn member(random: &mut Random) -> String {
    let mut out = String::new();
    let _ = write!(out, "\"k{:09}\":\"a value of some bytes\",", random.below(1_000_000_000));
    out
}

fn words_of(texts: &[String]) -> Vec<String> {
    let mut words: Vec<String> =
        texts.iter().flat_map(|text| text.split_whitespace()).map(|word| format!("{word} ")).collect();
    words.sort();
    words.dedup();
    words
}

/// Returns the texts without their last characters.
fn cut(texts: &[String]) -> Vec<String> {
    let cut = |text: &String| {
        let count = text.trim_end().chars().count();
        text.chars().take(count.saturating_sub(2).max(1)).collect()
    };
    texts.iter().map(cut).collect()
}
