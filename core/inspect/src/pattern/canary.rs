//! Markers that an operator writes into instructions and documents, as they are and in common disguises that a model is talked into.
//!
//! A marker is a fixed text, so every disguise is one, too. All of them are alternatives of one expression, which begins with a
//! literal in each: streams need no view and hold back nothing else.
//!
//! Not covered: base32 and encodings that are applied twice, base64 with line breaks, binary and octal numbers, look-alike letters of
//! other scripts, Leetspeak, other ciphers than ROT13, separators that change from letter to letter or are none of [`SEPARATORS`],
//! letters one by one in reverse order, more than [`MAX_INVISIBLE`] invisible characters in a row, a marker in several texts, parts of
//! a marker, and translations.

use super::char_set::CharSetsBuilder;
use super::compile;
use super::program::Program;
use crate::error::{PatternError, Problem};
use std::fmt::Write;

/// Maximum number of markers of a rule.
const MAX_MARKERS: usize = 16;
/// Length of a marker in characters. Shorter ones occur by chance, above all in base64.
const MARKER_CHARS: std::ops::RangeInclusive<usize> = 8..=64;
/// Maximum number of characters of all markers of a rule: each takes about 64 nodes.
const MAX_CHARS: usize = 240;
/// Number of characters of a marker in the literals that it begins with if some are percent-encoded.
const PLAIN_CHARS: usize = 8;
/// Number of characters of base64 in a literal.
const BASE64_CHARS: usize = 12;
/// Characters that are not displayed, in a class of a regular expression and one by one.
const INVISIBLE: (&str, [char; 6]) = (
    r"[\x{ad}\x{200b}-\x{200d}\x{2060}\x{feff}]",
    ['\u{ad}', '\u{200b}', '\u{200c}', '\u{200d}', '\u{2060}', '\u{feff}'],
);
/// Maximum number of characters that are not displayed between two of a marker.
const MAX_INVISIBLE: usize = 2;
/// Texts between two bytes in hexadecimal: the expression, those that are as long as a literal has to be, and the shorter ones.
const HEX: (&str, [&str; 8], [&str; 6]) = (
    r"(?:(?:[ :-]|, ?)?(?:0x)?|\\x|;&#x)",
    ["0x", " 0x", ":0x", "-0x", ",0x", ", 0x", r"\x", ";&#x"],
    ["", " ", ":", "-", ",", ", "],
);
/// Texts between two bytes in decimal: the expression, and all of them.
const DECIMAL: (&str, [&str; 4]) = ("(?: |, ?|;&#)", [" ", ",", ", ", ";&#"]);
/// Separators of letters that are written one by one, each with its expression.
const SEPARATORS: [(&[&str], &str); 7] = [
    (&[" "], " "),
    (&["-"], "-"),
    (&["_"], "_"),
    (&["."], r"\."),
    (&["*"], r"\*"),
    (&[",", ", "], ", ?"),
    (&["\n", "\r\n"], r"\r?\n"),
];
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
            && !marker.contains("  ")
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
        self.add_hex(marker.as_bytes());
        self.add_decimal(marker.as_bytes());
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

    /// Adds the marker in any case, in which any characters may be percent-encoded, spaces be `+`, and characters that are not displayed
    /// be between others.
    fn add_percent(&mut self, marker: &str) {
        let (mut expression, mut plain) = (String::from("(?i:"), String::new());
        for (at, c) in marker.char_indices() {
            if at > 0 {
                let _ = write!(expression, "{}{{0,{MAX_INVISIBLE}}}", INVISIBLE.0);
            }
            let more = if c == ' ' { r"|\+" } else { "" };
            let own = regex_syntax::escape(c.encode_utf8(&mut [0; 4]));
            let _ = write!(expression, "(?:{own}{more}|%{})", hex_class(c as u8));
            if (1..PLAIN_CHARS).contains(&at) {
                INVISIBLE.1.iter().for_each(|invisible| self.add_literal(format!("{plain}{invisible}")));
            }
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
    fn add_hex(&mut self, marker: &[u8]) {
        let (between, long, short) = HEX;
        let bytes: Vec<String> = marker.iter().map(|byte| hex_class(*byte)).collect();
        self.expressions.push(format!("(?i:{})", bytes.join(between)));
        let [one, two, ..] = marker else { return };
        for one in both_cases(*one) {
            long.iter().for_each(|between| self.add_literal(format!("{one:02x}{between}")));
            for two in both_cases(*two) {
                short.iter().for_each(|between| self.add_literal(format!("{one:02x}{between}{two:02x}")));
            }
        }
    }

    /// Adds the bytes in decimal, each of a letter in any case.
    fn add_decimal(&mut self, marker: &[u8]) {
        let (between, texts) = DECIMAL;
        let byte = |byte: &u8| both_cases(*byte).map(|byte| byte.to_string()).collect::<Vec<_>>().join("|");
        let bytes: Vec<String> = marker.iter().map(|own| format!("(?:{})", byte(own))).collect();
        self.expressions.push(bytes.join(between));
        let [one, two, ..] = marker else { return };
        for one in both_cases(*one) {
            for two in both_cases(*two) {
                texts.iter().for_each(|between| self.add_literal(format!("{one}{between}{two}")));
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
            (MARKER, r"'\x48\x45\x52\x4f\x4e\x2d\x37\x66\x33\x61\x2b\x7a\x71'", r"'\x[]'"),
            (MARKER, "0x48, 0x45, 0x52, 0x4F, 0x4E, 0x2D, 0x37, 0x66, 0x33, 0x61, 0x2B, 0x7A, 0x71", "0x[]"),
            (MARKER, "0x48 0x45 0x52 0x4F 0x4E 0x2D 0x37 0x66 0x33 0x61 0x2B 0x7A 0x71", "0x[]"),
            (MARKER, "48-45-52-4f-4e-2d-37-66-33-61-2b-7a-71", "[]"),
            (MARKER, "&#x48;&#x45;&#x52;&#x4f;&#x4e;&#x2d;&#x37;&#x66;&#x33;&#x61;&#x2b;&#x7a;&#x71;", "&#x[];"),
            (MARKER, "&#72;&#69;&#82;&#79;&#78;&#45;&#55;&#102;&#51;&#97;&#43;&#122;&#113;", "&#[];"),
            (MARKER, "see 104, 101, 114, 79, 78, 45, 55, 102, 51, 97, 43, 122, 113.", "see []."),
            (MARKER, "72 69 82 79 78 45 55 102 51 97 43 122 113", "[]"),
            (MARKER, "H\u{200b}ERON-7f3a+zq", "[]"),
            (MARKER, "h\u{ad}e\u{200c}\u{200d}r\u{2060}o\u{feff}n-7f3a+z\u{200b}q\u{200b}", "[]\u{200b}"),
            (MARKER, "HERON-7f3a+z\u{200b}\u{feff}%71", "[]"),
            (MARKER, "h e r o n - 7 f 3 a + z q!", "[]!"),
            (MARKER, "H-E-R-O-N---7-F-3-A-+-Z-Q", "[]"),
            (MARKER, "H.E.R.O.N.-.7.F.3.A.+.Z.Q", "[]"),
            (MARKER, "h_e_r_o_n_-_7_f_3_a_+_z_q", "[]"),
            (MARKER, "H, E, R, O, N, -, 7, F, 3, A, +, Z, Q", "[]"),
            (MARKER, "H,E,R,O,N,-,7,F,3,A,+,Z,Q", "[]"),
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
            "48  45524f4e2d376633612b7a71",
            "7269827978455510251974312213",
            "HER\u{200b}\u{200b}\u{200b}ON-7f3a+zq",
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
        let together = format!(r#"{{"canary": [{}]}}"#, vec![format!(r#""{}""#, "x".repeat(64)); 4].join(","));
        for (pattern, field, problem) in [
            (r#"{"canary": []}"#, "canary", Problem::Empty),
            (r#"{"canary": ["HERON-7"]}"#, "canary", Problem::Marker),
            (r#"{"canary": [" HERON-7"]}"#, "canary", Problem::Marker),
            (r#"{"canary": ["HÉRON-7f3a"]}"#, "canary", Problem::Marker),
            (&format!(r#"{{"canary": ["{long}"]}}"#), "canary", Problem::Marker),
            (&many, "canary", Problem::TooMany(16)),
            (&together, "canary", Problem::MarkersTogether(240)),
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
        assert_eq!(short, ("rules[0].match.canary".to_owned(), Problem::MatchBytesOfMarkers(84)));
        let letters: Vec<String> =
            (b'a'..b'q').map(|at| format!(r#""{}""#, char::from(at).to_string().repeat(15))).collect();
        assert!(compile(&format!(r#"{{"canary": [{}]}}"#, letters.join(",")), "").is_ok());
        let largest = format!(
            r#"{{"canary": [{}]}}"#,
            (0..16).map(|at| format!(r#""Marker no. {at:02}..""#)).collect::<Vec<_>>().join(",")
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
            5 => marker.bytes().map(|byte| format!("&#{byte};")).collect(),
            6 => marker.bytes().map(|byte| format!("0x{byte:02x}")).collect::<Vec<_>>().join(", "),
            7 => marker.chars().map(String::from).collect::<Vec<_>>().join("\u{200b}"),
            8 => marker.chars().map(String::from).collect::<Vec<_>>().join(", "),
            9 => marker.chars().map(String::from).collect::<Vec<_>>().join("_"),
            10 => marker.chars().map(String::from).collect::<Vec<_>>().join("."),
            _ => marker.chars().map(super::rot13).collect(),
        }
    }

    proptest! {
        #[test]
        fn any_marker_is_found_in_any_disguise_and_split(
            marker in "[!-~]( ?[!-~]){7,20}", kind in 0usize..12, before in "[a-z]{0,4}", cuts in proptest::collection::vec(0usize..90, 0..5),
        ) {
            let pattern = serde_json::json!({"canary": [marker]}).to_string();
            let policy = compile(&pattern, "").unwrap();
            let text = format!("see {before} {} after", disguised(&marker, kind, &before));
            let mut cuts: Vec<usize> = cuts.into_iter().filter(|at| *at < text.len() && text.is_char_boundary(*at)).chain([0, text.len()]).collect();
            cuts.sort_unstable();
            let pieces: Vec<&str> = cuts.windows(2).map(|pair| &text[pair[0]..pair[1]]).collect();
            let (stream, report) = streamed(StreamInspector::new(policy.clone(), Dialect::OpenAiChat), &pieces);
            prop_assert_eq!(report.verdict, Some(Action::Redact), "{}", text);
            let whole = inspect_text(&policy, Direction::Response, &text).edits.apply(text.as_bytes());
            prop_assert_eq!(stream, String::from_utf8(whole).unwrap());
        }
    }
}
