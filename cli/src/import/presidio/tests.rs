use std::path::Path;

use tollgate_inspect::{Direction, inspect_text};
use tollgate_policy::document::Document;

use super::*;

const REGISTRY: &str = r#"
supported_languages: [en]
global_regex_flags: 26
recognizers:
- name: CreditCardRecognizer
  type: predefined
- EmailRecognizer
- name: Badge recognizer
  type: custom
  supported_entity: BADGE_NUMBER
  supported_languages:
  - language: de
    context: [ausweis]
  patterns:
  - {name: strong, regex: '(?<!\d)bdg-\d{6}(?!\d)', score: 0.9}
  - {name: weak, regex: '\b\d{6}\b', score: 0.1}
  context: [badge]
- name: Bird recognizer
  supported_entity: BIRD
  supported_language: en
  deny_list: [heron, blue egret]
- name: Idle
  enabled: false
  supported_entity: IDLE
  deny_list: [x]
- name: Cards
  supported_entity: CREDIT_CARD
  patterns: [{name: card, regex: '\b\d{16}\b', score: 0.5}, {name: "look ahead", regex: 'a(?=b)c', score: 1}]
- name: Words
  supported_entity: WORDS
  patterns: [{name: any, regex: '[a-z]+[0-9]+$', score: 0.2}]
"#;

fn imported(text: &str) -> Imported {
    let options = Options { prefix: "presidio.".to_owned(), action: "redact".to_owned(), max_match_bytes: 1024 };
    import(&Config::parse(Path::new("recognizers.yaml"), text).unwrap(), &options)
}

#[test]
fn recognizers_are_rules_that_match_alike() {
    let Imported { text, rules, .. } = imported(REGISTRY);
    assert_eq!(rules, 5, "{text}");
    let document = Document::parse("p.yaml", &text);
    let firewall = document.compile().unwrap_or_else(|found| panic!("{found:#?}\n{text}")).firewall.unwrap();
    for (text, redacted) in [
        ("my BDG-123456.", "my [presidio.badge-number.strong]."),
        ("my bdg-1234567", "my bdg-1234567"),
        ("badge: 123456", "badge: [presidio.badge-number.weak]"),
        ("Ausweis 123456", "Ausweis [presidio.badge-number.weak]"),
        ("order 123456", "order 123456"),
        ("a Heron, herons", "a [presidio.bird], herons"),
        ("4111111111111111", "[presidio.credit-card.card]"),
        ("4111111111111112", "4111111111111112"),
        ("abc123", "abc123"),
    ] {
        let report = inspect_text(&firewall, Direction::Request, text);
        assert_eq!(String::from_utf8(report.edits.apply(text.as_bytes())).unwrap(), redacted);
    }
    assert!(firewall.rules().last().unwrap().is_audit());
}

#[test]
fn what_a_policy_cannot_say_is_reported() {
    let notes = imported(REGISTRY).notes;
    for expected in [
        "recognizer `CreditCardRecognizer`: left out: it is built into Presidio",
        "recognizer `EmailRecognizer`: left out: it is built into Presidio",
        "recognizer `Badge recognizer`: languages de: left out",
        "recognizer `Badge recognizer`: pattern `strong`: `context`: left out, the score 0.9",
        "recognizer `Badge recognizer`: pattern `weak`: score 0.1: a word of `context` must be in front",
        "recognizer `Idle`: left out: it is not enabled",
        "recognizer `Cards`: pattern `card`: `validate: luhn`, as of the entity",
        "recognizer `Cards`: pattern `look ahead`: left out: `match.regex` ",
        "recognizer `Words`: pattern `any`: score 0.2 and no context: `mode: audit`",
        "recognizer `Words`: pattern `any`: `slow: true`",
    ] {
        assert!(notes.iter().any(|note| note.starts_with(expected)), "{expected}: {notes:#?}");
    }
}

#[test]
fn ad_hoc_recognizers_are_read_as_json() {
    let one = r#"{"name": "Zip", "supported_language": "en", "supported_entity": "ZIP",
        "patterns": [{"name": "zip", "regex": "zip[0-9]{5}", "score": 0.6}]}"#;
    for text in [one.to_owned(), format!("[{one}]"), format!(r#"{{"text": "x", "ad_hoc_recognizers": [{one}]}}"#)] {
        let imported = imported(&text);
        assert!(imported.rules == 1 && imported.text.contains("id: presidio.zip\n"), "{}", imported.text);
        assert!(imported.notes.is_empty(), "{:?}", imported.notes);
    }
}

#[test]
fn an_invalid_file_is_an_error() {
    for (text, words) in [
        ("a: [", "recognizers.yaml:"),
        ("{}", "expected `recognizers`"),
        ("recognizers: [{supported_entity: A, patterns: x}]", "recognizer 1: invalid type"),
    ] {
        let error = Config::parse(Path::new("recognizers.yaml"), text).unwrap_err().to_string();
        assert!(error.contains(words), "{error}");
    }
}
