//! Text that replaces a match: a fixed text, or one that depends on the match.

use std::borrow::Cow;

use tollgate_digest::KeyedDigest;

use crate::rule::Rule;

/// Number of last characters that `mask` keeps, of a text that has at least twice as many.
const KEPT_CHARS: usize = 4;

/// Environment variable with the key of hashes and placeholders.
pub const PLACEHOLDER_KEY: &str = "TOLLGATE_PLACEHOLDER_KEY";

/// Kind of replacement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Substitute {
    /// The replacement of the rule.
    Fixed,
    /// Asterisks and the last characters: `****1234`.
    Mask,
    /// Keyed digest: 32 hexadecimal digits.
    Hash,
    /// The replacement of the rule with a keyed digest of the match: `[secrets.aws.access-key:7f3a90c2]`.
    Placeholder,
}

impl Rule {
    /// Returns the replacement of a match. `value` is the matched text; `None` if it is no longer known.
    ///
    /// The digests of equal values are equal under one key, so a value has the same replacement in every turn of a conversation,
    /// and two values have different ones, but for a chance of one in four billion.
    pub(crate) fn replacement_of(&self, value: Option<&str>, key: &KeyedDigest) -> Cow<'_, str> {
        let fixed = Cow::Borrowed(&*self.replacement);
        let Some(value) = value else { return fixed };
        let digest = || key.digest([self.id.as_bytes(), value.as_bytes()]);
        match self.substitute {
            Substitute::Fixed => fixed,
            Substitute::Mask => Cow::Owned(mask(value)),
            Substitute::Hash => Cow::Owned(format!("{:032x}", digest())),
            Substitute::Placeholder => {
                let (label, end) = match self.replacement.strip_suffix(']') {
                    Some(label) => (label, "]"),
                    None => (&*self.replacement, ""),
                };
                Cow::Owned(format!("{label}:{:08x}{end}", digest() >> 96))
            }
        }
    }
}

fn mask(value: &str) -> String {
    let chars = value.chars().count();
    let kept = if chars >= 2 * KEPT_CHARS { KEPT_CHARS } else { 0 };
    "****".chars().chain(value.chars().skip(chars - kept)).collect()
}

#[cfg(test)]
mod tests {
    use crate::policy::Policy;
    use crate::rule::Direction;
    use crate::{RawPolicy, inspect_text};

    fn policy(action: &str, key: Option<&str>) -> Policy {
        let raw = format!(r#"{{"rules":[{{"id":"key","match":{{"regex":"k[0-9é]+"}},"action":{action}}}]}}"#);
        let raw: RawPolicy = serde_json::from_str(&raw).unwrap();
        let mut policy = Policy::from_raw(raw).unwrap();
        key.into_iter().for_each(|key| policy.set_placeholder_key(key.as_bytes()));
        policy
    }

    fn edited(policy: &Policy, text: &str) -> String {
        let report = inspect_text(policy, Direction::Request, text);
        String::from_utf8(report.edits.apply(text.as_bytes())).unwrap()
    }

    #[test]
    fn masks_keep_the_last_characters_of_long_values() {
        let policy = policy(r#""mask""#, None);
        for (text, want) in [
            ("a k123456789 b", "a ****6789 b"),
            ("k1234567", "****4567"),
            ("k123456", "****"),
            ("k12345é78", "****5é78"),
        ] {
            assert_eq!(edited(&policy, text), want);
        }
    }

    #[test]
    fn placeholders_and_hashes_depend_on_the_value_and_the_key() {
        for (action, len) in [(r#""placeholder""#, "[key:01234567]".len()), (r#""hash""#, 32)] {
            let (one, same, other) = (policy(action, Some("a")), policy(action, Some("a")), policy(action, Some("b")));
            let first = edited(&one, "k12");
            assert_eq!((first.len(), edited(&one, "x k12 y")), (len, format!("x {first} y")));
            assert_eq!(first, edited(&same, "k12"));
            assert_ne!(first, edited(&one, "k13"));
            assert_ne!(first, edited(&other, "k12"));
            // In JSON, the decoded value counts.
            assert_eq!(edited(&one, r#"{"a":"\u006b12"}"#), format!(r#"{{"a":"{first}"}}"#));
        }
        let without_key = [policy(r#""placeholder""#, None), policy(r#""placeholder""#, None)];
        assert_eq!(edited(&without_key[0], "k12"), edited(&without_key[1], "k12"));
        let labelled = policy(r#""placeholder","replacement":"[e]""#, None);
        assert!(edited(&labelled, "k12").starts_with("[e:"));
    }

    /// The search of another rule, which began inside of the match, had the start of the match discarded.
    #[test]
    fn a_placeholder_in_a_stream_has_its_digest_although_another_match_may_follow() {
        let raw = r#"{"rules":[{"id":"a","match":{"regex":"x[a-z]{3}"},"action":"placeholder"},
            {"id":"b","match":{"regex":"c[0-9]{4}"},"action":"mask"}]}"#;
        let raw: RawPolicy = serde_json::from_str(raw).unwrap();
        let policy = std::sync::Arc::new(Policy::from_raw(raw).unwrap());
        let chunk =
            |text: &str| format!("data: {{\"choices\":[{{\"index\":0,\"delta\":{{\"content\":\"{text}\"}}}}]}}\n\n");
        for pieces in [&["xabc1"][..], &["xab", "c1", "23"], &["xabc", "12", "345"]] {
            let dialect = tollgate_llm::Dialect::OpenAiChat;
            let mut inspector = crate::StreamInspector::new(policy.clone(), dialect);
            let (mut parser, mut out) = (tollgate_llm::EventParser::new(dialect), Vec::new());
            let mut framer = tollgate_llm::Framer::new(tollgate_llm::Framing::Sse, 1 << 20);
            let body: String = pieces.iter().map(|piece| chunk(piece)).collect();
            let pushed = framer.push(body.as_bytes(), |event| {
                assert_eq!(inspector.event(&parser.parse(event), &mut out), crate::StreamVerdict::Continue);
                Ok::<_, ()>(())
            });
            pushed.unwrap();
            assert_eq!(inspector.finish(&mut out), crate::StreamVerdict::Continue);
            let placeholder = edited(&policy, &pieces.concat());
            let out = String::from_utf8(out).unwrap();
            assert!(out.contains(placeholder.split_at(12).0), "{placeholder} {out}");
        }
    }

    #[test]
    fn streams_have_the_same_placeholders() {
        let policy = std::sync::Arc::new(policy(r#""placeholder""#, None));
        let mut out = String::new();
        let dialect = tollgate_llm::Dialect::OpenAiChat;
        let mut inspector = crate::StreamInspector::new(policy.clone(), dialect);
        assert_eq!(inspector.whole_text("a k12, b", &mut out), crate::StreamVerdict::Continue);
        assert_eq!(out, edited(&policy, "a k12, b"));
    }
}
