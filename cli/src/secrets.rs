//! Masking of bodies in reports: no text that a rule matches is shown, not even in part.

use std::collections::HashMap;

use crate::firewall_rules::FirewallRules;
use crate::literals::{Literal, literals, unescaped};

/// Length of a fragment of a secret that is masked. Shorter fragments are considered coincidences.
const PART: usize = 6;

/// Most bytes of a text that are shown, and how many of them precede the position of interest.
const MAX_SHOWN: usize = 600;
const BEFORE: usize = 80;

/// Masks the secrets of a test in texts.
#[derive(Clone, Debug, Default)]
pub struct Mask {
    firewall: FirewallRules,
    /// Rules by the fragments of all their matches in the test's bodies.
    parts: HashMap<Vec<u8>, String>,
}

impl Mask {
    /// Creates a mask for a test with these bodies.
    pub fn new<'a>(firewall: &FirewallRules, bodies: impl IntoIterator<Item = &'a [u8]>) -> Mask {
        let mut mask = Mask { firewall: firewall.clone(), parts: HashMap::new() };
        for body in bodies {
            mask.learn(body);
        }
        mask
    }

    fn learn(&mut self, body: &[u8]) {
        let mut joined: HashMap<u64, String> = HashMap::new();
        let mut texts: Vec<String> = vec![unescaped(body).text];
        for literal in literals(body) {
            if literal.member.as_deref() == Some("content") {
                joined.entry(literal.index).or_default().push_str(&literal.text);
            }
            texts.push(literal.text);
        }
        texts.extend(joined.into_values());
        for text in &texts {
            for (rule, range) in self.firewall.matches(text) {
                let secret = text.as_bytes().get(range);
                debug_assert!(secret.is_some(), "a match lies inside of the text");
                let secret = secret.unwrap_or_default();
                for part in secret.windows(PART.min(secret.len()).max(1)) {
                    self.parts.entry(part.to_vec()).or_insert_with(|| rule.to_owned());
                }
            }
        }
    }

    /// Renders a text for people: secrets are replaced by the rule's id and their byte range, long texts are truncated,
    /// and invalid UTF-8 is replaced.
    pub fn show(&self, octets: &[u8]) -> String {
        self.show_at(octets, 0)
    }

    /// Like [`Mask::show`], starting shortly before a position.
    pub fn show_at(&self, octets: &[u8], place: usize) -> String {
        let mut hidden: Vec<Option<&str>> = vec![None; octets.len()];
        let whole = unescaped(octets);
        let found = literals(octets);
        for literal in found.iter().chain([&whole]) {
            for (rule, range) in self.firewall.matches(&literal.text) {
                hide(&mut hidden, literal, range.start, range.end, rule);
            }
            for length in [PART, 5, 4, 3, 2, 1] {
                for (at, part) in literal.text.as_bytes().windows(length).enumerate() {
                    // Fragments shorter than `PART` are complete secrets, because only these are stored with their own
                    // length.
                    if let Some(rule) = self.parts.get(part) {
                        hide(&mut hidden, literal, at, at + length, rule);
                    }
                }
            }
        }
        render(octets, &hidden, if octets.len() > MAX_SHOWN { place.saturating_sub(BEFORE) } else { 0 })
    }
}

fn hide<'a>(hidden: &mut [Option<&'a str>], literal: &Literal, start: usize, end: usize, rule: &'a str) {
    let (Some(&from), Some(&to)) = (literal.places.get(start), literal.places.get(end)) else {
        debug_assert!(false, "a literal has an offset for each byte of its text and for its end");
        return;
    };
    debug_assert!(from <= to && to <= hidden.len(), "the offsets of a literal ascend inside of its source");
    for place in hidden.get_mut(from..to).into_iter().flatten() {
        place.get_or_insert(rule);
    }
}

fn render(octets: &[u8], hidden: &[Option<&str>], from: usize) -> String {
    debug_assert!(hidden.len() == octets.len() && from <= octets.len(), "one entry per byte; {from} is a position");
    let mut shown = if from > 0 { "…".to_owned() } else { String::new() };
    // A secret that begins before `from` is shown with its full range.
    let rule = hidden.get(from).copied().flatten();
    let run = hidden.get(..from).unwrap_or_default().iter().rev().take_while(|other| rule.is_some() && **other == rule);
    let mut at = from - run.count();
    while at < octets.len() {
        if shown.len() > MAX_SHOWN {
            shown.push_str(&format!("… ({} bytes)", octets.len()));
            break;
        }
        let rule = hidden.get(at).copied().flatten();
        let length = hidden.get(at..).unwrap_or_default().iter().take_while(|other| **other == rule).count().max(1);
        let run = octets.get(at..at + length).unwrap_or_default();
        match rule {
            Some(rule) => shown.push_str(&format!("‹{rule}, bytes {at}..{}›", at + length)),
            None => {
                let most = MAX_SHOWN.min(run.len());
                shown.push_str(&String::from_utf8_lossy(run.get(..most).unwrap_or(run)));
                if most < run.len() {
                    shown.push_str(&format!("… ({} bytes)", octets.len()));
                    break;
                }
            }
        }
        at += length;
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy() -> FirewallRules {
        let mut firewall = FirewallRules::default();
        firewall.extend(&serde_json::json!({"rules": [
            {"id": "card", "match": {"regex": r"\b[0-9]{4}( [0-9]{4}){3}\b"}, "action": "redact"},
            {"id": "pin", "match": {"regex": r"\bpin1\b"}, "action": "redact"},
            {"id": "key", "match": {"regex": r"\bAKIA[0-9A-Z]{16}\b"}, "action": "block"},
        ]}));
        firewall
    }

    #[test]
    fn secrets_are_replaced_by_rule_and_range() {
        let body = br#"{"content":"my card is 4111 1111 1111 1112, pin1"}"#;
        let mask = Mask::new(&policy(), [body.as_slice()]);
        assert_eq!(mask.show(body), r#"{"content":"my card is ‹card, bytes 23..42›, ‹pin, bytes 44..48›"}"#);
        // Half of the secret, and the secret in escapes.
        assert_eq!(mask.show(b"my card is 4111 11"), "my card is ‹card, bytes 11..18›");
        assert_eq!(mask.show(br#""\u0034111 1111 1111 1112""#), "\"‹card, bytes 1..25›\"");
        assert_eq!(mask.show(b"nothing here"), "nothing here");
        assert_eq!(mask.show(b"xpin1x"), "x‹pin, bytes 1..5›x");
    }

    #[test]
    fn secrets_beside_letters_of_other_scripts_are_masked() {
        for (body, shown) in [
            ("我的密钥AKIAIOSFODNN7EXAMPLE谢谢", "我的密钥‹key, bytes 12..32›谢谢"),
            (r#"{"content":"令牌AKIAIOSFODNN7EXAMPLE"}"#, r#"{"content":"令牌‹key, bytes 18..38›"}"#),
            ("schlüsselüAKIAIOSFODNN7EXAMPLE", "schlüsselü‹key, bytes 12..32›"),
        ] {
            assert_eq!(Mask::new(&policy(), [body.as_bytes()]).show(body.as_bytes()), shown);
        }
        let mask = Mask::new(&policy(), ["密钥AKIAIOSFODNN7EXAMPLE".as_bytes()]);
        assert_eq!(mask.show("谢AKIAIOSFODN谢".as_bytes()), "谢‹key, bytes 3..14›谢");
    }

    #[test]
    fn a_secret_split_over_two_events_is_masked() {
        let mask = Mask::new(&policy(), [br#"{"content":"4111 11"}{"content":"11 1111 1112"}"#.as_slice()]);
        assert_eq!(mask.show(b"11 1111 1112"), "‹card, bytes 0..12›");
    }

    #[test]
    fn long_texts_are_truncated() {
        let shown = Mask::default().show(&[b'a'; 5000]);
        assert!(shown.len() < 700 && shown.ends_with("(5000 bytes)"), "{shown}");
        let mut long = vec![b' '; 1000];
        long.extend_from_slice(b"4111 1111 1111 1112");
        let shown = Mask::new(&policy(), []).show_at(&[long.as_slice(), b" ", &[b'b'; 1000]].concat(), 1090);
        assert!(shown.starts_with("…‹card, bytes 1000..1019› bbb"), "{shown}");
    }
}
