//! Readers of bits: forward for table descriptions, backward for the coded streams (RFC 8878, sections 4.1 and 4.2.2).

use super::super::InflateError;

/// Bits of a byte string from its first byte on, the lowest of each byte first.
pub(super) struct ForwardBits<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> ForwardBits<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> ForwardBits<'a> {
        ForwardBits { bytes, at: 0 }
    }

    /// Reads up to 25 bits.
    pub(super) fn read(&mut self, count: u32) -> Result<u32, InflateError> {
        let end = self.at + count as usize;
        if end > 8 * self.bytes.len() {
            return Err(InflateError::Corrupt);
        }
        let word = word_at(self.bytes, self.at / 8);
        let value = word >> (self.at % 8) & mask(count);
        self.at = end;
        Ok(u32::try_from(value).unwrap_or(u32::MAX))
    }

    /// Returns to the bit that was read last.
    pub(super) fn unread_bit(&mut self) {
        self.at = self.at.saturating_sub(1);
    }

    /// Returns the number of bytes that were begun.
    pub(super) fn bytes_read(&self) -> usize {
        self.at.div_ceil(8)
    }
}

/// Bits of a byte string from its end on, below the padding of zeros and a one in the last byte.
pub(super) struct BackwardBits<'a> {
    bytes: &'a [u8],
    /// Bits that are left; negative after a read beyond the start, which gives zeros.
    left: isize,
}

impl<'a> BackwardBits<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Result<BackwardBits<'a>, InflateError> {
        let last = bytes.last().copied().filter(|last| *last != 0).ok_or(InflateError::Corrupt)?;
        let left = (8 * bytes.len()).saturating_sub(1 + last.leading_zeros() as usize);
        Ok(BackwardBits { bytes, left: isize::try_from(left).map_err(|_| InflateError::Corrupt)? })
    }

    /// Returns the next bits, up to 32, without reading them.
    pub(super) fn peek(&self, count: u32) -> u32 {
        let start = self.left - count as isize;
        let value = match usize::try_from(start) {
            Ok(start) => word_at(self.bytes, start / 8) >> (start % 8) & mask(count),
            Err(_) => {
                let present = u32::try_from(self.left).unwrap_or(0);
                (word_at(self.bytes, 0) & mask(present)) << (count - present)
            }
        };
        u32::try_from(value).unwrap_or(u32::MAX)
    }

    pub(super) fn skip(&mut self, count: u32) {
        self.left -= count as isize;
    }

    /// Reads up to 32 bits.
    pub(super) fn read(&mut self, count: u32) -> u32 {
        let value = self.peek(count);
        self.skip(count);
        value
    }

    /// Returns `true` if more bits were read than there are.
    pub(super) fn is_overread(&self) -> bool {
        self.left < 0
    }

    /// Returns `true` if all bits were read, and no more.
    pub(super) fn is_spent(&self) -> bool {
        self.left == 0
    }
}

fn mask(count: u32) -> u64 {
    (1 << count) - 1
}

/// Reads eight bytes at an index as a little-endian number, as if zeros followed the bytes.
fn word_at(bytes: &[u8], at: usize) -> u64 {
    let rest = bytes.get(at..).unwrap_or_default();
    match rest.first_chunk() {
        Some(word) => u64::from_le_bytes(*word),
        None => super::little_endian(rest),
    }
}
