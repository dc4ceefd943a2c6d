//! Finite state entropy: tables by which symbols are decoded (RFC 8878, section 4.1).

use super::super::InflateError;
use super::bits::{BackwardBits, ForwardBits};

/// Decoding table.
#[derive(Default)]
pub(super) struct FseTable {
    entries: Vec<Entry>,
    accuracy: u32,
}

/// State of a decoder: its symbol, and the next state as a base and a number of bits to add.
#[derive(Clone, Copy, Default)]
struct Entry {
    symbol: u8,
    bits: u8,
    base: u16,
}

impl FseTable {
    /// Builds the table of a distribution: probabilities by symbol, where -1 stands for "less than one".
    pub(super) fn build(&mut self, accuracy: u32, probabilities: &[i16]) -> Result<(), InflateError> {
        let size = 1usize << accuracy;
        self.accuracy = accuracy;
        self.entries.clear();
        self.entries.resize(size, Entry::default());
        let mut next = [0u16; 256];
        let mut high = size;
        for (symbol, (probability, next)) in (0..=u8::MAX).zip(probabilities.iter().zip(&mut next)) {
            *next = u16::try_from(*probability).unwrap_or(1);
            if *probability < 0 {
                high = high.checked_sub(1).ok_or(InflateError::Corrupt)?;
                self.entries.get_mut(high).ok_or(InflateError::Corrupt)?.symbol = symbol;
            }
        }
        let (step, mut at) = ((size >> 1) + (size >> 3) + 3, 0);
        for (symbol, probability) in (0..=u8::MAX).zip(probabilities) {
            for _ in 0..(*probability).max(0) {
                self.entries.get_mut(at).ok_or(InflateError::Corrupt)?.symbol = symbol;
                at = (at + step) & (size - 1);
                while at >= high && high > 0 {
                    at = (at + step) & (size - 1);
                }
            }
        }
        for entry in &mut self.entries {
            let next = next.get_mut(usize::from(entry.symbol)).ok_or(InflateError::Corrupt)?;
            let bits = accuracy.checked_sub(next.checked_ilog2().unwrap_or(0)).ok_or(InflateError::Corrupt)?;
            entry.bits = u8::try_from(bits).unwrap_or(u8::MAX);
            let base = (u32::from(*next) << bits).checked_sub(1 << accuracy).ok_or(InflateError::Corrupt)?;
            entry.base = u16::try_from(base).map_err(|_| InflateError::Corrupt)?;
            *next += 1;
        }
        Ok(())
    }

    /// Builds the table of one symbol.
    pub(super) fn repeat(&mut self, symbol: u8) {
        self.accuracy = 0;
        self.entries.clear();
        self.entries.push(Entry { symbol, bits: 0, base: 0 });
    }

    /// Reads a description and builds its table; returns the bytes of the description.
    pub(super) fn read(&mut self, bytes: &[u8], max_accuracy: u32, symbols: usize) -> Result<usize, InflateError> {
        let mut bits = ForwardBits::new(bytes);
        let accuracy = bits.read(4)? + 5;
        if accuracy > max_accuracy {
            return Err(InflateError::Corrupt);
        }
        let mut probabilities = Vec::with_capacity(symbols);
        let mut left = 1i32 << accuracy;
        while left > 0 {
            let points = left.unsigned_abs() + 1;
            let count = points.ilog2() + 1;
            let read = bits.read(count)?;
            let low_mask = (1 << (count - 1)) - 1;
            let threshold = (1 << count) - 1 - points;
            let value = if read & low_mask < threshold {
                bits.unread_bit();
                read & low_mask
            } else if read > low_mask {
                read - threshold
            } else {
                read
            };
            let probability = i16::try_from(value).map_err(|_| InflateError::Corrupt)? - 1;
            left -= i32::from(probability.abs());
            probabilities.push(probability);
            if probability == 0 {
                loop {
                    let zeros = bits.read(2)?;
                    probabilities.resize(probabilities.len() + zeros as usize, 0);
                    if zeros < 3 {
                        break;
                    }
                }
            }
            if probabilities.len() > symbols {
                return Err(InflateError::Corrupt);
            }
        }
        if left != 0 {
            return Err(InflateError::Corrupt);
        }
        self.build(accuracy, &probabilities)?;
        Ok(bits.bytes_read())
    }

    /// Returns the number of states.
    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    /// Reads the first state of a stream.
    pub(super) fn start(&self, bits: &mut BackwardBits<'_>) -> usize {
        bits.read(self.accuracy) as usize
    }

    pub(super) fn symbol(&self, state: usize) -> u8 {
        self.entries.get(state).map_or(0, |entry| entry.symbol)
    }

    /// Reads the state that follows `state`.
    pub(super) fn next(&self, state: usize, bits: &mut BackwardBits<'_>) -> usize {
        let Entry { bits: count, base, .. } = self.entries.get(state).copied().unwrap_or_default();
        usize::from(base) + bits.read(u32::from(count)) as usize
    }
}
