//! The delimiter between parts.

use super::part::parameters;

/// What a search came upon.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// Nothing yet: all bytes were taken.
    Nothing,
    /// A delimiter, taken to its end.
    Boundary,
    /// What some receivers take for a delimiter and others do not.
    Ambiguous,
}

/// A delimiter that is searched for in bytes that come in any pieces.
///
/// It begins with a line end, and a line end stands nowhere else in it: a search that fails somewhere inside of it can
/// only begin again with the byte that failed.
#[derive(Clone)]
pub(super) struct Boundary {
    /// LF, `--`, and the boundary.
    needle: Vec<u8>,
    /// How much of it was seen.
    seen: usize,
    /// Whether a CR stood before what was seen; before the first byte of it, whether it is the last byte.
    cr: bool,
}

impl Boundary {
    /// That of a `content-type`.
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
            // `boundary*`, `boundary*0`: RFC 2231 makes boundaries of these, too.
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

    /// The same one, at the start of another body.
    pub(super) fn at_the_start(&self) -> Boundary {
        Boundary { needle: self.needle.clone(), seen: 1, cr: false }
    }

    /// Bytes of the delimiter, with the CRLF before it.
    pub(super) fn len(&self) -> usize {
        self.needle.len() + 1
    }

    /// At the start of a content. A delimiter that follows the headers at once is taken for one by some receivers (the
    /// content is empty), for content by others.
    pub(super) fn restart(&mut self) {
        self.seen = 1;
        self.cr = false;
    }

    /// The delimiter at the start of the body, before which empty lines may stand; how many bytes were taken.
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

    /// The next delimiter; how many bytes were taken.
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
