use std::path::Path;

use tollgate_inspect::{Action, Direction, inspect_text};
use tollgate_policy::document::Document;

use super::*;

const CONFIG: &str = r#"
title = "example"

[[allowlists]]
description = "global"
regexes = ['''^\$\{[A-Z]+}$''']
stopwords = ["placeholder"]
paths = ['''\.lock$''']

[[allowlists]]
targetRules = ["acme-key"]
stopwords = ["dummy"]

[[rules]]
id = "acme-key"
description = "Key of Acme: \"it's\" a test"
regex = '''(?i)[\w.-]{0,50}?acme[\w .-]{0,20}[=:"' ]{1,5}([a-z0-9]{16})(?:['"\s;]|\\n|$)'''
entropy = 2.5
keywords = ["ACME"]

[[rules]]
id = "either"
regex = '''key (?:a=([0-9]{4})|b=([0-9]{4}))\z'''

[[rules.allowlists]]
regexTarget = "match"
regexes = ['''0000''']
[[rules.allowlists]]
condition = "AND"
paths = ['''\.bb$''']
regexes = ['''.''']

[[rules]]
id = "second"
regex = '''(x|y)-([0-9]+)'''
secretGroup = 2
path = '''\.php$'''

[[rules]]
id = "Repeated Groups"
regex = '''(?:([a-f0-9]{2}):){3}z'''

[[rules]]
id = "with lead"
regex = '''(?i)[\w.-]{0,50}?beta[=:]([a-z0-9]{8})'''

[[rules.allowlists]]
regexTarget = "match"
regexes = ['''public_beta''']

[[rules]]
id = "with-lead"
regex = '''\p{Greek}{2}-([0-9]{4})'''

[[rules]]
id = "path-only"
path = '''\.p12$'''

[[rules]]
id = "look-ahead"
regex = '''a(?=b)'''
"#;

fn imported() -> Imported {
    let options = Options { prefix: "leak.".to_owned(), action: "redact".to_owned(), max_match_bytes: 256 };
    import(&Config::parse(Path::new("gitleaks.toml"), CONFIG).unwrap(), &options)
}

#[test]
fn the_secret_of_a_rule_is_redacted() {
    let Imported { text, rules, .. } = imported();
    assert_eq!(rules, 6);
    let document = Document::parse("leaks.yaml", &text);
    let policy = document.compile().unwrap();
    let firewall = policy.firewall.unwrap();
    for (text, redacted) in [
        (r#"my.acme_key = "q8w3e7r1t5y9u2i4";"#, r#"my.acme_key = "[leak.acme-key]";"#),
        (r#"acme: 'aaaaaaaaaaaaaaab'"#, r#"acme: 'aaaaaaaaaaaaaaab'"#),
        (r#"acme: 'q8w3e7dummyu2i4x'"#, r#"acme: 'q8w3e7dummyu2i4x'"#),
        ("key b=1234", "key b=[leak.either]"),
        ("key a=1234", "key a=[leak.either]"),
        ("key a=0000", "key a=0000"),
        ("y-123", "y-[leak.second]"),
        ("0a:1b:2c:z", "[leak.repeated-groups]"),
        ("my_beta=q8w3e7r1", "my_beta=[leak.with-lead]"),
        ("my_public_beta=q8w3e7r1", "my_public_beta=q8w3e7r1"),
        ("αβ-1234", "αβ-[leak.with-lead-2]"),
    ] {
        let report = inspect_text(&firewall, Direction::Request, text);
        assert_eq!(String::from_utf8(report.edits.apply(text.as_bytes())).unwrap(), redacted);
    }
    assert!(firewall.rules().iter().all(|rule| rule.action() == Action::Redact));
    assert_eq!(firewall.rules()[0].description(), Some("Key of Acme: \"it's\" a test"));
}

#[test]
fn what_a_policy_cannot_say_is_reported() {
    let notes = imported().notes;
    for (rule, words) in [
        ("global", "paths and commits"),
        ("rule `either`", "condition AND"),
        ("rule `second`", "`path`"),
        ("rule `Repeated Groups`", "group in a repetition"),
        ("rule `with lead`", "applies to the line"),
        ("rule `path-only`", "left out: it has no regex"),
        ("rule `look-ahead`", "left out: its regex look-around"),
    ] {
        assert!(notes.iter().any(|note| note.starts_with(rule) && note.contains(words)), "{rule}: {notes:?}");
    }
    assert_eq!(notes.len(), 7, "{notes:?}");
}

#[test]
fn an_invalid_file_is_an_error_with_its_place() {
    let error = Config::parse(Path::new("g.toml"), "title = 'x'\n[[rules]]\nid = 7\n").unwrap_err().to_string();
    assert!(error.starts_with("g.toml:3:6: "), "{error}");
    assert!(error.contains("string"), "{error}");
}
