//! Strings and other values of JSON that a text consists of.
//!
//! Results and arguments of tools are JSON inside a string. [`tokens`] finds the strings of such a text, so that they can be
//! decoded once more, and the places at which an edit leaves it JSON.

use crate::json::scan::{self, Side};
use crate::{Error, ErrorKind, Span, Str};

/// Maximum nesting depth, one bit each.
const MAX_DEPTH: u32 = 64;

/// Kind of a [`JsonToken`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JsonTokenKind {
    /// Name of a member.
    Key,
    /// String that is a value.
    String,
    /// Number, `true`, `false` or `null`.
    Scalar,
}

/// String, number or word of a JSON text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct JsonToken {
    /// Kind of the token.
    pub kind: JsonTokenKind,
    /// Position in the text: between the quotes of a string, or all of a number or word.
    pub str: Str,
}

/// Splits a text that begins with an object, an array or a string into its tokens; without any token if the text is not JSON.
///
/// The text may be cut off anywhere, it may hold several objects or arrays one after the other (JSON Lines), and something else
/// may follow. A string must be the whole text: prose may begin with a quotation.
#[must_use]
pub fn tokens(text: &str) -> JsonTokens<'_> {
    let bytes = text.as_bytes();
    let start = bytes.iter().position(|byte| !byte.is_ascii_whitespace());
    let is_string = match start.and_then(|start| Some((start, bytes.get(start)?))) {
        Some((_, b'{' | b'[')) => false,
        Some((start, b'"')) => match scan::string(bytes, start + 1, Side::Response) {
            Ok(str) if bytes.iter().skip(str.span.end + 1).all(u8::is_ascii_whitespace) => true,
            _ => return JsonTokens::default(),
        },
        _ => return JsonTokens::default(),
    };
    JsonTokens { bytes, is_string, ..JsonTokens::default() }
}

/// Returns the ranges of a file that are JSON, in ascending order: objects and arrays that begin on a line of their own, each with
/// those that follow it (JSON Lines), and, in all other lines, literals of strings with an escape. So the strings of a file are
/// found that has a defect somewhere, and those of YAML, TOML, source code and CSV.
///
/// Each range alone is JSON for [`tokens`]. Only the last one may be cut off. A file is read at most three times.
pub fn ranges(text: &str) -> impl Iterator<Item = Span> {
    JsonRanges { bytes: text.as_bytes(), at: 0, is_line_start: true, line: LineEnd::default(), retry_from: 0 }
}

/// Iterator over the JSON in a file.
struct JsonRanges<'t> {
    bytes: &'t [u8],
    at: usize,
    /// `true` if nothing of the current line has been read.
    is_line_start: bool,
    line: LineEnd,
    /// Offset behind the values that were read and have no end.
    retry_from: usize,
}

impl Iterator for JsonRanges<'_> {
    type Item = Span;

    fn next(&mut self) -> Option<Span> {
        while self.at < self.bytes.len() {
            let found = if std::mem::take(&mut self.is_line_start) { self.values() } else { None };
            if let Some(span) = found.or_else(|| self.literal()) {
                return Some(span);
            }
            self.is_line_start = true;
        }
        None
    }
}

impl JsonRanges<'_> {
    /// Reads the objects and arrays that begin in this line.
    fn values(&mut self) -> Option<Span> {
        let rest = self.bytes.get(self.at..)?;
        let rest = rest.strip_prefix(b"\xef\xbb\xbf").unwrap_or(rest);
        let rest = rest.trim_ascii_start();
        let start = self.bytes.len().saturating_sub(rest.len());
        if !matches!(rest.first(), Some(b'{' | b'[')) || start < self.retry_from {
            return None;
        }
        let line = Some(LineEnd::default());
        let mut tokens = JsonTokens { bytes: self.bytes, at: start, line, ..JsonTokens::default() };
        let mut end = start;
        while tokens.item().is_some() {
            if tokens.structure.depth == 0 {
                end = tokens.at;
            }
        }
        if tokens.at >= self.bytes.len() {
            end = tokens.at;
        }
        self.retry_from = tokens.at;
        if end == start {
            return None;
        }
        self.at = end;
        Some(Span::new(start, end))
    }

    /// Reads the line up to the next literal with an escape, or to its end.
    fn literal(&mut self) -> Option<Span> {
        loop {
            let rest = self.bytes.get(self.at..)?;
            let Some(found) = memchr::memchr2(b'"', b'\n', rest) else {
                self.at = self.bytes.len();
                return None;
            };
            let quote = self.at + found;
            self.at = quote + 1;
            if rest.get(found) == Some(&b'\n') {
                return None;
            }
            match self.line.string(self.bytes, self.at) {
                Ok(str) => {
                    self.at = str.span.end + 1;
                    if str.escaped {
                        return Some(Span::new(quote, self.at));
                    }
                }
                Err(_) => self.skip_literal(),
            }
        }
    }

    /// Skips the remainder of a literal with escapes that JSON does not have; without an end in its line, up to that.
    fn skip_literal(&mut self) {
        while let Some(rest) = self.bytes.get(self.at..)
            && let Some(found) = memchr::memchr3(b'"', b'\\', b'\n', rest)
        {
            self.at += found;
            match rest.get(found) {
                Some(b'\n') => return,
                Some(b'"') => {
                    self.at += 1;
                    return;
                }
                // A line end cannot be escaped.
                _ => self.at += 1 + usize::from(rest.get(found + 1).is_some_and(|byte| *byte != b'\n')),
            }
        }
        self.at = self.bytes.len();
    }
}

/// End of the line that is being read. It is looked for once: a file may be a single line with any number of strings.
#[derive(Clone, Copy, Debug, Default)]
struct LineEnd(usize);

impl LineEnd {
    /// Returns the end of the line that contains `at`. Offsets ascend from call to call.
    fn of(&mut self, bytes: &[u8], at: usize) -> usize {
        if self.0 < at {
            let rest = bytes.get(at..).unwrap_or_default();
            self.0 = memchr::memchr(b'\n', rest).map_or(bytes.len(), |len| at + len);
        }
        self.0
    }

    /// Reads the string behind a quote, which ends in the same line.
    fn string(&mut self, bytes: &[u8], start: usize) -> Result<Str, Error> {
        let end = self.of(bytes, start);
        scan::string(bytes.get(..end).unwrap_or(bytes), start, Side::Response)
    }
}

/// Iterator over the tokens of the JSON at the beginning of a text.
#[derive(Clone, Debug, Default)]
pub struct JsonTokens<'t> {
    bytes: &'t [u8],
    /// `true` if the text is a string.
    is_string: bool,
    /// Present if a string ends in the line in which it begins.
    line: Option<LineEnd>,
    at: usize,
    structure: Structure,
}

/// Item of JSON: a token, or punctuation.
enum Item {
    Token(JsonToken),
    Mark,
}

impl JsonTokens<'_> {
    /// Returns the offset behind what has been read: at the end, the end of the JSON.
    #[must_use]
    pub fn offset(&self) -> usize {
        self.at
    }
}

impl Iterator for JsonTokens<'_> {
    type Item = JsonToken;

    fn next(&mut self) -> Option<JsonToken> {
        loop {
            if let Item::Token(token) = self.item()? {
                return Some(token);
            }
        }
    }
}

/// Open objects and arrays, and what may follow.
#[derive(Clone, Copy, Debug, Default)]
struct Structure {
    depth: u32,
    /// For each open value one bit, the innermost lowest: 1 for an object.
    objects: u64,
    next: Next,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Next {
    /// Value.
    #[default]
    Value,
    /// Value, or the end of the array that has just begun.
    FirstElement,
    /// Name of a member.
    Key,
    /// Name of a member, or the end of the object that has just begun.
    FirstKey,
    Colon,
    /// Comma or end of the innermost object or array; outside of both, another value.
    Separator,
}

impl JsonTokens<'_> {
    /// Reads the next item; `None` at the end of the JSON.
    fn item(&mut self) -> Option<Item> {
        use Next::{Colon, FirstElement, FirstKey, Key, Separator, Value};
        let rest = self.bytes.get(self.at..)?;
        let spaces = rest.iter().take_while(|byte| matches!(byte, b' ' | b'\t' | b'\n' | b'\r')).count();
        let byte = *rest.get(spaces)?;
        let start = self.at + spaces;
        let Structure { depth, objects, next } = self.structure;
        let in_object = depth > 0 && objects & 1 == 1;
        // Values on the outermost level follow each other without a comma.
        let next = if depth == 0 && next == Separator { Value } else { next };
        let is_value = matches!(next, Value | FirstElement);
        match (byte, next) {
            (b'{' | b'[', _) if is_value && depth < MAX_DEPTH => {
                let is_object = byte == b'{';
                let next = if is_object { FirstKey } else { FirstElement };
                self.structure = Structure { depth: depth + 1, objects: objects << 1 | u64::from(is_object), next };
            }
            (b'}', FirstKey | Separator) if in_object => self.close(),
            (b']', FirstElement | Separator) if depth > 0 && !in_object => self.close(),
            (b',', Separator) => self.structure.next = if in_object { Key } else { Value },
            (b':', Colon) => self.structure.next = Value,
            (b'"', Key | FirstKey) => {
                let token = self.string(start, JsonTokenKind::Key)?;
                self.structure.next = Colon;
                return Some(Item::Token(token));
            }
            (b'"', _) if is_value && (depth > 0 || self.is_string) => {
                let token = self.string(start, JsonTokenKind::String)?;
                self.structure.next = Separator;
                return Some(Item::Token(token));
            }
            (b'-' | b'0'..=b'9' | b't' | b'f' | b'n', _) if is_value && depth > 0 => {
                let token = self.scalar(start)?;
                self.structure.next = Separator;
                return Some(Item::Token(token));
            }
            _ => return None,
        }
        self.at = start + 1;
        Some(Item::Mark)
    }

    fn close(&mut self) {
        let Structure { depth, objects, .. } = self.structure;
        self.structure = Structure { depth: depth.saturating_sub(1), objects: objects >> 1, next: Next::Separator };
    }

    /// Reads the string whose opening quote is at `quote`. A string that the text cuts off ends with the text.
    fn string(&mut self, quote: usize, kind: JsonTokenKind) -> Option<JsonToken> {
        let start = quote + 1;
        let read = match &mut self.line {
            Some(line) => line.string(self.bytes, start),
            None => scan::string(self.bytes, start, Side::Response),
        };
        let str = match read {
            Ok(str) => str,
            Err(error) if error.kind == ErrorKind::UnexpectedEnd => {
                if self.line.is_some_and(|mut line| line.of(self.bytes, start) < self.bytes.len()) {
                    return None;
                }
                let span = Span::new(start, self.bytes.len());
                Str { span, escaped: span.of(self.bytes).contains(&b'\\') }
            }
            Err(_) => return None,
        };
        self.at = (str.span.end + 1).min(self.bytes.len());
        Some(JsonToken { kind, str })
    }

    fn scalar(&mut self, start: usize) -> Option<JsonToken> {
        let rest = self.bytes.get(start..)?;
        let word = [&b"true"[..], b"false", b"null"].into_iter().find(|word| rest.starts_with(word));
        let end = match word {
            Some(word) => start + word.len(),
            None => match scan::number(self.bytes, start) {
                Ok(span) => span.end,
                Err(error) if error.kind == ErrorKind::UnexpectedEnd && rest.len() > 1 => self.bytes.len(),
                Err(_) => return None,
            },
        };
        self.at = end;
        Some(JsonToken { kind: JsonTokenKind::Scalar, str: Str { span: Span::new(start, end), escaped: false } })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Returns the tokens, keys with `:` and scalars with `=`, and the rest of the text.
    fn read(text: &str) -> (Vec<String>, &str) {
        let mut found = tokens(text);
        let list = found.by_ref().map(|token| {
            let text = token.str.decode(text.as_bytes());
            match token.kind {
                JsonTokenKind::Key => format!("{text}:"),
                JsonTokenKind::String => text.into_owned(),
                JsonTokenKind::Scalar => format!("={text}"),
            }
        });
        (list.collect(), &text[found.offset()..])
    }

    #[test]
    fn tokens_of_complete_cut_and_followed_json() {
        for (text, want, rest) in [
            (
                r#"{"a": "b\n\u00e9", "c": [1, -2.5e3, true, null, {}], "d": {"e": []}}"#,
                &["a:", "b\né", "c:", "=1", "=-2.5e3", "=true", "=null", "d:", "e:"][..],
                "",
            ),
            (" [\"x\"]\n", &["x"], "\n"),
            (r#""a\tb""#, &["a\tb"], ""),
            ("{\"a\":1}\n{\"a\":2}\n", &["a:", "=1", "a:", "=2"], "\n"),
            (r#"{"a": "cut \u00"#, &["a:", "cut \u{fffd}u00"], ""),
            (r#"{"a": 41"#, &["a:", "=41"], ""),
            (r#"{"a": 41."#, &["a:", "=41."], ""),
            (r#"{"a": tr"#, &["a:"], " tr"),
            (r#"{"a": "b"} and so on"#, &["a:", "b"], " and so on"),
            (r#"{"a" "b"}"#, &["a:"], r#" "b"}"#),
            (r#"{"a": "b",}"#, &["a:", "b"], "}"),
            (r#"["a" "b"]"#, &["a"], r#" "b"]"#),
            (r#"["a"}"#, &["a"], "}"),
            (r#"{"a": "\x"}"#, &["a:"], r#" "\x"}"#),
            ("[1] Smith", &["=1"], " Smith"),
            ("[1] \"Smith\"", &["=1"], " \"Smith\""),
            ("\"Well\", he said", &[], "\"Well\", he said"),
            ("\"Well", &[], "\"Well"),
            ("plain", &[], "plain"),
            ("12", &[], "12"),
            ("{not json}", &[], "not json}"),
            ("", &[], ""),
        ] {
            assert_eq!(read(text), (want.iter().map(|token| (*token).to_owned()).collect(), rest), "{text}");
        }
        let deep = "[".repeat(100);
        assert_eq!(read(&deep).1.len(), 36);
    }

    #[test]
    fn json_in_files_is_found_by_lines() {
        for (text, want) in [
            ("{\"a\":\"\\u0041\"}\n{\"a\":2}\n", &["{\"a\":\"\\u0041\"}\n{\"a\":2}"][..]),
            ("\u{feff}  [\n 1\n]", &["[\n 1\n]"]),
            ("# Title\n\n{\"a\":1} and so on\n[2]", &["{\"a\":1}", "[2]"]),
            // A defect in a line, in a document, in front of everything.
            ("{\"a\":NaN,\"b\":\"\\u0041\"}\n{\"c\":3}", &["\"\\u0041\"", "{\"c\":3}"]),
            ("{\n \"a\": 1,\n \"b\": \"\\u0041\",\n}\n", &["\"\\u0041\""]),
            ("{\"\n{\"a\":1}", &["{\"a\":1}"]),
            ("[\n[\n{\"a\": x, \"b\": \"\\n\"}\n[1]\n{}", &["\"\\n\"", "[1]\n{}"]),
            ("x {\"a\":\"\\n\"}", &["\"\\n\""]),
            // Other formats with such strings.
            ("a: \"\\u0041\"\r\nb: \"b\"", &["\"\\u0041\""]),
            ("id,\"{\"\"k\"\":\"\"\\n\"\"}\"", &["\"\\n\""]),
            ("it's 5\" long, \\ and\n\"a\\tb\"", &["\"a\\tb\""]),
            ("\"\\x\" \"\\n\"", &["\"\\n\""]),
            // Cut off.
            ("{\"a\":\"\\u0041", &["{\"a\":\"\\u0041"]),
            ("{\"a\":[1]", &["{\"a\":[1]"]),
            ("\"\\\"\\x\\\" \"\\n", &[]),
            ("plain", &[]),
            ("[2026-01-02] started", &[]),
            ("", &[]),
        ] {
            let found: Vec<&str> = ranges(text).map(|span| &text[span.start..span.end]).collect();
            assert_eq!(found, want, "{text}");
            for range in found {
                assert!(tokens(range).next().is_some() || range.ends_with("{}"), "{range}");
            }
        }
    }

    #[test]
    fn values_without_an_end_are_read_once() {
        let text = "[\n".repeat(20_000) + &"[\"a\", ".repeat(20_000);
        assert!(ranges(&text).count() < 64);
    }

    proptest! {
        /// Every string of a document is in a range, whatever is in front of the document.
        #[test]
        fn ranges_ascend_and_have_the_strings(
            text in "([\\[{\\]},:\"\n 1a\u{e9}]|\\\\u0041|\\\\)*",
            value in "[a-z\\n\"]{0,6}",
        ) {
            let document = serde_json::json!({ "a": [{ "b": value }] }).to_string();
            let all = format!("{text}\n{document}\n");
            let mut end = 0;
            let mut found = Vec::new();
            for span in ranges(&all) {
                prop_assert!(end <= span.start && span.start < span.end);
                end = span.end;
                let part = all.get(span.start..span.end);
                prop_assert!(part.is_some());
                found.extend(tokens(part.unwrap_or_default()).map(|token| {
                    token.str.decode(part.unwrap_or_default().as_bytes()).into_owned()
                }));
            }
            let is_escaped = document.contains('\\');
            prop_assert!(!is_escaped || found.contains(&value), "{:?}", found);
        }
    }

    proptest! {
        #[test]
        fn json_is_read_to_its_end_and_anything_is_read_without_panic(
            key in ".{0,8}",
            text in ".{0,20}",
            number in any::<i64>(),
            cut in 0usize..80,
        ) {
            let json = serde_json::json!({(key.clone()): [text, number], "another key": {"y": null}}).to_string();
            let mut found = tokens(&json);
            let texts: Vec<_> = found.by_ref().map(|token| token.str.decode(json.as_bytes()).into_owned()).collect();
            prop_assert_eq!((texts.len(), found.offset()), (6, json.len()));
            prop_assert!(texts.contains(&key) && texts.contains(&text) && texts.contains(&number.to_string()));
            let cut = json.floor_char_boundary(cut.min(json.len()));
            prop_assert!(tokens(&json[..cut]).count() <= 6);
            prop_assert!(tokens(&text).count() <= text.len());
        }
    }
}
