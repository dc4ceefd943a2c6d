//! Header maps: octets in, octets out.
//!
//! A header value is whatever octets the peer sent; nothing here assumes UTF-8. A map can be read and written only
//! while its headers are held; outside of that every call is [`Status::BadArgument`].

use crate::abi::{self, Map, Status};

/// The header map of the request or of the response.
#[derive(Clone, Copy, Debug)]
pub struct Headers(Map);

impl Headers {
    pub(crate) const REQUEST: Headers = Headers(Map::RequestHeaders);
    pub(crate) const RESPONSE: Headers = Headers(Map::ResponseHeaders);

    /// The first value of a header, in lower-case spelling of its name.
    pub fn get(self, name: &str) -> Option<Vec<u8>> {
        abi::get_header(self.0, name).ok().flatten()
    }

    /// The first value as text, if it is visible ASCII.
    pub fn get_ascii(self, name: &str) -> Option<String> {
        let value = self.get(name)?;
        value.iter().all(|b| matches!(b, 0x20..=0x7e)).then(|| String::from_utf8(value).ok()).flatten()
    }

    /// Sets a header to one value; all earlier values go.
    pub fn set(self, name: &str, value: impl AsRef<[u8]>) -> Result<(), Status> {
        abi::set_header(self.0, name, value.as_ref())
    }

    /// Removes every value of a header; fine if there is none.
    pub fn remove(self, name: &str) -> Result<(), Status> {
        abi::remove_header(self.0, name)
    }
}
