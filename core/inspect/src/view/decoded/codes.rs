//! Codes of characters one by one: binary, hexadecimal and decimal numbers with separators.

use super::Encoded;
use super::printable;

/// Minimum number of codes in a row.
const MIN_CODES: usize = 6;
/// Longest separator between two codes.
const MAX_SEPARATOR: usize = 3;

/// Systems in which all codes so far may be written.
#[derive(Clone, Copy)]
struct Systems {
    binary: bool,
    hex: bool,
    decimal: bool,
}

/// Longest code with its prefix.
const MAX_CODE: usize = 10;

/// Returns `true` if a word of so many letters and digits may be a code.
pub(super) fn may_begin(len: usize) -> bool {
    (2..=MAX_CODE).contains(&len)
}

/// Decodes a list of codes at the beginning of `rest`. `None` if there are too few.
pub(super) fn decode(rest: &[u8]) -> Option<Encoded> {
    // Most words are none.
    code(rest)?;
    let mut systems = Systems { binary: true, hex: true, decimal: true };
    let mut codes: Vec<&[u8]> = Vec::new();
    let (mut at, mut end) = (0, 0);
    while let Some((digits, len)) = code(rest.get(at..)?) {
        let narrowed = systems.and(digits);
        if !(narrowed.binary || narrowed.hex || narrowed.decimal) {
            break;
        }
        systems = narrowed;
        codes.push(digits);
        end = at + len;
        let behind = rest.get(end..)?;
        let separator = behind.iter().take(MAX_SEPARATOR + 1).take_while(|byte| is_separator(**byte)).count();
        if !(1..=MAX_SEPARATOR).contains(&separator) {
            break;
        }
        at = end + separator;
    }
    if codes.len() < MIN_CODES {
        return None;
    }
    let base = if systems.binary {
        2
    } else if systems.hex {
        16
    } else {
        10
    };
    let byte = |digits: &&[u8]| u8::from_str_radix(std::str::from_utf8(digits).ok()?, base).ok();
    let bytes: Option<Vec<u8>> = codes.iter().map(byte).collect();
    Some(Encoded { len: end, text: bytes.and_then(printable::text), reveals: true })
}

impl Systems {
    fn and(self, digits: &[u8]) -> Systems {
        let all = |is_digit: fn(&u8) -> bool| digits.iter().all(is_digit);
        Systems {
            binary: self.binary && matches!(digits.len(), 7 | 8) && all(|byte| matches!(byte, b'0' | b'1')),
            hex: self.hex && digits.len() == 2 && all(u8::is_ascii_hexdigit),
            decimal: self.decimal && matches!(digits.len(), 2 | 3) && all(u8::is_ascii_digit),
        }
    }
}

/// Returns the digits of the code at the beginning of `rest`, and its length with the prefix.
fn code(rest: &[u8]) -> Option<(&[u8], usize)> {
    let prefix = if rest.starts_with(b"0x") || rest.starts_with(b"0b") || rest.starts_with(b"0X") { 2 } else { 0 };
    let digits = rest.get(prefix..)?;
    let len = digits.iter().take(9).take_while(|byte| byte.is_ascii_hexdigit()).count();
    let is_code = len >= 2 && !digits.get(len).is_some_and(u8::is_ascii_alphanumeric);
    is_code.then_some((digits.get(..len)?, prefix + len))
}

fn is_separator(byte: u8) -> bool {
    matches!(byte, b' ' | b',' | b';' | b':' | b'-' | b'|' | b'/' | b'\n' | b'\r' | b'\t')
}
