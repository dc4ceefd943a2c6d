//! Condensing of a JSON response while it arrives.
//!
//! A picture or a set of embeddings makes a response of megabytes, of which only model, usage and the end of the response
//! matter to a reader that counts. A [`Condenser`] copies the response without base64 data, lists of numbers and repetitions
//! of the request. What it appends is JSON that the parsers of this crate read like the original, and its size does not
//! depend on what was left out. The state between two pieces has a fixed size.
//!
//! ```
//! use tollgate_llm::{Condenser, Dialect, ParseLimits, Response};
//!
//! let picture = "iVBORw0KGgo".repeat(1000);
//! let body = format!(r#"{{"data":[{{"b64_json":"{picture}"}}],"usage":{{"input_tokens":5,"output_tokens":40}}}}"#);
//! let (mut condenser, mut condensed) = (Condenser::new(Dialect::OpenAiImages, false), Vec::new());
//! for piece in body.as_bytes().chunks(100) {
//!     condenser.push(piece, &mut condensed);
//! }
//! condenser.finish(&mut condensed);
//! assert_eq!(condensed, br#"{"data":[{"b64_json":""}],"usage":{"input_tokens":5,"output_tokens":40}}"#);
//! let response = Response::parse(Dialect::OpenAiImages, &condensed, &ParseLimits::default())?;
//! assert_eq!(response.usage.map(|usage| usage.output), Some(40));
//! # Ok::<(), tollgate_llm::Error>(())
//! ```

use crate::Dialect;
use crate::body::data::{is_base64, is_data};

/// Length from which a string is left out if it looks like base64, or if the response must become smaller.
const LONG_STRING: usize = 256;
/// Length from which a list of numbers is left out. The list keeps its first numbers.
const LONG_LIST: usize = 64;
/// Maximum number of bytes after which a bounded condenser chooses its detail again.
const MAX_STEP: usize = 16 << 10;
/// Value of [`StringState::escape`] after a backslash, before the kind of the escape is known.
const ESCAPE: u8 = u8::MAX;

/// Copies JSON without what a reader of usage does not need.
#[derive(Clone, Debug)]
pub struct Condenser {
    /// Members that repeat the request.
    repeated_members: &'static [&'static str],
    /// `true` if a line break ends every value: the input is a stream with one JSON value per line.
    by_line: bool,
    detail: Detail,
    /// Size that the copy must keep, by leaving out more as it grows; `None` if it may have any size.
    limit: Option<usize>,
    /// Bytes read, and bytes kept of them.
    read: usize,
    kept: usize,
    state: State,
    /// Last byte outside of strings that is not white space.
    last: u8,
    /// `true` after a string that names a usage (`usage`, `usageMetadata`).
    is_after_usage: bool,
    /// Number of open containers from that of a usage on; 0 outside of usages.
    usage_depth: u32,
    /// Start of the current string or list, while it may still be left out.
    held: Vec<u8>,
    elided_text: u64,
}

/// Parts of a response that are kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Detail {
    /// Everything but data, numbers and repetitions.
    #[default]
    Full,
    /// Long texts are left out too.
    ShortTexts,
    /// Arrays, and further elements of an array, are left out too, except in a usage.
    Outline,
}

impl Detail {
    /// Returns the detail for a copy that has `size` bytes and may have `limit`.
    fn for_size(size: usize, limit: usize) -> Detail {
        match size {
            _ if size > limit - limit / 8 => Detail::Outline,
            _ if size > limit - limit / 4 => Detail::ShortTexts,
            _ => Detail::Full,
        }
    }
}

/// Part of the JSON text that the next byte belongs to.
#[derive(Clone, Copy, Debug)]
enum State {
    /// Brackets, punctuation, literals.
    Between(Member),
    String(StringState),
    Numbers(NumbersState),
    Echo(EchoState),
}

/// Position relative to a member that repeats the request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Member {
    Other,
    /// After the name of such a member.
    Name,
    /// Before its value.
    Value,
}

/// State of a string.
#[derive(Clone, Copy, Debug)]
struct StringState {
    fate: Fate,
    /// `true` if the string is long, and base64 so far.
    is_data: bool,
    /// `true` if the string repeats the request.
    is_echo: bool,
    /// Number of missing characters of an escape, or [`ESCAPE`].
    escape: u8,
    /// Bytes that were left out.
    elided: u64,
}

/// Decision on a string or a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    Undecided,
    Kept,
    /// Left out from its start.
    Elided,
    /// Left out from some character on.
    Cut,
}

/// State of a list of numbers.
#[derive(Clone, Copy, Debug)]
struct NumbersState {
    fate: Fate,
    /// `true` if the last byte is a comma.
    ends_with_comma: bool,
}

/// State of an array or object that repeats the request.
#[derive(Clone, Copy, Debug)]
struct EchoState {
    depth: u32,
    in_string: bool,
    is_escaped: bool,
}

impl Condenser {
    /// Creates a condenser for a response in `dialect`. `by_line`: the input is a stream with one JSON value per line, as in
    /// server-sent events, not one value.
    #[must_use]
    pub fn new(dialect: Dialect, by_line: bool) -> Condenser {
        Condenser {
            repeated_members: dialect.spec().repeated_members,
            by_line,
            detail: Detail::Full,
            limit: None,
            read: 0,
            kept: 0,
            state: State::Between(Member::Other),
            last: 0,
            is_after_usage: false,
            usage_depth: 0,
            held: Vec::new(),
            elided_text: 0,
        }
    }

    /// Creates a condenser like [`new`](Self::new) for a copy of `limit` bytes: as it comes near that, details are left out.
    #[must_use]
    pub fn bounded(dialect: Dialect, by_line: bool, limit: usize) -> Condenser {
        Condenser { limit: Some(limit), ..Condenser::new(dialect, by_line) }
    }

    /// Chooses what is kept from the next byte on.
    pub fn set_detail(&mut self, detail: Detail) {
        self.detail = detail;
    }

    /// Returns the bytes of texts that were left out.
    #[must_use]
    pub fn elided_text(&self) -> u64 {
        self.elided_text
    }

    /// Reads the next piece of the response and appends what is kept of it.
    pub fn push(&mut self, piece: &[u8], out: &mut Vec<u8>) {
        let Some(limit) = self.limit else { return self.condense(piece, out) };
        // The detail changes at fixed positions, so that the copy does not depend on the pieces.
        let step = MAX_STEP.min(limit / 8).max(1);
        let mut rest = piece;
        while !rest.is_empty() {
            let missing = step - self.read % step;
            let (now, after) = rest.split_at_checked(missing).unwrap_or((rest, &[]));
            let before = out.len();
            self.condense(now, out);
            self.kept += out.len() - before;
            self.read += now.len();
            if now.len() == missing {
                self.detail = Detail::for_size(self.kept, limit);
            }
            rest = after;
        }
    }

    fn condense(&mut self, piece: &[u8], out: &mut Vec<u8>) {
        let mut rest = piece;
        while !rest.is_empty() {
            let read = match self.state {
                State::Between(member) => self.between(member, rest, out),
                State::String(string) => self.string(string, rest, out),
                State::Numbers(numbers) => self.numbers(numbers, rest, out),
                State::Echo(echo) => self.echo(echo, rest),
            };
            rest = rest.get(read..).unwrap_or_default();
        }
    }

    /// Ends the response and appends what was not decided yet.
    pub fn finish(&mut self, out: &mut Vec<u8>) {
        match self.state {
            State::Numbers(numbers) => self.end_numbers(numbers, out),
            _ => out.append(&mut self.held),
        }
        self.state = State::Between(Member::Other);
    }

    /// Copies bytes up to the next string or number; returns the number of bytes read.
    fn between(&mut self, mut member: Member, rest: &[u8], out: &mut Vec<u8>) -> usize {
        for (at, byte) in rest.iter().enumerate() {
            let next = match byte {
                b' ' | b'\t' | b'\r' | b'\n' => continue,
                b':' if member == Member::Name => {
                    member = Member::Value;
                    self.last = b':';
                    continue;
                }
                b'"' => {
                    let is_echo = member == Member::Value;
                    let string = StringState { fate: Fate::Undecided, is_data: false, is_echo, escape: 0, elided: 0 };
                    State::String(string)
                }
                // A container behind a comma is an element: members begin with their names.
                b'[' | b'{' if member == Member::Value || self.is_outlined(*byte) => {
                    State::Echo(EchoState { depth: 1, in_string: false, is_escaped: false })
                }
                b'-' | b'0'..=b'9' => State::Numbers(NumbersState { fate: Fate::Undecided, ends_with_comma: false }),
                byte => {
                    member = Member::Other;
                    self.structure(*byte);
                    continue;
                }
            };
            self.last = *byte;
            out.extend_from_slice(rest.get(..at).unwrap_or_default());
            self.state = next;
            return match next {
                // The first digit is read with the others.
                State::Numbers(_) => at,
                State::Echo(_) => {
                    out.extend_from_slice(if *byte == b'[' { b"[]" } else { b"{}" });
                    at + 1
                }
                _ => {
                    self.held.push(b'"');
                    at + 1
                }
            };
        }
        out.extend_from_slice(rest);
        self.state = State::Between(member);
        rest.len()
    }

    /// Follows the containers of a usage, which is kept whole.
    fn structure(&mut self, byte: u8) {
        match byte {
            b'{' | b'[' if self.usage_depth > 0 => self.usage_depth = self.usage_depth.saturating_add(1),
            b'{' if self.is_after_usage && self.last == b':' => self.usage_depth = 1,
            b'}' | b']' => self.usage_depth = self.usage_depth.saturating_sub(1),
            _ => {}
        }
        self.last = byte;
    }

    /// Returns `true` if a container that begins with `byte` is left out of an outline.
    fn is_outlined(&self, byte: u8) -> bool {
        self.detail == Detail::Outline && self.usage_depth == 0 && (self.last == b',' || byte == b'[')
    }

    /// Reads a string up to its end or its next escape; returns the number of bytes read.
    fn string(&mut self, mut string: StringState, rest: &[u8], out: &mut Vec<u8>) -> usize {
        if string.escape > 0 {
            let Some(byte) = rest.first() else { return 0 };
            // In base64, the only escape is that of a slash.
            string.is_data &= string.escape != ESCAPE || *byte == b'/';
            self.keep(&mut string, rest.get(..1).unwrap_or_default(), out);
            string.escape = match (string.escape, byte) {
                (ESCAPE, b'u') => 4,
                (ESCAPE, _) => 0,
                (missing, _) => missing - 1,
            };
            self.state = State::String(string);
            return 1;
        }
        let end = match self.by_line {
            true => memchr::memchr3(b'"', b'\\', b'\n', rest),
            // Some servers leave line breaks in strings as they are.
            false => memchr::memchr2(b'"', b'\\', rest),
        };
        let len = end.unwrap_or(rest.len());
        self.keep(&mut string, rest.get(..len).unwrap_or_default(), out);
        match rest.get(len) {
            None => {
                self.state = State::String(string);
                len
            }
            Some(b'\\') => {
                // Whether it is one of base64, the next character tells.
                let is_data = (string.fate != Fate::Undecided).then_some(string.is_data);
                self.keep(&mut string, b"\\", out);
                string.is_data = is_data.unwrap_or(string.is_data);
                string.escape = ESCAPE;
                self.state = State::String(string);
                len + 1
            }
            // The end, or a line break that ends the value.
            Some(byte) => {
                let is_name = self.end_string(&string, out);
                self.state = State::Between(if is_name { Member::Name } else { Member::Other });
                if *byte == b'"' {
                    if string.fate != Fate::Elided {
                        out.push(b'"');
                    }
                    return len + 1;
                }
                len
            }
        }
    }

    /// Keeps or leaves out the next bytes of a string.
    fn keep(&mut self, string: &mut StringState, bytes: &[u8], out: &mut Vec<u8>) {
        if string.fate == Fate::Undecided {
            // The decision falls at the same character, however the response is split.
            let missing = (LONG_STRING + 1).saturating_sub(self.held.len());
            let (start, rest) = bytes.split_at_checked(missing).unwrap_or((bytes, &[]));
            self.held.extend_from_slice(start);
            let is_long = self.held.len() > LONG_STRING;
            string.is_data = is_long && is_data(self.held.get(1..).unwrap_or_default());
            if string.is_echo || is_long && (string.is_data || self.detail > Detail::Full) {
                string.fate = Fate::Elided;
                string.elided = self.held.len() as u64;
                self.held.clear();
                out.extend_from_slice(b"\"\"");
            } else if is_long {
                string.fate = Fate::Kept;
                out.append(&mut self.held);
            }
            if rest.is_empty() {
                return;
            }
            return self.keep(string, rest, out);
        }
        string.is_data = string.is_data && bytes.iter().all(|byte| is_base64(*byte));
        if string.fate == Fate::Kept && self.detail == Detail::Full {
            out.extend_from_slice(bytes);
            return;
        }
        let mut elided = bytes;
        if string.fate == Fate::Kept {
            // Ends with a whole character and a whole escape.
            let is_end = |byte: &u8| *byte & 0xc0 != 0x80;
            let end =
                if string.escape > 0 { bytes.len() } else { bytes.iter().position(is_end).unwrap_or(bytes.len()) };
            let (kept, rest) = bytes.split_at_checked(end).unwrap_or((bytes, &[]));
            out.extend_from_slice(kept);
            elided = rest;
            if !rest.is_empty() {
                string.fate = Fate::Cut;
            }
        }
        string.elided += elided.len() as u64;
    }

    /// Ends a string without its closing quote. Returns `true` if it is the name of a member that repeats the request.
    fn end_string(&mut self, string: &StringState, out: &mut Vec<u8>) -> bool {
        if !string.is_data && !string.is_echo {
            self.elided_text = self.elided_text.saturating_add(string.elided);
        }
        let text = self.held.strip_prefix(b"\"").unwrap_or_default();
        self.is_after_usage = string.fate == Fate::Undecided && text.starts_with(b"usage");
        let is_name =
            string.fate == Fate::Undecided && self.repeated_members.iter().any(|echo| echo.as_bytes() == text);
        out.append(&mut self.held);
        is_name
    }

    /// Reads a list of numbers up to its end; returns the number of bytes read.
    fn numbers(&mut self, mut numbers: NumbersState, rest: &[u8], out: &mut Vec<u8>) -> usize {
        let is_part = |byte: &u8| match byte {
            b'0'..=b'9' | b'.' | b',' | b'-' | b'+' | b'e' | b'E' | b' ' | b'\t' => true,
            b'\r' | b'\n' => !self.by_line,
            _ => false,
        };
        let len = rest.iter().position(|byte| !is_part(byte)).unwrap_or(rest.len());
        let part = rest.get(..len).unwrap_or_default();
        if let Some(end) = part.iter().rfind(|byte| !byte.is_ascii_whitespace()) {
            numbers.ends_with_comma = *end == b',';
        }
        match numbers.fate {
            Fate::Undecided => {
                self.held.extend_from_slice(part);
                if self.held.len() > LONG_LIST {
                    let last = self.held.iter().take(LONG_LIST).rposition(|byte| *byte == b',');
                    match last {
                        Some(last) => {
                            numbers.fate = Fate::Elided;
                            out.extend_from_slice(self.held.get(..last).unwrap_or_default());
                        }
                        None => {
                            numbers.fate = Fate::Kept;
                            out.extend_from_slice(&self.held);
                        }
                    }
                    self.held.clear();
                }
            }
            Fate::Kept => out.extend_from_slice(part),
            Fate::Elided | Fate::Cut => {}
        }
        self.state = State::Numbers(numbers);
        if len < rest.len() {
            self.end_numbers(numbers, out);
            self.state = State::Between(Member::Other);
        }
        len
    }

    fn end_numbers(&mut self, numbers: NumbersState, out: &mut Vec<u8>) {
        if numbers.ends_with_comma {
            self.last = b',';
        }
        out.append(&mut self.held);
        if numbers.fate == Fate::Elided && numbers.ends_with_comma {
            out.push(b',');
        }
    }

    /// Skips an array or object that repeats the request; returns the number of bytes read.
    fn echo(&mut self, mut echo: EchoState, rest: &[u8]) -> usize {
        for (at, byte) in rest.iter().enumerate() {
            match byte {
                b'\n' if self.by_line => {
                    self.state = State::Between(Member::Other);
                    return at;
                }
                _ if echo.is_escaped => echo.is_escaped = false,
                b'\\' if echo.in_string => echo.is_escaped = true,
                b'"' => echo.in_string = !echo.in_string,
                b'[' | b'{' if !echo.in_string => echo.depth = echo.depth.saturating_add(1),
                b']' | b'}' if !echo.in_string => {
                    echo.depth -= 1;
                    if echo.depth == 0 {
                        self.last = *byte;
                        self.state = State::Between(Member::Other);
                        return at + 1;
                    }
                }
                _ => {}
            }
        }
        self.state = State::Echo(echo);
        rest.len()
    }
}

#[cfg(test)]
mod tests;
