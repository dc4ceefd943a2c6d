use super::*;
use crate::generators::{json, policies, policy, texts};
use crate::report::MAX_FINDINGS;
use proptest::collection::vec;
use proptest::prelude::*;
use tollgate_llm::multipart::Scanner;
use tollgate_llm::{Dialect, ParseLimits};

const KEY: &str = r#"{"id":"key","match":{"regex":"\\bAKIA[0-9A-Z]{16}\\b"},"action":"block"}"#;
const MAIL: &str = r#"{"id":"mail","match":{"regex":"[a-z]{1,64}@[a-z.]{1,64}"},"action":"redact"}"#;
const WORD: &str = r#"{"id":"word","match":{"keywords":["project x"]},"action":"log","on":["request"]}"#;

fn request(rules: &[&str], body: &str) -> (Report, String) {
    let view = Request::parse(Dialect::OpenAiChat, body.as_bytes(), &ParseLimits::default()).unwrap();
    let report = inspect_request(&policy(rules), &view, body.as_bytes());
    let edited = String::from_utf8(report.edits.apply(body.as_bytes())).unwrap();
    (report, edited)
}

fn response(rules: &[&str], body: &str) -> (Report, String) {
    let view = Response::parse(Dialect::OpenAiChat, body.as_bytes(), &ParseLimits::default()).unwrap();
    let report = inspect_response(&policy(rules), &view, body.as_bytes());
    let edited = String::from_utf8(report.edits.apply(body.as_bytes())).unwrap();
    (report, edited)
}

#[test]
fn a_text_that_cannot_be_edited_is_blocked_instead_of_redacted() {
    let policy = policy(&[WORD, MAIL, KEY]);
    for (text, verdict, causes, matches) in [
        ("hello", None, None, 0),
        ("project x", Some(Action::Log), None, 1),
        ("ann@example.com", Some(Action::Block), Some("mail"), 1),
        ("AKIAIOSFODNN7EXAMPLE", Some(Action::Block), Some("key"), 1),
        ("AKIAIOSFODNN7EXAMPLE ann@example.com", Some(Action::Block), Some("key"), 2),
    ] {
        let report = inspect_uneditable(&policy, text);
        let cause = match report.cause {
            Some(Cause::Rule(rule)) => policy.rule(rule).map(|rule| rule.id()),
            _ => None,
        };
        assert_eq!((report.verdict, cause, report.matches), (verdict, causes, matches), "{text}");
        assert!(report.edits.is_empty() && report.findings.is_empty() && report.redactions == 0, "{text}");
    }
}

#[test]
fn every_text_of_a_request_is_inspected() {
    for body in [
        r#"{"messages":[{"role":"system","content":"SECRET"}]}"#,
        r#"{"messages":[{"role":"user","content":[{"type":"text","text":"SECRET"}]}]}"#,
        r#"{"messages":[{"role":"tool","tool_call_id":"1","content":"SECRET"}]}"#,
        r#"{"messages":[{"role":"user","name":"SECRET","content":""}]}"#,
        r#"{"messages":[{"role":"assistant","tool_calls":[{"id":"1","type":"function","function":{"name":"f","arguments":"{\"a\":\"SECRET\"}"}}]}]}"#,
        r#"{"messages":[{"role":"assistant","refusal":"SECRET"}]}"#,
        r#"{"messages":[{"role":"user","content":[{"type":"image_url","image_url":{"url":"https://x/?k=SECRET"}}]}]}"#,
        r#"{"messages":[{"role":"user","content":[{"type":"image_url","image_url":{"url":"data:text/plain,SECRET"}}]}]}"#,
        r#"{"messages":[],"tools":[{"type":"function","function":{"name":"f","description":"SECRET"}}]}"#,
        r#"{"messages":[],"tools":[{"type":"function","function":{"name":"f","parameters":{"properties":{"SECRET":{}}}}}]}"#,
        r#"{"messages":[],"metadata":{"a":"SECRET"}}"#,
        r#"{"messages":[],"metadata":{"SECRET":"a"}}"#,
        r#"{"messages":[],"user":"SECRET"}"#,
        r#"{"messages":[],"no_such_field":[[{"a":["SECRET"]}]]}"#,
    ] {
        let body = body.replace("SECRET", "AKIAIOSFODNN7EXAMPLE");
        let (report, _) = request(&[MAIL, KEY], &body);
        assert_eq!(report.verdict, Some(Action::Block), "{body}");
        assert_eq!(report.cause, Some(Cause::Rule(RuleIndex(1))));
        let escaped = body.replace("AKIA", "\\u0041\\u004bIA");
        assert_eq!(request(&[MAIL, KEY], &escaped).0.verdict, Some(Action::Block), "{escaped}");
    }
}

#[test]
fn a_redaction_changes_only_the_match() {
    let body = r#"{ "model" : "m","messages":[ {"role":"user","content":"caf\u00e9 \"bob@ex.org\" \/ \ud83d\ude00"} ], "n":1.0}"#;
    let (report, edited) = request(&[KEY, MAIL, WORD], body);
    assert_eq!(edited, body.replace("bob@ex.org", "[mail]"));
    assert_eq!((report.verdict, report.redactions, report.matches), (Some(Action::Redact), 1, 1));
    let finding = Finding { rule: RuleIndex(1), action: Action::Redact, text: 1, range: 7..17, view: View::Raw };
    assert_eq!(report.findings, [finding]);
}

#[test]
fn a_body_that_takes_too_much_work_follows_the_policy() {
    let costly = r#"{"id":"costly","match":{"regex":"(?s)zqx.{1,300}(y.{1,20}){9}Z"},"action":"ACTION"}"#;
    let body = |text: &str| format!(r#"{{"messages":[{{"role":"user","content":"{text}"}}]}}"#);
    let (much, little) = (body(&"zqx yyyy".repeat(20_000)), body(&"zqx yyyy".repeat(20)));
    for (action, on_unscannable, expected) in [
        ("block", "", (Some(Action::Block), Some(Cause::TooCostly), 0)),
        ("log", "", (None, None, 1)), // nothing would be blocked or redacted
        ("block", r#","on_unscannable":"pass""#, (None, None, 1)),
        ("log", r#","on_unscannable":"block""#, (Some(Action::Block), Some(Cause::TooCostly), 0)),
    ] {
        let rule = costly.replace("ACTION", action);
        let raw = format!(r#"{{"rules":[{rule}],"max_match_bytes":400{on_unscannable}}}"#);
        let policy = Policy::from_raw(serde_json::from_str(&raw).unwrap()).unwrap();
        for (body, expected) in [(&much, expected), (&little, (None, None, 0))] {
            let view = Request::parse(Dialect::OpenAiChat, body.as_bytes(), &ParseLimits::default()).unwrap();
            let report = inspect_request(&policy, &view, body.as_bytes());
            assert_eq!((report.verdict, report.cause, report.unscanned), expected, "{raw}, {} bytes", body.len());
        }
    }
}

#[test]
fn a_blocked_body_has_no_edits() {
    let body = r#"{"messages":[{"role":"user","content":"bob@ex.org"},{"role":"user","content":"project X AKIAIOSFODNN7EXAMPLE"},{"role":"user","content":"al@ex.org"}]}"#;
    let (report, edited) = request(&[KEY, MAIL, WORD], body);
    assert_eq!(edited, body);
    assert_eq!(report.verdict_name(), "block");
    assert_eq!(report.rules, [RuleIndex(0), RuleIndex(1), RuleIndex(2)]);
    assert_eq!(report.rule_names(&policy(&[KEY, MAIL, WORD])), "key,mail,word");
}

#[test]
fn a_secret_split_over_two_parts_is_found_and_redacted_in_both() {
    let body = |left: &str, right: &str| {
        format!(
            r#"{{"messages":[{{"role":"user","content":[{{"type":"text","text":"{left}"}},{{"type":"image_url","image_url":{{"url":"https://x/y.png"}}}},{{"type":"text","text":"{right}"}}]}}]}}"#
        )
    };
    let cut = body("it is AKIAIOSF", "ODNN7EXAMPLE");
    assert_eq!(request(&[KEY], &cut).0.verdict, Some(Action::Block));
    let (report, edited) = request(&[MAIL], &body("ask bob@e", "x.org, al@ex.org"));
    assert_eq!(edited, body("ask [mail]", ", [mail]"));
    assert_eq!(report.findings[0].range, 4..9);
    // a whole word in one part counts, whatever the next part begins with
    assert_eq!(request(&[KEY], &body("AKIAIOSFODNN7EXAMPLE", "S")).0.verdict, Some(Action::Block));
    // parts of two messages are not joined
    let body = r#"{"messages":[{"role":"user","content":"AKIAIOSF"},{"role":"user","content":"ODNN7EXAMPLE"}]}"#;
    assert_eq!(request(&[KEY], body).0.verdict, None);
}

#[test]
fn of_texts_outside_of_messages_only_operator_instructions_are_joined() {
    let verdict = |dialect, body: &str| {
        let view = Request::parse(dialect, body.as_bytes(), &ParseLimits::default()).unwrap();
        inspect_request(&policy(&[KEY]), &view, body.as_bytes()).verdict
    };
    for (dialect, body, want) in [
        (
            Dialect::AnthropicMessages,
            r#"{"system":[{"type":"text","text":"AKIAIOSF"},{"type":"text","text":"ODNN7EXAMPLE"}]}"#,
            true,
        ),
        (
            Dialect::AnthropicMessages,
            r#"{"messages":[{"role":"user","content":[{"type":"text","text":"AKIAIOSF"},{"type":"text","text":"ODNN7EXAMPLE"}]}]}"#,
            true,
        ),
        (Dialect::GeminiGenerate, r#"{"contents":[{"parts":[{"text":"AKIAIOSF"},{"text":"ODNN7EXAMPLE"}]}]}"#, true),
        (
            Dialect::BedrockConverse,
            r#"{"messages":[{"role":"user","content":[{"text":"AKIAIOSF"},{"text":"ODNN7EXAMPLE"}]}]}"#,
            true,
        ),
        (
            Dialect::OpenAiResponses,
            r#"{"input":[{"role":"user","content":[{"type":"input_text","text":"AKIAIOSF"},{"type":"input_text","text":"ODNN7EXAMPLE"}]}]}"#,
            true,
        ),
        (Dialect::OpenAiEmbeddings, r#"{"input":["AKIAIOSF","ODNN7EXAMPLE"]}"#, false),
        (Dialect::OpenAiEmbeddings, r#"{"input":["a","AKIAIOSFODNN7EXAMPLE"]}"#, true),
        (Dialect::OpenAiCompletions, r#"{"prompt":["AKIAIOSF","ODNN7EXAMPLE"]}"#, false),
        (Dialect::Rerank, r#"{"documents":["AKIAIOSF","ODNN7EXAMPLE"]}"#, false),
    ] {
        assert_eq!(verdict(dialect, body).is_some(), want, "{body}");
    }
}

#[test]
fn the_blocks_of_a_response_are_joined() {
    let inspect = |rules: &[&str], dialect, body: &str| {
        let view = Response::parse(dialect, body.as_bytes(), &ParseLimits::default()).unwrap();
        let report = inspect_response(&policy(rules), &view, body.as_bytes());
        let edited = String::from_utf8(report.edits.apply(body.as_bytes())).unwrap();
        (report, edited)
    };
    let anthropic = |texts: [&str; 3], citations: &str| {
        format!(
            r#"{{"type":"message","content":[{{"type":"text","text":"{}"}},{{"type":"text","text":"{}","citations":{citations}}},{{"type":"tool_use","name":"f","input":{{"a":"b"}}}},{{"type":"text","text":"{}"}}]}}"#,
            texts[0], texts[1], texts[2]
        )
    };
    for (dialect, body) in [
        (Dialect::AnthropicMessages, anthropic(["it is AKIAIOSF", "ODNN7EX", "AMPLE."], "null")),
        (
            Dialect::BedrockConverse,
            r#"{"output":{"message":{"role":"assistant","content":[{"text":"AKIAIOSF"},{"text":"ODNN7EXAMPLE"}]}}}"#
                .to_owned(),
        ),
        (
            Dialect::CohereChat,
            r#"{"message":{"content":[{"type":"text","text":"AKIAIOSF"},{"type":"text","text":"ODNN7EXAMPLE"}]}}"#
                .to_owned(),
        ),
    ] {
        assert_eq!(inspect(&[KEY], dialect, &body).0.verdict, Some(Action::Block), "{body}");
    }
    // candidates are not joined
    let body = r#"{"choices":[{"index":0,"message":{"content":"AKIAIOSF"}},{"index":1,"message":{"content":"ODNN7EXAMPLE"}}]}"#;
    assert_eq!(inspect(&[KEY], Dialect::OpenAiChat, body).0.verdict, None);
    let (report, edited) =
        inspect(&[MAIL], Dialect::AnthropicMessages, &anthropic(["ask al@ex.org ", "or bob@e", "x.org."], "null"));
    assert_eq!(edited, anthropic(["ask [mail] ", "or [mail]", ""], "null"));
    // `bob@e` alone is also a match
    assert_eq!((report.redactions, report.matches), (2, 3));
    // a redaction in one block keeps annotations of other blocks
    let cohere = |text: &str, citations: &str| {
        format!(
            r#"{{"message":{{"content":[{{"type":"text","text":"{text}"}},{{"type":"text","text":" so"}}],"citations":{citations}}}}}"#
        )
    };
    for (block, is_kept) in [(0, false), (1, true)] {
        let cited = format!(r#"[{{"start":0,"end":1,"text":" ","content_index":{block}}}]"#);
        let (_, edited) = inspect(&[MAIL], Dialect::CohereChat, &cohere("ask al@ex.org", &cited));
        assert_eq!(edited, cohere("ask [mail]", if is_kept { &cited } else { "[]" }));
    }
}

#[test]
fn texts_outside_of_json_are_redacted_verbatim() {
    let part =
        |name: &str, text: &str| format!("--x\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{text}\r\n");
    let body = |mail: &str| part("model", "m") + &part("prompt", &format!("\"{mail}\" \\n é {mail}")) + "--x--";
    let quoted = MAIL.replace(r#""action":"redact""#, r#""action":"redact","replacement":"\"m\"""#);
    let original = body("bob@ex.org");
    let mut scanner = Scanner::new(b"multipart/form-data; boundary=x", &["model", "prompt"]).unwrap();
    scanner.push(original.as_bytes()).unwrap();
    let view = Request::from_form(&Dialect::OpenAiImageEdits.into(), scanner.fields().iter().chain(scanner.others()));
    let report = inspect_request(&policy(&[&quoted]), &view, original.as_bytes());
    let edited = report.edits.apply(original.as_bytes());
    assert_eq!(String::from_utf8(edited).unwrap(), body("\"m\""));
    let transcript = "1\n00:00 --> 00:01\n\\n é bob@ex.org\n";
    let view = Response::plain(transcript.as_bytes(), &ParseLimits::default()).unwrap();
    let report = inspect_response(&policy(&[&quoted]), &view, transcript.as_bytes());
    let edited = report.edits.apply(transcript.as_bytes());
    assert_eq!(String::from_utf8(edited).unwrap(), transcript.replace("bob@ex.org", "\"m\""));
}

#[test]
fn files_are_redacted_as_texts_and_as_json() {
    let quoted = MAIL.replace(r#""action":"redact""#, r#""action":"redact","replacement":"\"m\"""#);
    let policy = policy(&[&quoted, KEY]);
    for (file, want) in [
        ("from bob@ex.org\n", Some("from \"m\"\n")),
        ("a,b\r\n1,bob@ex.org\r\n", Some("a,b\r\n1,\"m\"\r\n")),
        (r#"{"a":"b\u006fb@ex.org"}"#, Some(r#"{"a":"\"m\""}"#)),
        ("{\"b\":1}\n{\"a\":\"bob@ex.org\"}\n", Some("{\"b\":1}\n{\"a\":\"\\\"m\\\"\"}\n")),
        ("# x\n[\n \"bob@ex.org\",\n 1]\n", Some("# x\n[\n \"\\\"m\\\"\",\n 1]\n")),
        // A text in front of JSON, and a string in a string.
        (
            "bob@ex.org\n{\"a\":\"{\\\"b\\\":\\\"bob@ex.org\\\"}\"}",
            Some(concat!("\"m\"\n", r#"{"a":"{\"b\":\"\\\"m\\\"\"}"}"#)),
        ),
        // A file with a defect.
        (r#"{"a":NaN,"b":"bob\u0040ex.org"}"#, Some(r#"{"a":NaN,"b":"\"m\""}"#)),
        (r#"nothing "here\n""#, Some(r#"nothing "here\n""#)),
        ("{\"a\":1}\n{\"a\":\"\\u0041KIAIOSFODNN7EXAMPLE\"}", None),
        (r#"key: "\u0041KIAIOSFODNN7EXAMPLE""#, None),
    ] {
        let view = Request::parse(Dialect::GeminiFiles, file.as_bytes(), &ParseLimits::default()).unwrap();
        let report = inspect_request(&policy, &view, file.as_bytes());
        match want {
            Some(want) => assert_eq!(String::from_utf8(report.edits.apply(file.as_bytes())).unwrap(), want),
            None => assert_eq!(report.verdict, Some(Action::Block), "{file}"),
        }
    }
}

#[test]
fn base64_is_inspected_verbatim_and_counted_as_unscanned() {
    let body = |url: &str, data: &str| {
        format!(
            r#"{{"messages":[{{"role":"user","content":[{{"type":"image_url","image_url":{{"url":"{url}"}}}},{{"type":"input_audio","input_audio":{{"data":"{data}","format":"wav"}}}}]}}]}}"#
        )
    };
    for (url, data, want) in [
        ("data:image/png;base64,AAAA", "AAAA", (None, 2)),
        ("data:image/png;base64,AKIAIOSFODNN7EXAMPLE", "AAAA", (Some(Action::Block), 2)),
        ("data:AKIAIOSFODNN7EXAMPLE;base64,AAAA", "AAAA", (Some(Action::Block), 2)),
        ("https://images.example/a.png", "AKIAIOSFODNN7EXAMPLE", (Some(Action::Block), 1)),
    ] {
        let (report, _) = request(&[KEY], &body(url, data));
        assert_eq!((report.verdict, report.unscanned), want, "{url} {data}");
    }
}

#[test]
fn every_text_of_a_response_is_inspected() {
    for body in [
        r#"{"choices":[{"index":0,"message":{"content":"a"}},{"index":1,"message":{"content":"SECRET"}}]}"#,
        r#"{"choices":[{"message":{"content":[{"type":"text","text":"AKIAIOSF"},{"type":"text","text":"ODNN7EXAMPLE"}]}}]}"#,
        r#"{"choices":[{"message":{"reasoning_content":"SECRET"}}]}"#,
        r#"{"choices":[{"message":{"refusal":"SECRET"}}]}"#,
        r#"{"choices":[{"message":{"tool_calls":[{"function":{"name":"f","arguments":"{\"a\":\"SECRET\"}"}}]}}]}"#,
        r#"{"choices":[{"message":{"tool_calls":[{"function":{"name":"SECRET","arguments":""}}]}}]}"#,
        r#"{"choices":[{"message":{"audio":{"transcript":"SECRET"}}}]}"#,
        r#"{"choices":[{"message":{"annotations":[{"url_citation":{"title":"SECRET"}}]}}]}"#,
        r#"{"error":{"message":"SECRET"}}"#,
    ] {
        let body = body.replace("SECRET", "AKIAIOSFODNN7EXAMPLE");
        assert_eq!(response(&[KEY], &body).0.verdict, Some(Action::Block), "{body}");
    }
    let body = r#"{"choices":[{"message":{"content":"project x"}}]}"#;
    assert_eq!(response(&[WORD], body).0.verdict, None, "the rule is on requests");
}

#[test]
fn logprobs_are_removed_if_a_rule_may_edit() {
    let body = |logprobs: &str| format!(r#"{{"choices":[{{"logprobs":{logprobs},"message":{{"content":"hi"}}}}]}}"#);
    let logprobs = r#"{"content":[{"token":"hi","bytes":[104,105],"top_logprobs":[]}]}"#;
    let (report, edited) = response(&[MAIL], &body(logprobs));
    assert_eq!((report.verdict, edited), (None, body("null")));
    let log = MAIL.replace("redact", "log");
    assert_eq!(response(&[&log], &body(logprobs)).1, body(logprobs));
}

#[test]
fn too_many_redactions_block_the_body() {
    let one = r#"{"id":"a","match":{"regex":"a"},"action":"redact","replacement":"b"}"#;
    let body = |len: usize| format!(r#"{{"messages":[{{"role":"user","content":"{}"}}]}}"#, "a".repeat(len));
    let (report, edited) = request(&[one], &body(MAX_EDITS));
    assert_eq!((report.verdict, edited.len()), (Some(Action::Redact), body(MAX_EDITS).len()));
    let (report, _) = request(&[one], &body(MAX_EDITS + 1));
    assert_eq!((report.verdict, report.cause), (Some(Action::Block), Some(Cause::TooManyRedactions)));
    assert_eq!(report.findings.len(), MAX_FINDINGS);
}

/// Comparing each text with each annotation would take a minute for 2000 of them, and days for this number.
#[test]
fn many_texts_and_annotations_take_linear_time() {
    const COUNT: usize = 8000;
    let rules = r#"{"rules":[{"id":"x","match":{"regex":"a@b"},"action":"redact","replacement":"[x]"}]}"#;
    let policy = Policy::from_raw(serde_json::from_str(rules).unwrap()).unwrap();
    let args = vec![r#""a@b""#; COUNT].join(",");
    let mut candidates =
        vec![format!(r#"{{"index":0,"content":{{"parts":[{{"functionCall":{{"args":[{args}]}}}}]}}}}"#)];
    candidates.extend((0..COUNT).map(|_| r#"{"index":0,"citationMetadata":{}}"#.to_owned()));
    let body = format!(r#"{{"candidates":[{}]}}"#, candidates.join(","));
    let view = Response::parse(Dialect::GeminiGenerate, body.as_bytes(), &ParseLimits::default()).unwrap();
    assert_eq!(view.offsets.len(), COUNT);
    let report = inspect_response(&policy, &view, body.as_bytes());
    assert_eq!((report.redactions, report.edits.len()), (COUNT as u64, 2 * COUNT));
    let edited = String::from_utf8(report.edits.apply(body.as_bytes())).unwrap();
    assert!(!edited.contains("a@b") && edited.matches(r#""citationMetadata":null"#).count() == COUNT);
}

#[test]
fn a_clean_text_is_searched_once() {
    let rules = r#"{"rules":[{"id":"key","match":{"regex":"AKIA[0-9A-Z]{16}"},"action":"redact"}]}"#;
    let mut policy = Policy::from_raw(serde_json::from_str(rules).unwrap()).unwrap();
    policy.remember_clean_texts(|| [7; 16]);
    let (long, secret) = ("An ordinary text. ".repeat(600), "The key is AKIAIOSFODNN7EXAMPLE. ".repeat(10));
    let mut messages = vec![long.clone()];
    for (text, hits) in [(&secret, 0), (&long, 2), (&"short".to_owned(), 4)] {
        messages.push(text.clone());
        let listed: Vec<String> =
            messages.iter().map(|text| format!(r#"{{"role":"user","content":{}}}"#, json(text, false))).collect();
        let body = format!(r#"{{"messages":[{}]}}"#, listed.join(","));
        let view = Request::parse(Dialect::OpenAiChat, body.as_bytes(), &ParseLimits::default()).unwrap();
        let report = inspect_request(&policy, &view, body.as_bytes());
        // A text with a match is never remembered.
        assert_eq!(report.redactions, 10);
        assert_eq!(policy.clean_texts(), hits, "{}", messages.len());
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn remembered_texts_do_not_change_the_result(
        mut policy in policies(&["log", "redact", "block"]),
        conversations in vec(vec(vec(texts(0..6), 1..3), 1..4), 1..4),
    ) {
        let filler = "%".repeat(9000);
        let bodies: Vec<String> = conversations.iter().map(|messages| {
            let content = |parts: &Vec<String>| {
                let parts = parts.iter().map(|text| format!(r#"{{"type":"text","text":{}}}"#, json(&format!("{}{text}", &filler[..130]), false)));
                format!(r#"{{"role":"user","content":[{}]}}"#, parts.collect::<Vec<_>>().join(","))
            };
            let messages: Vec<String> = messages.iter().map(content).collect();
            format!(r#"{{"user":"{filler}","messages":[{}]}}"#, messages.join(","))
        }).collect();
        let inspect = |policy: &Policy, body: &String| {
            let view = Request::parse(Dialect::OpenAiChat, body.as_bytes(), &ParseLimits::default()).unwrap();
            // A remembered text takes no work.
            Report { work: 0, ..inspect_request(policy, &view, body.as_bytes()) }
        };
        let expected: Vec<Report> = bodies.iter().map(|body| inspect(&policy, body)).collect();
        // With remembered texts there is less work, so a body that is too costly without them may not be.
        prop_assume!(expected.iter().all(|report| report.unscanned == 0 && report.cause != Some(Cause::TooCostly)));
        let expected: Vec<String> = expected.iter().map(|report| format!("{report:?}")).collect();
        std::sync::Arc::get_mut(&mut policy).unwrap().remember_clean_texts(|| [7; 16]);
        for _ in 0..2 {
            for (body, expected) in bodies.iter().zip(&expected) {
                prop_assert_eq!(&format!("{:?}", inspect(&policy, body)), expected);
            }
        }
    }

    /// Joined parts are redacted at least where each part alone would be.
    #[test]
    fn parts_are_redacted_separately_and_joined(
        policy in policies(&["redact"]),
        parts in vec(texts(0..8), 1..4),
        escape: bool,
    ) {
        let parts_json: Vec<String> =
            parts.iter().map(|text| format!(r#"{{"type":"text","text":{}}}"#, json(text, escape))).collect();
        let body = format!(r#"{{"messages":[{{"role":"user","content":[{}]}}]}}"#, parts_json.join(","));
        let view = Request::parse(Dialect::OpenAiChat, body.as_bytes(), &ParseLimits::default()).unwrap();
        let report = inspect_request(&policy, &view, body.as_bytes());
        let edited = report.edits.apply(body.as_bytes());
        let after = Request::parse(Dialect::OpenAiChat, &edited, &ParseLimits::default()).unwrap();
        prop_assert_eq!(after.texts.len(), parts.len());
        for (index, text) in view.texts.iter().enumerate() {
            let alone = format!(r#"{{"messages":[{{"content":{}}}]}}"#, json(&text.str.decode(body.as_bytes()), false));
            let alone_view = Request::parse(Dialect::OpenAiChat, alone.as_bytes(), &ParseLimits::default()).unwrap();
            let alone_report = inspect_request(&policy, &alone_view, alone.as_bytes());
            if parts.len() == 1 {
                let alone_edited = alone_report.edits.apply(alone.as_bytes());
                let alone_after = Request::parse(Dialect::OpenAiChat, &alone_edited, &ParseLimits::default()).unwrap();
                prop_assert_eq!(
                    alone_after.texts[0].str.decode(&alone_edited),
                    after.texts[index].str.decode(&edited)
                );
            }
            prop_assert!(alone_report.rules.iter().all(|rule| report.rules.contains(rule)));
        }
    }
}

/// A rule that does not apply made a text too costly, which then was blocked.
#[test]
fn a_rule_that_does_not_apply_to_a_text_takes_no_work() {
    const COSTLY: &str =
        r#"{"id":"costly","match":{"regex":"(?s)zqx.{1,360}(y.{1,9}){9}[0-9]{2}"},"action":"block"SCOPE}"#;
    let text = "zqx yyyy".repeat(20_000);
    for (scope, is_excluded, role, is_costly) in [
        ("", false, "user", true),
        ("", true, "user", false),
        (r#","scope":{"roles":"user"}"#, false, "user", true),
        (r#","scope":{"roles":"user"}"#, false, "assistant", false),
        (r#","scope":{"parts":["tool_arguments"]}"#, false, "user", false),
    ] {
        let policy = policy(&[&COSTLY.replace("SCOPE", scope)]);
        let mut excluded = RuleSet::default();
        if is_excluded {
            excluded.insert(RuleIndex(0));
        }
        let body = format!(r#"{{"messages":[{{"role":"{role}","content":"{text}"}}]}}"#);
        let view = Request::parse(Dialect::OpenAiChat, body.as_bytes(), &ParseLimits::default()).unwrap();
        let cause = inspect_request_without(&policy, &excluded, &view, body.as_bytes()).cause;
        assert_eq!(cause, is_costly.then_some(Cause::TooCostly), "{scope} {role}");
    }
}

/// A match of a rule that does not apply made a text unclean.
#[test]
fn a_text_is_remembered_as_clean_for_the_rules_that_apply_to_it() {
    let rules = [
        r#"{"id":"user","match":{"regex":"heron"},"action":"block","scope":{"roles":"user"}}"#,
        // The prefilter searches for a rule without literals.
        r#"{"id":"number","match":{"regex":"[0-9]{3}"},"action":"block","scope":{"roles":"user"}}"#,
        r#"{"id":"all","match":{"regex":"crane"},"action":"block"}"#,
    ];
    let mut policy = policy(&rules);
    std::sync::Arc::get_mut(&mut policy).unwrap().remember_clean_texts(|| [7; 16]);
    let text = format!("a heron 123 {}", "and words ".repeat(1000));
    for (role, hits, is_blocked) in [
        ("assistant", 0, false),
        ("assistant", 1, false),
        ("user", 1, true),
        ("user", 1, true),
        ("assistant", 2, false),
    ] {
        let body = format!(r#"{{"messages":[{{"role":"{role}","content":"{text}"}}]}}"#);
        let view = Request::parse(Dialect::OpenAiChat, body.as_bytes(), &ParseLimits::default()).unwrap();
        let report = inspect_request(&policy, &view, body.as_bytes());
        assert_eq!((policy.clean_texts(), report.cause.is_some()), (hits, is_blocked), "{role}");
    }
}
