//! Errors of parsing a body.

/// Kind of defect in a body.
///
/// Its `Display` is a plain sentence that never contains any of the body: it may be shown to the client and logged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ErrorKind {
    /// No value: the body is empty or only white space.
    #[error("the body is empty")]
    Empty,
    /// More bytes than [`ParseLimits::max_bytes`](crate::ParseLimits::max_bytes).
    #[error("the body is larger than the limit")]
    TooLarge,
    /// Deeper nesting of objects and arrays than [`ParseLimits::max_depth`](crate::ParseLimits::max_depth).
    #[error("the body is nested deeper than the limit")]
    TooDeep,
    /// More texts, messages or members than [`ParseLimits::max_items`](crate::ParseLimits::max_items).
    #[error("the body has more members or texts than the limit")]
    TooMany,
    /// A string that is not UTF-8 (RFC 8259, section 8.1).
    #[error("a string is not valid UTF-8")]
    InvalidUtf8,
    /// Lone surrogate: receivers disagree about its meaning.
    #[error("a string contains a lone surrogate")]
    LoneSurrogate,
    /// A backslash that is not followed by one of the escapes of RFC 8259, section 7.
    #[error("a string contains an invalid escape")]
    InvalidEscape,
    /// A byte below 0x20 inside a string.
    #[error("a string contains an unescaped control character")]
    ControlCharacter,
    /// Two members of one object have the same name after unescaping: receivers disagree about which one counts.
    #[error("an object has two members of the same name")]
    DuplicateKey,
    /// A member whose name equals that of a known field except for case: some servers (Go's `encoding/json`) accept one
    /// for the other.
    #[error("a member name differs from a known field only in case")]
    AmbiguousKey,
    /// Bytes other than white space after the value.
    #[error("unexpected data after the end of the JSON value")]
    TrailingData,
    /// A number that RFC 8259, section 6 does not allow, for example with a leading zero.
    #[error("a number is not valid JSON")]
    InvalidNumber,
    /// Any other violation of the JSON grammar.
    #[error("the body is not valid JSON")]
    Syntax,
    /// The body ends inside a value.
    #[error("the JSON value is truncated")]
    UnexpectedEnd,
    /// A field that the gateway must understand does not have the type that the API documents. Holds the name of the
    /// field, for example `model`, or `body` for the whole body.
    #[error("the field {0} has the wrong type")]
    WrongType(&'static str),
}

/// Error of parsing a body, with its position.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{kind} (at byte {offset})")]
pub struct Error {
    /// Kind of defect.
    pub kind: ErrorKind,
    /// Offset in bytes from the start of the body.
    pub offset: usize,
}

impl Error {
    pub(crate) fn new(kind: ErrorKind, offset: usize) -> Error {
        Error { kind, offset }
    }
}
