//! Hidden view: text in characters that are not displayed, or that are displayed in another order.

use super::derived::{Builder, Derived};

/// Shortest run of variation selectors or invisible operators that is read as text. An emoji has one selector.
const MIN_RUN: usize = 4;

/// Derives the view. `None` if the text hides nothing. Hidden parts are separated by line breaks.
pub(super) fn of(text: &str) -> Option<Derived<'_>> {
    let mut builder = Builder::new(text);
    let mut at = 0;
    // The first bytes of the characters below. Most texts in other scripts have few of them.
    let begins = |byte: &u8| matches!(byte, 0xf3 | 0xf0 | 0xef | 0xe2);
    while let Some(skipped) = text.as_bytes().get(at..).and_then(|rest| rest.iter().position(begins)) {
        at += skipped;
        let Some(c) = text.get(at..).and_then(|rest| rest.chars().next()) else { break };
        let read = |is_part: fn(char) -> bool| {
            let rest = text.get(at..).unwrap_or_default();
            rest.get(..rest.find(|c| !is_part(c)).unwrap_or(rest.len())).unwrap_or_default()
        };
        at += match c {
            // England, Scotland and Wales have flags of tags.
            '\u{1f3f4}' => c.len_utf8() + text.get(at + c.len_utf8()..).map_or(0, flag),
            '\u{e0020}'..='\u{e007f}' => tags(&mut builder, at, read(|c| matches!(c, '\u{e0020}'..='\u{e007f}'))),
            '\u{fe00}'..='\u{fe0f}' | '\u{e0100}'..='\u{e01ef}' => {
                let run = read(|c| selector(c).is_some());
                bytes(&mut builder, at, run, run.chars().filter_map(selector).collect())
            }
            '\u{2062}' | '\u{2064}' => {
                let run = read(|c| matches!(c, '\u{2062}' | '\u{2064}'));
                let bits: Vec<bool> = run.chars().map(|c| c == '\u{2064}').collect();
                let byte = |bits: &[bool]| bits.iter().fold(0, |byte, bit| byte << 1 | u8::from(*bit));
                bytes(&mut builder, at, run, bits.chunks_exact(8).map(byte).collect())
            }
            '\u{202e}' => reversed(&mut builder, at, read(|c| !matches!(c, '\u{202c}' | '\n'))),
            c => c.len_utf8(),
        };
    }
    let step = builder.finish();
    (!step.text.is_empty()).then(|| Derived::same(text).then(step))
}

/// Returns the length of the tags at the beginning of `rest` that make a flag.
fn flag(rest: &str) -> usize {
    let end = rest.find(|c| !matches!(c, '\u{e0030}'..='\u{e007a}')).unwrap_or(rest.len());
    let is_flag = (1..=6 * 4).contains(&end) && rest.get(end..).is_some_and(|rest| rest.starts_with('\u{e007f}'));
    if is_flag { end + 4 } else { 0 }
}

/// Decodes tags: each one stands for an ASCII character. Returns the length of the run, as the functions below do.
fn tags(builder: &mut Builder<'_>, at: usize, run: &str) -> usize {
    separate(builder, at);
    for (offset, c) in run.char_indices() {
        let ascii = (c as u32).checked_sub(0xe0000).and_then(char::from_u32).filter(|c| *c != '\u{7f}');
        if let Some(ascii) = ascii {
            builder.replace_char(at + offset..at + offset + c.len_utf8(), ascii);
        }
    }
    run.len()
}

/// Returns the byte that a variation selector stands for.
fn selector(c: char) -> Option<u8> {
    match c {
        '\u{fe00}'..='\u{fe0f}' => u8::try_from(c as u32 - 0xfe00).ok(),
        '\u{e0100}'..='\u{e01ef}' => u8::try_from(c as u32 - 0xe0100 + 16).ok(),
        _ => None,
    }
}

/// Writes the text among the bytes that a run stands for.
fn bytes(builder: &mut Builder<'_>, at: usize, run: &str, bytes: Vec<u8>) -> usize {
    if bytes.len() >= MIN_RUN {
        // A byte that is no text must not hide the others.
        let text: String = String::from_utf8_lossy(&bytes).chars().filter(|c| is_text(*c)).collect();
        if text.chars().count() >= MIN_RUN {
            separate(builder, at);
            builder.replace(at..at + run.len(), &text);
        }
    }
    run.len()
}

fn is_text(c: char) -> bool {
    c != char::REPLACEMENT_CHARACTER && (!c.is_control() || c.is_whitespace())
}

/// Writes a part behind a right-to-left override in the order in which it is displayed.
fn reversed(builder: &mut Builder<'_>, at: usize, run: &str) -> usize {
    separate(builder, at);
    let text: String = run.chars().rev().filter(|c| *c != '\u{202e}').collect();
    builder.replace(at..at + run.len(), &text);
    run.len()
}

/// Separates a hidden part from the one before.
fn separate(builder: &mut Builder<'_>, at: usize) {
    if !builder.text().is_empty() {
        builder.replace(at..at, "\n");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hidden(text: &str) -> Option<String> {
        of(text).map(|derived| derived.text().to_owned())
    }

    fn tagged(text: &str) -> String {
        text.chars().filter_map(|c| char::from_u32(c as u32 + 0xe0000)).collect()
    }

    fn selectors(text: &str) -> String {
        let selector = |byte: u8| if byte < 16 { 0xfe00 + u32::from(byte) } else { 0xe0100 + u32::from(byte) - 16 };
        text.bytes().filter_map(|byte| char::from_u32(selector(byte))).collect()
    }

    fn operators(text: &str) -> String {
        let bits = text.bytes().flat_map(|byte| (0..8).rev().map(move |bit| byte >> bit & 1));
        bits.map(|bit| if bit == 1 { '\u{2064}' } else { '\u{2062}' }).collect()
    }

    #[test]
    fn hidden_text_is_decoded() {
        let england = format!("\u{1f3f4}{}\u{e007f}", tagged("gbeng"));
        for (text, expected) in [
            (format!("hello {}!", tagged("ignore all")), Some("ignore all")),
            (format!("{} {}", tagged("one"), tagged("two")), Some("one\ntwo")),
            (format!("😀{}", selectors("rules are void")), Some("rules are void")),
            (format!("😀\u{e01ef}{}\u{fe00}", selectors("rules are void")), Some("rules are void")),
            (format!("hi {}", operators("no rules")), Some("no rules")),
            ("\u{202e}selur on\u{202c} x".to_owned(), Some("no rules")),
            (england.clone(), None),
            (format!("{england}{}", tagged("now")), Some("now")),
            ("❤\u{fe0f} ☎\u{fe0e}".to_owned(), None),
            ("plain".to_owned(), None),
            ("我的密钥".to_owned(), None),
        ] {
            assert_eq!(hidden(&text).as_deref(), expected, "{}", text.escape_unicode());
        }
    }

    #[test]
    fn a_match_is_where_it_is_in_the_text() {
        let text = format!("a{}b", tagged("key"));
        let derived = of(&text).unwrap();
        assert_eq!(derived.source(0..3), 1..13);
        assert_eq!(derived.source(1..2), 5..9);
    }
}
