//! Reading and writing of JSON string escapes (RFC 8259, section 7).

/// Meaning of one escape.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Escape {
    /// A character; a surrogate pair is one character.
    Char(char),
    /// A surrogate without its other half.
    LoneSurrogate,
}

/// Reason why bytes do not start with an escape.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum EscapeError {
    /// The bytes end inside the escape.
    Truncated,
    /// The bytes are not a valid escape.
    Invalid,
}

/// Reads the escape at the start of `raw`, which starts with a backslash; returns its meaning and its length in bytes.
pub(crate) fn read(raw: &[u8]) -> Result<(Escape, usize), EscapeError> {
    let char = match raw.get(1) {
        None => return Err(EscapeError::Truncated),
        Some(b'"') => '"',
        Some(b'\\') => '\\',
        Some(b'/') => '/',
        Some(b'b') => '\u{8}',
        Some(b'f') => '\u{c}',
        Some(b'n') => '\n',
        Some(b'r') => '\r',
        Some(b't') => '\t',
        Some(b'u') => return unicode(raw),
        Some(_) => return Err(EscapeError::Invalid),
    };
    Ok((Escape::Char(char), 2))
}

fn unicode(raw: &[u8]) -> Result<(Escape, usize), EscapeError> {
    let first = hex(raw.get(2..).unwrap_or_default())?;
    let (unit, len) = match first {
        0xd800..=0xdbff => match second(raw) {
            Some(second) => (0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00), 12),
            None => return Ok((Escape::LoneSurrogate, 6)),
        },
        _ => (first, 6),
    };
    // The only remaining value that is not a character is a low surrogate without a high one before it.
    Ok((char::from_u32(unit).map_or(Escape::LoneSurrogate, Escape::Char), len))
}

/// Reads the low surrogate after the six bytes of a high one.
fn second(raw: &[u8]) -> Option<u32> {
    let rest = raw.get(6..)?.strip_prefix(b"\\u")?;
    hex(rest).ok().filter(|unit| (0xdc00..=0xdfff).contains(unit))
}

/// Reads the four hexadecimal digits at the start of `digits`.
fn hex(digits: &[u8]) -> Result<u32, EscapeError> {
    let mut value = 0;
    let mut seen = 0;
    for digit in digits.iter().take(4) {
        value = value * 16 + char::from(*digit).to_digit(16).ok_or(EscapeError::Invalid)?;
        seen += 1;
    }
    if seen == 4 { Ok(value) } else { Err(EscapeError::Truncated) }
}

/// Appends `text` as the content of a JSON string, without the quotes.
///
/// Escapes only what must be escaped: the quote, the backslash and control characters. The result contains no line
/// break, so it fits on one `data:` line.
pub fn escape_into(text: &str, out: &mut Vec<u8>) {
    const HEX: [u8; 16] = *b"0123456789abcdef";
    out.reserve(text.len());
    let bytes = text.as_bytes();
    let mut copied = 0;
    for (at, byte) in bytes.iter().enumerate() {
        let short = match byte {
            b'"' | b'\\' => *byte,
            b'\n' => b'n',
            b'\r' => b'r',
            b'\t' => b't',
            0x8 => b'b',
            0xc => b'f',
            0..0x20 => 0,
            _ => continue,
        };
        out.extend_from_slice(bytes.get(copied..at).unwrap_or_default());
        copied = at + 1;
        match short {
            0 => {
                out.extend_from_slice(b"\\u00");
                out.extend([byte >> 4, byte & 15].iter().filter_map(|nibble| HEX.get(usize::from(*nibble))));
            }
            short => out.extend_from_slice(&[b'\\', short]),
        }
    }
    out.extend_from_slice(bytes.get(copied..).unwrap_or_default());
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn reads_valid_escapes_only() {
        for (raw, want) in [
            (&br#"\""#[..], Ok((Escape::Char('"'), 2))),
            (br"\\n", Ok((Escape::Char('\\'), 2))),
            (br"\/", Ok((Escape::Char('/'), 2))),
            (br"\b\f", Ok((Escape::Char('\u{8}'), 2))),
            (br"\f", Ok((Escape::Char('\u{c}'), 2))),
            (br"\n", Ok((Escape::Char('\n'), 2))),
            (br"\r", Ok((Escape::Char('\r'), 2))),
            (br"\t", Ok((Escape::Char('\t'), 2))),
            (br"\u00e9x", Ok((Escape::Char('é'), 6))),
            (br"\u00E9", Ok((Escape::Char('é'), 6))),
            (br"\u0000", Ok((Escape::Char('\0'), 6))),
            (br"\uffff", Ok((Escape::Char('\u{ffff}'), 6))),
            (br"\ud83d\ude00", Ok((Escape::Char('😀'), 12))),
            (br"\ud83d", Ok((Escape::LoneSurrogate, 6))),
            (br"\ud83d\ud83d\ude00", Ok((Escape::LoneSurrogate, 6))),
            (br"\ud83dx", Ok((Escape::LoneSurrogate, 6))),
            (br"\ude00", Ok((Escape::LoneSurrogate, 6))),
            (br"\", Err(EscapeError::Truncated)),
            (br"\u12", Err(EscapeError::Truncated)),
            (br"\u12g4", Err(EscapeError::Invalid)),
            (br"\u+123", Err(EscapeError::Invalid)),
            (br"\x41", Err(EscapeError::Invalid)),
            (br"\'", Err(EscapeError::Invalid)),
            (br"\U0041", Err(EscapeError::Invalid)),
        ] {
            assert_eq!(read(raw), want, "{}", String::from_utf8_lossy(raw));
        }
    }

    proptest! {
        #[test]
        fn escaped_text_parses_with_serde_json(text in any::<String>(), control in "[\\x00-\\x1f\"\\\\]{0,8}") {
            let text = text + &control;
            let mut literal = vec![b'"'];
            escape_into(&text, &mut literal);
            literal.push(b'"');
            prop_assert_eq!(serde_json::from_slice::<String>(&literal).unwrap(), text);
            prop_assert!(!literal.iter().any(|byte| *byte < 0x20));
        }
    }
}
