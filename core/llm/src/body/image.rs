//! Image sizes, read from the first bytes of an image: its token cost depends on nothing else.
//!
//! The formats are the four that LLM APIs accept. Width and height are near the beginning; in JPEG they follow segments
//! that may be long (previews, colour profiles), which are skipped. Only the needed parts of base64 are decoded.
//!
//! ```
//! use tollgate_llm::image::{self, Size};
//!
//! let gif = "data:image/gif;base64,R0lGODlhKgAHAAAA";
//! assert_eq!(image::of_data_url(gif.as_bytes()), Some(Size { width: 42, height: 7 }));
//! assert_eq!(image::of_data_url(b"https://example.com/cat.png"), None);
//! ```

mod base64;
mod jpeg;
#[cfg(test)]
mod tests;
mod webp;

use base64::Base64;

/// Width and height in pixels, neither of them zero; as stored, ignoring any orientation in the metadata.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Size {
    /// Pixels from left to right.
    pub width: u32,
    /// Pixels from top to bottom.
    pub height: u32,
}

impl Size {
    fn new(width: impl Into<u32>, height: impl Into<u32>) -> Option<Size> {
        let size = Size { width: width.into(), height: height.into() };
        (size.width > 0 && size.height > 0).then_some(size)
    }
}

/// Returns the size of a PNG, JPEG, GIF or WebP image; `None` for other formats, and if the size is not within the
/// first mebibyte.
#[must_use]
pub fn of_bytes(image: &[u8]) -> Option<Size> {
    Cursor::new(Plain(image)).size()
}

/// Returns the size of an image in base64 (RFC 4648, either alphabet). The text may be the raw content of a JSON
/// string: escapes, such as the `\/` that some encoders write, are decoded.
#[must_use]
pub fn of_base64(image: &[u8]) -> Option<Size> {
    Cursor::new(Base64::new(image)).size()
}

/// Returns the size of an image in a base64 `data:` URL (RFC 2397). The declared media type is ignored.
#[must_use]
pub fn of_data_url(url: &[u8]) -> Option<Size> {
    /// Long enough for a media type with some parameters.
    const MAX_HEADER: usize = 256;
    let (scheme, rest) = url.split_at_checked(5)?;
    let comma = memchr::memchr(b',', rest.get(..MAX_HEADER.min(rest.len()))?)?;
    let (header, data) = rest.split_at_checked(comma)?;
    let coding = header.len().checked_sub(7).and_then(|at| header.get(at..))?;
    let is_base64 = scheme.eq_ignore_ascii_case(b"data:") && coding.eq_ignore_ascii_case(b";base64");
    if is_base64 { of_base64(data.get(1..)?) } else { None }
}

/// Sequential source of bytes.
trait Source {
    fn next(&mut self) -> Option<u8>;

    /// Skips `count` bytes; `None` if there are fewer.
    fn skip(&mut self, count: usize) -> Option<()>;
}

struct Plain<'b>(&'b [u8]);

impl Source for Plain<'_> {
    fn next(&mut self) -> Option<u8> {
        let (byte, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*byte)
    }

    fn skip(&mut self, count: usize) -> Option<()> {
        self.0 = self.0.get(count..)?;
        Some(())
    }
}

/// Maximum number of bytes of an image searched for its size.
const REACH: usize = 1 << 20;

/// Position in an image.
struct Cursor<S> {
    source: S,
    /// Number of bytes that may still be read.
    left: usize,
}

impl<S: Source> Cursor<S> {
    fn new(source: S) -> Cursor<S> {
        Cursor { source, left: REACH }
    }

    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.left = self.left.checked_sub(N)?;
        let mut bytes = [0; N];
        for byte in &mut bytes {
            *byte = self.source.next()?;
        }
        Some(bytes)
    }

    fn skip(&mut self, count: usize) -> Option<()> {
        self.left = self.left.checked_sub(count)?;
        self.source.skip(count)
    }

    fn size(mut self) -> Option<Size> {
        match self.take()? {
            // PNG, third edition, 5.2 and 11.2.1: signature, length and name of the chunk IHDR, width, height.
            [0x89, b'P'] => {
                let [.., b'I', b'H', b'D', b'R'] = self.take::<14>()? else { return None };
                Size::new(u32::from_be_bytes(self.take()?), u32::from_be_bytes(self.take()?))
            }
            // GIF89a, 17 and 18: signature, version, logical screen.
            [b'G', b'I'] => {
                let [b'F', b'8', b'7' | b'9', b'a'] = self.take()? else { return None };
                Size::new(u16::from_le_bytes(self.take()?), u16::from_le_bytes(self.take()?))
            }
            [b'R', b'I'] => webp::size(&mut self),
            [0xff, 0xd8] => jpeg::size(&mut self),
            _ => None,
        }
    }
}
