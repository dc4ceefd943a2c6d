//! JPEG: segments up to the header of the frame (ITU-T T.81, annex B).

use super::{Cursor, Size, Source};

/// The size, after the marker SOI.
pub(super) fn size(image: &mut Cursor<impl Source>) -> Option<Size> {
    loop {
        let [0xff] = image.take()? else { return None };
        // Any number of fill bytes may stand before the code.
        let [mut code] = image.take()?;
        while code == 0xff {
            [code] = image.take()?;
        }
        match code {
            // Markers that stand alone: TEM, RSTm.
            0x01 | 0xd0..=0xd7 => continue,
            // No frame before the end of the image or the start of a scan; SOI again.
            0x00 | 0xd8..=0xda => return None,
            _ => {}
        }
        let length = usize::from(u16::from_be_bytes(image.take()?)).checked_sub(2)?;
        // SOF0 to SOF15, without DHT, JPG and DAC, which stand in between.
        if matches!(code, 0xc0..=0xcf) && !matches!(code, 0xc4 | 0xc8 | 0xcc) {
            let [_precision] = image.take()?;
            let (height, width) = (u16::from_be_bytes(image.take()?), u16::from_be_bytes(image.take()?));
            return Size::new(width, height);
        }
        image.skip(length)?;
    }
}
