use super::*;

fn load(json: &str) -> Result<Policy, String> {
    let raw = serde_json::from_str(json).map_err(|error| error.to_string())?;
    Policy::from_raw(raw).map_err(|error| error.to_string())
}

fn refused(json: &str) -> String {
    load(json).map(|_| ()).expect_err(json)
}

#[test]
fn defaults_are_those_of_the_documentation() {
    let policy = load(
        r#"{"rules":[{"id":"a","match":{"keywords":["x"]},"action":"block"},{"id":"b","match":{"regex":"x"},"action":"redact","on":["request"]}]}"#,
    )
    .unwrap();
    let [a, b] = policy.rules() else { panic!() };
    assert!(a.is_on(Direction::Request) && a.is_on(Direction::Response));
    assert!(b.is_on(Direction::Request) && !b.is_on(Direction::Response));
    assert_eq!((a.status(), a.message()), (400, "Refused by rule a of the gateway's policy."));
    assert_eq!(b.replacement(), "[b]");
    assert_eq!((policy.max_match_bytes(), policy.on_unscannable()), (1024, OnUnscannable::Block));
    assert!(policy.has(Direction::Request) && policy.can_edit(Direction::Response));
    let refusal = policy.refusal(crate::Cause::Rule(RuleIndex(0)));
    assert_eq!((refusal.status, refusal.code), (400, Some("content_policy_violation")));
    let logs = load(r#"{"rules":[{"id":"a","match":{"regex":"x"},"action":"log"}]}"#).unwrap();
    assert_eq!(logs.on_unscannable(), OnUnscannable::Pass);
    assert!(logs.has(Direction::Response) && !logs.can_edit(Direction::Response));
    assert!(!load(r#"{"rules":[]}"#).unwrap().has(Direction::Request));
}

#[test]
fn what_is_wrong_is_named_by_rule_and_field() {
    for (rule, expected) in [
        (r#""id":"","match":{"regex":"x"},"action":"log""#, "rules[0].id: must not be empty"),
        (r#""id":"A","match":{"regex":"x"},"action":"log""#, "rules[0].id: must be made of a-z, 0-9, '.', '_' and '-'"),
        (r#""id":"a","match":{},"action":"log""#, "rules[0].match (rule a): must have either regex or keywords"),
        (
            r#""id":"a","match":{"regex":"x","keywords":["x"]},"action":"log""#,
            "rules[0].match (rule a): must have either regex or keywords",
        ),
        (
            r#""id":"a","match":{"regex":"x","word":true},"action":"log""#,
            r"rules[0].match.word (rule a): only means something with keywords; a regex says \b",
        ),
        (
            r#""id":"a","match":{"regex":"hush(secret"},"action":"log""#,
            "rules[0].match.regex (rule a): unclosed group (at byte 4 of the expression)",
        ),
        (
            r#""id":"a","match":{"regex":"(?=x)"},"action":"log""#,
            "rules[0].match.regex (rule a): look-around, including look-ahead and look-behind, is not supported (at byte 0 of the expression)",
        ),
        (
            r#""id":"a","match":{"regex":"x*"},"action":"log""#,
            "rules[0].match.regex (rule a): it can match the empty string",
        ),
        (
            r#""id":"a","match":{"regex":"\\b"},"action":"log""#,
            "rules[0].match.regex (rule a): it can match the empty string",
        ),
        (
            r#""id":"a","match":{"regex":"[^\\s\\S]"},"action":"log""#,
            "rules[0].match.regex (rule a): no text can ever match it",
        ),
        (
            r#""id":"a","match":{"regex":"x{2000}"},"action":"log""#,
            "rules[0].match (rule a): its shortest match has 2000 bytes, more than max_match_bytes (1024)",
        ),
        (
            r#""id":"a","match":{"regex":"(x{1000}){1000}"},"action":"log""#,
            "rules[0].match.regex (rule a): it is too large: repetitions such as {1,1000} multiply, and may be the cause",
        ),
        (
            r#""id":"a","match":{"regex":"(a{0,99}b{0,99})+c{0,5000}"},"action":"log""#,
            "rules[0].match.regex (rule a): it can match the empty string",
        ),
        (
            r#""id":"a","match":{"regex":"(a{0,99}b{0,99})+c{1,5000}"},"action":"log""#,
            "rules[0].match (rule a): it is too large: repetitions such as {1,1000} multiply, and may be the cause",
        ),
        (r#""id":"a","match":{"keywords":[]},"action":"log""#, "rules[0].match.keywords (rule a): must not be empty"),
        (r#""id":"a","match":{"keywords":[""]},"action":"log""#, "rules[0].match.keywords (rule a): must not be empty"),
        (r#""id":"a","match":{"regex":"x"},"action":"log","on":[]"#, "rules[0].applies_to (rule a): must not be empty"),
        (
            r#""id":"a","match":{"regex":"x"},"action":"log","replacement":"y""#,
            "rules[0].replacement (rule a): only means something with action: redact",
        ),
        (
            r#""id":"a","match":{"regex":"x"},"action":"redact","status":400"#,
            "rules[0].status (rule a): only means something with action: block",
        ),
        (
            r#""id":"a","match":{"regex":"x"},"action":"block","status":200"#,
            "rules[0].status (rule a): must be between 400 and 599",
        ),
    ] {
        assert_eq!(refused(&format!(r#"{{"rules":[{{{rule}}}]}}"#)), expected);
    }
    let twice = r#"{"id":"a","match":{"regex":"x"},"action":"log"}"#;
    assert_eq!(refused(&format!(r#"{{"rules":[{twice},{twice}]}}"#)), "rules[1].id: another rule has the same id");
    assert_eq!(refused(r#"{"rules":[],"max_match_bytes":8}"#), "max_match_bytes: must be between 16 and 16384");
    assert!(refused(r#"{"rules":[],"rule":1}"#).starts_with("unknown field `rule`"));
    assert!(refused(r#"{"rules":[{"id":"a","match":{"regexp":"x"},"action":"log"}]}"#).starts_with("unknown field"));
}

#[test]
fn all_rules_together_are_bounded() {
    let rule = |index| {
        format!(r#"{{"id":"r{index}","match":{{"regex":"x{{1,900}}(y{{1,900}}z{{20}}){{1,8}}"}},"action":"log"}}"#)
    };
    let rules: Vec<String> = (0..40).map(rule).collect();
    let json = format!(r#"{{"max_match_bytes":16384,"rules":[{}]}}"#, rules.join(","));
    assert!(refused(&json).ends_with("all rules up to this one are too large together"));
}

#[test]
fn examples_prove_their_rule() {
    let policy = load(
        r#"{"rules":[{"id":"aws","match":{"regex":"\\b(AKIA|ASIA)[0-9A-Z]{16}\\b"},"action":"block","examples":{
            "match":["key=ASIAIOSFODNN7EXAMPLE;","AKIA is a prefix"],
            "no_match":["BAKIAIOSFODNN7EXAMPLE","AKIAIOSFODNN7EXAMPLE"]}}]}"#,
    )
    .unwrap();
    let wrong: Vec<String> = policy.check_examples().unwrap_err().iter().map(ToString::to_string).collect();
    assert_eq!(wrong, ["rule aws: examples.match[1] does not match", "rule aws: examples.no_match[1] matches"]);
}

#[test]
fn keywords_are_words_and_the_longest_counts() {
    for (pattern, text, expected) in [
        (r#"{"keywords":["stop"]}"#, "Stop! STOP, stopping nonstop stop_ ſtop", "*! *, stopping nonstop stop_ *"),
        (r#"{"keywords":["stop"],"ignore_case":false}"#, "Stop! stop", "Stop! *"),
        (r#"{"keywords":["stop"],"word":false}"#, "nonstopping", "non*ping"),
        (r#"{"keywords":["a","a b c","a b"]}"#, "a b c a b d a", "* * d *"),
        (r#"{"keywords":["@all","c++"]}"#, "hi @all, c++!", "hi *, *!"),
        (r#"{"keywords":["naïve","ÄRGER"]}"#, "NAÏVE ärger", "* *"),
        (r#"{"keywords":["秘密"],"word":false}"#, "这是秘密文件", "这是*文件"),
        (r#"{"keywords":["a.c"]}"#, "abc a.c", "abc *"),
    ] {
        let policy = load(&format!(r#"{{"rules":[{{"id":"k","match":{pattern},"action":"redact"}}]}}"#)).unwrap();
        let target = policy.rules()[0].target(policy.classes());
        let (mut found, mut left, mut at) = (Vec::new(), String::new(), 0);
        Matcher::new(0).read(&target, View::whole(text), true, &mut Scratch::default(), |m| {
            found.push(m.start as usize..m.end as usize);
            true
        });
        for range in found {
            left += &text[at..range.start];
            left += "*";
            at = range.end;
        }
        assert_eq!(left + &text[at..], expected, "{pattern}");
    }
}
