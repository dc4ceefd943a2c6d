//! Escapes of single characters: percent-encoding, HTML entities, backslashes, quoted-printable.

use super::Encoded;

/// Shortest run of quoted-printable characters that is decoded: `x=10` is none.
const MIN_QUOTED: usize = 3;
/// Named HTML entities of characters that separate words or begin markup.
const ENTITIES: [(&[u8], char); 9] = [
    (b"amp;", '&'),
    (b"apos;", '\''),
    (b"gt;", '>'),
    (b"lt;", '<'),
    (b"nbsp;", ' '),
    (b"quot;", '"'),
    (b"shy;", '\u{ad}'),
    (b"Tab;", '\t'),
    (b"NewLine;", '\n'),
];

/// Returns the value of digits of a base.
fn number(digits: &[u8], base: u32) -> Option<u32> {
    let digit = |byte: u8| char::from(byte).to_digit(base);
    let is_number = !digits.is_empty() && digits.len() <= 8;
    is_number
        .then(|| digits.iter().try_fold(0u32, |value, byte| value.checked_mul(base)?.checked_add(digit(*byte)?)))?
}

/// Decodes `%69`, or all of `%C3%A9`.
pub(super) fn percent(rest: &[u8]) -> Option<Encoded> {
    utf8(rest, b"%")
}

/// Decodes one character whose bytes are written as a mark and two hexadecimal digits each.
fn utf8(rest: &[u8], mark: &[u8]) -> Option<Encoded> {
    let size = mark.len() + 2;
    let byte = |index: usize| {
        let part = rest.get(index * size..(index + 1) * size)?;
        number(part.strip_prefix(mark)?, 16).and_then(|value| u8::try_from(value).ok())
    };
    let first = byte(0)?;
    let count = match first {
        0..0x80 => 1,
        0xc0..0xe0 => 2,
        0xe0..0xf0 => 3,
        0xf0..0xf8 => 4,
        _ => return None,
    };
    let bytes: Option<Vec<u8>> = (0..count).map(byte).collect();
    Some(Encoded::new(count * size, String::from_utf8(bytes?).ok()?))
}

/// Decodes an HTML entity: `&#105;`, `&#x69;` (without the semicolon, too), `&lt;`.
pub(super) fn entity(rest: &[u8]) -> Option<Encoded> {
    let rest = rest.strip_prefix(b"&")?;
    if let Some(numeric) = rest.strip_prefix(b"#") {
        let (base, digits, mark) = match numeric {
            [b'x' | b'X', digits @ ..] => (16, digits, 3),
            digits => (10, digits, 2),
        };
        let len = digits.iter().take(9).take_while(|byte| char::from(**byte).is_digit(base)).count();
        let c = char::from_u32(number(digits.get(..len)?, base)?)?;
        let semicolon = usize::from(digits.get(len) == Some(&b';'));
        let encoded = Encoded::new(mark + len + semicolon, c);
        // Signs of addresses hide them.
        let hides = c.is_alphanumeric() || matches!(c, '@' | '.' | '-' | '_' | '/' | ':' | '=' | '+');
        return Some(if hides { encoded } else { encoded.separating() });
    }
    let (name, c) = ENTITIES.iter().find(|(name, _)| rest.starts_with(name))?;
    Some(Encoded::new(1 + name.len(), *c).separating())
}

/// Decodes an escape of JavaScript, JSON, Python or C: `\u0069`, `\u{69}`, `\U00000069`, `\x69`, `\151`, `\n`, `\"`.
pub(super) fn backslash(escape: &[u8]) -> Option<Encoded> {
    let rest = escape.strip_prefix(b"\\")?;
    let hex = |from: usize, len: usize| number(rest.get(from..from + len)?, 16);
    let (c, len) = match rest.first()? {
        b'u' if rest.get(1) == Some(&b'{') => {
            let len = rest.iter().skip(2).take(7).position(|byte| *byte == b'}')?;
            (char::from_u32(hex(2, len)?)?, 3 + len)
        }
        b'u' => match hex(1, 4)? {
            high @ 0xd800..0xdc00 => {
                let is_pair = rest.get(5..7) == Some(b"\\u");
                let low = hex(7, 4).filter(|low| is_pair && (0xdc00..0xe000).contains(low))?;
                (char::from_u32(0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00))?, 11)
            }
            code => (char::from_u32(code)?, 5),
        },
        b'U' => (char::from_u32(hex(1, 8)?)?, 9),
        b'x' => match utf8(escape, b"\\x") {
            Some(encoded) => return Some(encoded),
            None => (char::from_u32(hex(1, 2)?)?, 3),
        },
        b'0'..=b'3' => (char::from_u32(number(rest.get(..3)?, 8)?)?, 3),
        b'n' | b'r' => ('\n', 1),
        b't' => ('\t', 1),
        c @ (b'"' | b'\'' | b'/' | b'\\') => (char::from(*c), 1),
        _ => return None,
    };
    let encoded = Encoded::new(1 + len, c);
    // In `\nkey`, the `n` hides where the word begins.
    let is_glued = c.is_whitespace() && rest.get(len).is_some_and(u8::is_ascii_alphanumeric);
    Some(if len == 1 && !is_glued { encoded.separating() } else { encoded })
}

/// Decodes a run of quoted-printable characters, `=69=67=6E`, across soft line breaks.
pub(super) fn quoted_printable(rest: &[u8]) -> Option<Encoded> {
    let (mut text, mut len, mut count) = (String::new(), 0, 0);
    loop {
        let next = rest.get(len..)?;
        if let Some(Encoded { len: own, text: Some(c), .. }) = utf8(next, b"=") {
            text.push_str(&c);
            (len, count) = (len + own, count + 1);
        } else if count > 0 && (next.starts_with(b"=\n") || next.starts_with(b"=\r\n")) {
            len += next.iter().position(|byte| *byte == b'\n')? + 1;
        } else {
            return (count >= MIN_QUOTED).then(|| Encoded::new(len, text));
        }
    }
}
