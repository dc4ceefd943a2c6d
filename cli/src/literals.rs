//! String literals of a JSON text or of a stream of JSON texts, decoded, with their source positions.

/// A decoded string literal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Literal {
    /// Decoded text.
    pub text: String,
    /// Source offset of each byte of `text`, and of its end.
    pub places: Vec<usize>,
    /// Name of the object member whose value this is, if any.
    pub member: Option<String>,
    /// Last number given for `"index"` before the literal: the choice in a streamed response.
    pub index: u64,
}

/// Returns all string literals in order, including member names. The text need not be valid JSON: anything between
/// quotes is a literal.
pub fn literals(source: &[u8]) -> Vec<Literal> {
    let mut found: Vec<Literal> = Vec::new();
    let (mut at, mut index) = (0, 0);
    let mut member: Option<String> = None;
    while let Some(offset) = source.get(at..).and_then(|rest| rest.iter().position(|&byte| byte == b'"')) {
        let (mut literal, end) = unescape(source, at + offset + 1, Some(b'"'));
        at = end + 1;
        literal.member = member.take();
        let behind = source.get(at..).unwrap_or_default().trim_ascii_start();
        if let Some(value) = behind.strip_prefix(b":") {
            if literal.text == "index" {
                let digits = value.trim_ascii_start().iter().take_while(|byte| byte.is_ascii_digit()).take(9);
                index = digits.fold(0, |number, digit| number * 10 + u64::from(digit - b'0'));
            }
            member = Some(literal.text.clone());
        }
        literal.index = index;
        found.push(literal);
    }
    found
}

/// Decodes the escapes in a whole text.
pub fn unescaped(source: &[u8]) -> Literal {
    unescape(source, 0, None).0
}

/// Decodes from `at` up to an unescaped `until` or the end. Also returns the offset where it stopped.
fn unescape(source: &[u8], mut at: usize, until: Option<u8>) -> (Literal, usize) {
    let mut text: Vec<u8> = Vec::new();
    let mut places = Vec::new();
    while let Some(&byte) = source.get(at) {
        if Some(byte) == until {
            break;
        }
        let (meant, length) = match (byte, source.get(at + 1)) {
            (b'\\', Some(&escape)) => escaped(source, at, escape),
            _ => (None, 1),
        };
        match meant {
            Some(c) => {
                let mut octets = [0; 4];
                let octets = c.encode_utf8(&mut octets).as_bytes();
                text.extend_from_slice(octets);
                places.extend(octets.iter().map(|_| at));
            }
            None => {
                text.push(byte);
                places.push(at);
            }
        }
        at += length;
    }
    places.push(at);
    // Rules match UTF-8 only. One byte must stay one byte because of `places`, so each invalid byte is replaced by `?`.
    let text = match String::from_utf8(text) {
        Ok(text) => text,
        Err(error) => {
            error.into_bytes().iter().map(|&byte| if byte.is_ascii() { char::from(byte) } else { '?' }).collect()
        }
    };
    (Literal { text, places, member: None, index: 0 }, at)
}

/// Returns the character that an escape stands for, and the length of the escape.
fn escaped(source: &[u8], at: usize, escape: u8) -> (Option<char>, usize) {
    let simple = match escape {
        b'n' => '\n',
        b'r' => '\r',
        b't' => '\t',
        b'b' => '\u{8}',
        b'f' => '\u{c}',
        b'"' | b'\\' | b'/' => char::from(escape),
        b'u' => return unicode(source, at),
        _ => return (None, 1),
    };
    (Some(simple), 2)
}

fn unicode(source: &[u8], at: usize) -> (Option<char>, usize) {
    let unit = |at: usize| {
        let digits = source.get(at..at + 6)?.strip_prefix(b"\\u")?;
        // `from_str_radix` takes a sign.
        let digits = digits.iter().all(u8::is_ascii_hexdigit).then_some(digits)?;
        u32::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
    };
    match (unit(at), unit(at + 6)) {
        (Some(high @ 0xd800..0xdc00), Some(low @ 0xdc00..0xe000)) => {
            (char::from_u32(0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00)), 12)
        }
        (Some(code), _) => match char::from_u32(code) {
            Some(c) => (Some(c), 6),
            None => (None, 1),
        },
        (None, _) => (None, 1),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn strings_are_decoded_with_their_positions() {
        let source = br#"data: {"index":1,"delta":{"content":"a\u0041\ud83d\ude42\"b"}}"#;
        let found = literals(source);
        let content = found.iter().find(|literal| literal.member.as_deref() == Some("content")).unwrap();
        assert_eq!((content.text.as_str(), content.index), ("aA🙂\"b", 1));
        assert_eq!(&source[content.places[1]..content.places[2]], br"\u0041");
        assert_eq!(&source[content.places[2]..content.places[6]], br"\ud83d\ude42");
        assert_eq!(*content.places.last().unwrap(), source.len() - 3);
        assert_eq!(unescaped(b"\\u0041\\x\xff").text, "A\\x?");
        assert_eq!(unescaped(b"\\u+041").text, "\\u+041");
    }

    proptest! {
        #[test]
        fn any_bytes_are_read(source in proptest::collection::vec(any::<u8>(), 0..64)) {
            for literal in literals(&source).iter().chain([&unescaped(&source)]) {
                prop_assert_eq!(literal.places.len(), literal.text.len() + 1);
                prop_assert!(literal.places.is_sorted());
                prop_assert!(literal.places.iter().all(|&place| place <= source.len()));
            }
        }

        #[test]
        fn serialized_strings_are_read_back(text in any::<String>()) {
            let json = serde_json::to_vec(&text).unwrap();
            prop_assert_eq!(&literals(&json)[0].text, &text);
        }
    }
}
