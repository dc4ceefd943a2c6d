//! Gzip decoder: header, deflate, checksum and length (RFC 1952). Only one member is accepted: of several, some
//! receivers read the first and others all.

use miniz_oxide::DataFormat;

use super::deflate::Raw;
use super::{DecoderStep, InflateError, Need};

/// Header flags (section 2.3.1).
const HEADER_SUM: u8 = 1 << 1;
const EXTRA: u8 = 1 << 2;
const NAME: u8 = 1 << 3;
const COMMENT: u8 = 1 << 4;
const RESERVED: u8 = 0b1110_0000;

#[derive(Clone, Copy)]
enum Place {
    /// Before this byte of the ten fixed header bytes.
    Fixed(u8),
    /// In the length of the extra field; holds its first byte, if it was seen.
    ExtraLength(Option<u8>),
    /// In the extra field; holds the number of remaining bytes.
    Extra(u16),
    /// In the name or the comment, which end with a zero.
    Name,
    Comment,
    /// In the header checksum; holds its first byte, if it was seen.
    HeaderSum(Option<u8>),
    Data,
    /// Before this byte of the eight trailer bytes.
    Trailer(u8),
    End,
}

/// Decoder of one member.
pub(super) struct Gzip {
    place: Place,
    flags: u8,
    /// CRC-32 of the header so far.
    header: u32,
    raw: Raw,
    /// CRC-32 of the decompressed bytes so far.
    checksum: u32,
    /// Number of decompressed bytes, modulo 2^32.
    length: u32,
    trailer: u64,
}

impl Default for Gzip {
    fn default() -> Gzip {
        Gzip {
            place: Place::Fixed(0),
            flags: 0,
            header: 0,
            raw: Raw::new(DataFormat::Raw),
            checksum: 0,
            length: 0,
            trailer: 0,
        }
    }
}

impl Gzip {
    pub(super) fn step(&mut self, input: &mut &[u8], room: &mut [u8]) -> DecoderStep {
        loop {
            match self.place {
                Place::End => return Ok((0, Need::Nothing)),
                Place::Data => {
                    let (written, need) = self.raw.step(input, room)?;
                    debug_assert!(written <= room.len());
                    let out = room.get(..written).unwrap_or_default();
                    self.checksum = extend(self.checksum, out);
                    self.length = self.length.wrapping_add(u32::try_from(written).unwrap_or_default());
                    if need != Need::Nothing {
                        return Ok((written, need));
                    }
                    self.place = Place::Trailer(0);
                    // The next call, with more room, reads the trailer.
                    return Ok((written, Need::Room));
                }
                _ => {
                    let Some((byte, rest)) = input.split_first() else { return Ok((0, Need::Input)) };
                    *input = rest;
                    self.place = self.wrapping(*byte)?;
                }
            }
        }
    }

    /// Consumes one byte of the header or of the trailer; returns the next place.
    fn wrapping(&mut self, byte: u8) -> Result<Place, InflateError> {
        let header = self.header;
        self.header = extend(header, &[byte]);
        let next = match self.place {
            Place::Fixed(at) => {
                let known = match at {
                    0 => byte == 0x1f,
                    1 => byte == 0x8b,
                    2 => byte == 8,
                    3 => byte & RESERVED == 0,
                    _ => true,
                };
                if !known {
                    return Err(InflateError::Corrupt);
                }
                if at == 3 {
                    self.flags = byte;
                }
                if at < 9 {
                    return Ok(Place::Fixed(at + 1));
                }
                EXTRA
            }
            Place::ExtraLength(None) => return Ok(Place::ExtraLength(Some(byte))),
            Place::ExtraLength(Some(low)) => match u16::from_le_bytes([low, byte]) {
                0 => NAME,
                length => return Ok(Place::Extra(length)),
            },
            Place::Extra(length) if length > 1 => return Ok(Place::Extra(length - 1)),
            Place::Extra(_) => NAME,
            Place::Name | Place::Comment if byte != 0 => return Ok(self.place),
            Place::Name => COMMENT,
            Place::Comment => HEADER_SUM,
            Place::HeaderSum(None) => {
                // The checksum covers the bytes before it.
                self.header = header;
                return Ok(Place::HeaderSum(Some(byte)));
            }
            Place::HeaderSum(Some(low)) => {
                let [a, b, _, _] = header.to_le_bytes();
                return if [a, b] == [low, byte] { Ok(Place::Data) } else { Err(InflateError::Corrupt) };
            }
            Place::Trailer(at) => {
                self.trailer |= u64::from(byte) << (8 * at);
                if at < 7 {
                    return Ok(Place::Trailer(at + 1));
                }
                let want = u64::from(self.length) << 32 | u64::from(self.checksum);
                return if self.trailer == want { Ok(Place::End) } else { Err(InflateError::Corrupt) };
            }
            Place::Data | Place::End => return Ok(self.place),
        };
        Ok(self.field(next))
    }

    /// Returns the first optional header field that is present, from this one on.
    fn field(&self, from: u8) -> Place {
        let order = [
            (EXTRA, Place::ExtraLength(None)),
            (NAME, Place::Name),
            (COMMENT, Place::Comment),
            (HEADER_SUM, Place::HeaderSum(None)),
        ];
        let mut rest = order.into_iter().skip_while(|(flag, _)| *flag != from);
        rest.find(|(flag, _)| self.flags & flag != 0).map_or(Place::Data, |(_, place)| place)
    }
}

/// Extends a CRC-32 by more bytes.
fn extend(checksum: u32, bytes: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new_with_initial(checksum);
    hasher.update(bytes);
    hasher.finalize()
}
