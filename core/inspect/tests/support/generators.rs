//! Random patterns and texts for property tests. They use few characters, so that matches are frequent.

use crate::{Policy, Report, StreamInspector};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use std::convert::Infallible;
use std::ops::Range;
use std::sync::Arc;
use tollgate_llm::{Chunk, Dialect, Event, EventParser, FrameError, Framer, Framing, ParseLimits};

const ATOMS: &[&str] = &[
    "a", "b", "é", "_", " ", r"\n", r"\r", ".", "[ab]", "[^a]", r"\w", r"\W", r"\s", "[a-zé]", "(?i:B)", "(?s:.)",
    "ab", "aé", "aab", "q", "zq", "@", "@zq", "q@é",
];
const ASSERTIONS: &[&str] = &[
    "^",
    "$",
    r"\b",
    r"\B",
    "(?m:^)",
    "(?m:$)",
    "(?mR:^)",
    "(?mR:$)",
    r"(?-u:\b)",
    r"\b{start}",
    r"\b{end}",
    r"\b{start-half}",
    r"\b{end-half}",
];
const REPEATS: &[&str] = &["*", "+", "?", "*?", "+?", "??", "{2}", "{1,3}", "{0,2}?", "{2,}"];

/// Generates regular expressions that compile and cannot match the empty string.
pub(crate) fn regexes() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        6 => select(ATOMS).prop_map(str::to_owned),
        1 => select(ASSERTIONS).prop_map(str::to_owned),
    ];
    let any = leaf.prop_recursive(5, 24, 4, |inner| {
        prop_oneof![
            vec(inner.clone(), 1..4).prop_map(|parts| parts.concat()),
            vec(inner.clone(), 2..4).prop_map(|choices| format!("(?:{})", choices.join("|"))),
            (inner, select(REPEATS)).prop_map(|(inner, repeat)| format!("(?:{inner}){repeat}")),
        ]
    });
    any.prop_filter("matches no text or the empty string", |pattern| {
        regex_syntax::parse(pattern).is_ok_and(|hir| hir.properties().minimum_len().is_some_and(|len| len > 0))
    })
}

/// Conditions on a match, as members of a pattern with a group.
const CONDITIONS: &[&str] = &[
    r#""group":1"#,
    r#""group":[1]"#,
    r#""entropy":{"min":1}"#,
    r#""not_before":"letter""#,
    r#""not_after":["[b_]","digit"]"#,
    r#""keywords":["ba","é"]"#,
    r#""context":{"words":["a","b"],"window":4}"#,
    r#""context":{"words":["aa","_"],"window":9,"before":false}"#,
    r#""allow":{"regex":["^b","a$"],"stop_words":["ab","z"]}"#,
    r#""allow":{"match_regex":["é"],"values":["aa"]}"#,
    r#""allow":{"line_regex":["^a"]}"#,
];

/// Generates a pattern with conditions, in JSON.
pub(crate) fn conditional_patterns() -> impl Strategy<Value = String> {
    let conditions = proptest::sample::subsequence(CONDITIONS, 1..4);
    let lead = (select(&["", "zq", "@zq"][..]), regexes(), select(&["?", ""][..]));
    (lead, regexes(), conditions).prop_filter_map("a condition occurs twice", |(lead, second, conditions)| {
        let (literal, first, optional) = lead;
        let pattern = format!(
            r#"{{"unicode":true,"regex":{},{}}}"#,
            json(&format!("{literal}(?:{first}){optional}({second})"), false),
            conditions.join(",")
        );
        serde_json::from_str::<crate::RawPattern>(&pattern).is_ok().then_some(pattern)
    })
}

/// Generates texts of the characters that the expressions use.
pub(crate) fn texts(len: Range<usize>) -> impl Strategy<Value = String> {
    let letter = prop_oneof![
        8 => select(vec!['a', 'b']),
        4 => select(vec!['é', '_', ' ', '\n', '\r', 'B', 'z', '-', '漢', '😀']),
        3 => select(vec!['z', 'q', '@']),
    ];
    vec(letter, len).prop_map(|letters| letters.into_iter().collect())
}

/// Generates a text and ascending positions that split it, including both ends.
pub(crate) fn pieces(len: usize) -> impl Strategy<Value = (String, Vec<usize>)> {
    (texts(0..len), vec(0..len * 4, 0..8)).prop_map(|(text, positions)| {
        let positions = positions.into_iter().filter(|&position| text.is_char_boundary(position));
        let mut positions: Vec<usize> = [0, text.len()].into_iter().chain(positions).collect();
        positions.sort_unstable();
        (text, positions)
    })
}

/// Builds a policy from rules in JSON, with a small maximum match length.
pub(crate) fn policy(rules: &[&str]) -> Arc<Policy> {
    let raw = serde_json::from_str(&format!(r#"{{"rules":[{}],"max_match_bytes":400}}"#, rules.join(","))).unwrap();
    Arc::new(Policy::from_raw(raw).unwrap())
}

/// Generates policies of one to four rules with these actions.
pub(crate) fn policies(actions: &'static [&'static str]) -> impl Strategy<Value = Arc<Policy>> {
    let keywords = vec(select(&["a", "ab", "éa", "bB_", "a b", "zq", "@zqa"][..]), 1..4);
    let pattern = prop_oneof![
        3 => regexes().prop_map(|regex| format!(r#"{{"regex":{}}}"#, json(&regex, false))),
        2 => conditional_patterns(),
        1 => (select(&["", "zq", "@zq"][..]), regexes(), regexes()).prop_map(|(literal, head, tail)| {
            format!(r#"{{"unicode":true,"head":{},"tail":{}}}"#, json(&format!("{literal}(?:{head})"), false), json(&tail, false))
        }),
        1 => (keywords, any::<bool>(), any::<bool>()).prop_map(|(keywords, word, ignore_case)| {
            format!(r#"{{"keywords":{keywords:?},"word":{word},"ignore_case":{ignore_case}}}"#)
        }),
    ];
    (vec((pattern, select(actions)), 1..5), 16u32..40).prop_filter_map("a rule cannot match", |(rules, max)| {
        let rules = rules
            .iter()
            .enumerate()
            .map(|(index, (pattern, action))| format!(r#"{{"id":"r{index}","match":{pattern},"action":"{action}"}}"#));
        let rules = rules.collect::<Vec<_>>().join(",");
        let raw = serde_json::from_str(&format!(r#"{{"rules":[{rules}],"max_match_bytes":{max}}}"#)).unwrap();
        Policy::from_raw(raw).ok().map(Arc::new)
    })
}

/// Returns a text as a JSON string. With `escape`, every character is written as `\u`.
pub(crate) fn json(text: &str, escape: bool) -> String {
    if !escape {
        return serde_json::to_string(text).unwrap();
    }
    let units: String = text.encode_utf16().map(|unit| format!("\\u{unit:04x}")).collect();
    format!("\"{units}\"")
}

/// Streams the pieces of a content as chat completions and returns the text that the client gets, and the report.
pub(crate) fn streamed(mut inspector: StreamInspector, pieces: &[&str]) -> (String, Report) {
    let (mut framer, mut parser) = (Framer::new(Framing::Sse, 1 << 20), EventParser::new(Dialect::OpenAiChat));
    let mut out = Vec::new();
    for piece in pieces {
        let delta = format!(r#"{{"choices":[{{"index":0,"delta":{{"content":{}}}}}]}}"#, json(piece, false));
        let event = format!("data: {delta}\n\n");
        let fed: Result<(), FrameError<Infallible>> = framer.push(event.as_bytes(), |event| {
            let _ = inspector.event(&parser.parse(event), &mut out);
            Ok(())
        });
        fed.unwrap();
    }
    let _ = inspector.finish(&mut out);
    let mut text = String::new();
    let mut read = Framer::new(Framing::Sse, 1 << 20);
    let each = |event: Event<'_>| {
        let data = event.data().unwrap();
        let chunk = Chunk::parse(Dialect::OpenAiChat, &data, &ParseLimits::default()).unwrap().unwrap();
        chunk.texts.iter().for_each(|own| text.push_str(&own.str.decode(&data)));
        Ok::<(), FrameError<Infallible>>(())
    };
    read.push(&out, each).unwrap();
    (text, inspector.report().clone())
}
