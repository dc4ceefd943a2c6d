//! Pull parser: one forward scan over a body, read value by value.
//!
//! A dialect reads the members and elements it knows and hands every other value to [`Reader::walk`], which visits each
//! string in it. Nothing is built and nothing recurses: open objects and arrays are kept on a stack of bounded height.
//! Everything read is validated, used or not.

use crate::json::duplicate_keys::Keys;
use crate::json::scan::{self, Side};
use crate::{Error, ErrorKind, ParseLimits, Span, Str};

/// Vectors of a reader, reusable from one body to the next.
#[derive(Clone, Debug, Default)]
pub(crate) struct Scratch {
    open: Vec<Open>,
    keys: Keys,
    /// Names of members that are not known, see [`Reader::record_names`].
    names: Vec<Str>,
}

impl Scratch {
    /// Returns the recorded names of members.
    pub(crate) fn names(&self) -> &[Str] {
        &self.names
    }
}

#[cfg(test)]
impl Scratch {
    /// Returns the addresses of the vectors.
    pub(crate) fn places(&self) -> (usize, usize) {
        (self.open.as_ptr() as usize, self.keys.place())
    }
}

/// Nesting depth that needs no second allocation.
const USUAL_DEPTH: usize = 8;

/// Open object or array.
#[derive(Clone, Copy, Debug)]
struct Open {
    object: bool,
    /// `true` if it has a member or element already.
    has_entries: bool,
    /// Index of its first key.
    keys: usize,
    /// Name of the enclosing member: the member whose value it is, or whose value is the array that contains it.
    member: Option<Str>,
}

/// Value: complete, or the start of an object or array, whose members or elements must be read next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Value {
    /// Offset of the opening brace.
    Object(usize),
    /// Offset of the opening bracket.
    Array(usize),
    String(Str),
    Number(Span),
    Bool(bool, Span),
    Null(Span),
}

impl Value {
    /// Returns the offset of the first byte.
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

/// String or number visited by [`Reader::walk`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Found {
    /// Member name, and the name of the member that its object belongs to.
    Key(Str, Option<Str>),
    /// String value, and the name of the member that it belongs to.
    Value(Str, Option<Str>),
    /// Number.
    Number(Span),
}

/// Pull parser over one body.
pub(crate) struct Reader<'b, 's> {
    body: &'b [u8],
    at: usize,
    scratch: &'s mut Scratch,
    max_depth: usize,
    max_keys: usize,
    side: Side,
    /// Last key read.
    key: Option<Str>,
    /// Returns `true` for the name of a member that an API defines. `None`: no names are recorded.
    is_known: Option<IsKnown>,
}

/// Function that knows the names of members.
type IsKnown = fn(&[u8], Str) -> bool;

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
        scratch.names.clear();
        let mut reader = Reader {
            body,
            at: 0,
            scratch,
            max_depth: limits.max_depth,
            max_keys: limits.max_items,
            side,
            key: None,
            is_known: None,
        };
        const BOM: &[u8] = b"\xef\xbb\xbf";
        if side == Side::Response && body.starts_with(BOM) {
            reader.at = BOM.len();
        }
        reader.space();
        if reader.at == body.len() {
            return Err(Error::new(ErrorKind::Empty, body.len()));
        }
        Ok(reader)
    }

    pub(crate) fn body(&self) -> &'b [u8] {
        self.body
    }

    /// Restarts at the value at `at`, as if it were the whole body.
    pub(crate) fn restart(&mut self, at: usize) {
        self.scratch.open.clear();
        self.scratch.keys.clear();
        self.key = None;
        self.at = at;
    }

    /// Returns the offset after the bytes read so far.
    pub(crate) fn offset(&self) -> usize {
        self.at
    }

    /// Returns `true` if the innermost open value is an object.
    pub(crate) fn in_object(&self) -> bool {
        self.scratch.open.last().is_some_and(|open| open.object)
    }

    /// Reads the next value: the whole body, or the value of the member whose key was read.
    pub(crate) fn value(&mut self) -> Result<Value, Error> {
        self.space();
        let start = self.at;
        match self.peek() {
            Some(b'"') => self.string().map(Value::String),
            Some(b'{') => self.open(true).map(|()| Value::Object(start)),
            Some(b'[') => self.open(false).map(|()| Value::Array(start)),
            Some(b'-' | b'0'..=b'9') => match scan::number(self.body, start) {
                Ok(span) => {
                    self.at = span.end;
                    Ok(Value::Number(span))
                }
                Err(error) => self.not_a_number().ok_or(error),
            },
            Some(b'N' | b'I') => self.not_a_number().ok_or_else(|| self.error(ErrorKind::Syntax)),
            Some(b't') => self.word("true").map(|span| Value::Bool(true, span)),
            Some(b'f') => self.word("false").map(|span| Value::Bool(false, span)),
            Some(b'n') => self.word("null").map(Value::Null),
            Some(_) => Err(self.error(ErrorKind::Syntax)),
            None => Err(self.error(ErrorKind::UnexpectedEnd)),
        }
    }

    /// Reads the key of the next member of the innermost open object; `None` at its end, which closes it.
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
        self.duplicate(added)?;
        self.space();
        if self.peek() != Some(b':') {
            return Err(self.unexpected());
        }
        self.at += 1;
        self.key = Some(key);
        Ok(Some(key))
    }

    /// Reads the next key like [`key`](Reader::key) and returns the one of `known` that it equals, or an empty name.
    ///
    /// In a request, a key that equals one of them only without regard to case is refused: some servers accept one for
    /// the other, so that `"Model"` would be a second model. Letters that Unicode case folding maps to ASCII are
    /// included.
    pub(crate) fn field(&mut self, known: &[&'static str]) -> Result<Option<(Str, &'static str)>, Error> {
        let Some(key) = self.key()? else { return Ok(None) };
        if let Some(name) = known.iter().find(|name| key.is(self.body, name)) {
            return Ok(Some((key, name)));
        }
        if self.side == Side::Request && known.iter().any(|name| folds_to(self.body, key, name)) {
            return Err(Error::new(ErrorKind::AmbiguousKey, key.span.start));
        }
        self.note_name(key)?;
        Ok(Some((key, "")))
    }

    /// Records the names that [`field`](Reader::field) does not find among its own, unless `is_known` knows them.
    pub(crate) fn record_names(&mut self, is_known: fn(&[u8], Str) -> bool) {
        self.is_known = Some(is_known);
    }

    /// Records the name of a member that the reader of its object does not know.
    pub(crate) fn note_name(&mut self, name: Str) -> Result<(), Error> {
        let Some(is_known) = self.is_known else { return Ok(()) };
        if is_known(self.body, name) {
            return Ok(());
        }
        if self.scratch.names.len() >= self.max_keys {
            return Err(Error::new(ErrorKind::TooMany, name.span.start));
        }
        self.scratch.names.push(name);
        Ok(())
    }

    /// Returns `true` if the array that was just opened has no elements.
    pub(crate) fn is_empty_array(&mut self) -> bool {
        self.space();
        self.peek() == Some(b']')
    }

    /// Opens the body, which must be an object, and returns its offset. Its members must be read next.
    pub(crate) fn object(&mut self) -> Result<usize, Error> {
        match self.value()? {
            Value::Object(at) => Ok(at),
            value => Err(wrong_type("body", value)),
        }
    }

    /// Returns `true` if the object that was just opened has no members.
    pub(crate) fn is_empty_object(&mut self) -> bool {
        self.space();
        self.peek() == Some(b'}')
    }

    /// Reads the next element of the innermost open array; `None` at its end, which closes it.
    pub(crate) fn element(&mut self) -> Result<Option<Value>, Error> {
        if self.next(false, b']')? { self.value().map(Some) } else { Ok(None) }
    }

    /// Reads the rest of `value`, which must be the last value read, and visits each string and number in it, in document order.
    pub(crate) fn walk(&mut self, value: Value, mut show: impl FnMut(Found) -> Result<(), Error>) -> Result<(), Error> {
        match value {
            Value::String(str) => return show(Found::Value(str, self.member())),
            Value::Number(span) => return show(Found::Number(span)),
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
            match next {
                Some(Value::String(str)) => show(Found::Value(str, self.member()))?,
                Some(Value::Number(span)) => show(Found::Number(span))?,
                _ => {}
            }
        }
        Ok(())
    }

    /// Checks that only white space follows the value that was read.
    pub(crate) fn end(&mut self) -> Result<(), Error> {
        self.space();
        if self.at == self.body.len() { Ok(()) } else { Err(self.error(ErrorKind::TrailingData)) }
    }

    /// Returns the name of the member that the next value belongs to: its own key, or that of the enclosing array.
    fn member(&self) -> Option<Str> {
        let open = self.scratch.open.last()?;
        if open.object { self.key } else { open.member }
    }

    fn open(&mut self, object: bool) -> Result<(), Error> {
        if self.scratch.open.len() >= self.max_depth {
            return Err(self.error(ErrorKind::TooDeep));
        }
        let open = Open { object, has_entries: false, keys: self.scratch.keys.len(), member: self.member() };
        self.scratch.open.push(open);
        self.at += 1;
        Ok(())
    }

    /// Returns `true` if another member or element follows in the innermost object or array; closes it if not.
    fn next(&mut self, object: bool, close: u8) -> Result<bool, Error> {
        self.space();
        let byte = self.peek();
        match self.scratch.open.last_mut().filter(|open| open.object == object) {
            Some(open) if byte == Some(close) => {
                let keys = open.keys;
                self.at += 1;
                self.scratch.open.pop();
                let closed = if object { self.scratch.keys.close(self.body, keys) } else { Ok(()) };
                self.duplicate(closed)?;
                Ok(false)
            }
            Some(open) if open.has_entries && byte == Some(b',') => {
                self.at += 1;
                self.space();
                Ok(true)
            }
            Some(open) if !open.has_entries && byte.is_some() => {
                open.has_entries = true;
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

    /// Refuses a member that repeats a name, at the offset in `found`, except in a response: clients disagree about which one
    /// counts, so both are read.
    fn duplicate(&self, found: Result<(), usize>) -> Result<(), Error> {
        match found {
            Err(at) if self.side == Side::Request => Err(Error::new(ErrorKind::DuplicateKey, at)),
            _ => Ok(()),
        }
    }

    /// Reads `NaN` and infinity in a response.
    #[cold]
    fn not_a_number(&mut self) -> Option<Value> {
        let span = scan::not_a_number(self.body, self.at).filter(|_| self.side == Side::Response)?;
        self.at = span.end;
        Some(Value::Number(span))
    }

    fn word(&mut self, word: &str) -> Result<Span, Error> {
        debug_assert!(self.at <= self.body.len());
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

/// Returns `true` if a key equals a name of ASCII letters without regard to case.
fn folds_to(body: &[u8], key: Str, name: &str) -> bool {
    let raw = key.span.of(body);
    if key.escaped {
        // The longest spelling of a letter that folds to ASCII takes six bytes.
        raw.len() <= 6 * name.len() && key.chars(body).map(fold).eq(name.chars().map(fold))
    } else if raw.len() == name.len() {
        // Equal lengths in bytes: all letters are ASCII.
        raw.eq_ignore_ascii_case(name.as_bytes())
    } else {
        (name.len()..=3 * name.len()).contains(&raw.len())
            && !raw.is_ascii()
            && key.chars(body).map(fold).eq(name.chars().map(fold))
    }
}

/// Maps letters to lower case, including those that Unicode case folding maps to ASCII letters.
pub(crate) fn fold(char: char) -> char {
    match char {
        '\u{17f}' => 's',
        '\u{212a}' => 'k',
        '\u{130}' | '\u{131}' => 'i',
        char => char.to_ascii_lowercase(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use crate::{Dialect, Edits, ErrorKind, ParseLimits, Request, Response};

    fn texts(body: &str) -> Result<Vec<String>, ErrorKind> {
        let response = Response::parse(Dialect::OpenAiChat, body.as_bytes(), &ParseLimits::default());
        let response = response.map_err(|error| error.kind)?;
        Ok(response.texts.iter().map(|text| text.str.decode(body.as_bytes()).into_owned()).collect())
    }

    #[test]
    fn responses_of_servers_that_are_not_strict() {
        let message = |inner: &str| format!(r#"{{"choices":[{{"message":{{{inner}}}}}]}}"#);
        for (body, want) in [
            (message(r#""content":"a","content":"b""#), Ok(vec!["a", "b"])),
            (message(r#""content":"a","c\u006fntent":"b""#), Ok(vec!["a", "b"])),
            (message("\"content\":\"a\nb\tc\u{1}\""), Ok(vec!["a\nb\tc\u{1}"])),
            (message("\"content\":\"a\0\\n\""), Ok(vec!["a\0\n"])),
            (format!("\u{feff} {}", message(r#""content":"a""#)), Ok(vec!["a"])),
            (message(r#""score":NaN,"scores":[Infinity,-Infinity],"content":"a""#), Ok(vec!["a"])),
            (r#"{"choices":[],"choices":[{"message":{"content":"a"}}],"choices":null}"#.to_owned(), Ok(vec!["a"])),
            // These are no JSON to anyone.
            (message(r#""content":nan"#), Err(ErrorKind::Syntax)),
            (message(r#""content":Inf"#), Err(ErrorKind::Syntax)),
            (message(r#""content":-Inf"#), Err(ErrorKind::InvalidNumber)),
            (message(r#""content":'a'"#), Err(ErrorKind::Syntax)),
            (message(r#""content":"a","#), Err(ErrorKind::Syntax)),
            ("{\"a\":1}\u{feff}".to_owned(), Err(ErrorKind::TrailingData)),
        ] {
            let want = want.map(|texts| texts.into_iter().map(str::to_owned).collect());
            assert_eq!(texts(&body), want, "{body}");
        }
    }

    #[test]
    fn requests_stay_strict() {
        let request = |inner: &str| format!(r#"{{"model":"m","messages":[{{"role":"user","content":"a"}}],{inner}}}"#);
        for (body, kind) in [
            (request(r#""x":1,"x":2"#), ErrorKind::DuplicateKey),
            (request(r#""x":NaN"#), ErrorKind::Syntax),
            (request(r#""x":Infinity"#), ErrorKind::Syntax),
            (request(r#""x":-Infinity"#), ErrorKind::InvalidNumber),
            (request("\"x\":\"a\nb\""), ErrorKind::ControlCharacter),
            (format!("\u{feff}{}", request(r#""x":1"#)), ErrorKind::Syntax),
        ] {
            let read = Request::parse(Dialect::OpenAiChat, body.as_bytes(), &ParseLimits::default());
            assert_eq!(read.map(|_| ()).map_err(|error| error.kind), Err(kind), "{body}");
        }
    }

    /// Keys of objects with many members are compared when the object closes.
    #[test]
    fn many_members_may_repeat_a_name() {
        let members: Vec<String> = (0..100).map(|n| format!("\"k{n}\":\"t{n}\"")).collect();
        let object = members.join(",");
        let found = texts(&format!("{{\"index\":[{{{object},{object}}},{{\"k1\":\"last\"}}]}}")).unwrap();
        assert_eq!(found.len(), 402);
        assert_eq!(found.last().map(String::as_str), Some("last"));
    }

    /// Value of a server that is not strict.
    #[derive(Clone, Debug)]
    enum Loose {
        Text(String),
        Word(&'static str),
        Array(Vec<Loose>),
        Object(Vec<(usize, Loose)>),
    }

    impl Loose {
        /// Writes the value with `each` in place of its texts.
        fn write(&self, each: &mut impl FnMut(&str) -> String, out: &mut String) {
            match self {
                Loose::Text(text) => {
                    out.push('"');
                    out.push_str(&each(text));
                    out.push('"');
                }
                Loose::Word(word) => out.push_str(word),
                Loose::Array(values) => {
                    out.push('[');
                    for (at, value) in values.iter().enumerate() {
                        out.push_str(if at > 0 { ", " } else { "" });
                        value.write(each, out);
                    }
                    out.push(']');
                }
                Loose::Object(members) => {
                    out.push('{');
                    for (at, (name, value)) in members.iter().enumerate() {
                        out.push_str(if at > 0 { ",\n" } else { "" });
                        out.push_str(["\"url\":", "\"title\" : ", "\"\\u0075rl\":", "\"code\":"][name % 4]);
                        value.write(each, out);
                    }
                    out.push('}');
                }
            }
        }
    }

    fn loose() -> impl Strategy<Value = Loose> {
        let texts = "[a-z\0-\x1f\u{e9}\u{4e2d}]{0,40}";
        let words = prop::sample::select(vec!["NaN", "Infinity", "-Infinity", "-1.5e3", "null", "true", "0"]);
        let leaf = prop_oneof![texts.prop_map(Loose::Text), words.prop_map(Loose::Word)];
        leaf.prop_recursive(4, 40, 8, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..6).prop_map(Loose::Array),
                prop::collection::vec((0usize..4, inner), 0..30).prop_map(Loose::Object),
            ]
        })
    }

    proptest! {
        #[test]
        fn loose_values_are_read_and_edited_like_a_reference(value in loose(), has_mark in any::<bool>()) {
            let mark = if has_mark { "\u{feff}" } else { "" };
            let (mut body, mut want, mut edited) = (format!("{mark}{{\"title\":"), Vec::new(), format!("{mark}{{\"title\":"));
            value.write(&mut |text| { want.push(text.to_owned()); text.to_owned() }, &mut body);
            value.write(&mut |text| format!("!{}", text.len()), &mut edited);
            body.push('}');
            edited.push('}');
            let response = Response::parse(Dialect::OpenAiChat, body.as_bytes(), &ParseLimits::default());
            let response = response.map_err(|error| TestCaseError::fail(error.to_string()))?;
            let found: Vec<_> = response.texts.iter().map(|text| text.str.decode(body.as_bytes()).into_owned()).collect();
            prop_assert_eq!(&found, &want);
            let mut edits = Edits::new();
            for text in &response.texts {
                let all = text.str.decode(body.as_bytes());
                let replaced = edits.replace(text.str.span, format!("!{}", all.len()));
                prop_assert!(replaced.is_ok());
            }
            prop_assert_eq!(String::from_utf8(edits.apply(body.as_bytes())).unwrap(), edited);
        }
    }
}
