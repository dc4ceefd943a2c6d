use super::*;

fn load(json: &str) -> Result<Policy, String> {
    let raw = serde_json::from_str(json).map_err(|error| error.to_string())?;
    Policy::from_raw(raw).map_err(|error| error.to_string())
}

fn load_error(json: &str) -> String {
    load(json).map(|_| ()).expect_err(json)
}

#[test]
fn defaults_match_the_documentation() {
    let policy = load(
        r#"{"rules":[{"id":"a","match":{"keywords":["x"]},"action":"block"},{"id":"b","match":{"regex":"x"},"action":"redact","on":["request"]}]}"#,
    )
    .unwrap();
    let [a, b] = policy.rules() else { panic!() };
    assert!(a.is_on(Direction::Request) && a.is_on(Direction::Response));
    assert!(b.is_on(Direction::Request) && !b.is_on(Direction::Response));
    assert_eq!((a.status(), a.message()), (400, "Refused by rule a of the gateway's policy."));
    assert_eq!(b.replacement_of(Some("x"), policy.placeholder_key()), "[b]");
    assert_eq!((policy.max_match_bytes(), policy.on_unscannable(Direction::Response)), (1024, OnUnscannable::Block));
    assert!(policy.has(Direction::Request) && policy.can_edit(Direction::Response));
    let refusal = policy.refusal(crate::Cause::Rule(RuleIndex(0)));
    assert_eq!((refusal.status, refusal.code), (400, Some("content_policy_violation")));
    let logs = load(r#"{"rules":[{"id":"a","match":{"regex":"x"},"action":"log"}]}"#).unwrap();
    assert_eq!(logs.on_unscannable(Direction::Response), OnUnscannable::Pass);
    assert!(logs.has(Direction::Response) && !logs.can_edit(Direction::Response));
    assert!(!load(r#"{"rules":[]}"#).unwrap().has(Direction::Request));
}

#[test]
fn errors_name_the_rule_and_the_field() {
    for (rule, expected) in [
        (r#""id":"","match":{"regex":"x"},"action":"log""#, "rules[0].id: must not be empty"),
        (
            r#""id":"A","match":{"regex":"x"},"action":"log""#,
            "rules[0].id: must consist of the characters a-z 0-9 . _ -",
        ),
        (
            r#""id":"a","match":{"regex":"x"},"owasp":["LLM01:2025","LLM1"],"action":"log""#,
            "rules[0].owasp (rule a): must be an id of the OWASP Top 10 for LLM applications with its year, such as `LLM01:2025`",
        ),
        (
            r#""id":"a","match":{},"action":"log""#,
            "rules[0].match (rule a): must have one of `regex`, `keywords`, `phrase`, `url`, `codepoints`, `canary`, `tool`, `members`, `overlap`, `provenance`, or `head` and `tail`",
        ),
        (
            r#""id":"a","match":{"phrase":["x"],"regex":"x"},"action":"log""#,
            "rules[0].match (rule a): must have one of `regex`, `keywords`, `phrase`, `url`, `codepoints`, `canary`, `tool`, `members`, `overlap`, `provenance`, or `head` and `tail`",
        ),
        (
            r#""id":"a","match":{"phrase":["x",{"within":3}]},"action":"log""#,
            "rules[0].match.phrase[1] (rule a): must be between words",
        ),
        (
            r#""id":"a","match":{"phrase":["x"],"word":false},"action":"log""#,
            "rules[0].match.word (rule a): is only allowed with keywords alone",
        ),
        (
            r#""id":"a","match":{"regex":"x","keywords":[]},"action":"log""#,
            "rules[0].match.keywords (rule a): must not be empty",
        ),
        (
            r#""id":"a","match":{"keywords":["x"],"group":1},"action":"log""#,
            "rules[0].match.group (rule a): is only allowed with a regex",
        ),
        (
            r#""id":"a","match":{"regex":"(x)","group":2},"action":"log""#,
            "rules[0].match.group (rule a): has no such group",
        ),
        (
            r#""id":"a","match":{"regex":"(?P<n>x)","group":["n","m"]},"action":"log""#,
            "rules[0].match.group (rule a): has no such group",
        ),
        (
            r#""id":"a","match":{"regex":"x","group":[]},"action":"log""#,
            "rules[0].match.group (rule a): must not be empty",
        ),
        (
            r#""id":"a","match":{"regex":"x","entropy":{"min":15}},"action":"log""#,
            "rules[0].match.entropy.min (rule a): must be between 0 and 14 bits per character",
        ),
        (
            r#""id":"a","match":{"regex":"x","validate":[]},"action":"log""#,
            "rules[0].match.validate (rule a): must not be empty",
        ),
        (
            r#""id":"a","match":{"regex":"x","not_before":"digits"},"action":"log""#,
            "rules[0].match.not_before (rule a): must be `digit`, `letter`, `lower`, `upper`, `alnum`, `word`, `hex`, `space` or a set such as `[-_.]`",
        ),
        (
            r#""id":"a","match":{"regex":"x","context":{"words":[""]}},"action":"log""#,
            "rules[0].match.context.words (rule a): must not be empty",
        ),
        (
            r#""id":"a","match":{"regex":"x","context":{"words":["y"],"window":2000}},"action":"log""#,
            "rules[0].match.context.window (rule a): must be between 1 and 1024",
        ),
        (
            r#""id":"a","match":{"regex":"x","allow":{"regex":["y","z*"]}},"action":"log""#,
            "rules[0].match.allow.regex[1] (rule a): can match the empty string",
        ),
        (
            r#""id":"a","match":{"regex":"x","allow":{"lists":["none"]}},"action":"log""#,
            "rules[0].match.allow.lists[0] (rule a): is not the name of one of `allow_lists`",
        ),
        (
            r#""id":"a","match":{"regex":"x","word":true},"action":"log""#,
            r"rules[0].match.word (rule a): is only allowed with keywords alone; in a regex, write `\b`",
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
            "rules[0].match.regex (rule a): can match the empty string",
        ),
        (
            r#""id":"a","match":{"regex":"\\b"},"action":"log""#,
            "rules[0].match.regex (rule a): can match the empty string",
        ),
        (
            r#""id":"a","match":{"regex":"[^\\s\\S]"},"action":"log""#,
            "rules[0].match.regex (rule a): can never match any text",
        ),
        (
            r#""id":"a","match":{"regex":"x{2000}"},"action":"log""#,
            "rules[0].match (rule a): the shortest match has 2000 bytes, more than `max_match_bytes` (1024); raise it, or match a part",
        ),
        (
            r#""id":"a","match":{"regex":"-----BEGIN KEY-----[\\s\\S]{64,}?-----END KEY-----"},"action":"log""#,
            "rules[0].match.regex (rule a): the text between its beginning and its end may be longer than `max_match_bytes` (1024), as private keys are (1,700 to 3,300 bytes), and would be missed; set `max_match_bytes` to 4096 or more, bound the repetition, or match the beginning alone",
        ),
        (
            r#""id":"a","match":{"regex":"(x{1000}){1000}"},"action":"log""#,
            "rules[0].match.regex (rule a): is too large when compiled; note that nested repetitions such as `{1,1000}` multiply",
        ),
        (
            r#""id":"a","match":{"regex":"(a{0,99}b{0,99})+c{0,5000}"},"action":"log""#,
            "rules[0].match.regex (rule a): can match the empty string",
        ),
        (
            r#""id":"a","match":{"regex":"(a{0,99}b{0,99})+c{1,5000}"},"action":"log""#,
            "rules[0].match (rule a): is too large when compiled; note that nested repetitions such as `{1,1000}` multiply",
        ),
        (r#""id":"a","match":{"keywords":[]},"action":"log""#, "rules[0].match.keywords (rule a): must not be empty"),
        (r#""id":"a","match":{"keywords":[""]},"action":"log""#, "rules[0].match.keywords (rule a): must not be empty"),
        (r#""id":"a","match":{"regex":"x"},"action":"log","on":[]"#, "rules[0].applies_to (rule a): must not be empty"),
        (
            r#""id":"a","match":{"regex":"x"},"action":"log","replacement":"y""#,
            "rules[0].replacement (rule a): is only allowed with `action: redact` or `placeholder`",
        ),
        (
            r#""id":"a","match":{"regex":"x"},"action":"hash","restore":true"#,
            "rules[0].restore (rule a): is only allowed with `action: placeholder`",
        ),
        (
            r#""id":"a","match":{"head":"x","tail":"y"},"action":"placeholder","restore":true"#,
            "rules[0].restore (rule a): does not go with `head` and `tail`, whose values all have one placeholder: \
             remove it, or write the rule with `regex`",
        ),
        (
            r#""id":"a","match":{"regex":"x"},"applies_to":["response"],"action":"placeholder","restore":true"#,
            "rules[0].restore (rule a): needs `request` in `applies_to`: it restores what the rule has replaced in the request",
        ),
        (
            r#""id":"a","match":{"regex":"key (x{9})","group":1},"action":"placeholder","restore":true"#,
            "rules[0].restore (rule a): does not go with `group`, `context` and `keywords` beside `regex`: the client sends the restored value back in a later message of the model, where other words are beside it",
        ),
        (
            r#""id":"a","match":{"regex":"x{9}","keywords":["key"]},"action":"placeholder","restore":true"#,
            "rules[0].restore (rule a): does not go with `group`, `context` and `keywords` beside `regex`: the client sends the restored value back in a later message of the model, where other words are beside it",
        ),
        (
            r#""id":"a","match":{"regex":"x{9}","context":{"words":["key"]}},"action":"placeholder","restore":true"#,
            "rules[0].restore (rule a): does not go with `group`, `context` and `keywords` beside `regex`: the client sends the restored value back in a later message of the model, where other words are beside it",
        ),
        (
            r#""id":"a","match":{"regex":"x{9}"},"scope":{"roles":["user"]},"action":"placeholder","restore":true"#,
            "rules[0].restore (rule a): does not go with `roles`, `messages` and `parts` of the scope: the client sends the restored value back in a later message of the model, where the rule must replace it again",
        ),
        (
            r#""id":"a","match":{"regex":"x{9}"},"scope":{"messages":"last"},"action":"placeholder","restore":true"#,
            "rules[0].restore (rule a): does not go with `roles`, `messages` and `parts` of the scope: the client sends the restored value back in a later message of the model, where the rule must replace it again",
        ),
        (
            r#""id":"a","match":{"regex":"x"},"action":"redact","status":400"#,
            "rules[0].status (rule a): is only allowed with `action: block`",
        ),
        (
            r#""id":"a","match":{"regex":"x"},"action":"block","status":200"#,
            "rules[0].status (rule a): must be between 400 and 599",
        ),
    ] {
        assert_eq!(load_error(&format!(r#"{{"rules":[{{{rule}}}]}}"#)), expected);
    }
    let rule = r#"{"id":"a","match":{"regex":"x"},"action":"log"}"#;
    assert_eq!(load_error(&format!(r#"{{"rules":[{rule},{rule}]}}"#)), "rules[1].id: another rule has the same id");
    assert_eq!(load_error(r#"{"rules":[],"max_match_bytes":8}"#), "max_match_bytes: must be between 16 and 16384");
    assert!(load_error(r#"{"rules":[],"rule":1}"#).starts_with("unknown field `rule`"));
    assert!(load_error(r#"{"rules":[{"id":"a","match":{"regexp":"x"},"action":"log"}]}"#).starts_with("unknown field"));
}

#[test]
fn the_total_size_of_all_rules_is_bounded() {
    let rule = |index| {
        format!(r#"{{"id":"r{index}","match":{{"regex":"x{{1,900}}(y{{1,900}}z{{20}}){{1,8}}"}},"action":"log"}}"#)
    };
    let rules: Vec<String> = (0..40).map(rule).collect();
    let json = format!(r#"{{"max_match_bytes":16384,"rules":[{}]}}"#, rules.join(","));
    assert!(load_error(&json).ends_with("the rules up to and including this one are too large together when compiled"));
}

#[test]
fn examples_are_checked_against_their_rule() {
    let policy = load(
        r#"{"rules":[{"id":"aws","match":{"regex":"\\b(AKIA|ASIA)[0-9A-Z]{16}\\b"},"action":"block","examples":{
            "match":["key=ASIAIOSFODNN7EXAMPLE;","AKIA is a prefix"],
            "no_match":["BAKIAIOSFODNN7EXAMPLE","AKIAIOSFODNN7EXAMPLE"]}}]}"#,
    )
    .unwrap();
    let errors: Vec<String> = policy.check_examples().unwrap_err().iter().map(ToString::to_string).collect();
    assert_eq!(errors, ["rule aws: examples.match[1] does not match", "rule aws: examples.no_match[1] matches"]);
}

#[test]
fn expressions_are_ascii_unless_unicode_is_asked_for() {
    for (pattern, text, expected) in [
        (
            r#"{"regex":"\\bAKIA[0-9A-Z]{4}\\b"}"#,
            "我的密钥AKIA0000谢谢 üAKIA0000 xAKIA0000 AKIA0000_",
            "我的密钥*谢谢 ü* xAKIA0000 AKIA0000_",
        ),
        (
            r#"{"regex":"\\bAKIA[0-9A-Z]{4}\\b","unicode":true}"#,
            "我的密钥AKIA0000谢谢 AKIA0000",
            "我的密钥AKIA0000谢谢 *",
        ),
        (r#"{"regex":"\\b[\\w.]{1,9}@[\\w.]{1,9}\\w\\b"}"#, "请联系jane.doe@ex.com谢谢", "请联系*谢谢"),
        (r#"{"regex":"\\d+"}"#, "٣9", "٣*"),
        (r#"{"regex":"\\d+","unicode":true}"#, "٣9", "*"),
        (r#"{"regex":"(?i)ask"}"#, "ASK a\u{17f}k as\u{212a}", "* a\u{17f}k as\u{212a}"),
        (r#"{"regex":"(?i)ask","unicode":true}"#, "ASK a\u{17f}k as\u{212a}", "* * *"),
    ] {
        assert_eq!(masked(pattern, text), expected, "{pattern}");
    }
}

#[test]
fn keywords_match_whole_words_and_the_longest_wins() {
    for (pattern, text, expected) in [
        (r#"{"keywords":["stop"]}"#, "Stop! STOP, stopping nonstop stop_ ſtop", "*! *, stopping nonstop stop_ ſtop"),
        (r#"{"keywords":["stop"]}"#, "请stop谢谢 жstop éstop stopé", "请*谢谢 ж* éstop stopé"),
        (r#"{"keywords":["stop"],"unicode":true}"#, "请stop谢谢 жstop stop", "请stop谢谢 жstop *"),
        (r#"{"keywords":["стоп"]}"#, "астоп астоп, stopстоп 请стоп谢谢", "астоп астоп, stop* 请*谢谢"),
        (r#"{"keywords":["秘密"]}"#, "这是秘密文件 a秘密b", "这是*文件 a*b"),
        (r#"{"keywords":["秘密a"]}"#, "这是秘密a文件 秘密ab", "这是*文件 秘密ab"),
        (r#"{"keywords":["stop"],"ignore_case":false}"#, "Stop! stop", "Stop! *"),
        (r#"{"keywords":["stop"],"word":false}"#, "nonstopping", "non*ping"),
        (r#"{"keywords":["a","a b c","a b"]}"#, "a b c a b d a", "* * d *"),
        (r#"{"keywords":["@all","c++"]}"#, "hi @all, c++!", "hi *, *!"),
        (r#"{"keywords":["naïve","ÄRGER"]}"#, "NAÏVE ärger", "* *"),
        (r#"{"keywords":["秘密"],"word":false}"#, "这是秘密文件", "这是*文件"),
        (r#"{"keywords":["a.c"]}"#, "abc a.c", "abc *"),
    ] {
        assert_eq!(masked(pattern, text), expected, "{pattern}");
    }
}

/// Returns the text with each match of a rule with this pattern replaced by `*`.
fn masked(pattern: &str, text: &str) -> String {
    let policy = load(&format!(r#"{{"rules":[{{"id":"k","match":{pattern},"action":"redact"}}]}}"#)).unwrap();
    let target = policy.rules()[0].target(View::Raw, policy.sets());
    let (mut found, mut output, mut at) = (Vec::new(), String::new(), 0);
    Matcher::new(0).read(&target, Window::whole(text), &mut Scratch::default(), |m| {
        found.push(m.start as usize..m.end as usize);
        true
    });
    for range in found {
        output += &text[at..range.start];
        output += "*";
        at = range.end;
    }
    output + &text[at..]
}

#[test]
fn errors_of_allow_lists_name_the_list() {
    for (lists, expected) in [
        (r#"{"a":{"regex":["("]}}"#, "allow_lists.a.regex[0]: unclosed group (at byte 0 of the expression)"),
        (r#"{"a":{"stop_words":[""]}}"#, "allow_lists.a.stop_words: must not be empty"),
        (r#"{"a":{},"b":{"lists":["a"]}}"#, "allow_lists.b.lists: is only allowed with rules"),
    ] {
        assert_eq!(load_error(&format!(r#"{{"rules":[],"allow_lists":{lists}}}"#)), expected);
    }
}
