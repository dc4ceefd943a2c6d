//! The headers of a part.

use super::FormErrorKind;

/// A line of the headers.
pub(super) struct Header<'l> {
    name: &'l [u8],
    value: &'l [u8],
}

impl<'l> Header<'l> {
    /// `None` for what is no header, or the second line of a folded one.
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

/// A parameter of a header.
pub(super) struct Parameter {
    pub(super) name: Vec<u8>,
    pub(super) value: Vec<u8>,
    /// Whether it holds a backslash, which some receivers take away and others keep.
    escaped: bool,
}

/// The parameters in `; name=value; name="value"`; `None` when they are not that.
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

/// What is to become of the content of a part.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Content {
    /// It is not read.
    #[default]
    File,
    /// It is kept under this name.
    Field(&'static str),
    /// It is kept.
    Text,
}

/// What the headers of a part say.
#[derive(Clone, Default)]
pub(super) struct Part {
    /// What its content is, as of the end of its headers.
    pub(super) content: Content,
    /// Its name, if it is one that is wanted.
    named: Option<&'static str>,
    /// Whether its `content-disposition` was read.
    disposed: bool,
    /// Whether its name is not spelled as that which is wanted.
    ambiguous: bool,
    /// Whether it says the name of a file, and whether that is empty: a file to some receivers, a field to others.
    filename: Option<bool>,
    /// Whether it is in a charset or an encoding that not every receiver heeds.
    encoded: bool,
}

impl Part {
    /// Takes a header; whether it says more than the name of a field that is wanted.
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

    /// Whether some receivers take it for a file.
    pub(super) fn is_file(&self) -> bool {
        self.filename.is_some()
    }

    /// The headers are at their end.
    pub(super) fn begin(&mut self, wanted: &[&'static str]) -> Result<(), FormErrorKind> {
        // Without a name a part is nothing that could be wanted, unless receivers guess.
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
