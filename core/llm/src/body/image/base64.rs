//! Base64 text as a source of bytes.

use super::Source;
use crate::json::escape::{self, Escape};

/// Decodes the requested bytes, and skips others without decoding as long as no escape or space is among them.
pub(super) struct Base64<'b> {
    rest: &'b [u8],
    /// Decoded bits not handed out yet: the low `count` bits.
    bits: u32,
    count: u32,
}

impl<'b> Base64<'b> {
    pub(super) fn new(text: &'b [u8]) -> Base64<'b> {
        Base64 { rest: text, bits: 0, count: 0 }
    }

    /// Returns the next six bits, ignoring white space.
    fn digit(&mut self) -> Option<u32> {
        loop {
            let (byte, rest) = self.rest.split_first()?;
            let char = if *byte == b'\\' {
                let (Escape::Char(char), len) = escape::read(self.rest).ok()? else { return None };
                self.rest = self.rest.get(len..)?;
                char
            } else {
                self.rest = rest;
                char::from(*byte)
            };
            if matches!(char, ' ' | '\t' | '\r' | '\n') {
                continue;
            }
            return value(char);
        }
    }
}

/// Returns the value of a digit of either alphabet (RFC 4648, sections 4 and 5).
fn value(digit: char) -> Option<u32> {
    let (first, value) = match digit {
        'A'..='Z' => ('A', 0),
        'a'..='z' => ('a', 26),
        '0'..='9' => ('0', 52),
        '+' | '-' => (digit, 62),
        '/' | '_' => (digit, 63),
        _ => return None,
    };
    Some(u32::from(digit) - u32::from(first) + value)
}

impl Source for Base64<'_> {
    fn next(&mut self) -> Option<u8> {
        while self.count < 8 {
            self.bits = self.bits << 6 | self.digit()?;
            self.count += 6;
        }
        self.count -= 8;
        let byte = self.bits >> self.count & 0xff;
        self.bits &= (1 << self.count) - 1;
        u8::try_from(byte).ok()
    }

    fn skip(&mut self, count: usize) -> Option<()> {
        let mut left = count;
        while left > 0 {
            // At the start of a group of four digits, whole groups can be skipped.
            if self.count == 0 && left >= 3 {
                let digits = left / 3 * 4;
                if let Some((run, rest)) = self.rest.split_at_checked(digits)
                    && !run.iter().any(|byte| matches!(byte, b'\\' | b'=' | 0..=b' '))
                {
                    self.rest = rest;
                    left %= 3;
                    continue;
                }
            }
            self.next()?;
            left -= 1;
        }
        Some(())
    }
}
