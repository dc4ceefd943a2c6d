//! Headers of a part.

use super::FormErrorKind;

/// Header line.
pub(super) struct Header<'l> {
    name: &'l [u8],
    value: &'l [u8],
}

impl<'l> Header<'l> {
    /// Parses a line; `None` if it is not a header, or is the continuation line of a folded one.
    pub(super) fn of(line: &'l [u8]) -> Option<Header<'l>> {
        let colon = memchr::memchr(b':', line)?;
        let (name, value) = line.split_at_checked(colon)?;
        let token = |byte: &u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(byte);
        if name.is_empty() || !name.iter().all(token) {
            return None;
        }
        Some(Header { name, value: value.get(1..)?.trim_ascii() })
    }

    fn is(&self, name: &str) -> bool {
        self.name.eq_ignore_ascii_case(name.as_bytes())
    }
}

/// Parameter of a header.
pub(super) struct Parameter {
    pub(super) name: Vec<u8>,
    pub(super) value: Vec<u8>,
    /// `true` if the value contains a backslash, which some receivers remove and others keep.
    escaped: bool,
}

/// Parses parameters, `; name=value; name="value"`; `None` if the text is anything else.
pub(super) fn parameters(text: &[u8]) -> Option<Vec<Parameter>> {
    let mut all = Vec::new();
    let mut rest = text.trim_ascii();
    while let Some((b';', after)) = rest.split_first() {
        rest = after.trim_ascii_start();
        if rest.is_empty() {
            break;
        }
        let equals = rest.iter().position(|byte| *byte == b'=')?;
        let (name, after) = rest.split_at_checked(equals)?;
        let name = name.to_vec();
        if name.iter().any(|byte| byte.is_ascii_whitespace() || matches!(byte, b';' | b'"')) {
            return None;
        }
        let after = after.get(1..)?;
        let (value, escaped) = match after.split_first() {
            Some((b'"', quoted)) => {
                let mut value = Vec::new();
                let mut escaped = false;
                let mut bytes = quoted.iter();
                loop {
                    match bytes.next()? {
                        b'"' => break,
                        b'\\' => {
                            escaped = true;
                            value.push(*bytes.next()?);
                        }
                        byte => value.push(*byte),
                    }
                }
                rest = bytes.as_slice().trim_ascii_start();
                (value, escaped)
            }
            _ => {
                let len = after.iter().position(|byte| *byte == b';').unwrap_or(after.len());
                let (value, behind) = after.split_at_checked(len)?;
                rest = behind;
                let value = value.trim_ascii_end();
                if value.iter().any(|byte| byte.is_ascii_whitespace() || *byte == b'"') {
                    return None;
                }
                (value.to_vec(), false)
            }
        };
        all.push(Parameter { name, value, escaped });
    }
    rest.is_empty().then_some(all)
}

/// Handling of the content of a part.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Content {
    /// Skipped.
    #[default]
    File,
    /// Stored under this name.
    Field(&'static str),
    /// Stored without a name.
    Text,
}

/// Facts from the headers of a part.
#[derive(Clone, Default)]
pub(super) struct Part {
    /// Handling of the content, known at the end of the headers.
    pub(super) content: Content,
    /// Name of the field, if it is a wanted one.
    named: Option<&'static str>,
    /// `true` once a `content-disposition` was read.
    disposed: bool,
    /// `true` if the name is spelled differently from the wanted one.
    ambiguous: bool,
    /// File name: `Some(true)` if present but empty, which some receivers treat as a file and others as a field.
    filename: Option<bool>,
    /// `true` if the part declares a charset or an encoding that not every receiver honours.
    encoded: bool,
}

impl Part {
    /// Reads a header; returns `true` if it contains more than the name of a wanted field.
    pub(super) fn header(&mut self, header: &Header<'_>, wanted: &[&'static str]) -> Result<bool, FormErrorKind> {
        if header.is("content-disposition") {
            if std::mem::replace(&mut self.disposed, true) {
                return Err(FormErrorKind::Malformed);
            }
            return self.disposition(header.value, wanted);
        }
        if header.is("content-transfer-encoding") {
            let plain = ["7bit", "8bit", "binary"];
            self.encoded |= !plain.iter().any(|name| header.value.eq_ignore_ascii_case(name.as_bytes()));
        }
        if header.is("content-type") {
            let at = memchr::memchr(b';', header.value).unwrap_or(header.value.len());
            let parameters = parameters(header.value.get(at..).unwrap_or_default()).unwrap_or_default();
            let mut charsets = parameters.iter().filter(|parameter| parameter.name.eq_ignore_ascii_case(b"charset"));
            self.encoded |= charsets.any(|charset| {
                let plain = ["utf-8", "us-ascii", "ascii", "utf8"];
                !plain.iter().any(|name| charset.value.eq_ignore_ascii_case(name.as_bytes()))
            });
        }
        Ok(true)
    }

    /// Returns `true` if some receivers treat the part as a file.
    pub(super) fn is_file(&self) -> bool {
        self.filename.is_some()
    }

    /// Returns `true` if the part declares a charset or an encoding that not every receiver honours.
    pub(super) fn is_encoded(&self) -> bool {
        self.encoded
    }

    /// Ends the headers.
    pub(super) fn begin(&mut self, wanted: &[&'static str]) -> Result<(), FormErrorKind> {
        // A part without a name cannot be a wanted one, unless receivers guess.
        if !self.disposed && !wanted.is_empty() {
            return Err(FormErrorKind::Malformed);
        }
        self.content = match (self.named, self.filename) {
            (Some(name), file) if self.ambiguous || self.encoded || file.is_some() => {
                return Err(FormErrorKind::Ambiguous(name));
            }
            (Some(name), _) => Content::Field(name),
            (None, Some(false)) => Content::File,
            (None, _) if self.encoded => return Err(FormErrorKind::NotPlain),
            (None, _) => Content::Text,
        };
        Ok(())
    }

    fn disposition(&mut self, value: &[u8], wanted: &[&'static str]) -> Result<bool, FormErrorKind> {
        let at = memchr::memchr(b';', value).unwrap_or(value.len());
        let (kind, rest) = value.split_at_checked(at).unwrap_or_default();
        if !kind.trim_ascii().eq_ignore_ascii_case(b"form-data") {
            return Err(FormErrorKind::Malformed);
        }
        let (mut names, mut others) = (0, false);
        for parameter in parameters(rest).ok_or(FormErrorKind::Malformed)? {
            let is = |name: &str| parameter.name.eq_ignore_ascii_case(name.as_bytes());
            if is("name") {
                names += 1;
                let same = |name: &&&str| parameter.value.trim_ascii().eq_ignore_ascii_case(name.as_bytes());
                self.named = wanted.iter().find(same).copied();
                let exact = self.named.is_some_and(|name| parameter.value == name.as_bytes());
                self.ambiguous |= parameter.escaped || !exact;
            } else if is("filename") || is("filename*") {
                let is_empty = parameter.value.is_empty() && self.filename != Some(false);
                self.filename = Some(is_empty);
            } else if is("name*") || parameter.name.get(..5).is_some_and(|name| name.eq_ignore_ascii_case(b"name*")) {
                // RFC 2231 makes a name of it, RFC 7578 does not.
                return Err(FormErrorKind::Malformed);
            } else {
                others = true;
            }
        }
        if names == 1 { Ok(others || self.named.is_none()) } else { Err(FormErrorKind::Malformed) }
    }
}
