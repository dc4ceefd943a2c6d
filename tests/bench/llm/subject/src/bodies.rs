//! Measured bodies: chat requests of typical sizes and kinds, identical in every run.

use serde_json::{Value, json};

/// Request body with its name in the table.
#[derive(Clone, Debug)]
pub(crate) struct Body {
    /// Size and kind of text.
    pub(crate) name: &'static str,
    /// Compact JSON: no white space between values, only necessary escapes.
    pub(crate) json: Vec<u8>,
}

/// Style of a text, by its effect on a scanner.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum TextStyle {
    /// Paragraphs, mostly ASCII: an escape every hundred bytes, occasionally a non-ASCII letter.
    Prose,
    /// Code: a line break with indentation every 40 bytes and quotes in between: an escape every 15 bytes.
    Code,
    /// Japanese: three bytes per letter, ASCII punctuation only.
    Japanese,
}

/// Returns all measured bodies.
pub(crate) fn all() -> Vec<Body> {
    let of = |name, bytes, kind| Body { name, json: request(bytes, kind) };
    vec![
        of("1 KB", 1 << 10, TextStyle::Prose),
        of("16 KB", 16 << 10, TextStyle::Prose),
        of("256 KB", 256 << 10, TextStyle::Prose),
        of("1 MB", 1 << 20, TextStyle::Prose),
        of("256 KB of code", 256 << 10, TextStyle::Code),
        of("256 KB of Japanese", 256 << 10, TextStyle::Japanese),
    ]
}

/// Returns a conversation of about `bytes` bytes.
fn request(bytes: usize, kind: TextStyle) -> Vec<u8> {
    let mut chance = Chance(bytes as u64);
    let turn = (bytes / 3).clamp(200, 6 << 10);
    let mut messages = vec![json!({ "role": "system", "content": text(turn / 2, kind, &mut chance) })];
    loop {
        let role = if messages.len() % 2 == 1 { "user" } else { "assistant" };
        messages.push(json!({ "role": role, "content": text(turn, kind, &mut chance) }));
        // A turn is a little longer in JSON.
        if (messages.len() * turn + turn / 2) * 16 >= bytes * 15 {
            return write(messages);
        }
    }
}

fn write(messages: Vec<Value>) -> Vec<u8> {
    // Members in the order used by the SDKs: written by hand, because a map would sort them.
    let messages = Value::from(messages);
    let tools = json!([{ "type": "function", "function": {
        "name": "find_order", "description": "Finds an order by its number.",
        "parameters": { "type": "object", "properties": { "number": { "type": "integer" } }, "required": ["number"] }
    }}]);
    format!(
        "{{\"model\":\"gpt-4o-mini\",\"temperature\":0.2,\"messages\":{messages},\"stream\":true,\"max_tokens\":1024,\
         \"tools\":{tools}}}"
    )
    .into_bytes()
}

fn text(bytes: usize, kind: TextStyle, chance: &mut Chance) -> String {
    let mut text = String::with_capacity(bytes + 64);
    while text.len() < bytes {
        match kind {
            TextStyle::Prose => match chance.below(150) {
                0..7 => text.push_str("\n\n"),
                7..9 => text.push_str(" \"as it were\" "),
                9 => text.push_str(" – naïve, in Zürich – "),
                _ => word(&mut text, chance),
            },
            TextStyle::Code => {
                text.push_str("\n        ");
                (0..2 + chance.below(3)).for_each(|_| word(&mut text, chance));
                text.push_str("(\"x\");");
            }
            TextStyle::Japanese => {
                let from = chance.below(KANA.len() - 4);
                text.extend(KANA.iter().skip(from).take(4));
            }
        }
    }
    text
}

fn word(text: &mut String, chance: &mut Chance) {
    (0..1 + chance.below(3)).for_each(|_| text.push_str(SYLLABLES.get(chance.below(SYLLABLES.len())).unwrap_or(&"")));
    text.push(' ');
}

const SYLLABLES: [&str; 16] =
    ["an", "be", "con", "de", "er", "for", "in", "ing", "ly", "ment", "of", "re", "the", "tion", "to", "un"];

const KANA: [char; 24] = [
    '料', '金', '所', 'の', '橋', 'は', '夜', 'に', '閉', 'ま', 'り', 'ま', 'す', '。', '明', '日', 'ま', 'た', '来',
    'て', 'く', 'だ', 'さ', 'い',
];

/// Deterministic random numbers (xorshift; Marsaglia, 2003).
struct Chance(u64);

impl Chance {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % bound.max(1) as u64) as usize
    }
}
