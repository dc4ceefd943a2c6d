//! WebP: first chunk of the container (RFC 9649).

use super::{Cursor, Size, Source};

/// Returns the size; called after the first two bytes of `RIFF`.
pub(super) fn size(image: &mut Cursor<impl Source>) -> Option<Size> {
    let [b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', b'V', b'P', b'8', kind] = image.take()? else { return None };
    let [_, _, _, _] = image.take()?;
    match kind {
        // Lossy (RFC 6386, section 9.1): a tag of three bytes, a start code, then 14 bits of size and two of scaling
        // each.
        b' ' => {
            let [_, _, _, 0x9d, 0x01, 0x2a] = image.take()? else { return None };
            let (width, height) = (u16::from_le_bytes(image.take()?), u16::from_le_bytes(image.take()?));
            Size::new(width & 0x3fff, height & 0x3fff)
        }
        // Lossless (RFC 9649, section 3.4): a signature, then 14 bits each, one less than the size.
        b'L' => {
            let [0x2f] = image.take()? else { return None };
            let bits = u32::from_le_bytes(image.take()?);
            Size::new((bits & 0x3fff) + 1, (bits >> 14 & 0x3fff) + 1)
        }
        // Extended (RFC 9649, section 2.7.1): flags, reserved bits, then 24 bits each, one less than the size.
        b'X' => {
            let [_, _, _, _] = image.take()?;
            let [a, b, c] = image.take()?;
            let [d, e, f] = image.take()?;
            Size::new(u32::from_le_bytes([a, b, c, 0]) + 1, u32::from_le_bytes([d, e, f, 0]) + 1)
        }
        _ => None,
    }
}
