//! Responses of guards: whatever a service responds is a verdict or an error, and applying it leaves the request readable.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a target may panic")]

use std::sync::LazyLock;

use tollgate_inspect::{GuardTexts, GuardVerdict, Policy, RuleSet, inspect_guarded};
use tollgate_llm::{Dialect, ParseLimits, Request};

/// Responses, the seeds of all kinds.
const SEEDS: &[&[u8]] = &[
    br#"{"results": [{"flagged": true, "categories": {"hate": true}}, {"flagged": false, "categories": {"hate": false}}]}"#,
    br#"{"choices": [{"message": {"role": "assistant", "content": "unsafe\nS1,S9"}}]}"#,
    br#"[{"entity_type": "PERSON", "start": 3, "end": 14, "score": 0.85}, {"entity_type": "X", "start": 15, "end": 21, "score": 1}]"#,
    br#"{"flagged": 0.7, "word": "BLOCK"}"#,
];

const BODY: &[u8] = br#"{"messages":[{"role":"system","content":"Be kind."},
    {"role":"tool","tool_call_id":"1","content":"{\"id\": 12, \"n\": \"J\u00fcrgen \ud83d\ude00\"}"}]}"#;

static POLICY: LazyLock<Policy> = LazyLock::new(|| {
    let raw = r#"{"rules": [], "guards": [
        {"name": "a", "kind": "openai-moderation", "cluster": "c", "action": "block", "categories": "hate"},
        {"name": "b", "kind": "llama-guard", "cluster": "c", "action": "log", "categories": ["S1"]},
        {"name": "c", "kind": "presidio", "cluster": "c", "action": "redact", "replacement": "[\"\\x]"},
        {"name": "d", "kind": "presidio", "cluster": "c", "action": "mask", "threshold": 0.5},
        {"name": "e", "kind": "template", "cluster": "c", "action": "block", "path": "/", "body": "{{text}}",
         "flagged_at": "/flagged", "threshold": 0.5, "flagged_values": "BLOCK"}]}"#;
    Policy::from_raw(serde_json::from_str(raw).unwrap()).unwrap()
});

fn property(response: &[u8]) {
    let request = Request::parse(Dialect::OpenAiChat, BODY, &ParseLimits::default()).unwrap();
    let policy = &*POLICY;
    let mut verdicts = Vec::new();
    for (rule, guard) in policy.guards(&RuleSet::new()) {
        let texts = GuardTexts::of(policy, rule, &request, BODY).unwrap();
        let Ok(verdict) = guard.verdict(response, &texts) else { continue };
        if let GuardVerdict::Entities(entities) = &verdict {
            assert!(!entities.is_empty());
            for (text, range) in entities {
                let text = request.texts[*text].str.decode(BODY);
                assert!(text.get(range.clone()).is_some_and(|found| !found.is_empty()));
            }
        }
        verdicts.push((rule, verdict));
    }
    let report = inspect_guarded(policy, &request, BODY, &verdicts);
    let edited = report.edits.apply(BODY);
    let again = Request::parse(Dialect::OpenAiChat, &edited, &ParseLimits::default()).unwrap();
    // The result of the tool was JSON.
    let result = again.texts.iter().map(|text| text.str.decode(&edited)).find(|text| text.starts_with('{'));
    let is_replaced_as_a_whole = again.texts.len() != request.texts.len() || result.is_none();
    assert!(is_replaced_as_a_whole || serde_json::from_str::<serde_json::Value>(&result.unwrap()).is_ok());
}

tollgate_fuzz::target!(inspect_guard, SEEDS, property);
