//! Decision whether a match counts.

use super::matcher::Match;
use super::scratch::{Scratch, Target};
use super::window::Window;
use crate::condition::Candidate;

impl Target<'_> {
    /// Returns `false` if every match that begins behind this character fails its conditions, so that none needs to be searched
    /// for.
    pub(super) fn may_begin_behind(&self, before: Option<char>) -> bool {
        self.conditions.is_none_or(|conditions| conditions.may_begin_behind(before))
    }

    /// Locates the reported part of a match. `None` if a condition of the rule fails: the match does not count.
    ///
    /// `window` has the match, the character behind it and the text in front of it that the conditions need.
    pub(super) fn admit(&self, found: Match, window: Window<'_>, scratch: &mut Scratch) -> Option<Match> {
        let Scratch { groups: memory, meter, .. } = scratch;
        let group = match self.program.groups() {
            0 => None,
            _ => memory.locate(self.program, self.sets, window, found.start, found.end),
        };
        // A match in which the group has no text is reported as a whole: nothing of it may be kept by accident.
        let found = Match { reported: group.unwrap_or((found.start, found.end)), ..found };
        let Some(conditions) = self.conditions else {
            meter.add(memory.take_work());
            return Some(found);
        };
        let counts = conditions.hold(&found.candidate(window), memory);
        meter.add(memory.take_work());
        counts.then_some(found)
    }
}

impl Match {
    /// Returns what conditions see of the match. `window` has the match, the character behind it and the text in front of it that
    /// they need.
    pub(crate) fn candidate<'t>(&self, window: Window<'t>) -> Candidate<'t> {
        let part = |start: u64, end: u64| {
            let part = window.text().get(window.index(start)..window.index(end));
            debug_assert!(part.is_some(), "{start}..{end} is in the text and between characters");
            part.unwrap_or_default()
        };
        Candidate {
            before: window.text().get(..window.index(self.start)).unwrap_or_default(),
            previous: window.before(self.start),
            matched: part(self.start, self.end),
            reported: part(self.reported.0, self.reported.1),
            next: window.after(self.end),
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::generators::{conditional_patterns, texts};
    use crate::pattern::compile::check_length;
    use crate::search::matcher::Matcher;
    use crate::search::scratch::Scratch;
    use crate::search::window::Window;
    use crate::{Policy, RawPattern, View};
    use proptest::prelude::*;
    use regex_automata::meta::Regex;
    use regex_automata::{Anchored, Input};

    fn rule(pattern: &str) -> Policy {
        let json = format!(r#"{{"rules":[{{"id":"r","match":{pattern},"action":"log"}}]}}"#);
        Policy::from_raw(serde_json::from_str(&json).unwrap()).unwrap()
    }

    /// Returns the reported parts of all matches that count.
    fn reported<'t>(policy: &Policy, text: &'t str) -> Vec<&'t str> {
        let mut found = Vec::new();
        let target = policy.rules()[0].target(View::Raw, policy.sets());
        Matcher::new(0).read(&target, Window::whole(text), &mut Scratch::default(), |m| {
            found.push(&text[m.reported.0 as usize..m.reported.1 as usize]);
            true
        });
        found
    }

    #[test]
    fn a_failed_match_hides_no_later_one() {
        for (pattern, text, expected) in [
            (
                r#"{"regex":"[0-9]( ?[0-9]){11,18}","validate":"card"}"#,
                "1 4111 1111 1111 1111",
                &["4111 1111 1111 1111"][..],
            ),
            (r#"{"regex":"[a-z]+","not_before":"letter","not_after":"letter"}"#, "abc de", &["abc", "de"]),
            (r#"{"regex":"[a-z]{2}","allow":{"stop_words":["b"]}}"#, "abcdb", &["cd"]),
            (r#"{"regex":"key=(?P<value>\\w+)","group":"value"}"#, "key=one key=two", &["one", "two"]),
            (r#"{"regex":"key=(\\w*)","group":1}"#, "key=", &["key="]),
            (r#"{"regex":"(?:a=(\\d)|b=(\\d))","group":[1,2]}"#, "a=1 b=2", &["1", "2"]),
            (r#"{"regex":"[0-9]{4}","context":{"words":["pin"],"window":6}}"#, "1234 pin: 5678", &["5678"]),
            (r#"{"regex":"[0-9]{4}","keywords":["pin"]}"#, "1234 PIN: 5678", &["5678"]),
            (r#"{"regex":"\\w{8}","entropy":{"min":2.5}}"#, "aaaaabcdefgh", &["aabcdefg"]),
        ] {
            assert_eq!(reported(&rule(pattern), text), expected, "{pattern}");
        }
    }

    /// Checks a candidate with other means than the engine: positions and regular expressions on the whole text.
    fn counts(raw: &RawPattern, text: &str, (start, end): (usize, usize), reported: &str) -> bool {
        let (before, behind) = (&text[..start], &text[end..]);
        let is_match = |regex: &String, text: &str| Regex::new(regex).unwrap().is_match(text);
        let allow = raw.allow.clone().unwrap_or_default();
        let line = &text[before.rfind('\n').map_or(0, |at| at + 1)..end];
        let contains = |text: &str, words: &[String]| words.iter().any(|word| text.to_lowercase().contains(word));
        let context = raw.context.as_ref().is_none_or(|context| {
            let from =
                (start.saturating_sub(context.window as usize)..=start).find(|at| text.is_char_boundary(*at)).unwrap();
            let to = if context.before { start } else { end };
            let words = context.words.join("|");
            // No character that the generators use begins a new word within a word, other than a capital letter.
            let regex = Regex::new(&format!("(?i:{words})")).unwrap();
            (from..to).any(|at| {
                let input = Input::new(text).span(at..to).anchored(Anchored::Yes);
                let is_letter = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric());
                let joins = |a: Option<char>, b: Option<char>| {
                    is_letter(a)
                        && is_letter(b)
                        && !(a.unwrap().is_ascii_lowercase() && b.unwrap().is_ascii_uppercase())
                };
                text.is_char_boundary(at)
                    && regex.search(&input).is_some_and(|word| {
                        let around = |at: usize| (text[..at].chars().next_back(), text[at..].chars().next());
                        let ((a, b), (c, d)) = (around(word.start()), around(word.end()));
                        !joins(a, b) && !joins(c, d)
                    })
            })
        });
        let neighbors = (raw.not_before.is_none() || !before.ends_with(|c: char| c.is_ascii_alphabetic()))
            && (raw.not_after.is_none() || !behind.starts_with(|c: char| matches!(c, 'b' | '_' | '0'..='9')));
        let entropy = raw.entropy.is_none_or(|entropy| {
            let count = |c: char| reported.chars().filter(|other| *other == c).count() as f64;
            let len = reported.chars().count() as f64;
            reported.chars().map(|c| -(count(c) / len).log2() / len).sum::<f64>() >= entropy.min - 1e-9
        });
        entropy
            && neighbors
            && context
            && raw.keywords.as_ref().is_none_or(|words| contains(&text[..end], words))
            && !contains(reported, &allow.stop_words)
            && !allow.values.iter().any(|value| value == reported)
            && !allow.regex.iter().any(|regex| is_match(regex, reported))
            && !allow.match_regex.iter().any(|regex| is_match(regex, &text[start..end]))
            && !allow.line_regex.iter().any(|regex| is_match(regex, line))
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 2000, ..ProptestConfig::default() })]

        /// At the first position where the match that the pattern prefers meets all conditions; the search continues at its end.
        #[test]
        fn matches_that_count_are_as_defined(pattern in conditional_patterns(), text in texts(0..40)) {
            let raw: RawPattern = serde_json::from_str(&pattern).unwrap();
            // A pattern whose typical match is longer than a match may be is refused.
            prop_assume!(check_length(raw.regex.as_ref().unwrap(), true, 1024).is_ok());
            let regex = Regex::new(raw.regex.as_ref().unwrap()).unwrap();
            let (mut expected, mut at) = (Vec::new(), 0);
            while at < text.len() {
                let next = at + text[at..].chars().next().unwrap().len_utf8();
                let mut captures = regex.create_captures();
                regex.search_captures(&Input::new(&text).range(at..).anchored(Anchored::Yes), &mut captures);
                let Some(found) = captures.get_match() else {
                    at = next;
                    continue;
                };
                let group = captures.get_group(1).filter(|_| raw.group.is_some());
                let reported = &text[group.map_or(found.range(), |group| group.start..group.end)];
                at = if counts(&raw, &text, (found.start(), found.end()), reported) {
                    expected.push(reported);
                    found.end()
                } else {
                    next
                };
            }
            prop_assert_eq!(reported(&rule(&pattern), &text), expected);
        }
    }
}
