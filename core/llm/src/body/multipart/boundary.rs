//! Delimiter between the parts of a form.

use super::part::parameters;

/// Result of a search.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// No delimiter: all bytes were consumed.
    Nothing,
    /// Delimiter, consumed to its end.
    Boundary,
    /// Bytes that some receivers take for a delimiter and others do not.
    Ambiguous,
}

/// Delimiter search over bytes that arrive in any chunks.
///
/// The delimiter begins with a line end and contains no other, so a search that fails inside of it can only restart
/// with the byte that failed.
#[derive(Clone)]
pub(super) struct Boundary {
    /// LF, `--`, and the boundary.
    needle: Vec<u8>,
    /// Number of matched bytes.
    seen: usize,
    /// `true` if a CR preceded the matched bytes; before the first match, `true` if the last byte was a CR.
    cr: bool,
}

impl Boundary {
    /// Creates the delimiter from a `content-type`.
    pub(super) fn from_content_type(content_type: &[u8]) -> Option<Boundary> {
        let (media_type, rest) =
            content_type.iter().position(|byte| *byte == b';').and_then(|at| content_type.split_at_checked(at))?;
        if !media_type.trim_ascii().eq_ignore_ascii_case(b"multipart/form-data") {
            return None;
        }
        let mut boundary = None;
        for parameter in parameters(rest)? {
            if parameter.name.eq_ignore_ascii_case(b"boundary") && boundary.replace(parameter.value).is_some() {
                return None;
            }
            // RFC 2231 also makes boundaries of `boundary*` and `boundary*0`.
            if parameter.name.get(..9).is_some_and(|name| name.eq_ignore_ascii_case(b"boundary*")) {
                return None;
            }
        }
        let boundary = boundary?;
        let valid = |byte: &u8| byte.is_ascii_alphanumeric() || b"'()+_,-./:=? ".contains(byte);
        if boundary.is_empty() || boundary.len() > 70 || boundary.ends_with(b" ") || !boundary.iter().all(valid) {
            return None;
        }
        Some(Boundary { needle: [b"\n--", &boundary[..]].concat(), seen: 1, cr: false })
    }

    /// Returns the same delimiter at the start of another body.
    pub(super) fn at_the_start(&self) -> Boundary {
        Boundary { needle: self.needle.clone(), seen: 1, cr: false }
    }

    /// Returns the length of the delimiter in bytes, including the CRLF before it.
    pub(super) fn len(&self) -> usize {
        self.needle.len() + 1
    }

    /// Restarts the search at the start of a content. Some receivers accept a delimiter directly after the headers (the
    /// content is empty), others treat it as content.
    pub(super) fn restart(&mut self) {
        self.seen = 1;
        self.cr = false;
    }

    /// Matches the delimiter at the start of the body, where empty lines may precede it; returns the number of consumed
    /// bytes.
    pub(super) fn at_start(&mut self, bytes: &[u8]) -> (usize, Found) {
        let mut taken = 0;
        for byte in bytes {
            taken += 1;
            if self.needle.get(self.seen) == Some(byte) {
                self.seen += 1;
            } else if self.seen == 1 && *byte == b'\r' {
                self.seen = 0;
            } else {
                return (taken, Found::Ambiguous);
            }
            if self.seen == self.needle.len() {
                self.restart_after();
                return (taken, Found::Boundary);
            }
        }
        (taken, Found::Nothing)
    }

    fn restart_after(&mut self) {
        self.seen = 0;
        self.cr = false;
    }

    /// Searches the next delimiter; returns the number of consumed bytes.
    pub(super) fn search(&mut self, bytes: &[u8]) -> (usize, Found) {
        let mut at = 0;
        while let Some(byte) = bytes.get(at) {
            if self.seen == 0 {
                let rest = bytes.get(at..).unwrap_or_default();
                let Some(len) = memchr::memchr(b'\n', rest) else {
                    self.cr = rest.last() == Some(&b'\r');
                    return (bytes.len(), Found::Nothing);
                };
                if let Some(before) = len.checked_sub(1) {
                    self.cr = rest.get(before) == Some(&b'\r');
                }
                self.seen = 1;
                at += len + 1;
                continue;
            }
            if self.needle.get(self.seen) != Some(byte) {
                self.seen = 0;
                self.cr = false;
                continue;
            }
            self.seen += 1;
            at += 1;
            if self.seen == self.needle.len() {
                let found = if self.cr { Found::Boundary } else { Found::Ambiguous };
                self.restart_after();
                return (at, found);
            }
        }
        (bytes.len(), Found::Nothing)
    }
}
