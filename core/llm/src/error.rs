//! Why a body was refused.

/// What is wrong with a body.
///
/// Its `Display` is a plain sentence that never holds anything of the body: it may be shown to the client and logged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ErrorKind {
    /// No value: nothing, or white space only.
    #[error("the body is empty")]
    Empty,
    /// More bytes than [`ParseLimits::max_bytes`](crate::ParseLimits::max_bytes).
    #[error("the body is larger than the limit")]
    TooLarge,
    /// More objects and arrays inside each other than [`ParseLimits::max_depth`](crate::ParseLimits::max_depth).
    #[error("the body is nested deeper than the limit")]
    TooDeep,
    /// More texts, messages or members than [`ParseLimits::max_items`](crate::ParseLimits::max_items).
    #[error("the body holds more members or texts than the limit")]
    TooMany,
    /// A string that is not UTF-8 (RFC 8259, section 8.1).
    #[error("a string is not valid UTF-8")]
    InvalidUtf8,
    /// Half of a surrogate pair: receivers disagree about what it means.
    #[error("a string holds half of a surrogate pair")]
    LoneSurrogate,
    /// A backslash that is not followed by one of the escapes of RFC 8259, section 7.
    #[error("a string holds an escape that JSON does not have")]
    InvalidEscape,
    /// A byte below 0x20 inside a string.
    #[error("a string holds a control character that is not escaped")]
    ControlCharacter,
    /// Two members of one object have the same name after unescaping: receivers disagree about which one counts.
    #[error("an object has two members of the same name")]
    DuplicateKey,
    /// A member that differs from one the gateway acts on only in case: some servers (Go's `encoding/json`) take one
    /// for the other.
    #[error("a member has the name of a known field in another case")]
    AmbiguousKey,
    /// Something after the value.
    #[error("there is something after the end of the JSON value")]
    TrailingData,
    /// Not a number of RFC 8259, section 6, for example with a leading zero.
    #[error("a number is not valid JSON")]
    InvalidNumber,
    /// Anything else that is not JSON.
    #[error("the body is not valid JSON")]
    Syntax,
    /// The body ends inside a value.
    #[error("the JSON value is cut off")]
    UnexpectedEnd,
    /// A field the gateway must understand has another type than the API says; holds the name of the field, for
    /// example `model`; `body` for the whole.
    #[error("the field {0} has the wrong type")]
    WrongType(&'static str),
}

/// A refused body: what is wrong, and where.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{kind} (at byte {offset})")]
pub struct Error {
    /// What is wrong.
    pub kind: ErrorKind,
    /// Offset in bytes from the start of the body.
    pub offset: usize,
}

impl Error {
    pub(crate) fn new(kind: ErrorKind, offset: usize) -> Error {
        Error { kind, offset }
    }
}
