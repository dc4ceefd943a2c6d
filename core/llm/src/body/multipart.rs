//! Incremental parsing of the fields of a `multipart/form-data` body.
//!
//! Audio and images are sent as forms: some short fields (`model`, `prompt`) and files of any size. The gateway needs
//! the short fields only and does not store the files. A [`Scanner`] is fed the body in any chunks and stores its texts
//! with their positions: the requested fields, all other fields that are not files, and the headers of parts, which may
//! contain arbitrary client text (file names).
//!
//! The format is RFC 7578 and RFC 2046, section 5.1, in the narrow form that clients send. Where receivers are known to
//! differ (line ends without CR, folded headers, duplicate fields, text before the first part), the body is refused: a
//! model that the gateway and the upstream read differently would bypass the decision based on it.
//!
//! ```
//! use tollgate_llm::multipart::Scanner;
//!
//! let body = "--x\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.wav\"\r\n\r\n\0\0\0\r\n\
//!             --x\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\nwhisper-1\r\n--x--\r\n";
//! let mut scanner = Scanner::new(b"multipart/form-data; boundary=x", &["model"])?;
//! for piece in body.as_bytes().chunks(7) {
//!     scanner.push(piece)?;
//! }
//! scanner.finish()?;
//! let others: Vec<&str> = scanner.others().iter().map(|text| text.value.as_str()).collect();
//! assert_eq!(others, ["Content-Disposition: form-data; name=\"file\"; filename=\"a.wav\""]);
//! let model = scanner.field("model").ok_or("no model")?;
//! assert_eq!((model.value.as_str(), model.span.of(body.as_bytes())), ("whisper-1", &b"whisper-1"[..]));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use crate::Span;

mod boundary;
mod part;
#[cfg(test)]
mod tests;

use boundary::{Boundary, Found};
use part::{Content, Header, Part};

/// Kind of defect in a form.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FormErrorKind {
    /// The `content-type` is not `multipart/form-data` with one boundary (RFC 2046, section 5.1.1).
    #[error("the content-type is not a form with a boundary")]
    ContentType,
    /// The body is not a form, or is spelled in a way that receivers parse differently.
    #[error("the body is not a form as RFC 7578 defines it")]
    Malformed,
    /// A field that the gateway acts on occurs twice; holds its name.
    #[error("the field {0} occurs twice")]
    Duplicate(&'static str),
    /// Receivers disagree about a field that the gateway acts on: it is sent as a file, in another case, or with
    /// another charset or encoding; holds its name.
    #[error("the field {0} is ambiguous")]
    Ambiguous(&'static str),
    /// A field that the gateway acts on is not valid UTF-8; holds its name.
    #[error("the field {0} is not valid UTF-8")]
    InvalidUtf8(&'static str),
    /// A field that the gateway only inspects, or a header of a part, is not plain text: not valid UTF-8, in another
    /// charset, or encoded.
    #[error("a field or a header of the form is not plain text in UTF-8")]
    NotPlain,
    /// The headers of a part, or all texts of the form together, exceed the limit.
    #[error("a part of the form is larger than the limit")]
    TooLarge,
    /// The number of parts exceeds the limit.
    #[error("the form has more parts than the limit")]
    TooMany,
    /// The body ends inside a part.
    #[error("the form is truncated")]
    Truncated,
}

/// Error of parsing a form, with its position.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{kind} (at byte {offset})")]
pub struct FormError {
    /// Kind of defect.
    pub kind: FormErrorKind,
    /// Offset in bytes from the start of the body.
    pub offset: usize,
}

/// Maximum number of parts of a form.
const MAX_PARTS: usize = 256;

/// Maximum bytes of the headers of one part.
const MAX_HEADERS: usize = 8 << 10;

/// Maximum bytes of all stored texts: a prompt of 32,000 characters, the longest that OpenAI's images API accepts,
/// takes at most half of it.
const MAX_TEXTS: usize = 256 << 10;

/// Field of a form, or another text of it.
#[derive(Clone, PartialEq, Eq)]
pub struct Field {
    /// Name of the field if it was requested; empty for other texts.
    pub name: &'static str,
    /// Text of the field.
    pub value: String,
    /// Position of the text in the body. Nothing in it is escaped.
    pub span: Span,
}

/// Shows the position only: the value is client text.
impl std::fmt::Debug for Field {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Field").field("name", &self.name).field("span", &self.span).finish_non_exhaustive()
    }
}

/// File of a form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FilePart {
    /// Position of the content in the body.
    pub span: Span,
    /// `false` if the headers of the part declare another charset than UTF-8, or an encoding.
    pub is_plain: bool,
}

/// Incremental parser for the fields of a form.
#[derive(Clone)]
pub struct Scanner {
    wanted: &'static [&'static str],
    boundary: Boundary,
    place: Place,
    /// Bytes of the body consumed before the current push.
    offset: usize,
    parts: usize,
    /// Bytes of the headers of the current part.
    headers: usize,
    line: Vec<u8>,
    part: Part,
    fields: Vec<Field>,
    others: Vec<Field>,
    files: Vec<FilePart>,
    /// Offset of the content of the current part.
    start: usize,
    /// Bytes of all stored texts.
    kept: usize,
    has_files: bool,
    failed: Option<FormError>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// Before the first boundary.
    Start,
    /// After a boundary: CRLF, or `--` at the end. Holds the first of these bytes, if it was seen.
    Boundary(Option<u8>),
    /// Inside the headers of a part; `true` if the last byte was a CR.
    Headers(bool),
    /// Inside the content of a part.
    Content,
    /// After the last boundary.
    End,
}

impl Scanner {
    /// Creates a parser at the start of a body with this `content-type`. It stores the fields with the `wanted` names.
    ///
    /// # Errors
    /// [`FormErrorKind::ContentType`].
    pub fn new(content_type: &[u8], wanted: &'static [&'static str]) -> Result<Scanner, FormError> {
        let boundary = Boundary::from_content_type(content_type);
        let boundary = boundary.ok_or(FormError { kind: FormErrorKind::ContentType, offset: 0 })?;
        Ok(Scanner::start(wanted, boundary))
    }

    fn start(wanted: &'static [&'static str], boundary: Boundary) -> Scanner {
        Scanner {
            wanted,
            boundary,
            place: Place::Start,
            offset: 0,
            parts: 0,
            headers: 0,
            line: Vec::new(),
            part: Part::default(),
            fields: Vec::new(),
            others: Vec::new(),
            files: Vec::new(),
            start: 0,
            kept: 0,
            has_files: false,
            failed: None,
        }
    }

    /// Consumes the next bytes of the body.
    ///
    /// # Errors
    /// [`FormError`], for this push and all later ones.
    pub fn push(&mut self, bytes: &[u8]) -> Result<(), FormError> {
        if let Some(error) = self.failed {
            return Err(error);
        }
        let mut at = 0;
        let result = loop {
            if at >= bytes.len() {
                break Ok(());
            }
            if let Err(kind) = self.step(bytes, &mut at) {
                break Err(FormError { kind, offset: self.offset.saturating_add(at) });
            }
        };
        self.offset = self.offset.saturating_add(bytes.len());
        self.failed = result.err();
        result
    }

    /// Ends the body.
    ///
    /// # Errors
    /// [`FormErrorKind::Truncated`] if the last boundary is missing; the error of an earlier push.
    pub fn finish(&self) -> Result<(), FormError> {
        match (self.failed, self.place) {
            (Some(error), _) => Err(error),
            (None, Place::End) => Ok(()),
            (None, _) => Err(FormError { kind: FormErrorKind::Truncated, offset: self.offset }),
        }
    }

    /// Returns a field that has ended already. Only [`finish`](Scanner::finish) ensures that no second field has the
    /// same name.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<&Field> {
        self.fields.iter().find(|field| field.name == name)
    }

    /// Returns the requested fields that have ended already, in order.
    #[must_use]
    pub fn fields(&self) -> &[Field] {
        &self.fields
    }

    /// Returns all other texts that have ended already, in order: fields that are not files, and headers of parts,
    /// except those that contain only the name of a requested field.
    #[must_use]
    pub fn others(&self) -> &[Field] {
        &self.others
    }

    /// Returns the files that have ended already, in order. Their content is not stored.
    #[must_use]
    pub fn files(&self) -> &[FilePart] {
        &self.files
    }

    /// Returns `true` if a file part has begun. Its content is not read.
    #[must_use]
    pub fn has_files(&self) -> bool {
        self.has_files
    }

    /// Returns `true` if the next bytes are, or may turn out to be, a text: only the content of a file is not.
    #[must_use]
    pub fn is_in_text(&self) -> bool {
        !matches!((self.place, self.part.content), (Place::Content, Content::File) | (Place::End, _))
    }

    /// Returns `true` if an edited body has the same structure as the one pushed so far and differs in its texts only.
    /// Removing bytes from a text can create a boundary that did not exist before.
    #[must_use]
    pub fn is_same_form(&self, edited: &[u8]) -> bool {
        let mut rescan = Scanner::start(self.wanted, self.boundary.at_the_start());
        let names = |scanner: &Scanner| scanner.fields.iter().map(|field| field.name).collect::<Vec<_>>();
        rescan.push(edited).is_ok()
            && (rescan.place, rescan.part.content) == (self.place, self.part.content)
            && (rescan.parts, rescan.others.len(), rescan.files.len())
                == (self.parts, self.others.len(), self.files.len())
            && names(&rescan) == names(self)
    }

    /// Returns the number of bytes consumed.
    #[must_use]
    pub fn taken(&self) -> usize {
        self.offset
    }

    /// Consumes at least one byte, starting at `at`.
    fn step(&mut self, bytes: &[u8], at: &mut usize) -> Result<(), FormErrorKind> {
        debug_assert!(*at < bytes.len());
        let rest = bytes.get(*at..).unwrap_or_default();
        let Some((&byte, _)) = rest.split_first() else { return Ok(()) };
        match self.place {
            Place::Start => {
                let (taken, found) = self.boundary.at_start(rest);
                *at += taken;
                match found {
                    Found::Nothing => {}
                    Found::Boundary => self.place = Place::Boundary(None),
                    Found::Ambiguous => return Err(FormErrorKind::Malformed),
                }
            }
            Place::Boundary(before) => {
                self.place = match (before, byte) {
                    (None, b'\r' | b'-') => Place::Boundary(Some(byte)),
                    (Some(b'\r'), b'\n') => {
                        self.parts += 1;
                        if self.parts > MAX_PARTS {
                            return Err(FormErrorKind::TooMany);
                        }
                        self.headers = 0;
                        self.part = Part::default();
                        Place::Headers(false)
                    }
                    (Some(b'-'), b'-') if self.parts > 0 => Place::End,
                    _ => return Err(FormErrorKind::Malformed),
                };
                *at += 1;
            }
            Place::Headers(cr) => self.header_byte(byte, cr, at)?,
            Place::Content => self.content(rest, at)?,
            Place::End => {
                // Only line ends may follow; anything else could be parsed as more of the form.
                if !matches!(byte, b'\r' | b'\n') {
                    return Err(FormErrorKind::Malformed);
                }
                *at += 1;
            }
        }
        Ok(())
    }

    fn header_byte(&mut self, byte: u8, cr: bool, at: &mut usize) -> Result<(), FormErrorKind> {
        self.headers += 1;
        if self.headers > MAX_HEADERS {
            return Err(FormErrorKind::TooLarge);
        }
        match (cr, byte) {
            (false, b'\r') => self.place = Place::Headers(true),
            (true, b'\n') if self.line.is_empty() => {
                self.part.begin(self.wanted)?;
                if let Content::Field(name) = self.part.content
                    && self.field(name).is_some()
                {
                    return Err(FormErrorKind::Duplicate(name));
                }
                self.has_files |= self.part.is_file();
                self.boundary.restart();
                self.start = self.offset.saturating_add(*at).saturating_add(1);
                self.place = Place::Content;
            }
            (true, b'\n') => {
                let header = Header::of(&self.line).ok_or(FormErrorKind::Malformed)?;
                let says_more = self.part.header(&header, self.wanted)?;
                if says_more {
                    // The text is followed by the CR and this LF.
                    self.keep("", self.offset.saturating_add(*at).saturating_sub(1))?;
                }
                self.line.clear();
                self.place = Place::Headers(false);
            }
            (false, 0 | b'\n') | (true, _) => return Err(FormErrorKind::Malformed),
            (false, _) => self.line.push(byte),
        }
        *at += 1;
        Ok(())
    }

    fn content(&mut self, rest: &[u8], at: &mut usize) -> Result<(), FormErrorKind> {
        let (taken, found) = self.boundary.search(rest);
        if self.part.content != Content::File {
            self.line.extend_from_slice(rest.get(..taken).unwrap_or_default());
        }
        *at += taken;
        match found {
            Found::Ambiguous => return Err(FormErrorKind::Malformed),
            Found::Nothing => {
                // The stored bytes may end with the beginning of the boundary.
                if self.line.len() > MAX_TEXTS.saturating_sub(self.kept) + self.boundary.len() {
                    return Err(FormErrorKind::TooLarge);
                }
            }
            Found::Boundary => {
                let end = self.offset.saturating_add(*at).saturating_sub(self.boundary.len());
                self.line.truncate(self.line.len().saturating_sub(self.boundary.len()));
                match self.part.content {
                    Content::File => {
                        // An empty file ends before the line end that precedes the delimiter begins.
                        let span = Span::new(self.start.min(end), end);
                        self.files.push(FilePart { span, is_plain: !self.part.is_encoded() });
                    }
                    Content::Field(name) => self.keep(name, end)?,
                    Content::Text => self.keep("", end)?,
                }
                self.place = Place::Boundary(None);
            }
        }
        Ok(())
    }

    /// Stores the content of `line`, which ends at `end`, as a field of this name, or as another text.
    fn keep(&mut self, name: &'static str, end: usize) -> Result<(), FormErrorKind> {
        let len = self.line.len();
        self.kept += len;
        if self.kept > MAX_TEXTS {
            return Err(FormErrorKind::TooLarge);
        }
        let text = String::from_utf8(std::mem::take(&mut self.line));
        let value = text.map_err(|_| match name {
            "" => FormErrorKind::NotPlain,
            name => FormErrorKind::InvalidUtf8(name),
        })?;
        let kept = if name.is_empty() { &mut self.others } else { &mut self.fields };
        kept.push(Field { name, value, span: Span::new(end.saturating_sub(len), end) });
        Ok(())
    }
}

/// Shows counts only.
impl std::fmt::Debug for Scanner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Scanner")
            .field("offset", &self.offset)
            .field("parts", &self.parts)
            .field("fields", &self.fields)
            .field("others", &self.others)
            .finish_non_exhaustive()
    }
}
