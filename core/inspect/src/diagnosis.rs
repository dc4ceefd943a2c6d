//! Reasons why a rule does not match a text, for `tollgate explain`.

use crate::body::may_be_json;
use crate::json_strings;
use crate::pattern::program::Program;
use crate::policy::Policy;
use crate::rule::{Direction, Rule};
use crate::rule_scope::ScopedTexts;
use crate::search::matcher::Matcher;
use crate::search::meter::Meter;
use crate::search::scratch::{Scratch, Target};
use crate::search::start_set::StartSet;
use crate::search::window::Window;
use crate::view::{View, ViewSet, Wanted, each_derived};
use std::collections::BTreeSet;
use std::ops::Range;
use tollgate_llm::{JsonTokenKind, OutputText, Request, Response, json_tokens};

/// Maximum number of matches of a pattern that are reported per view.
const MAX_ATTEMPTS: usize = 8;
/// Length up to which matches are found that are longer than the policy allows.
const LONGEST: usize = 16 * 1024;

/// Search for one rule in one view of a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ViewDiagnosis {
    /// View.
    pub view: View,
    /// `true` if the rule searches this view.
    pub is_searched: bool,
    /// Literals at which searches in this view begin, in lower case, of which every match contains some; empty without any.
    pub literals: Vec<String>,
    /// Literals that occur in the text.
    pub present: Vec<String>,
    /// First matches of the pattern alone, without the conditions of the rule.
    pub attempts: Vec<Attempt>,
}

/// Match of the pattern of a rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// Bytes in the text.
    pub range: Range<usize>,
    /// `true` if the pattern matches a decoded string of a text that is JSON.
    pub in_json: bool,
    /// First condition that rejects the match, by its name in a rule: `validate`, `max_match_bytes` ... `None` if all hold.
    pub rejected_by: Option<&'static str>,
}

impl ViewDiagnosis {
    /// Adds the search in a string of the text. A match in the text as it is does not count if it shares characters with one in a string.
    fn add(&mut self, inner: ViewDiagnosis) {
        let overlaps = |own: &Attempt| {
            let mut others = inner.attempts.iter();
            others.any(|other| own.range.start < other.range.end && other.range.start < own.range.end)
        };
        self.attempts.retain(|own| own.in_json || !overlaps(own));
        let room = MAX_ATTEMPTS.saturating_sub(self.attempts.len());
        self.attempts.extend(inner.attempts.into_iter().take(room));
        let present: Vec<String> =
            inner.present.into_iter().filter(|literal| !self.present.contains(literal)).collect();
        self.present.extend(present);
    }
}

impl Rule {
    /// Returns `true` if the rule searches texts: it is no guard, does not compare responses with the system prompt, and does not judge
    /// members of requests, names of tools or arguments
    /// of their calls.
    pub fn searches_texts(&self) -> bool {
        self.guard.is_none()
            && self.members.is_none()
            && !self.judges_arguments()
            && !self.is_tool
            && self.overlap.is_none()
    }

    /// Returns `true` if the rule judges single arguments of calls of tools, in responses.
    pub fn judges_arguments(&self) -> bool {
        self.arguments.is_some()
    }

    /// Returns `true` if the rule only logs, whatever its action is.
    pub fn is_audit(&self) -> bool {
        self.is_audit
    }

    /// Returns the part of the scope that leaves out a text of a request, by its index: `roles`, `messages` or `parts`.
    pub fn out_of_scope(&self, request: &Request, text: usize) -> Option<&'static str> {
        ScopedTexts::of_request(request).exclusion(self.scope.as_ref()?, text)
    }

    /// Returns the part of the scope that leaves out a text of a response, by its index: `parts`.
    pub fn out_of_response_scope(&self, response: &Response, text: usize) -> Option<&'static str> {
        ScopedTexts::Response(&response.texts).exclusion(self.scope.as_ref()?, text)
    }
}

impl Policy {
    /// Searches a text of a request for one rule, view by view, and reports what matches and what rejects it. The views that the rule
    /// does not search are included, the text as it is first. Of a text that is JSON, the strings are searched, too. Finds no matches
    /// across parts of a text.
    pub fn diagnose(&self, rule: &Rule, text: &str) -> Vec<ViewDiagnosis> {
        self.diagnose_json(rule, Direction::Request, text, 0)
    }

    /// Searches a text of a response like [`diagnose`](Policy::diagnose), as it is and, for arguments of tools, with its strings decoded.
    pub fn diagnose_output(&self, rule: &Rule, output: &OutputText, body: &[u8]) -> Vec<ViewDiagnosis> {
        let depth = if may_be_json(output.channel.part) { 0 } else { json_strings::MAX_DEPTH };
        self.diagnose_json(rule, Direction::Response, &output.str.decode(body), depth)
    }

    /// Searches a text and, below the maximum depth, its strings if it is JSON.
    fn diagnose_json(&self, rule: &Rule, direction: Direction, text: &str, depth: usize) -> Vec<ViewDiagnosis> {
        let mut views = self.diagnose_views(rule, direction, text);
        if depth >= json_strings::MAX_DEPTH {
            return views;
        }
        for token in json_tokens(text).filter(|token| token.kind != JsonTokenKind::Scalar) {
            let string = token.str.decode(text.as_bytes());
            for mut inner in self.diagnose_json(rule, direction, &string, depth + 1) {
                for attempt in &mut inner.attempts {
                    let span = token.str.raw(text.as_bytes(), attempt.range.clone());
                    *attempt = Attempt { range: span.start..span.end, in_json: true, ..attempt.clone() };
                }
                match views.iter_mut().find(|own| own.view == inner.view) {
                    Some(own) => own.add(inner),
                    None => views.push(inner),
                }
            }
        }
        views
    }

    fn diagnose_views(&self, rule: &Rule, direction: Direction, text: &str) -> Vec<ViewDiagnosis> {
        let mut views = vec![self.diagnose_view(rule, View::Raw, text, |range| range)];
        if direction == Direction::Request {
            let all: ViewSet = View::ALL.into_iter().collect();
            each_derived(text, Wanted { all, whole: all }, |view, derived| {
                views.push(self.diagnose_view(rule, view, derived.text(), |range| derived.source(range)));
                true
            });
        }
        views
    }

    fn diagnose_view(
        &self,
        rule: &Rule,
        view: View,
        text: &str,
        source: impl Fn(Range<usize>) -> Range<usize>,
    ) -> ViewDiagnosis {
        let program = rule.program(view);
        let lower = text.to_ascii_lowercase();
        let literals: BTreeSet<&[u8]> = program.gate_literals().collect();
        let is_present = |literal: &&&[u8]| {
            let windows = lower.as_bytes().windows(literal.len().max(1));
            windows.into_iter().any(|window| window == **literal)
        };
        let shown = |literal: &&[u8]| String::from_utf8_lossy(literal).into_owned();
        ViewDiagnosis {
            view,
            is_searched: rule.views.has(view),
            present: literals.iter().filter(is_present).map(shown).collect(),
            literals: literals.iter().map(shown).collect(),
            attempts: self.attempts(rule, program, text, source),
        }
    }

    fn attempts(
        &self,
        rule: &Rule,
        program: &Program,
        text: &str,
        source: impl Fn(Range<usize>) -> Range<usize>,
    ) -> Vec<Attempt> {
        let starts = StartSet::new(program.longest(), LONGEST);
        let target = Target { program, sets: self.sets(), starts, conditions: None };
        let window = Window::whole(text);
        let mut scratch = Scratch::default();
        scratch.meter = Meter::for_bytes(text.len() as u64);
        let mut attempts = Vec::new();
        let mut at = 0;
        while attempts.len() < MAX_ATTEMPTS {
            let mut first = None;
            Matcher::new(at).read(&target, window, &mut scratch, |found| {
                first = Some(found);
                false
            });
            let Some(found) = first else { break };
            let is_too_long = found.end - found.start > self.max_match_bytes() as u64;
            let candidate = found.candidate(window);
            let rejected_by = match is_too_long {
                true => Some("max_match_bytes"),
                false => rule.conditions.rejecting(&candidate, &mut scratch.groups),
            };
            let (from, to) = found.reported;
            let range = source(from as usize..to as usize);
            attempts.push(Attempt { range, in_json: false, rejected_by });
            // The search goes on as if the pattern did not match at this position.
            at = match rejected_by {
                Some(_) => found.start + window.after(found.start).map_or(1, |c| c.len_utf8() as u64),
                None => found.end,
            };
        }
        attempts
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy(pattern: &str) -> Policy {
        let rules =
            format!(r#"{{"max_match_bytes": 32, "rules": [{{"id": "a", "match": {pattern}, "action": "log"}}]}}"#);
        Policy::from_raw(serde_json::from_str(&rules).unwrap()).unwrap()
    }

    fn raw(pattern: &str, text: &str) -> ViewDiagnosis {
        let policy = policy(pattern);
        policy.diagnose(&policy.rules()[0], text).remove(0)
    }

    #[test]
    fn the_condition_that_rejects_a_match_is_named() {
        for (pattern, text, rejected_by) in [
            (r#"{"regex":"[0-9]{16}","validate":"card"}"#, "4111111111111112", Some("validate")),
            (r#"{"regex":"[0-9]{16}","validate":"card"}"#, "4111111111111111", None),
            (r#"{"regex":"\\w{8}","entropy":{"min":2.5}}"#, "aaaaaaaa", Some("entropy")),
            (r#"{"regex":"ab","not_before":"letter"}"#, "xab", Some("not_before")),
            (r#"{"regex":"ab","not_after":"letter"}"#, "abx", Some("not_after")),
            (r#"{"regex":"[0-9]{4}","context":{"words":["pin"]}}"#, "1234", Some("context")),
            (r#"{"regex":"[0-9]{4}","keywords":["pin"]}"#, "1234", Some("keywords")),
            (r#"{"regex":"[a-z]{3}","allow":{"values":["abc"]}}"#, "abc", Some("allow")),
            (r#"{"url":{"kinds":["link"],"allow_hosts":["a.test"]}}"#, "[x](https://a.test/)", Some("url")),
            (r#"{"regex":"a.{1,60}b"}"#, &format!("a{}b", "-".repeat(40)), Some("max_match_bytes")),
        ] {
            let attempts = raw(pattern, text).attempts;
            assert_eq!(
                attempts.first().map(|attempt| attempt.rejected_by),
                Some(rejected_by),
                "{pattern}: {attempts:?}"
            );
        }
    }

    #[test]
    fn literals_that_occur_and_views_that_are_not_searched_are_listed() {
        let found = raw(r#"{"regex":"\\b(?:AKIA|ASIA)[0-9A-Z]{16}\\b"}"#, "the prefix AKIA alone");
        assert_eq!(
            (found.literals, found.present),
            (vec!["akia".to_owned(), "asia".to_owned()], vec!["akia".to_owned()])
        );
        assert!(found.attempts.is_empty() && found.is_searched);
        let policy = policy(r#"{"keywords":["heron"]}"#);
        let views = policy.diagnose(&policy.rules()[0], "a h\u{200b}eron");
        let folded = views.iter().find(|own| own.view == View::Folded).unwrap();
        assert!(views[0].attempts.is_empty() && !folded.is_searched, "{views:?}");
        assert_eq!(folded.attempts, [Attempt { range: 2..10, in_json: false, rejected_by: None }]);
        assert_eq!(policy.diagnose_json(&policy.rules()[0], Direction::Response, "h\u{200b}eron", 0).len(), 1);
    }

    #[test]
    fn strings_of_a_text_that_is_json_are_searched() {
        let card = r#"{"regex":"\\b[0-9]{16}\\b","validate":"card"}"#;
        for (text, attempts) in [
            // The `n` of an escape is a letter of the text, and a line break of its string.
            (r#"{"a":"x\n4111111111111112"}"#, vec![(9..25, true, Some("validate"))]),
            (r#"{"a":"x\u00204111111111111111"}"#, vec![(13..29, true, None)]),
            (r#"{"a":"4111111111111112"}"#, vec![(6..22, true, Some("validate"))]),
            (r#"{"a":"{\"b\":\"\\n4111111111111112\"}"}"#, vec![(18..34, true, Some("validate"))]),
            (r#"{"a":4111111111111112}"#, vec![(5..21, false, Some("validate"))]),
            ("4111111111111112", vec![(0..16, false, Some("validate"))]),
            (r#"{"a":"b"}"#, vec![]),
        ] {
            let found = raw(card, text).attempts;
            let found: Vec<_> = found.into_iter().map(|own| (own.range, own.in_json, own.rejected_by)).collect();
            assert_eq!(found, attempts, "{text}");
        }
        let found = raw(r#"{"regex":"heron[0-9]"}"#, r#"["her\u006fn"]"#);
        assert_eq!(found.present, ["heron"]);
    }

    #[test]
    fn strings_of_responses_are_searched_in_arguments_only() {
        let body = br#"{"choices":[{"message":{"content":"{\"a\":\"x\\nheron\"}","tool_calls":[{"id":"c","type":"function","function":{"name":"f","arguments":"{\"a\":\"x\\nheron\"}"}}]}}]}"#;
        let response = Response::parse(tollgate_llm::Dialect::OpenAiChat, body, &Default::default()).unwrap();
        let policy = policy(r#"{"regex":"\\bheron"}"#);
        let rule = &policy.rules()[0];
        let found: Vec<(String, usize)> = response
            .texts
            .iter()
            .map(|output| {
                let views = policy.diagnose_output(rule, output, body);
                (format!("{:?}", output.channel.part), views.iter().map(|view| view.attempts.len()).sum())
            })
            .filter(|(part, _)| part.starts_with("Content") || part.starts_with("ToolArguments"))
            .collect();
        assert!(found.len() == 2 && found[0].1 == 0 && found[1].1 == 1, "{found:?}");
    }

    #[test]
    fn a_flood_of_rejected_matches_is_bounded() {
        let found = raw(r#"{"regex":"[0-9]{4}","validate":"card"}"#, &"1".repeat(10_000));
        assert_eq!(found.attempts.len(), MAX_ATTEMPTS);
    }
}
