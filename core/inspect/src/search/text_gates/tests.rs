use super::*;
use crate::policy::Policy;
use crate::search::chain_progress::ChainProgress;
use crate::search::matcher::Matcher;
use crate::search::scratch::Scratch;
use crate::search::text_gates::Places;
use crate::search::window::Window;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::json;

/// Place of a complete chain: rule, earliest start of a match, and start of the last literal.
type Place = (RuleIndex, usize, usize);

fn policy(patterns: &[String], max_match_bytes: u32) -> Option<Policy> {
    let rule = |(at, regex): (usize, &String)| {
        let pattern = json!({"regex": regex, "view": ["raw", "letters"]});
        json!({"id": format!("r{at}"), "match": pattern, "applies_to": ["request"], "action": "log"})
    };
    let rules: Vec<_> = patterns.iter().enumerate().map(rule).collect();
    let raw = serde_json::from_value(json!({"rules": rules, "max_match_bytes": max_match_bytes})).unwrap();
    Policy::from_raw(raw).ok()
}

fn complete_chains(policy: &Policy, view: View, text: &str, chains: &mut ChainProgress) -> Vec<Place> {
    let gates = policy.text_gates().literals(Direction::Request, view, Places::All);
    let mut found = Vec::new();
    chains.begin(gates.slots(), text.len());
    gates.each(text, |owners, start, end| {
        for owner in owners {
            found.extend(
                chains.read(owner.step, start, end).map(|lead| (owner.rule, start.saturating_sub(lead), start)),
            );
        }
        true
    });
    found
}

/// Generates regular expressions of frequent words, whose chains have several steps.
fn phrases() -> impl Strategy<Value = String> {
    const WORDS: [&str; 9] = ["you", "must", "that", "which", "at", "in", "use", "with", "ever"];
    const GAPS: [&str; 11] = [
        " ",
        "",
        "[ ,]",
        r"\W{1,9}",
        r"\W+",
        r"\w+ ",
        "[a-z]{1,3}",
        r" (?:\w{1,3} ){0,2}",
        "(?s:.){0,12}",
        r"\b",
        r"(?: at)?",
    ];
    const REPEATS: [&str; 6] = ["?", "*", "+", "{2}", "{1,3}", "{2,3}"];
    let word = select(&WORDS[..]).prop_map(str::to_owned);
    let item = word.prop_recursive(3, 12, 3, |inner| {
        let pair = (inner.clone(), select(&GAPS[..]), inner.clone());
        prop_oneof![
            4 => pair.prop_map(|(first, gap, next)| format!("{first}{gap}{next}")),
            2 => vec(inner.clone(), 2..4).prop_map(|choices| format!("(?:{})", choices.join("|"))),
            1 => (inner, select(&GAPS[..]), select(&REPEATS[..])).prop_map(|(item, gap, repeat)| format!("(?:{item}{gap}){repeat}")),
        ]
    });
    let part = (item, select(&GAPS[..])).prop_map(|(item, gap)| item + gap);
    (any::<bool>(), vec(part, 2..5)).prop_map(|(at_border, parts)| {
        let border = if at_border { r"\b" } else { "" };
        format!("(?i){border}{}", parts.concat())
    })
}

/// Generates texts of the words in the phrases.
fn texts() -> impl Strategy<Value = String> {
    const PIECES: [&str; 20] = [
        "you", "must", "that", "which", "at", "in", "use", "with", "ever", "YOU", "Must", " ", " ", " ", " ", ", ",
        "x", "é", "ab ", "\n",
    ];
    vec(select(&PIECES[..]), 0..60).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3000, ..ProptestConfig::default() })]

    #[test]
    fn every_match_begins_in_front_of_a_complete_chain(
        patterns in vec(phrases(), 1..4),
        max_match_bytes in 16u32..80,
        all in vec((texts(), any::<bool>()), 1..4),
    ) {
        let Some(policy) = policy(&patterns, max_match_bytes) else { return Ok(()) };
        // The progress is shared by all texts and views.
        let mut chains = ChainProgress::default();
        for (text, is_folded) in &all {
            let view = if *is_folded { View::Letters } else { View::Raw };
            let complete = complete_chains(&policy, view, text, &mut chains);
            for (at, rule) in policy.rules().iter().enumerate() {
                let index = RuleIndex(at as u32);
                if !policy.text_gates().has(index, view) {
                    continue;
                }
                let mut starts = Vec::new();
                let (target, mut scratch) = (rule.target(view, policy.sets()), Scratch::default());
                Matcher::new(0).read(&target, Window::whole(text), &mut scratch, |found| {
                    starts.push(found.start as usize);
                    true
                });
                for start in starts {
                    let is_in = |(own, from, to): &Place| *own == index && (*from..=*to).contains(&start);
                    prop_assert!(complete.iter().any(is_in), "{} at {start} of {text:?} in {view:?}", patterns[at]);
                }
            }
        }
    }
}

#[test]
fn a_literal_of_two_steps_does_not_complete_a_chain_alone() {
    let policy = policy(&[r"(?i)\byou\W{1,9}you\b".to_owned()], 100).unwrap();
    let far_apart = format!("you {}", "and the others ".repeat(5)).repeat(3);
    for (text, expected) in [("you, you", 1), ("you", 0), (&far_apart, 0), ("YOU you you", 2)] {
        let complete = complete_chains(&policy, View::Raw, text, &mut ChainProgress::default());
        assert_eq!(complete.len(), expected, "{text}: {complete:?}");
    }
}

#[test]
fn a_chain_is_not_continued_from_a_text_or_view_before() {
    let policy = policy(&[r"(?i)\bthe\W{1,9}of\b".to_owned()], 100).unwrap();
    let mut chains = ChainProgress::default();
    for (view, text, expected) in [
        (View::Raw, "the", 0),
        (View::Raw, " of", 0),
        (View::Letters, "the", 0),
        (View::Raw, "of the", 0),
        (View::Raw, "the of", 1),
        (View::Letters, "of", 0),
    ] {
        assert_eq!(complete_chains(&policy, view, text, &mut chains).len(), expected, "{view:?} {text}");
    }
}
