//! Decoding of stored values.

/// Malformed stored value: bytes that this version never writes.
///
/// The count in it is lost. The operator decides what happens to the call (see [`Unavailable`](crate::Unavailable)).
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a stored record is malformed at byte {offset}")]
pub struct Corrupt {
    /// Offset of the first byte that could not be decoded.
    pub offset: usize,
}

/// Reader of little-endian numbers.
pub(crate) struct Reader<'b> {
    remaining: &'b [u8],
    length: usize,
}

impl<'b> Reader<'b> {
    pub(crate) fn new(bytes: &'b [u8]) -> Reader<'b> {
        Reader { remaining: bytes, length: bytes.len() }
    }

    fn take<const N: usize>(&mut self) -> Result<[u8; N], Corrupt> {
        let (number, remaining) = self.remaining.split_first_chunk().ok_or_else(|| self.corrupt())?;
        self.remaining = remaining;
        Ok(*number)
    }

    pub(crate) fn u8(&mut self) -> Result<u8, Corrupt> {
        self.take().map(u8::from_le_bytes)
    }

    pub(crate) fn u32(&mut self) -> Result<u32, Corrupt> {
        self.take().map(u32::from_le_bytes)
    }

    pub(crate) fn u64(&mut self) -> Result<u64, Corrupt> {
        self.take().map(u64::from_le_bytes)
    }

    /// Returns the text that follows its length in two bytes.
    pub(crate) fn text(&mut self) -> Result<&'b str, Corrupt> {
        let length = usize::from(self.take().map(u16::from_le_bytes)?);
        let (text, remaining) = self.remaining.split_at_checked(length).ok_or_else(|| self.corrupt())?;
        let text = std::str::from_utf8(text).map_err(|_| self.corrupt())?;
        self.remaining = remaining;
        Ok(text)
    }

    /// Fails if bytes remain.
    pub(crate) fn end(&self) -> Result<(), Corrupt> {
        if self.remaining.is_empty() { Ok(()) } else { Err(self.corrupt()) }
    }

    /// Returns an error at the current offset.
    pub(crate) fn corrupt(&self) -> Corrupt {
        Corrupt { offset: self.length - self.remaining.len() }
    }
}
