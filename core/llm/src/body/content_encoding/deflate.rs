//! Deflate decoder, with or without the zlib wrapper.

use miniz_oxide::inflate::stream::{InflateState, inflate};
use miniz_oxide::{DataFormat, MZError, MZFlush, MZStatus};

use super::{DecoderStep, InflateError, Need};

/// Decoder that detects the wrapper from the first two bytes.
#[derive(Default)]
pub(super) struct Deflate {
    /// First byte, until the second arrives.
    first: Option<u8>,
    raw: Option<Raw>,
}

impl Deflate {
    pub(super) fn step(&mut self, input: &mut &[u8], room: &mut [u8]) -> DecoderStep {
        let raw = match &mut self.raw {
            Some(raw) => raw,
            None => {
                let mut next = || {
                    let (byte, rest) = input.split_first()?;
                    *input = rest;
                    Some(*byte)
                };
                let Some(first) = self.first.or_else(&mut next) else { return Ok((0, Need::Input)) };
                self.first = Some(first);
                let Some(second) = next() else { return Ok((0, Need::Input)) };
                let format = if is_zlib(first, second) { DataFormat::Zlib } else { DataFormat::Raw };
                let raw = self.raw.insert(Raw::new(format));
                // Two bytes are the zlib header, or produce at most one byte.
                let (written, need) = raw.step(&mut &[first, second][..], room)?;
                if written > 0 || need == Need::Nothing {
                    return Ok((written, if need == Need::Nothing { need } else { Need::Room }));
                }
                raw
            }
        };
        raw.step(input, room)
    }
}

/// Returns `true` if these two bytes start a zlib stream (RFC 1950, section 2.2): method 8, a window of at most 32 KiB,
/// valid check bits. A raw deflate stream with the same two bytes would have to start with a stored block whose padding
/// is not zero, which no encoder writes.
fn is_zlib(first: u8, second: u8) -> bool {
    first & 0x0f == 8 && first >> 4 <= 7 && u16::from_be_bytes([first, second]).is_multiple_of(31)
}

/// Deflate decoder with a known wrapper.
pub(super) struct Raw {
    state: Box<InflateState>,
}

impl Raw {
    pub(super) fn new(format: DataFormat) -> Raw {
        Raw { state: InflateState::new_boxed(format) }
    }

    pub(super) fn step(&mut self, input: &mut &[u8], room: &mut [u8]) -> DecoderStep {
        let result = inflate(&mut self.state, input, room, MZFlush::None);
        debug_assert!(result.bytes_consumed <= input.len());
        *input = input.get(result.bytes_consumed..).unwrap_or_default();
        let written = result.bytes_written;
        match result.status {
            Ok(MZStatus::StreamEnd) => Ok((written, Need::Nothing)),
            // Its window may hold more output than there was room for.
            Ok(MZStatus::Ok) if written == room.len() || !input.is_empty() => Ok((written, Need::Room)),
            Ok(MZStatus::Ok) => Ok((written, Need::Input)),
            Err(MZError::Buf) if input.is_empty() => Ok((written, Need::Input)),
            _ => Err(InflateError::Corrupt),
        }
    }
}
