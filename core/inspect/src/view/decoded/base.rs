//! Encodings of bytes as one run of characters: binary, hexadecimal, base32, base64.

use super::Encoded;
use super::printable;
use miniz_oxide::inflate::{decompress_to_vec_with_limit, decompress_to_vec_zlib_with_limit};

/// Shortest run that is decoded.
pub(super) const MIN_RUN: usize = 16;
/// Longest run that is decoded: longer ones are files.
const MAX_RUN: usize = 256 * 1024;
/// Most times that compressed data may be longer when inflated; what follows is left out. It bounds the length of a view.
const MAX_INFLATION: usize = 4;
/// Shortest line of an encoded text that is broken into lines.
const MIN_LINE: usize = 16;

/// Returns `true` for a character of base64, base64url, base32 or hexadecimal numbers.
pub(super) fn is_alphabet(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'-' | b'_')
}

/// Number of blocks of compressed data in a text that are inflated in vain, before lines behind one are no longer joined.
const MAX_INFLATED_IN_VAIN: usize = 8;

/// Decoder of the runs of a text.
#[derive(Debug)]
pub(super) struct Runs {
    /// `true` if compressed data is inflated.
    pub(super) inflates: bool,
    /// End of lines that are no text when they are joined. They are decoded one by one, and not joined again.
    unjoined: usize,
    inflated_in_vain: usize,
}

impl Runs {
    pub(super) fn new(inflates: bool) -> Runs {
        Runs { inflates, unjoined: 0, inflated_in_vain: 0 }
    }

    /// Decodes the run at the beginning of `rest`, which is at `at` of the text. `None` if it is too short to be one.
    pub(super) fn decode(&mut self, at: usize, rest: &[u8]) -> Option<Encoded> {
        let line = run(rest);
        if line < MIN_LINE {
            return None;
        }
        let own = rest.get(..line)?;
        let lines = if at < self.unjoined || !may_begin_text(own) { line } else { broken(rest, line) };
        if lines > line {
            let joined = rest.get(..lines)?.iter().copied().filter(|byte| !byte.is_ascii_whitespace());
            if let Some(text) = text(&joined.collect::<Vec<u8>>(), self.inflates) {
                return Some(Encoded::new(lines, text));
            }
            self.unjoined = at + lines;
            if begins_compressed(own) && self.inflated_in_vain < MAX_INFLATED_IN_VAIN {
                self.inflated_in_vain += 1;
                self.unjoined = at + line;
            }
        }
        let len = line + padding(rest.get(line..)?);
        Some(Encoded { len, text: text(own, self.inflates), reveals: true })
    }
}

/// Returns the length of the run of characters of the alphabets.
fn run(rest: &[u8]) -> usize {
    rest.iter().take(MAX_RUN).take_while(|byte| is_alphabet(**byte)).count()
}

fn padding(rest: &[u8]) -> usize {
    rest.iter().take(6).take_while(|byte| **byte == b'=').count()
}

/// Returns the length of a run that continues on the next lines, of which only the last one may be shorter. It ends in front of a
/// line that is no text: such a line must not hide those before and behind it.
fn broken(rest: &[u8], first: usize) -> usize {
    let mut end = first + rest.get(first..).map_or(0, padding);
    // Other lines do not begin with the first bit of a byte.
    let are_whole = first.is_multiple_of(4) && !rest.get(..first).is_some_and(begins_compressed);
    loop {
        let behind = rest.get(end..).unwrap_or_default();
        let line_break = match behind {
            [b'\n', ..] => 1,
            [b'\r', b'\n', ..] => 2,
            _ => return end,
        };
        let next = behind.get(line_break..).unwrap_or_default();
        let len = run(next);
        let padded = len + next.get(len..).map_or(0, padding);
        let is_line = len > 0
            && len <= first
            && next.get(padded).is_none_or(u8::is_ascii_whitespace)
            && (!are_whole || next.get(..len).is_some_and(may_continue_text));
        if !is_line || end > MAX_RUN {
            return end;
        }
        end += line_break + padded;
        if len < first {
            return end;
        }
    }
}

/// Number of characters at the beginning of a line that tell whether it is text.
const SAMPLE: usize = 32;

/// Returns `false` if no run that begins with this line is text.
fn may_begin_text(line: &[u8]) -> bool {
    begins_compressed(line) || samples(line).any(|bytes| printable::may_be_text(&bytes))
}

/// Returns `false` if the line is no part of a text. It may begin and end within a character.
fn may_continue_text(line: &[u8]) -> bool {
    samples(line).any(|bytes| {
        let cut = bytes.iter().take(3).take_while(|byte| (0x80..0xc0).contains(*byte)).count();
        bytes.len() <= cut || printable::may_be_text(bytes.get(cut..).unwrap_or_default())
    })
}

/// Returns the bytes at the beginning of a line, in each encoding that it may have.
fn samples(line: &[u8]) -> impl Iterator<Item = Vec<u8>> {
    let sample = line.get(..SAMPLE).unwrap_or(line);
    let digit = |bits: u32| move |byte: u8| char::from(byte).to_digit(1 << bits);
    // In a line of another length, base32 does not begin with the first bit of a byte: its sample is any text.
    let base32 = match line.len().is_multiple_of(8) {
        true => digits(sample, 5, base32),
        false => sample.iter().all(|byte| base32(*byte).is_some()).then(|| b"text".to_vec()),
    };
    [digits(sample, 1, digit(1)), digits(sample, 4, digit(4)), base32, digits(sample, 6, base64)].into_iter().flatten()
}

fn begins_compressed(line: &[u8]) -> bool {
    let sample = line.get(..8).unwrap_or(line);
    digits(sample, 6, base64).is_some_and(|bytes| is_compressed(&bytes))
}

/// Returns the text that a run stands for, in the first encoding that makes it text.
fn text(run: &[u8], inflates: bool) -> Option<String> {
    let run = run.trim_ascii_end();
    let end = run.iter().rposition(|byte| *byte != b'=')? + 1;
    let run = run.get(..end).filter(|run| run.len() >= MIN_RUN)?;
    let all = |is_digit: fn(&u8) -> bool| run.iter().all(is_digit);
    let decoded = |bits: u32, value: fn(u8) -> Option<u32>| {
        let bytes = bytes(run, bits, value)?;
        printable::text(if inflates { inflated(&bytes) } else { None }.unwrap_or(bytes))
    };
    if run.len() % 8 == 0 && all(|byte| matches!(byte, b'0' | b'1')) {
        return decoded(1, |byte| char::from(byte).to_digit(2));
    }
    let hex =
        (run.len() % 2 == 0 && all(u8::is_ascii_hexdigit)).then(|| decoded(4, |byte| char::from(byte).to_digit(16)));
    let base32 = || if all(|byte| base32(*byte).is_some()) { decoded(5, base32) } else { None };
    hex.flatten().or_else(base32).or_else(|| decoded(6, base64))
}

/// Returns the value of a digit of base32 (RFC 4648), in either case.
fn base32(byte: u8) -> Option<u32> {
    match byte {
        b'A'..=b'Z' => Some(u32::from(byte - b'A')),
        b'a'..=b'z' => Some(u32::from(byte - b'a')),
        b'2'..=b'7' => Some(u32::from(byte - b'2') + 26),
        _ => None,
    }
}

/// Returns the value of a digit of base64 or base64url (RFC 4648).
fn base64(byte: u8) -> Option<u32> {
    match byte {
        b'A'..=b'Z' => Some(u32::from(byte - b'A')),
        b'a'..=b'z' => Some(u32::from(byte - b'a') + 26),
        b'0'..=b'9' => Some(u32::from(byte - b'0') + 52),
        b'+' | b'-' => Some(62),
        b'/' | b'_' => Some(63),
        _ => None,
    }
}

/// Returns the bytes of digits of `bits` bits each. Bits that are left over are ignored. `None` if a character is no digit, or
/// if the first bytes are no text.
fn bytes(run: &[u8], bits: u32, value: fn(u8) -> Option<u32>) -> Option<Vec<u8>> {
    let begin = digits(run.get(..(8 * MIN_RUN).div_ceil(bits as usize)).unwrap_or(run), bits, value)?;
    let begin = begin.get(..MIN_RUN).unwrap_or(&begin);
    if begin.len() == MIN_RUN && !is_compressed(begin) && !printable::may_be_text(begin) {
        return None;
    }
    digits(run, bits, value)
}

fn digits(run: &[u8], bits: u32, value: impl Fn(u8) -> Option<u32>) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(run.len() * bits as usize / 8);
    let (mut buffer, mut filled) = (0u32, 0);
    for byte in run {
        buffer = buffer << bits | value(*byte)?;
        filled += bits;
        if filled >= 8 {
            filled -= 8;
            bytes.push((buffer >> filled & 0xff) as u8);
        }
    }
    Some(bytes)
}

/// Header of gzip without names and the like (RFC 1952), and of zlib with usual settings (RFC 1950).
const GZIP: [u8; 4] = [0x1f, 0x8b, 8, 0];
const GZIP_HEADER: usize = 10;
const ZLIB: u8 = 0x78;

fn is_compressed(bytes: &[u8]) -> bool {
    bytes.starts_with(&GZIP) || bytes.first() == Some(&ZLIB)
}

/// Returns the data that is compressed in `bytes`, as far as it may be longer than these.
fn inflated(bytes: &[u8]) -> Option<Vec<u8>> {
    let limit = bytes.len() * MAX_INFLATION;
    let result = match bytes.starts_with(&GZIP) {
        true => decompress_to_vec_with_limit(bytes.get(GZIP_HEADER..)?, limit),
        false if is_compressed(bytes) => decompress_to_vec_zlib_with_limit(bytes, limit),
        false => return None,
    };
    let mut data = result.unwrap_or_else(|error| error.output);
    // The limit may be within a character.
    if let Err(error) = std::str::from_utf8(&data)
        && error.error_len().is_none()
    {
        data.truncate(error.valid_up_to());
    }
    Some(data).filter(|data| !data.is_empty())
}
