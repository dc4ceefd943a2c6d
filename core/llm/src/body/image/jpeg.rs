//! JPEG: segments up to the frame header (ITU-T T.81, annex B).

use super::{Cursor, Size, Source};

/// Returns the size; called after the SOI marker.
pub(super) fn size(image: &mut Cursor<impl Source>) -> Option<Size> {
    loop {
        let [0xff] = image.take()? else { return None };
        // Any number of fill bytes may precede the code.
        let [mut code] = image.take()?;
        while code == 0xff {
            [code] = image.take()?;
        }
        match code {
            // Markers without a segment: TEM, RSTm.
            0x01 | 0xd0..=0xd7 => continue,
            // No frame header before the end of the image or the start of a scan; or a second SOI.
            0x00 | 0xd8..=0xda => return None,
            _ => {}
        }
        let length = usize::from(u16::from_be_bytes(image.take()?)).checked_sub(2)?;
        // SOF0 to SOF15, except DHT, JPG and DAC in between.
        if matches!(code, 0xc0..=0xcf) && !matches!(code, 0xc4 | 0xc8 | 0xcc) {
            let [_precision] = image.take()?;
            let (height, width) = (u16::from_be_bytes(image.take()?), u16::from_be_bytes(image.take()?));
            return Size::new(width, height);
        }
        image.skip(length)?;
    }
}
