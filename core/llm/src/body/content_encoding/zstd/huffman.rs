//! Huffman codes of literals (RFC 8878, section 4.2).

use super::super::InflateError;
use super::bits::BackwardBits;
use super::fse::FseTable;

/// Maximum bits of a code.
const MAX_BITS: u32 = 11;

/// Decoding table: by the next bits, the symbol and the length of its code. Empty before the first description.
#[derive(Default)]
pub(super) struct HuffmanTable {
    entries: Vec<(u8, u8)>,
    bits: u32,
    /// Table of the weights of a description, kept for its memory.
    weights: FseTable,
}

impl HuffmanTable {
    pub(super) fn clear(&mut self) {
        self.entries.clear();
    }

    /// Returns the number of entries.
    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    /// Reads a description and builds its table; returns the bytes of the description.
    pub(super) fn read(&mut self, bytes: &[u8]) -> Result<usize, InflateError> {
        let (header, rest) = bytes.split_first().ok_or(InflateError::Corrupt)?;
        let mut weights = Vec::with_capacity(256);
        let size = if *header < 128 {
            let size = usize::from(*header);
            self.read_weights(rest.get(..size).ok_or(InflateError::Corrupt)?, &mut weights)?;
            size
        } else {
            let count = usize::from(*header) - 127;
            let size = count.div_ceil(2);
            let packed = rest.get(..size).ok_or(InflateError::Corrupt)?;
            weights.extend(packed.iter().flat_map(|pair| [pair >> 4, pair & 15]).take(count));
            size
        };
        self.build(&mut weights)?;
        Ok(1 + size)
    }

    /// Decodes compressed weights: two states that alternate.
    fn read_weights(&mut self, bytes: &[u8], weights: &mut Vec<u8>) -> Result<(), InflateError> {
        let table = &mut self.weights;
        let size = table.read(bytes, 6, 256)?;
        let mut bits = BackwardBits::new(bytes.get(size..).unwrap_or_default())?;
        let mut state = table.start(&mut bits);
        let mut other = table.start(&mut bits);
        if bits.is_overread() {
            return Err(InflateError::Corrupt);
        }
        while weights.len() < 255 {
            weights.push(table.symbol(state));
            state = table.next(state, &mut bits);
            std::mem::swap(&mut state, &mut other);
            if bits.is_overread() {
                weights.push(table.symbol(state));
                return Ok(());
            }
        }
        Err(InflateError::Corrupt)
    }

    /// Builds the table; the last weight follows from the others.
    fn build(&mut self, weights: &mut Vec<u8>) -> Result<(), InflateError> {
        let mut sum = 0u32;
        for weight in weights.iter() {
            if u32::from(*weight) > MAX_BITS {
                return Err(InflateError::Corrupt);
            }
            sum += (1 << weight) >> 1;
        }
        let bits = sum.checked_ilog2().ok_or(InflateError::Corrupt)? + 1;
        let left = (1u32.checked_shl(bits).unwrap_or(0)).saturating_sub(sum);
        if bits > MAX_BITS || !left.is_power_of_two() || weights.len() > 255 {
            return Err(InflateError::Corrupt);
        }
        weights.push(u8::try_from(left.ilog2() + 1).unwrap_or(u8::MAX));
        self.bits = bits;
        self.entries.clear();
        // The longest codes come first.
        for wanted in 1..=bits {
            for (symbol, weight) in (0..=u8::MAX).zip(weights.iter()) {
                if u32::from(*weight) == wanted {
                    let entry = (symbol, u8::try_from(bits + 1 - wanted).unwrap_or(u8::MAX));
                    self.entries.resize(self.entries.len() + (1 << (wanted - 1)), entry);
                }
            }
        }
        if self.entries.len() == 1 << bits { Ok(()) } else { Err(InflateError::Corrupt) }
    }

    /// Decodes a stream of `count` literals.
    pub(super) fn decode(&self, bytes: &[u8], count: usize, literals: &mut Vec<u8>) -> Result<(), InflateError> {
        let mut bits = BackwardBits::new(bytes)?;
        for _ in 0..count {
            let (symbol, size) =
                self.entries.get(bits.peek(self.bits) as usize).copied().ok_or(InflateError::Corrupt)?;
            bits.skip(u32::from(size));
            literals.push(symbol);
        }
        if bits.is_spent() { Ok(()) } else { Err(InflateError::Corrupt) }
    }
}
