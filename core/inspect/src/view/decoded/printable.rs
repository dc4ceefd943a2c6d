//! Text in decoded bytes.

/// Shortest text, in characters.
const MIN_CHARS: usize = 6;
/// One in this many characters may be unprintable.
const UNPRINTABLE: usize = 20;

/// Returns the text that bytes stand for, in UTF-8 or UTF-16. `None` if it is not printable: at most one character in 20 may be
/// a control character or the like.
pub(super) fn text(bytes: Vec<u8>) -> Option<String> {
    let text = match utf16(&bytes) {
        Some(text) => text,
        None => String::from_utf8(bytes).ok()?,
    };
    let count = text.chars().count();
    let unprintable = text.chars().filter(|c| !is_printable(*c)).count();
    (count >= MIN_CHARS && unprintable * UNPRINTABLE <= count).then_some(text)
}

/// Returns `false` if no bytes that begin with these are text.
pub(super) fn may_be_text(bytes: &[u8]) -> bool {
    utf16(bytes).is_some() || std::str::from_utf8(bytes).is_ok_and(is_mostly_printable) || is_cut(bytes)
}

/// Returns `true` if the bytes end within a character and are UTF-8 otherwise.
fn is_cut(bytes: &[u8]) -> bool {
    std::str::from_utf8(bytes).is_err_and(|error| error.error_len().is_none())
}

fn is_mostly_printable(text: &str) -> bool {
    text.chars().filter(|c| !is_printable(*c)).count() <= 2
}

/// Returns ASCII text in UTF-16, of either byte order.
fn utf16(bytes: &[u8]) -> Option<String> {
    let pairs = bytes.chunks_exact(2);
    let ascii = |high: usize| {
        let low = 1 - high;
        let all = pairs
            .clone()
            .all(|pair| pair.get(high) == Some(&0) && pair.get(low).is_some_and(|b| (1..0x80).contains(b)));
        all.then(|| pairs.clone().filter_map(|pair| pair.get(low)).map(|byte| char::from(*byte)).collect::<String>())
    };
    if bytes.len() < 2 * MIN_CHARS { None } else { ascii(1).or_else(|| ascii(0)) }
}

fn is_printable(c: char) -> bool {
    matches!(c, '\n' | '\r' | '\t') || !(c.is_control() || ('\u{e000}'..='\u{f8ff}').contains(&c) || c == '\u{fffd}')
}
