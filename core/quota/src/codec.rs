//! Reading stored bytes.

/// Stored bytes that this version does not write. The count they stood for is lost: what that means for the call is
/// the operator's choice (see [`Unavailable`](crate::Unavailable)).
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a stored record is malformed at byte {offset}")]
pub struct Corrupt {
    /// The first byte that was not understood.
    pub offset: usize,
}

/// Reads numbers from front to back.
pub(crate) struct Reader<'b> {
    rest: &'b [u8],
    length: usize,
}

impl<'b> Reader<'b> {
    pub(crate) fn new(bytes: &'b [u8]) -> Reader<'b> {
        Reader { rest: bytes, length: bytes.len() }
    }

    fn take<const N: usize>(&mut self) -> Result<[u8; N], Corrupt> {
        let (number, rest) = self.rest.split_first_chunk().ok_or_else(|| self.corrupt())?;
        self.rest = rest;
        Ok(*number)
    }

    pub(crate) fn u8(&mut self) -> Result<u8, Corrupt> {
        self.take().map(u8::from_le_bytes)
    }

    pub(crate) fn u64(&mut self) -> Result<u64, Corrupt> {
        self.take().map(u64::from_le_bytes)
    }

    /// Nothing may follow.
    pub(crate) fn end(&self) -> Result<(), Corrupt> {
        if self.rest.is_empty() { Ok(()) } else { Err(self.corrupt()) }
    }

    /// An error at this place.
    pub(crate) fn corrupt(&self) -> Corrupt {
        Corrupt { offset: self.length - self.rest.len() }
    }
}
