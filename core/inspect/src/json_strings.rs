//! Texts that are JSON: matches in decoded strings, and redactions that leave the text JSON.
//!
//! Results and arguments of tools are JSON inside a string of the body. Such a text is searched as it is, and each of its
//! strings decoded: a line break in front of a key is two characters of the text, `\` and `n`, and the `n` is a letter. The same
//! holds for strings that are JSON again.

use std::borrow::Cow;
use std::ops::Range;

use tollgate_llm::{JsonToken, JsonTokenKind, Span, Str, escape_into, json_ranges, json_tokens};

use crate::rule::RuleIndex;
use crate::view::View;

/// Number of times that strings are decoded.
pub(crate) const MAX_DEPTH: usize = 3;

/// Match in a text: the part that is reported and redacted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Hit {
    pub(crate) rule: RuleIndex,
    pub(crate) view: View,
    pub(crate) start: usize,
    pub(crate) end: usize,
}

/// Replacement of a range of a text.
pub(crate) type Replacement<'w> = (Range<usize>, Cow<'w, str>);

/// Returns `true` if a text is searched for JSON.
pub(crate) fn is_json(text: &str) -> bool {
    json_tokens(text).next().is_some()
}

/// Finds the matches in the strings of a JSON text and adds them to `hits`, which are those in the text as it is.
///
/// A match in the text as it is does not count if it shares characters with one of the same rule in a string.
///
/// # Errors
/// Those of `search`, which adds the matches in one string.
pub(crate) fn search_strings<E>(
    text: &str,
    search: &mut impl FnMut(&str, &mut Vec<Hit>) -> Result<(), E>,
    hits: &mut Vec<Hit>,
) -> Result<(), E> {
    search_level(text, search, 0, hits)
}

/// Finds the matches in the strings of JSON in a file, like [`search_strings`].
///
/// # Errors
/// Those of `search`.
pub(crate) fn search_file<E>(
    text: &str,
    search: &mut impl FnMut(&str, &mut Vec<Hit>) -> Result<(), E>,
    hits: &mut Vec<Hit>,
) -> Result<(), E> {
    let mut inner = Vec::new();
    for Span { start, end } in json_ranges(text) {
        let first = inner.len();
        collect(text.get(start..end).unwrap_or_default(), search, 0, &mut inner)?;
        for hit in inner.iter_mut().skip(first) {
            (hit.start, hit.end) = (hit.start + start, hit.end + start);
        }
    }
    merge(inner, hits);
    Ok(())
}

/// Returns the ranges of JSON in a file that share characters with one of `places`, which are in any order.
pub(crate) fn touched(text: &str, mut places: Vec<(usize, usize)>) -> Vec<Range<usize>> {
    if places.is_empty() {
        return Vec::new();
    }
    places.sort_unstable();
    let mut next = places.into_iter().peekable();
    // End of the longest place that begins in front of the range.
    let mut reach = 0;
    let is_touched = |span: &Span| {
        while let Some((_, end)) = next.next_if(|(start, _)| *start < span.end) {
            reach = reach.max(end);
        }
        reach > span.start
    };
    json_ranges(text).filter(is_touched).map(|span| span.start..span.end).collect()
}

fn search_level<E>(
    text: &str,
    search: &mut impl FnMut(&str, &mut Vec<Hit>) -> Result<(), E>,
    depth: usize,
    hits: &mut Vec<Hit>,
) -> Result<(), E> {
    let mut inner = Vec::new();
    collect(text, search, depth, &mut inner)?;
    merge(inner, hits);
    Ok(())
}

/// Collects the matches in the strings of a JSON text.
fn collect<E>(
    text: &str,
    search: &mut impl FnMut(&str, &mut Vec<Hit>) -> Result<(), E>,
    depth: usize,
    inner: &mut Vec<Hit>,
) -> Result<(), E> {
    for token in json_tokens(text).filter(|token| token.kind != JsonTokenKind::Scalar) {
        let string = token.str.decode(text.as_bytes());
        let mut found = Vec::new();
        search(&string, &mut found)?;
        if depth + 1 < MAX_DEPTH {
            search_level(&string, search, depth + 1, &mut found)?;
        }
        move_to_literal(token.str, text.as_bytes(), &mut found);
        inner.append(&mut found);
    }
    Ok(())
}

/// Adds the matches in strings to those in the text as it is.
fn merge(mut inner: Vec<Hit>, hits: &mut Vec<Hit>) {
    if inner.is_empty() {
        return;
    }
    inner.sort_unstable_by_key(|hit| (hit.rule, hit.end));
    hits.retain(|hit| {
        let next = inner.partition_point(|inner| (inner.rule, inner.end) <= (hit.rule, hit.start));
        inner.get(next).is_none_or(|inner| inner.rule != hit.rule || inner.start >= hit.end)
    });
    hits.append(&mut inner);
}

/// Moves hits in a decoded string to its literal in `body`. Hits may overlap, so starts and ends are mapped each in their own
/// order: a position before the last one costs a pass over the literal.
fn move_to_literal(str: Str, body: &[u8], hits: &mut [Hit]) {
    let mut spans = Vec::new();
    hits.sort_unstable_by_key(|hit| hit.end);
    let mut ends: Vec<usize> = hits.iter().map(|hit| hit.end).collect();
    ends.dedup();
    str.raw_many(body, &ends.iter().map(|end| 0..*end).collect::<Vec<_>>(), &mut spans);
    for hit in hits.iter_mut() {
        let at = ends.binary_search(&hit.end).ok();
        hit.end = at.and_then(|at| spans.get(at)).map_or(hit.end, |span| span.end);
    }
    hits.sort_unstable_by_key(|hit| hit.start);
    spans.clear();
    str.raw_many(body, &hits.iter().map(|hit| hit.start..hit.start).collect::<Vec<_>>(), &mut spans);
    for (hit, span) in hits.iter_mut().zip(spans) {
        hit.start = span.start;
    }
}

/// Moves replacements of a text into its strings and numbers, so that a text that is JSON is JSON afterwards. The replacements
/// are ascending and do not overlap; so are those that are returned.
///
/// Of a range over several values, each one is replaced: the first by the whole replacement, the others by nothing. Names of
/// members are replaced only if the range contains no value. A number becomes a string. Ranges behind the JSON stay.
pub(crate) fn fit<'w>(text: &str, replacements: Vec<Replacement<'w>>) -> Vec<Replacement<'w>> {
    fit_level(text, replacements, 0)
}

fn fit_level<'w>(text: &str, replacements: Vec<Replacement<'w>>, depth: usize) -> Vec<Replacement<'w>> {
    if depth == MAX_DEPTH || !is_json(text) {
        return replacements;
    }
    let mut tokens = json_tokens(text);
    let mut next = tokens.next();
    let mut fitted = Fitted { text, depth, list: Vec::with_capacity(replacements.len()), in_token: None };
    for (range, with) in replacements {
        let mut touched = Vec::new();
        while let Some(token) = next.filter(|token| token.str.span.start < range.end) {
            let span = token.str.span;
            if span.end > range.start && !span.is_empty() {
                touched.push(token);
            }
            if span.end > range.end {
                break;
            }
            next = tokens.next();
        }
        if touched.iter().any(|token| token.kind != JsonTokenKind::Key) {
            touched.retain(|token| token.kind != JsonTokenKind::Key);
        }
        let mut with = Some(with);
        for token in touched {
            let span = token.str.span;
            let part = range.start.max(span.start)..range.end.min(span.end);
            fitted.add(token, part, with.take().unwrap_or_default());
        }
        let behind = range.start.max(tokens.offset());
        if next.is_none() && behind < range.end {
            fitted.end_token();
            fitted.list.push((behind..range.end, with.take().unwrap_or_default()));
        }
    }
    fitted.end_token();
    fitted.list
}

/// Replacements in the tokens of a text.
struct Fitted<'t, 'w> {
    text: &'t str,
    depth: usize,
    list: Vec<Replacement<'w>>,
    /// Last token, and the replacements in it.
    in_token: Option<(JsonToken, Vec<Replacement<'w>>)>,
}

impl<'w> Fitted<'_, 'w> {
    fn add(&mut self, token: JsonToken, part: Range<usize>, with: Cow<'w, str>) {
        match &mut self.in_token {
            Some((last, parts)) if *last == token => parts.push((part, with)),
            _ => {
                self.end_token();
                self.in_token = Some((token, vec![(part, with)]));
            }
        }
    }

    fn end_token(&mut self) {
        let Some((token, parts)) = self.in_token.take() else { return };
        if token.kind == JsonTokenKind::Scalar {
            let span = token.str.span;
            let string = quoted(self.text, span.start..span.end, &parts);
            self.list.push((span.start..span.end, Cow::Owned(string)));
            return;
        }
        let bytes = self.text.as_bytes();
        let spans: Vec<Span> = parts.iter().map(|(part, _)| Span::new(part.start, part.end)).collect();
        let mut inside: Vec<Replacement<'w>> = Vec::with_capacity(parts.len());
        for (range, (_, with)) in token.str.text_ranges(bytes, &spans).into_iter().zip(parts) {
            match inside.last_mut() {
                // Both ranges contain a part of the same escape.
                Some((last, _)) if range.start < last.end => last.end = last.end.max(range.end),
                _ => inside.push((range, with)),
            }
        }
        let inside = fit_level(&token.str.decode(bytes), inside, self.depth + 1);
        let ranges: Vec<Range<usize>> = inside.iter().map(|(range, _)| range.clone()).collect();
        let mut spans = Vec::new();
        token.str.raw_many(bytes, &ranges, &mut spans);
        let in_text = spans.into_iter().zip(inside).map(|(span, (_, with))| (span.start..span.end, escape(with)));
        self.list.extend(in_text);
    }
}

/// Returns the JSON string that a number or word at `range` of a text becomes, with replacements in it.
pub(crate) fn quoted(text: &str, range: Range<usize>, replacements: &[Replacement<'_>]) -> String {
    let mut string = String::from("\"");
    let mut at = range.start;
    for (part, with) in replacements {
        string.push_str(text.get(at..part.start).unwrap_or_default());
        string.push_str(&escape(Cow::Borrowed(with)));
        at = part.end;
    }
    string.push_str(text.get(at..range.end).unwrap_or_default());
    string.push('"');
    string
}

/// Escapes a text for a JSON string.
fn escape(text: Cow<'_, str>) -> Cow<'_, str> {
    if !text.bytes().any(|byte| matches!(byte, b'"' | b'\\' | 0..0x20)) {
        return text;
    }
    let mut escaped = Vec::new();
    escape_into(&text, &mut escaped);
    let escaped = String::from_utf8(escaped);
    debug_assert!(escaped.is_ok(), "escapes are ASCII");
    Cow::Owned(escaped.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Replaces every `needle` of the text as it is.
    fn replace(text: &str, needles: &[&str], with: &str) -> String {
        let mut ranges: Vec<Range<usize>> = needles
            .iter()
            .flat_map(|needle| text.match_indices(needle).map(|(at, found)| at..at + found.len()))
            .collect();
        ranges.sort_by_key(|range| range.start);
        let fitted = fit(text, ranges.into_iter().map(|range| (range, with.into())).collect());
        let mut out = String::new();
        let mut at = 0;
        for (range, with) in fitted {
            out.push_str(&text[at..range.start]);
            out.push_str(&with);
            at = range.end;
        }
        out + &text[at..]
    }

    #[test]
    fn replacements_leave_json() {
        for (text, needles, want) in [
            (r#"{"a": "b c"}"#, &["c"][..], r#"{"a": "b <\"x\">"}"#),
            (r#"{"a": 41, "b": 4142}"#, &["41"], r#"{"a": "<\"x\">", "b": "<\"x\">42"}"#),
            (r#"{"a": -1.5e3, "b": true}"#, &["1", "3", "true"], r#"{"a": "-<\"x\">.5e<\"x\">", "b": "<\"x\">"}"#),
            // A part of an escape.
            (r#"{"a": "b\nc"}"#, &["nc"], r#"{"a": "b<\"x\">"}"#),
            (r#"{"a": "b\nc"}"#, &["b\\", "nc"], r#"{"a": "<\"x\">"}"#),
            (r#"{"a": "\u00e9c"}"#, &["e9c"], r#"{"a": "<\"x\">"}"#),
            // Names of members stay if there is a value.
            (r#"{"password": "abc", "n": 1}"#, &[r#"password": "abc"#], r#"{"password": "<\"x\">", "n": 1}"#),
            (r#"{"abc": "d"}"#, &["abc"], r#"{"<\"x\">": "d"}"#),
            (r#"["ab", "cd", 12, "ef"]"#, &[r#"b", "cd", 12, "e"#], r#"["a<\"x\">", "", "", "f"]"#),
            // Punctuation alone.
            (r#"{"a": "b"}"#, &[r#"": ""#], r#"{"a": "b"}"#),
            // JSON in a string of JSON.
            (r#"{"a": "{\"b\": 41}"}"#, &["41"], r#"{"a": "{\"b\": \"<\\\"x\\\">\"}"}"#),
            (r#"{"a": "{\"b\": \"c\"}"}"#, &[r#"b\": \"c"#], r#"{"a": "{\"b\": \"<\\\"x\\\">\"}"}"#),
            // Cut off, and followed by something else.
            (r#"{"a": "b c"#, &["c"], r#"{"a": "b <\"x\">"#),
            (r#"{"a": "b"} and c"#, &["c"], r#"{"a": "b"} and <"x">"#),
            (r#"{"a": "b"} and c"#, &[r#"b"} and"#], r#"{"a": "<\"x\">"} c"#),
            ("a b c", &["b"], r#"a <"x"> c"#),
        ] {
            assert_eq!(replace(text, needles, r#"<"x">"#), want, "{text} {needles:?}");
        }
    }

    #[test]
    fn a_match_in_a_string_replaces_that_of_the_text_around_it() {
        let search = |needles: &[&str], text: &str| {
            let find = |text: &str, hits: &mut Vec<Hit>| {
                for (rule, needle) in needles.iter().enumerate() {
                    let found = text.match_indices(needle);
                    hits.extend(found.map(|(start, found)| Hit {
                        view: View::Raw,
                        rule: RuleIndex(rule as u32),
                        start,
                        end: start + found.len(),
                    }));
                }
                Ok::<(), ()>(())
            };
            let mut hits = Vec::new();
            find(text, &mut hits).unwrap();
            search_strings(text, &mut { find }, &mut hits).unwrap();
            let mut hits: Vec<_> = hits.iter().map(|hit| (hit.rule.0, text[hit.start..hit.end].to_owned())).collect();
            hits.sort();
            hits
        };
        for (text, needles, want) in [
            (r#"{"a": "b"}"#, &["b"][..], &[(0, "b")][..]),
            (r#"{"a": "\u0062"}"#, &["b"], &[(0, r"\u0062")]),
            (r#"{"a": "b", "c": 41}"#, &["b", "41", "a\": \"b"], &[(0, "b"), (1, "41"), (2, "a\": \"b")]),
            (r#"{"a": "x\nb"}"#, &["nb", "\nb"], &[(0, "nb"), (1, r"\nb")]),
            (r#"{"a": "{\"c\":\"\\u0062b\"}"}"#, &["b"], &[(0, r"\\u0062"), (0, "b")]),
            ("b", &["b"], &[(0, "b")]),
        ] {
            let want: Vec<_> = want.iter().map(|(rule, text)| (*rule, (*text).to_owned())).collect();
            assert_eq!(search(needles, text), want, "{text}");
        }
    }

    /// Mapping overlapping hits in the order of their starts would take a pass over the string for each.
    #[test]
    fn overlapping_hits_in_a_string_of_escapes_take_linear_time() {
        const COUNT: usize = 20_000;
        let text = format!(r#"["{}"]"#, r"\nab".repeat(COUNT));
        let find = |text: &str, hits: &mut Vec<Hit>| {
            for (start, _) in text.match_indices('a') {
                for (rule, len) in [(0, 2), (1, 1)] {
                    hits.push(Hit { rule: RuleIndex(rule), view: View::Raw, start, end: start + len });
                }
            }
            Ok::<(), ()>(())
        };
        let mut hits = Vec::new();
        search_strings(&text, &mut { find }, &mut hits).unwrap();
        assert_eq!(hits.len(), 2 * COUNT);
        let long = hits.iter().filter(|hit| hit.rule == RuleIndex(0));
        assert!(long.clone().count() == COUNT && long.clone().all(|hit| &text[hit.start..hit.end] == "ab"));
    }

    proptest! {
        #[test]
        fn json_stays_json_whatever_is_replaced(
            texts in proptest::collection::vec("[a-c\"\\\\\n{}\u{e9}]{0,6}", 1..4),
            nested in any::<bool>(),
            number in any::<i32>(),
            cuts in proptest::collection::btree_set(0usize..120, 0..8),
            with in "[x\"\\\\\n]{0,3}",
        ) {
            let value = serde_json::json!({"k": texts, "n": number, "\"\\": {"b": true, "e": null}});
            let text = value.to_string();
            let text = if nested { serde_json::json!([text]).to_string() } else { text };
            let cuts: Vec<usize> = cuts.into_iter().map(|at| text.floor_char_boundary(at.min(text.len()))).collect();
            let ranges = cuts.chunks_exact(2).map(|cut| cut[0]..cut[1]).filter(|range| !range.is_empty());
            let fitted = fit(&text, ranges.map(|range| (range, with.as_str().into())).collect());
            let (mut out, mut at) = (String::new(), 0);
            for (range, with) in fitted {
                prop_assert!(at <= range.start && range.start <= range.end);
                out.push_str(&text[at..range.start]);
                out.push_str(&with);
                at = range.end;
            }
            out.push_str(&text[at..]);
            let parsed = serde_json::from_str::<serde_json::Value>(&out);
            prop_assert!(parsed.is_ok(), "{text} became {out}");
            if nested {
                let inner = parsed.unwrap()[0].as_str().unwrap().to_owned();
                prop_assert!(serde_json::from_str::<serde_json::Value>(&inner).is_ok(), "{text} became {out}");
            }
        }
    }
}
