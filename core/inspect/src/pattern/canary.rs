//! Markers that an operator writes into instructions and documents, as they are and in the disguises that a model is talked into.
//!
//! A marker is a fixed text, so every disguise is one, too. All of them are alternatives of one expression, which begins with a
//! literal in each: streams need no view and hold back nothing else.

use super::char_set::CharSetsBuilder;
use super::compile;
use super::program::Program;
use crate::error::{PatternError, Problem};
use std::fmt::Write;

/// Maximum number of markers of a rule.
const MAX_MARKERS: usize = 16;
/// Length of a marker in characters. Shorter ones occur by chance, above all in base64.
const MARKER_CHARS: std::ops::RangeInclusive<usize> = 8..=64;
/// Maximum number of characters of all markers of a rule: each takes about 32 nodes.
const MAX_CHARS: usize = 400;
/// Number of characters of a marker in the literals that it begins with if some are percent-encoded.
const PLAIN_CHARS: usize = 8;
/// Number of characters of base64 in a literal.
const BASE64_CHARS: usize = 12;
/// Texts in front of each byte in hexadecimal, and between two of them.
const HEX: [(&str, &str); 4] = [("", ""), ("", " "), ("", ":"), (r"\x", r"\x")];
/// Separators of letters that are written one by one, each with its expression.
const SEPARATORS: [(&[&str], &str); 5] =
    [(&[" "], " "), (&["-"], "-"), (&["."], r"\."), (&["*"], r"\*"), (&["\n", "\r\n"], r"\r?\n")];
const BASE64: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// Checks the markers of a rule.
pub(crate) fn check(markers: &[String]) -> Result<(), Problem> {
    if markers.is_empty() {
        return Err(Problem::Empty);
    }
    if markers.len() > MAX_MARKERS {
        return Err(Problem::TooMany(MAX_MARKERS));
    }
    let is_valid = |marker: &String| {
        MARKER_CHARS.contains(&marker.len())
            && marker.bytes().all(|byte| matches!(byte, b' '..=b'~'))
            && marker.trim() == marker
    };
    if !markers.iter().all(is_valid) {
        return Err(Problem::Marker);
    }
    if markers.iter().map(String::len).sum::<usize>() > MAX_CHARS {
        return Err(Problem::MarkersTogether(MAX_CHARS));
    }
    Ok(())
}

/// Compiles markers that were checked.
pub(crate) fn compile(markers: &[String], sets: &mut CharSetsBuilder) -> Result<Program, PatternError> {
    let mut disguises = Disguises::default();
    markers.iter().for_each(|marker| disguises.add_all(marker));
    let Disguises { expressions, literals } = disguises;
    compile::beginning_with(&expressions.join("|"), literals, sets)
}

/// Texts that stand for markers.
#[derive(Default)]
struct Disguises {
    expressions: Vec<String>,
    /// Literals with one of which every match begins. ASCII letters match in any case.
    literals: Vec<Vec<u8>>,
}

impl Disguises {
    fn add_all(&mut self, marker: &str) {
        self.add_percent(marker);
        let reversed: String = marker.chars().rev().collect();
        self.add_verbatim(&reversed);
        self.add_verbatim(&marker.chars().map(rot13).collect::<String>());
        (0..3).for_each(|alignment| self.add_base64(marker.as_bytes(), alignment));
        HEX.iter().for_each(|(first, between)| self.add_hex(marker.as_bytes(), first, between));
        SEPARATORS.iter().for_each(|(texts, expression)| self.add_spaced(marker, texts, expression));
    }

    fn add_literal(&mut self, literal: impl AsRef<[u8]>) {
        self.literals.push(literal.as_ref().to_ascii_lowercase());
    }

    /// Adds a text in any case.
    fn add_verbatim(&mut self, text: &str) {
        self.expressions.push(format!("(?i:{})", regex_syntax::escape(text)));
        self.add_literal(text);
    }

    /// Adds the marker in any case, in which any characters may be percent-encoded, and spaces be `+`.
    fn add_percent(&mut self, marker: &str) {
        let (mut expression, mut plain) = (String::from("(?i:"), String::new());
        for (at, c) in marker.char_indices() {
            let more = if c == ' ' { r"|\+" } else { "" };
            let own = regex_syntax::escape(c.encode_utf8(&mut [0; 4]));
            let _ = write!(expression, "(?:{own}{more}|%{})", hex_class(c as u8));
            if at < PLAIN_CHARS {
                both_cases(c as u8).for_each(|byte| self.add_literal(format!("{plain}%{byte:02x}")));
                if c == ' ' {
                    self.add_literal(format!("{plain}+"));
                }
                plain.push(c);
            }
        }
        self.add_literal(plain);
        self.expressions.push(expression + ")");
    }

    /// Adds the part of base64 that the marker determines, behind `alignment` bytes of other text.
    fn add_base64(&mut self, marker: &[u8], alignment: usize) {
        let bit = |at: usize| {
            let byte = at.checked_sub(8 * alignment).and_then(|at| Some((marker.get(at / 8)?, at % 8)));
            byte.map_or(0, |(byte, shift)| usize::from(byte >> (7 - shift) & 1))
        };
        let digits = (8 * alignment).div_ceil(6)..8 * (alignment + marker.len()) / 6;
        let digits = digits.map(|digit| (6 * digit..6 * digit + 6).fold(0, |value, at| value << 1 | bit(at)));
        let (mut expression, mut literals, mut grows) = (String::new(), vec![String::new()], true);
        for (at, digit) in digits.filter_map(|digit| BASE64.get(digit)).enumerate() {
            let forms: &[char] = match digit {
                b'+' => &['+', '-'],
                b'/' => &['/', '_'],
                other => &[char::from(*other)],
            };
            let forms: Vec<String> = forms.iter().map(char::to_string).collect();
            let escaped: Vec<String> = forms.iter().map(|form| regex_syntax::escape(form)).collect();
            let _ = write!(expression, "(?:{})", escaped.join("|"));
            grows &= at < BASE64_CHARS && literals.len() * forms.len() <= 8;
            if grows {
                let all = literals.iter().flat_map(|own| forms.iter().map(move |form| format!("{own}{form}")));
                literals = all.collect();
            }
        }
        literals.iter().for_each(|literal| self.add_literal(literal));
        self.expressions.push(expression);
    }

    /// Adds the bytes in hexadecimal, each of a letter in any case.
    fn add_hex(&mut self, marker: &[u8], first: &str, between: &str) {
        let bytes: Vec<String> = marker.iter().map(|byte| hex_class(*byte)).collect();
        let [first_escaped, between_escaped] = [first, between].map(regex_syntax::escape);
        self.expressions.push(format!("(?i:{first_escaped}{})", bytes.join(&between_escaped)));
        let [one, two, ..] = marker else { return };
        for one in both_cases(*one) {
            for two in both_cases(*two) {
                self.add_literal(format!("{first}{one:02x}{between}{two:02x}"));
            }
        }
    }

    /// Adds the characters one by one, with the same separator between them. A space may be missing, be one of them, or be a
    /// separator.
    fn add_spaced(&mut self, marker: &str, separators: &[&str], separator: &str) {
        let mut expression = String::from("(?i:");
        let mut is_behind_space = false;
        for (at, c) in marker.char_indices() {
            if c == ' ' {
                is_behind_space = true;
                continue;
            }
            if at > 0 {
                expression.push_str(separator);
            }
            if std::mem::take(&mut is_behind_space) {
                let _ = write!(expression, "(?: {separator}|(?:{separator}){{1,2}})?");
            }
            expression.push_str(&regex_syntax::escape(c.encode_utf8(&mut [0; 4])));
        }
        self.expressions.push(expression + ")");
        let beginning: Vec<String> = marker.chars().take(4).take_while(|c| *c != ' ').map(String::from).collect();
        for separator in separators {
            let is_cut = marker.chars().nth(beginning.len()) == Some(' ') && beginning.len() < 2;
            let end = if is_cut { *separator } else { "" };
            self.add_literal(beginning.join(separator) + end);
        }
    }
}

/// Returns a letter in both cases, and other characters as they are.
fn both_cases(byte: u8) -> impl Iterator<Item = u8> {
    let other = if byte.is_ascii_alphabetic() { byte ^ 0x20 } else { byte };
    std::iter::once(byte).chain(Some(other).filter(|other| *other != byte))
}

/// Returns the expression for the hexadecimal digits of a byte, for a letter those of both cases.
fn hex_class(byte: u8) -> String {
    let high: String = both_cases(byte).map(|byte| format!("{:x}", byte >> 4)).collect();
    let high = if high.len() > 1 { format!("[{high}]") } else { high };
    format!("{high}{:x}", byte & 15)
}

fn rot13(c: char) -> char {
    let shifted = |first: u8| char::from(first + (c as u8 - first + 13) % 26);
    match c {
        'a'..='z' => shifted(b'a'),
        'A'..='Z' => shifted(b'A'),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use crate::generators::streamed;
    use crate::{Action, Direction, Policy, Problem, StreamInspector, inspect_text};
    use proptest::prelude::*;
    use std::sync::Arc;
    use tollgate_llm::Dialect;

    const MARKER: &str = "HERON-7f3a+zq";

    fn compile(pattern: &str, rest: &str) -> Result<Arc<Policy>, (String, Problem)> {
        let rule = format!(
            r#"{{"rules": [{{"id": "a", "match": {pattern}, "action": "redact", "replacement": "[]"}}]{rest}}}"#
        );
        Policy::from_raw(serde_json::from_str(&rule).unwrap())
            .map(Arc::new)
            .map_err(|error| (error.path, error.problem))
    }

    /// Returns a text in both directions, and streamed character by character, after the redaction.
    fn redacted(policy: &Arc<Policy>, text: &str) -> String {
        let edited = |direction| {
            let report = inspect_text(policy, direction, text);
            String::from_utf8(report.edits.apply(text.as_bytes())).unwrap()
        };
        let (request, response) = (edited(Direction::Request), edited(Direction::Response));
        let pieces: Vec<String> = text.chars().map(String::from).collect();
        let pieces: Vec<&str> = pieces.iter().map(String::as_str).collect();
        let (stream, _) = streamed(StreamInspector::new(policy.clone(), Dialect::OpenAiChat), &pieces);
        assert_eq!((&request, &response), (&stream, &stream), "{text}");
        stream
    }

    #[test]
    fn a_marker_is_found_in_every_disguise() {
        for (marker, text, expected) in [
            (MARKER, "see heron-7F3A+ZQ.", "see []."),
            (MARKER, "see xHERON-7f3a+zqx", "see x[]x"),
            (MARKER, "see HERON%2D7f3a%2Bzq", "see []"),
            (MARKER, "see %48%45%52%4f%4E%2d%37%66%33%61%2b%7a%71.", "see []."),
            ("the blue heron", "?q=The+blue%20heron&", "?q=[]&"),
            (MARKER, "qz+a3f7-NOREH", "[]"),
            (MARKER, "UREBA-7s3n+md", "[]"),
            // Base64 of `HERON-7f3a+zq`, behind no, one and two bytes of other text. The last digit of each has other bits, too.
            (MARKER, "SEVST04tN2YzYSt6cQ==", "[]Q=="),
            (MARKER, "eEhFUk9OLTdmM2ErenF4", "eE[]F4"),
            (MARKER, "eHhIRVJPTi03ZjNhK3pxeHg=", "eHh[]eHg="),
            ("?>~?>~?>~", "Pz5-Pz5-Pz5-", "[]"),
            ("?>~?>~?>~", "Pz5+Pz5+Pz5+", "[]"),
            ("~~~?????", "fn5-Pz8_Pz8=", "[]8="),
            (MARKER, "0x4845524f4e2d376633612b7a71", "0x[]"),
            (MARKER, "4845524F4E2D376633612B7A71", "[]"),
            (MARKER, "68 65 72 6f 6e 2d 37 66 33 61 2b 7a 71", "[]"),
            (MARKER, "48:45:52:4F:4E:2D:37:66:33:61:2B:7A:71", "[]"),
            (MARKER, r"'\x48\x45\x52\x4f\x4e\x2d\x37\x66\x33\x61\x2b\x7a\x71'", "'[]'"),
            (MARKER, "h e r o n - 7 f 3 a + z q!", "[]!"),
            (MARKER, "H-E-R-O-N---7-F-3-A-+-Z-Q", "[]"),
            (MARKER, "H.E.R.O.N.-.7.F.3.A.+.Z.Q", "[]"),
            (MARKER, "H*E*R*O*N*-*7*F*3*A*+*Z*Q", "[]"),
            (MARKER, "H\nE\nR\nO\nN\n-\n7\nF\n3\nA\n+\nZ\nQ\n", "[]\n"),
            (MARKER, "H\r\nE\r\nR\r\nO\r\nN\r\n-\r\n7\r\nF\r\n3\r\nA\r\n+\r\nZ\r\nQ", "[]"),
            ("the blue heron", "t-h-e-b-l-u-e-h-e-r-o-n", "[]"),
            ("the blue heron", "t h e   b l u e  h e r o n", "[]"),
            ("the blue heron", "t.h.e. .b.l.u.e...h.e.r.o.n", "[]"),
            ("a blue heron", "a*b*l*u*e*h*e*r*o*n", "[]"),
        ] {
            let policy = compile(&format!(r#"{{"canary": ["another marker", "{marker}"]}}"#), "").unwrap();
            assert_eq!(redacted(&policy, text), expected, "{text}");
        }
    }

    #[test]
    fn other_texts_have_no_marker() {
        let policy = compile(&format!(r#"{{"canary": ["{MARKER}"]}}"#), "").unwrap();
        for text in [
            "HERON-7f3a",
            "HERON 7f3a+zq",
            "H E R O N-7 f 3 a + z q",
            "H E-R O N - 7 f 3 a + z q",
            "SEVST04TN2YzYSt6cQ==",
            "48 45524f4e2d376633612b7a71",
            "4845524f4e2d376633612b7a",
        ] {
            assert_eq!(redacted(&policy, text), text);
        }
    }

    #[test]
    fn conditions_of_other_patterns_apply() {
        let policy = compile(
            r#"{"canary": ["HERON-7f3a"], "keywords": ["key"], "not_before": "digit", "allow": {"values": ["heron-7f3a"]}}"#,
            "",
        );
        let policy = policy.unwrap();
        for (text, expected) in [
            ("key HERON-7f3a", "key []"),
            ("HERON-7f3a", "HERON-7f3a"),
            ("key 1HERON-7f3a", "key 1HERON-7f3a"),
            ("key heron-7f3a", "key heron-7f3a"),
        ] {
            assert_eq!(redacted(&policy, text), expected);
        }
    }

    #[test]
    fn markers_are_long_enough_and_few() {
        let long = "x".repeat(65);
        let many = format!(r#"{{"canary": [{}]}}"#, vec![r#""CANARY-7f3a""#; 17].join(","));
        let together = format!(r#"{{"canary": [{}]}}"#, vec![format!(r#""{}""#, "x".repeat(64)); 7].join(","));
        for (pattern, field, problem) in [
            (r#"{"canary": []}"#, "canary", Problem::Empty),
            (r#"{"canary": ["HERON-7"]}"#, "canary", Problem::Marker),
            (r#"{"canary": [" HERON-7"]}"#, "canary", Problem::Marker),
            (r#"{"canary": ["HÉRON-7f3a"]}"#, "canary", Problem::Marker),
            (&format!(r#"{{"canary": ["{long}"]}}"#), "canary", Problem::Marker),
            (&many, "canary", Problem::TooMany(16)),
            (&together, "canary", Problem::MarkersTogether(400)),
            (r#"{"canary": ["HERON-7f3a"], "regex": "x"}"#, "", Problem::NeedsOnePattern),
            (r#"{"canary": ["HERON-7f3a"], "phrase": ["x"]}"#, "", Problem::NeedsOnePattern),
            (r#"{"canary": ["HERON-7f3a"], "url": {}}"#, "", Problem::NeedsOnePattern),
            (r#"{"canary": ["HERON-7f3a"], "tool": {"deny": ["x"]}}"#, "", Problem::ToolAlone),
            (r#"{"canary": ["HERON-7f3a"], "word": true}"#, "word", Problem::OnlyWith("keywords alone")),
            (r#"{"canary": ["HERON-7f3a"], "group": 1}"#, "group", Problem::OnlyWith("a regex")),
        ] {
            let path = if field.is_empty() { "rules[0].match".to_owned() } else { format!("rules[0].match.{field}") };
            assert_eq!(compile(pattern, "").unwrap_err(), (path, problem), "{pattern}");
        }
        let short = compile(r#"{"canary": ["HERON-7f3a"]}"#, r#", "max_match_bytes": 32"#).unwrap_err();
        assert_eq!(short, ("rules[0].match.canary".to_owned(), Problem::MatchBytesOfMarkers(40)));
        let largest = format!(
            r#"{{"canary": [{}]}}"#,
            (0..16).map(|at| format!(r#""Marker no. {at} of sixteen""#)).collect::<Vec<_>>().join(",")
        );
        assert!(
            compile(&largest, "").unwrap().costs()[0].per_byte < 0.2,
            "{:?}",
            compile(&largest, "").unwrap().costs()
        );
    }

    /// Returns a text in a disguise.
    fn disguised(marker: &str, kind: usize, before: &str) -> String {
        let bytes = [before.as_bytes(), marker.as_bytes(), b"..."].concat();
        match kind {
            0 => marker.to_uppercase(),
            1 => marker.chars().rev().collect(),
            2 => {
                let bit = |at: usize| usize::from(bytes.get(at / 8).map_or(0, |byte| byte >> (7 - at % 8) & 1));
                let digits =
                    (0..bytes.len() * 8 / 6).map(|digit| (0..6).fold(0, |value, at| value << 1 | bit(6 * digit + at)));
                digits.map(|digit| char::from(super::BASE64[digit])).collect()
            }
            3 => marker.bytes().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().join(" "),
            4 => marker.bytes().map(|byte| format!("%{byte:02X}")).collect(),
            5 => marker.chars().map(String::from).collect::<Vec<_>>().join("."),
            _ => marker.chars().map(super::rot13).collect(),
        }
    }

    proptest! {
        #[test]
        fn any_marker_is_found_in_any_disguise_and_split(
            marker in "[!-~][ -~]{6,20}[!-~]", kind in 0usize..7, before in "[a-z]{0,4}", cuts in proptest::collection::vec(0usize..90, 0..5),
        ) {
            let pattern = serde_json::json!({"canary": [marker]}).to_string();
            let policy = compile(&pattern, "").unwrap();
            let text = format!("see {before} {} after", disguised(&marker, kind, &before));
            let mut cuts: Vec<usize> = cuts.into_iter().filter(|at| *at < text.len()).chain([0, text.len()]).collect();
            cuts.sort_unstable();
            let pieces: Vec<&str> = cuts.windows(2).map(|pair| &text[pair[0]..pair[1]]).collect();
            let (stream, report) = streamed(StreamInspector::new(policy.clone(), Dialect::OpenAiChat), &pieces);
            prop_assert_eq!(report.verdict, Some(Action::Redact), "{}", text);
            let whole = inspect_text(&policy, Direction::Response, &text).edits.apply(text.as_bytes());
            prop_assert_eq!(stream, String::from_utf8(whole).unwrap());
        }
    }
}
