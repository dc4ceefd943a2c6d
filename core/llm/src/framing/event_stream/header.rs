//! Headers of a message: a sequence of names and typed values.

/// Value of a header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Value<'a> {
    /// Types 0 (true) and 1 (false).
    Bool(bool),
    /// Type 2.
    Byte(i8),
    /// Type 3.
    Short(i16),
    /// Type 4.
    Int(i32),
    /// Type 5.
    Long(i64),
    /// Type 6.
    Bytes(&'a [u8]),
    /// Type 7: a string, which should be UTF-8.
    Text(&'a [u8]),
    /// Type 8: milliseconds since 1970.
    Timestamp(i64),
    /// Type 9.
    Uuid([u8; 16]),
}

/// Iterator over the headers of a message, in order.
#[derive(Clone, Debug)]
pub struct Headers<'a> {
    rest: &'a [u8],
}

impl<'a> Headers<'a> {
    pub(super) fn of(block: &'a [u8]) -> Headers<'a> {
        Headers { rest: block }
    }

    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (bytes, rest) = self.rest.split_first_chunk::<N>()?;
        self.rest = rest;
        Some(*bytes)
    }

    fn slice(&mut self, len: usize) -> Option<&'a [u8]> {
        let (bytes, rest) = self.rest.split_at_checked(len)?;
        self.rest = rest;
        Some(bytes)
    }

    fn sized(&mut self) -> Option<&'a [u8]> {
        let len = self.take().map(u16::from_be_bytes)?;
        self.slice(usize::from(len))
    }

    fn header(&mut self) -> Option<(&'a [u8], Value<'a>)> {
        let [len] = self.take()?;
        let name = self.slice(usize::from(len))?;
        let [kind] = self.take()?;
        let value = match kind {
            0 => Value::Bool(true),
            1 => Value::Bool(false),
            2 => Value::Byte(i8::from_be_bytes(self.take()?)),
            3 => Value::Short(i16::from_be_bytes(self.take()?)),
            4 => Value::Int(i32::from_be_bytes(self.take()?)),
            5 => Value::Long(i64::from_be_bytes(self.take()?)),
            6 => Value::Bytes(self.sized()?),
            7 => Value::Text(self.sized()?),
            8 => Value::Timestamp(i64::from_be_bytes(self.take()?)),
            9 => Value::Uuid(self.take()?),
            _ => return None,
        };
        Some((name, value))
    }
}

impl<'a> Iterator for Headers<'a> {
    type Item = (&'a [u8], Value<'a>);

    fn next(&mut self) -> Option<(&'a [u8], Value<'a>)> {
        self.header()
    }
}

/// Maximum number of headers of a message; Bedrock sends three.
const MAX: usize = 64;

/// Returns `true` if a block consists of headers only, not too many, and without duplicates: receivers disagree about
/// which duplicate counts.
pub(super) fn are_valid(block: &[u8]) -> bool {
    let mut headers = Headers::of(block);
    let mut count = 0;
    while !headers.rest.is_empty() {
        let mut before = Iterator::take(Headers::of(block), count);
        let Some((name, _)) = headers.header() else { return false };
        if count == MAX || before.any(|(other, _)| other == name) {
            return false;
        }
        count += 1;
    }
    true
}

/// Appends a string header; does nothing if it exceeds the format.
pub(super) fn write(name: &str, value: &str, out: &mut Vec<u8>) {
    let (Ok(name_len), Ok(value_len)) = (u8::try_from(name.len()), i16::try_from(value.len())) else { return };
    out.push(name_len);
    out.extend_from_slice(name.as_bytes());
    out.push(7);
    out.extend_from_slice(&value_len.to_be_bytes());
    out.extend_from_slice(value.as_bytes());
}
