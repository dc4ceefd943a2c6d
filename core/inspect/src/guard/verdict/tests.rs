use super::GuardVerdict::{Flagged, Pass};
use super::*;
use crate::guard::inspect_guarded;
use crate::policy::Policy;
use crate::raw::RawPolicy;
use crate::rule::RuleIndex;
use crate::rule_set::NO_RULES;
use proptest::prelude::*;
use serde_json::json;
use tollgate_llm::{Dialect, ParseLimits, Request};

const BODY: &str = r#"{"messages":[{"role":"system","content":"Be kind."},
    {"role":"user","content":"I am J\u00fcrgen \ud83d\ude00 M\u00fcller"}],"user":"u1"}"#;

fn policy(guard: &Value) -> Policy {
    let raw: RawPolicy = serde_json::from_value(json!({"rules": [], "guards": [guard]})).unwrap();
    Policy::from_raw(raw).unwrap()
}

fn request(body: &str) -> Request {
    Request::parse(Dialect::OpenAiChat, body.as_bytes(), &ParseLimits::default()).unwrap()
}

fn texts(policy: &Policy, body: &str) -> GuardTexts {
    GuardTexts::of(policy, RuleIndex(0), &request(body), body.as_bytes()).unwrap()
}

fn verdict(policy: &Policy, body: &str, response: &[u8]) -> Result<GuardVerdict, InvalidVerdict> {
    let (_, guard) = policy.guards(&NO_RULES).next().unwrap();
    guard.verdict(response, &texts(policy, body))
}

fn question(guard: &Value) -> Value {
    let policy = policy(guard);
    let (_, guard) = policy.guards(&NO_RULES).next().unwrap();
    serde_json::from_slice(&guard.question(&texts(&policy, BODY))).unwrap()
}

#[test]
fn questions_have_the_texts_in_the_form_of_the_kind() {
    let (first, second) = ("Be kind.", "I am Jürgen 😀 Müller");
    let both = format!("{first}\n\n{second}");
    let guard = |kind: &str| json!({"name": "g", "kind": kind, "cluster": "c", "action": "block"});
    assert_eq!(question(&guard("openai-moderation")), json!({ "input": [first, second] }));
    let mut llama = guard("llama-guard");
    llama["model"] = json!("meta-llama/Llama-Guard-4-12B");
    llama["scope"] = json!({"roles": "user"});
    assert_eq!(
        question(&llama),
        json!({"model": "meta-llama/Llama-Guard-4-12B", "messages": [{"role": "user", "content": second}],
               "temperature": 0, "max_tokens": 64})
    );
    assert_eq!(question(&guard("presidio")), json!({"text": both, "language": "en"}));
    let mut presidio = guard("presidio");
    (presidio["entities"], presidio["threshold"]) = (json!(["PERSON"]), json!(0.5));
    presidio["language"] = json!("de");
    assert_eq!(
        question(&presidio),
        json!({"text": both, "language": "de", "entities": ["PERSON"], "score_threshold": 0.5})
    );
    let mut template = guard("template");
    (template["path"], template["flagged_at"]) = (json!("/v1"), json!("/a"));
    template["body"] = json!({"prompt": "Judge: {{text}}", "all": "{{texts}}", "n": 1, "deep": [{"x": "{{text}}"}]});
    assert_eq!(
        question(&template),
        json!({"prompt": format!("Judge: {both}"), "all": [first, second], "n": 1, "deep": [{"x": both}]})
    );
}

#[test]
fn only_texts_in_scope_are_sent() {
    let body = r#"{"messages":[{"role":"user","content":[{"type":"text","text":"a"},
        {"type":"image_url","image_url":{"url":"data:image/png;base64,AAAA"}}]},
        {"role":"assistant","content":null,"tool_calls":[{"id":"1","type":"function","function":{"name":"f","arguments":"{\"q\":1}"}}]},
        {"role":"tool","tool_call_id":"1","content":"result"},{"role":"user","content":"  "}],
        "tools":[{"type":"function","function":{"name":"f","description":"tool"}}]}"#;
    for (scope, want) in [
        (json!({}), "a\n\n{\"q\":1}\n\nresult"),
        (json!({"roles": "tool"}), "result"),
        (json!({"messages": "last"}), "result"),
        (json!({"parts": "tool_definition"}), "tool"),
        (json!({"parts": "media"}), ""),
    ] {
        let guard = json!({"name": "g", "kind": "presidio", "cluster": "c", "action": "block", "scope": scope});
        let joined = texts(&policy(&guard), body).joined();
        assert!(joined == want || scope["parts"] == "tool_definition" && joined.contains(want), "{scope}: {joined}");
    }
    let small = json!({"name": "g", "kind": "presidio", "cluster": "c", "action": "block", "max_text_bytes": 8});
    let found = GuardTexts::of(&policy(&small), RuleIndex(0), &request(body), body.as_bytes());
    assert_eq!(found, Err(crate::guard::QuestionError::TooLarge));
}

#[test]
fn responses_are_verdicts_or_errors() {
    let guard = |kind: &str, more: Value| {
        let mut guard = json!({"name": "g", "kind": kind, "cluster": "c", "action": "block"});
        for (name, value) in more.as_object().unwrap() {
            guard[name] = value.clone();
        }
        policy(&guard)
    };
    let moderation = |first: bool, second: bool| {
        let result = |flagged: bool| json!({"flagged": flagged, "categories": {"violence": flagged, "hate": false}});
        json!({"id": "m", "results": [result(first), result(second)]})
    };
    let llama = |text: &str| json!({"choices": [{"message": {"role": "assistant", "content": text}}]});
    let all = guard("openai-moderation", json!({}));
    let some = guard("openai-moderation", json!({"categories": ["hate"]}));
    let unknown = guard("openai-moderation", json!({"categories": "hat"}));
    let model = guard("llama-guard", json!({}));
    let s1 = guard("llama-guard", json!({"categories": ["S1", "S3"]}));
    let template =
        json!({"path": "/", "body": "{{text}}", "flagged_at": "/a/0", "flagged_values": "BLOCK", "threshold": 0.5});
    let template = guard("template", template);
    for (name, policy, response, want) in [
        ("nothing flagged", &all, moderation(false, false), Ok(Pass)),
        ("one flagged", &all, moderation(false, true), Ok(Flagged)),
        ("another category", &some, moderation(true, true), Ok(Pass)),
        ("unknown category", &unknown, moderation(true, true), Err(InvalidVerdict)),
        ("too few results", &all, json!({"results": [{"flagged": false}]}), Err(InvalidVerdict)),
        ("an error object", &all, json!({"error": {"message": "no"}}), Err(InvalidVerdict)),
        ("flagged is no boolean", &all, json!({"results": [{"flagged": 0}, {"flagged": 0}]}), Err(InvalidVerdict)),
        ("safe", &model, llama("\n\nsafe"), Ok(Pass)),
        ("unsafe", &model, llama("unsafe\nS1,S2"), Ok(Flagged)),
        ("unsafe without category", &s1, llama("unsafe"), Ok(Flagged)),
        ("listed category", &s1, llama("unsafe\nS2, s3"), Ok(Flagged)),
        ("other category", &s1, llama("unsafe\nS2"), Ok(Pass)),
        ("chatter", &model, llama("The message is safe."), Err(InvalidVerdict)),
        ("safe and more", &model, llama("safe\nS1"), Err(InvalidVerdict)),
        ("empty", &model, llama(""), Err(InvalidVerdict)),
        ("no content", &model, json!({"choices": []}), Err(InvalidVerdict)),
        ("boolean", &template, json!({"a": [true]}), Ok(Flagged)),
        ("listed word", &template, json!({"a": ["BLOCK"]}), Ok(Flagged)),
        ("other word", &template, json!({"a": ["NONE"]}), Ok(Pass)),
        ("number at the threshold", &template, json!({"a": [0.5]}), Ok(Flagged)),
        ("small number", &template, json!({"a": [0.4]}), Ok(Pass)),
        ("absent", &template, json!({"a": []}), Err(InvalidVerdict)),
        ("null", &template, json!({"a": [null]}), Err(InvalidVerdict)),
    ] {
        assert_eq!(verdict(policy, BODY, response.to_string().as_bytes()), want, "{name}");
    }
    let long = vec![b' '; MAX_GUARD_RESPONSE_BYTES + 1];
    for garbage in [&b""[..], b"{", b"<html>", b"\xff", &long, b"[".repeat(100_000).as_slice()] {
        assert_eq!(verdict(&all, BODY, garbage), Err(InvalidVerdict));
    }
}

#[test]
fn entities_are_redacted_where_they_are() {
    let guard = json!({"name": "g", "kind": "presidio", "cluster": "c", "action": "redact", "replacement": "[x]",
        "threshold": 0.4});
    let policy = policy(&guard);
    let entity =
        |start: u64, end: u64, score: f64| json!({"entity_type": "PERSON", "start": start, "end": end, "score": score});
    // "Be kind." has 8 characters, and two separate it from the next text.
    for (entities, want) in [
        (json!([entity(15, 21, 0.9), entity(24, 30, 0.9)]), r#"I am [x] \ud83d\ude00 [x]"#),
        (json!([entity(15, 21, 0.3)]), r#"I am J\u00fcrgen \ud83d\ude00 M\u00fcller"#),
        (json!([entity(22, 23, 0.4)]), r#"I am J\u00fcrgen [x] M\u00fcller"#),
        (json!([entity(15, 30, 0.9), entity(16, 18, 0.9)]), "I am [x]"),
        (json!([entity(8, 10, 0.9)]), r#"I am J\u00fcrgen \ud83d\ude00 M\u00fcller"#),
    ] {
        let verdict = verdict(&policy, BODY, entities.to_string().as_bytes()).unwrap();
        let report = inspect_guarded(&policy, &request(BODY), BODY.as_bytes(), &[(RuleIndex(0), verdict)]);
        let edited = String::from_utf8(report.edits.apply(BODY.as_bytes())).unwrap();
        assert!(edited.contains(&format!(r#""content":"{want}""#)), "{entities}: {edited}");
        assert!(edited.contains("Be kind."));
    }
    let across = verdict(&policy, BODY, json!([entity(3, 14, 1.0)]).to_string().as_bytes());
    assert_eq!(across, Ok(GuardVerdict::Entities(vec![(0, 3..8), (1, 0..4)])));
    for invalid in
        [entity(30, 31, 1.0), entity(5, 5, 1.0), entity(6, 5, 1.0), json!({"start": 1, "end": 2, "score": 1})]
    {
        assert_eq!(verdict(&policy, BODY, json!([invalid]).to_string().as_bytes()), Err(InvalidVerdict), "{invalid}");
    }
}

#[test]
fn redactions_leave_json_in_strings_json() {
    let guard = json!({"name": "g", "kind": "presidio", "cluster": "c", "action": "redact"});
    let policy = policy(&guard);
    let body = r#"{"messages":[{"role":"tool","tool_call_id":"1","content":"{\"id\": 1234, \"n\": \"Bob\"}"}]}"#;
    let entities = json!([{"entity_type": "ID", "start": 7, "end": 11, "score": 1}, {"entity_type": "N", "start": 19, "end": 22, "score": 1}]);
    let verdict = verdict(&policy, body, entities.to_string().as_bytes()).unwrap();
    let report = inspect_guarded(&policy, &request(body), body.as_bytes(), &[(RuleIndex(0), verdict)]);
    let edited = String::from_utf8(report.edits.apply(body.as_bytes())).unwrap();
    assert!(edited.contains(r#"{\"id\": \"[guard.g]\", \"n\": \"[guard.g]\"}"#), "{edited}");
}

#[test]
fn what_a_guard_has_replaced_can_be_restored() {
    let mut guard = json!({"name": "g", "kind": "presidio", "cluster": "c", "action": "placeholder"});
    let entities = json!([{"entity_type": "PERSON", "start": 15, "end": 21, "score": 1}]);
    for restores in [false, true] {
        guard["restore"] = json!(restores);
        let policy = policy(&guard);
        let verdict = verdict(&policy, BODY, entities.to_string().as_bytes()).unwrap();
        let report = inspect_guarded(&policy, &request(BODY), BODY.as_bytes(), &[(RuleIndex(0), verdict)]);
        assert_eq!((policy.restores(), report.placeholders.is_empty()), (restores, !restores));
    }
}

#[test]
fn verdicts_count_as_matches_of_the_rule() {
    let block =
        json!({"name": "b", "kind": "presidio", "cluster": "c", "action": "block", "status": 403, "message": "No."});
    let log = json!({"name": "l", "kind": "llama-guard", "cluster": "c", "action": "block", "mode": "audit"});
    let score = json!({"name": "s", "kind": "llama-guard", "cluster": "c", "action": "score"});
    let raw = json!({"rules": [{"id": "r", "match": {"keywords": ["x"]}, "action": "log"}], "guards": [block, log, score],
        "scores": {"request": 5}});
    let policy = Policy::from_raw(serde_json::from_value(raw).unwrap()).unwrap();
    let names: Vec<_> = policy.guards(&NO_RULES).map(|(rule, guard)| (rule.get(), guard.name().to_owned())).collect();
    assert_eq!(names, [(1, "b".into()), (2, "l".into()), (3, "s".into())]);
    let judged = |verdicts: &[(u32, GuardVerdict)]| {
        let verdicts: Vec<_> = verdicts.iter().map(|(rule, verdict)| (RuleIndex(*rule), verdict.clone())).collect();
        let report = inspect_guarded(&policy, &request(BODY), BODY.as_bytes(), &verdicts);
        (report.verdict_name(), report.rule_names(&policy), report.cause)
    };
    use crate::Cause;
    assert_eq!(judged(&[(1, Pass), (2, Pass)]), ("allow", String::new(), None));
    assert_eq!(judged(&[(2, Flagged)]), ("log", "guard.l".into(), None));
    let entities = GuardVerdict::Entities(vec![(0, 0..2)]);
    assert_eq!(judged(&[(1, entities)]), ("block", "guard.b".into(), Some(Cause::Rule(RuleIndex(1)))));
    assert_eq!(judged(&[(3, Flagged)]), ("block", "guard.s".into(), Some(Cause::Score)));
    let refusal = policy.refusal(Cause::Rule(RuleIndex(1)));
    assert_eq!((refusal.status, refusal.message), (403, "No."));
}

proptest! {
    /// Whatever a guard responds, it is a verdict or an error, and applying it yields JSON.
    #[test]
    fn any_entities_can_be_applied(entities in prop::collection::vec((0u64..40, 0u64..40, 0.0..1.0f64), 0..6)) {
        let policy = policy(&json!({"name": "g", "kind": "presidio", "cluster": "c", "action": "redact"}));
        let list: Vec<Value> = entities.iter()
            .map(|(start, end, score)| json!({"entity_type": "X", "start": start, "end": end, "score": score})).collect();
        if let Ok(verdict) = verdict(&policy, BODY, json!(list).to_string().as_bytes()) {
            let report = inspect_guarded(&policy, &request(BODY), BODY.as_bytes(), &[(RuleIndex(0), verdict)]);
            let edited = report.edits.apply(BODY.as_bytes());
            prop_assert!(serde_json::from_slice::<Value>(&edited).is_ok());
        }
    }
}
