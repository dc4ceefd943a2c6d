//! One forward scan over a body, asked for value by value.
//!
//! A dialect asks for the members and elements it knows and hands every other value to [`Reader::walk`], which shows
//! each string in it. Nothing is built and nothing recurses: what is open lies on a stack whose height is bounded. All
//! that is read is checked, wanted or not.

use crate::json::duplicate_keys::Keys;
use crate::json::scan::{self, Side};
use crate::{Error, ErrorKind, ParseLimits, Span, Str};

/// Vectors that a reader needs and a caller may keep from one body to the next.
#[derive(Clone, Debug, Default)]
pub(crate) struct Scratch {
    open: Vec<Open>,
    keys: Keys,
}

#[cfg(test)]
impl Scratch {
    /// Where the vectors lie.
    pub(crate) fn places(&self) -> (usize, usize) {
        (self.open.as_ptr() as usize, self.keys.place())
    }
}

/// So many objects and arrays inside each other need no second allocation.
const USUAL_DEPTH: usize = 8;

/// An object or array that is not at its end yet.
#[derive(Clone, Copy, Debug)]
struct Open {
    object: bool,
    /// Whether it has a member or element already.
    begun: bool,
    /// Where its keys begin.
    keys: usize,
    /// The name of the member that it belongs to: whose value it is, or whose value is the array it stands in.
    member: Option<Str>,
}

/// A value: whole, or the beginning of an object or array, whose members or elements must be asked for next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Value {
    /// Offset of the brace.
    Object(usize),
    /// Offset of the bracket.
    Array(usize),
    String(Str),
    Number(Span),
    Bool(bool, Span),
    Null(Span),
}

impl Value {
    /// Offset of its first byte.
    pub(crate) fn start(self) -> usize {
        match self {
            Value::Object(at) | Value::Array(at) => at,
            Value::String(str) => str.literal().start,
            Value::Number(span) | Value::Bool(_, span) | Value::Null(span) => span.start,
        }
    }

    pub(crate) fn is_null(self) -> bool {
        matches!(self, Value::Null(_))
    }
}

/// Returns the error for a field whose value has another type than the API documents.
pub(crate) fn wrong_type(field: &'static str, value: Value) -> Error {
    Error::new(ErrorKind::WrongType(field), value.start())
}

/// What [`Reader::walk`] shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Found {
    /// The name of a member; and the name of the member that its object belongs to.
    Key(Str, Option<Str>),
    /// A string; and the name of the member that it belongs to.
    Value(Str, Option<Str>),
}

/// A scan over one body.
pub(crate) struct Reader<'b, 's> {
    body: &'b [u8],
    at: usize,
    scratch: &'s mut Scratch,
    max_depth: usize,
    max_keys: usize,
    side: Side,
    /// The last key read.
    key: Option<Str>,
}

impl<'b, 's> Reader<'b, 's> {
    pub(crate) fn new(
        body: &'b [u8],
        limits: &ParseLimits,
        side: Side,
        scratch: &'s mut Scratch,
    ) -> Result<Reader<'b, 's>, Error> {
        if body.len() > limits.max_bytes {
            return Err(Error::new(ErrorKind::TooLarge, limits.max_bytes));
        }
        scratch.open.clear();
        scratch.open.reserve(USUAL_DEPTH);
        scratch.keys.clear();
        let mut reader =
            Reader { body, at: 0, scratch, max_depth: limits.max_depth, max_keys: limits.max_items, side, key: None };
        reader.space();
        if reader.at == body.len() {
            return Err(Error::new(ErrorKind::Empty, body.len()));
        }
        Ok(reader)
    }

    pub(crate) fn body(&self) -> &'b [u8] {
        self.body
    }

    /// Offset after what was read.
    pub(crate) fn offset(&self) -> usize {
        self.at
    }

    /// Whether what is innermost and open is an object.
    pub(crate) fn in_object(&self) -> bool {
        self.scratch.open.last().is_some_and(|open| open.object)
    }

    /// The value that stands next: the whole of the body, or that of the member whose key was read.
    pub(crate) fn value(&mut self) -> Result<Value, Error> {
        self.space();
        let start = self.at;
        match self.peek() {
            Some(b'"') => self.string().map(Value::String),
            Some(b'{') => self.open(true).map(|()| Value::Object(start)),
            Some(b'[') => self.open(false).map(|()| Value::Array(start)),
            Some(b'-' | b'0'..=b'9') => {
                let span = scan::number(self.body, start)?;
                self.at = span.end;
                Ok(Value::Number(span))
            }
            Some(b't') => self.word("true").map(|span| Value::Bool(true, span)),
            Some(b'f') => self.word("false").map(|span| Value::Bool(false, span)),
            Some(b'n') => self.word("null").map(Value::Null),
            Some(_) => Err(self.error(ErrorKind::Syntax)),
            None => Err(self.error(ErrorKind::UnexpectedEnd)),
        }
    }

    /// The key of the next member of the innermost open object; `None` at its end, which closes it.
    pub(crate) fn key(&mut self) -> Result<Option<Str>, Error> {
        if !self.next(true, b'}')? {
            return Ok(None);
        }
        if self.peek() != Some(b'"') {
            return Err(self.unexpected());
        }
        let base = self.scratch.open.last().map_or(0, |open| open.keys);
        let key = self.string()?;
        if self.scratch.keys.len() >= self.max_keys {
            return Err(Error::new(ErrorKind::TooMany, key.span.start));
        }
        let added = self.scratch.keys.add(self.body, base, key);
        added.map_err(|at| Error::new(ErrorKind::DuplicateKey, at))?;
        self.space();
        if self.peek() != Some(b':') {
            return Err(self.unexpected());
        }
        self.at += 1;
        self.key = Some(key);
        Ok(Some(key))
    }

    /// As [`key`](Reader::key), with the one of `known` that it is, or an empty name.
    ///
    /// In a request, a key that is one of them but for case is refused: some servers take one for the other, so that
    /// `"Model"` would be a second model. The letters that only Unicode folds to ASCII are counted in.
    pub(crate) fn field(&mut self, known: &[&'static str]) -> Result<Option<(Str, &'static str)>, Error> {
        let Some(key) = self.key()? else { return Ok(None) };
        if let Some(name) = known.iter().find(|name| key.is(self.body, name)) {
            return Ok(Some((key, name)));
        }
        if self.side == Side::Request && known.iter().any(|name| folds_to(self.body, key, name)) {
            return Err(Error::new(ErrorKind::AmbiguousKey, key.span.start));
        }
        Ok(Some((key, "")))
    }

    /// The beginning of the body, which is an object; where it stands. Its members must be asked for next.
    pub(crate) fn object(&mut self) -> Result<usize, Error> {
        match self.value()? {
            Value::Object(at) => Ok(at),
            value => Err(wrong_type("body", value)),
        }
    }

    /// Whether the object that was just opened has no members.
    pub(crate) fn is_empty_object(&mut self) -> bool {
        self.space();
        self.peek() == Some(b'}')
    }

    /// The next element of the innermost open array; `None` at its end, which closes it.
    pub(crate) fn element(&mut self) -> Result<Option<Value>, Error> {
        if self.next(false, b']')? { self.value().map(Some) } else { Ok(None) }
    }

    /// Reads the rest of `value`, which must be the last that was read and not read on since, and shows each string in
    /// it, in document order.
    pub(crate) fn walk(&mut self, value: Value, mut show: impl FnMut(Found) -> Result<(), Error>) -> Result<(), Error> {
        match value {
            Value::String(str) => return show(Found::Value(str, self.member())),
            Value::Object(_) | Value::Array(_) => {}
            _ => return Ok(()),
        }
        let outer = self.scratch.open.len();
        while let Some(open) = self.scratch.open.last().copied().filter(|_| self.scratch.open.len() >= outer) {
            let next = if open.object {
                match self.key()? {
                    Some(key) => {
                        show(Found::Key(key, open.member))?;
                        Some(self.value()?)
                    }
                    None => None,
                }
            } else {
                self.element()?
            };
            if let Some(Value::String(str)) = next {
                show(Found::Value(str, self.member()))?;
            }
        }
        Ok(())
    }

    /// Nothing but white space may follow the value that was read.
    pub(crate) fn end(&mut self) -> Result<(), Error> {
        self.space();
        if self.at == self.body.len() { Ok(()) } else { Err(self.error(ErrorKind::TrailingData)) }
    }

    /// The name of the member that a value read now belongs to: itself, or the array it stands in.
    fn member(&self) -> Option<Str> {
        let open = self.scratch.open.last()?;
        if open.object { self.key } else { open.member }
    }

    fn open(&mut self, object: bool) -> Result<(), Error> {
        if self.scratch.open.len() >= self.max_depth {
            return Err(self.error(ErrorKind::TooDeep));
        }
        let open = Open { object, begun: false, keys: self.scratch.keys.len(), member: self.member() };
        self.scratch.open.push(open);
        self.at += 1;
        Ok(())
    }

    /// Whether another member or element follows in the innermost object or array; closes it if not.
    fn next(&mut self, object: bool, close: u8) -> Result<bool, Error> {
        self.space();
        let byte = self.peek();
        match self.scratch.open.last_mut().filter(|open| open.object == object) {
            Some(open) if byte == Some(close) => {
                let keys = open.keys;
                self.at += 1;
                self.scratch.open.pop();
                let closed = if object { self.scratch.keys.close(self.body, keys) } else { Ok(()) };
                closed.map_err(|at| Error::new(ErrorKind::DuplicateKey, at))?;
                Ok(false)
            }
            Some(open) if open.begun && byte == Some(b',') => {
                self.at += 1;
                self.space();
                Ok(true)
            }
            Some(open) if !open.begun && byte.is_some() => {
                open.begun = true;
                Ok(true)
            }
            _ => Err(self.unexpected()),
        }
    }

    fn string(&mut self) -> Result<Str, Error> {
        let str = scan::string(self.body, self.at + 1, self.side)?;
        self.at = str.literal().end;
        Ok(str)
    }

    fn word(&mut self, word: &str) -> Result<Span, Error> {
        let rest = self.body.get(self.at..).unwrap_or_default();
        if rest.starts_with(word.as_bytes()) {
            let span = Span::new(self.at, self.at + word.len());
            self.at = span.end;
            return Ok(span);
        }
        let cut = word.as_bytes().starts_with(rest);
        Err(self.error(if cut { ErrorKind::UnexpectedEnd } else { ErrorKind::Syntax }))
    }

    fn space(&mut self) {
        while let Some(b' ' | b'\t' | b'\n' | b'\r') = self.peek() {
            self.at += 1;
        }
    }

    fn peek(&self) -> Option<u8> {
        self.body.get(self.at).copied()
    }

    fn unexpected(&self) -> Error {
        self.error(if self.at < self.body.len() { ErrorKind::Syntax } else { ErrorKind::UnexpectedEnd })
    }

    fn error(&self, kind: ErrorKind) -> Error {
        Error::new(kind, self.at)
    }
}

/// Whether a key is a name of ASCII letters when case does not count.
fn folds_to(body: &[u8], key: Str, name: &str) -> bool {
    let raw = key.span.of(body);
    if key.escaped {
        // Six bytes are the longest spelling of a letter that is one of ASCII then.
        raw.len() <= 6 * name.len() && key.chars(body).map(fold).eq(name.chars().map(fold))
    } else if raw.len() == name.len() {
        // As many letters in as many bytes: all of them are ASCII.
        raw.eq_ignore_ascii_case(name.as_bytes())
    } else {
        (name.len()..=3 * name.len()).contains(&raw.len())
            && !raw.is_ascii()
            && key.chars(body).map(fold).eq(name.chars().map(fold))
    }
}

/// The letters of ASCII that other letters are the same as when case does not count.
fn fold(char: char) -> char {
    match char {
        '\u{17f}' => 's',
        '\u{212a}' => 'k',
        '\u{130}' | '\u{131}' => 'i',
        char => char.to_ascii_lowercase(),
    }
}
