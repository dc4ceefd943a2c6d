//! Header maps.
//!
//! A header value is any sequence of octets that the peer sent; nothing here assumes UTF-8. Envoy lets a filter read and
//! write a map only while it holds the headers; outside of that every call returns [`Status::BadArgument`].

use std::borrow::Cow;

use crate::abi::{self, Map, Status};

mod changes;

pub(crate) use changes::HeaderChanges;

/// Header map of the request or of the response, or the trailers of one.
#[derive(Clone, Copy, Debug)]
pub struct Headers(Map);

impl Headers {
    pub(crate) const REQUEST: Headers = Headers(Map::RequestHeaders);
    pub(crate) const REQUEST_TRAILERS: Headers = Headers(Map::RequestTrailers);
    pub(crate) const RESPONSE: Headers = Headers(Map::ResponseHeaders);
    pub(crate) const RESPONSE_TRAILERS: Headers = Headers(Map::ResponseTrailers);

    /// Returns a copy of all headers; an empty one if they cannot be read now.
    pub(crate) fn read(self) -> Head {
        Head(abi::get_headers(self.0).unwrap_or_default())
    }

    /// Returns the first value of a header. `name` is in lower case.
    pub fn get(self, name: &str) -> Option<Vec<u8>> {
        abi::get_header(self.0, name).ok().flatten()
    }

    /// Returns the first value as text, if it is visible ASCII.
    pub fn get_ascii(self, name: &str) -> Option<String> {
        let value = self.get(name)?;
        value.iter().all(|b| matches!(b, 0x20..=0x7e)).then(|| String::from_utf8(value).ok()).flatten()
    }

    /// Sets a header to one value, in place of all earlier ones.
    pub fn set(self, name: &str, value: impl AsRef<[u8]>) -> Result<(), Status> {
        abi::set_header(self.0, name, value.as_ref())
    }

    /// Removes every value of a header. Not an error if there is none.
    pub fn remove(self, name: &str) -> Result<(), Status> {
        abi::remove_header(self.0, name)
    }
}

/// Copy of all headers of a message: one host call and one allocation for all questions about them.
#[derive(Debug, Default)]
pub(crate) struct Head(Vec<u8>);

impl Head {
    /// Returns `true` if there is such a header.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.pairs().any(|(own, _)| own == name.as_bytes())
    }

    /// Returns the number of values of a header.
    pub(crate) fn count(&self, name: &str) -> usize {
        self.pairs().filter(|(own, _)| *own == name.as_bytes()).count()
    }

    /// Returns the first value of a header.
    pub(crate) fn first(&self, name: &str) -> Option<&[u8]> {
        self.pairs().find(|(own, _)| *own == name.as_bytes()).map(|(_, value)| value)
    }

    /// Returns the value of a header, empty if there is none. Several values are joined by commas (RFC 9110, 5.3).
    pub(crate) fn get(&self, name: &str) -> Cow<'_, [u8]> {
        let mut values = self.pairs().filter(|(own, _)| *own == name.as_bytes()).map(|(_, value)| value);
        let first = values.next().unwrap_or_default();
        match values.next() {
            None => first.into(),
            Some(second) => [first, second].into_iter().chain(values).collect::<Vec<_>>().join(&b", "[..]).into(),
        }
    }

    /// Returns the value of a header that is a decimal number.
    pub(crate) fn number<N: std::str::FromStr>(&self, name: &str) -> Option<N> {
        std::str::from_utf8(&self.get(name)).ok()?.parse().ok()
    }

    /// Returns the bytes of all names and values, as Envoy counts them in `request.total_size`.
    pub(crate) fn byte_size(&self) -> usize {
        self.pairs().map(|(name, value)| name.len() + value.len()).sum()
    }

    /// Returns `true` if the copy has every header of the map, so that it can replace the map. The copy of a map that could not
    /// be read is empty.
    pub(crate) fn is_whole(&self) -> bool {
        self.size(0).is_some_and(|count| count > 0 && self.pairs().count() == count)
    }

    /// Returns a length or the count, which are 32 bits wide.
    fn size(&self, at: usize) -> Option<usize> {
        let bytes = self.0.get(at..at.checked_add(4)?)?.first_chunk::<4>()?;
        usize::try_from(u32::from_le_bytes(*bytes)).ok()
    }

    /// Iterates over names and values. The ABI's layout is the count, the lengths of each name and value, then these, each
    /// followed by a zero byte. Stops where the bytes end.
    pub(crate) fn pairs(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        let size = |at| self.size(at);
        let count = size(0).unwrap_or_default().min(self.0.len() / 8);
        let mut at = 4 + 8 * count;
        let mut next = move |len: usize| {
            let part = self.0.get(at..at.checked_add(len)?)?;
            at += len + 1;
            Some(part)
        };
        (0..count).map_while(move |number| {
            let (name, value) = (size(4 + 8 * number)?, size(8 + 8 * number)?);
            Some((next(name)?, next(value)?))
        })
    }
}

/// Encodes header pairs in the ABI's layout, see [`Head::pairs`].
pub(crate) fn encode<'p>(pairs: impl Iterator<Item = (&'p [u8], &'p [u8])> + Clone) -> Vec<u8> {
    fn size(n: usize) -> [u8; 4] {
        u32::try_from(n).unwrap_or(u32::MAX).to_le_bytes()
    }
    let mut bytes = Vec::with_capacity(4 + pairs.clone().map(|(n, v)| 10 + n.len() + v.len()).sum::<usize>());
    bytes.extend_from_slice(&size(pairs.clone().count()));
    for (name, value) in pairs.clone() {
        bytes.extend_from_slice(&size(name.len()));
        bytes.extend_from_slice(&size(value.len()));
    }
    for (name, value) in pairs {
        for text in [name, value] {
            bytes.extend_from_slice(text);
            bytes.push(0);
        }
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(pairs: &[(&str, &str)]) -> Head {
        Head(encode(pairs.iter().map(|(name, value)| (name.as_bytes(), value.as_bytes()))))
    }

    #[test]
    fn pairs_have_the_layout_of_the_abi() {
        let expected = b"\x02\0\0\0\x01\0\0\0\x02\0\0\0\x03\0\0\0\0\0\0\0a\0bc\0def\0\0";
        assert_eq!(head(&[("a", "bc"), ("def", "")]).0, expected);
    }

    #[test]
    fn values_are_found_by_name() {
        let head = head(&[(":path", "/"), ("accept", "a"), ("content-length", "12"), ("accept", "b"), ("empty", "")]);
        for (name, value) in
            [(":path", "/"), ("accept", "a, b"), ("empty", ""), ("content-length", "12"), ("path", ""), ("a", "")]
        {
            assert_eq!(head.get(name), value.as_bytes(), "{name}");
        }
        assert!(head.has("empty") && !head.has("acc") && !head.has(""));
        assert_eq!((head.number("content-length"), head.number::<u16>(":path")), (Some(12_u16), None));
        assert!(!Head::default().has(":path"));
        assert_eq!((head.count("accept"), head.count("a")), (2, 0));
        assert_eq!(head.byte_size(), 5 + 1 + 6 + 1 + 14 + 2 + 6 + 1 + 5);
    }

    #[test]
    fn damaged_pairs_end_with_the_bytes() {
        let whole = head(&[("name", "value"), ("other", "one")]).0;
        for len in 0..whole.len() {
            let cut = Head(whole[..len].to_vec());
            assert!(cut.pairs().count() <= 2);
        }
        for at in 0..whole.len() {
            let mut changed = whole.clone();
            changed[at] = 0xFF;
            assert!(Head(changed).pairs().count() <= whole.len());
        }
    }
}
