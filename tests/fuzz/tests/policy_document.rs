//! Any text is a policy or has findings with a place in it, and the repair of one error never hides the errors of other parts.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a target may panic")]

use tollgate_policy::document::Document;
use tollgate_policy::{CODES, CompiledPolicy, Severity};

const SEEDS: &[&[u8]] = &[
    b"version: 1\nmode: audit\nidentity: {consumer: {jwt: [payload, sub]}, missing: anonymous}\nmodels:\n  a: {route: x, provider: y}\n  \"b*\": {alias_of: a}\n  c: {alias_of: c}\n",
    b"version: 1\nidentity: {consumer: {header: x-user}}\nprices: {override: {a: {input: \"0.5\", output: 1}}, on_unknown: pass}\nbudgets:\n- {name: a, unit: usd, limit: \"5.00\", window: 1d}\n- {name: b, unit: tokens, limit: 5, window: 1h, for: [x]}\nquota: {exempt: [y], lease: 10ms}\n",
    br#"{"version": 1, "firewall": {"rules": [{"id": "a", "match": {"regex": "\bkey\\b"}, "action": "deny"}, {"id": "a", "match": {"keywords": [""]}, "action": "log"}], "max_match_bytes": 1}}"#,
    b"version: 1\nx: &x {a: [1, 2.5, ~, true, 0x1F]}\nlimits: {<<: *x, max_event_bytes: -1}\ncounting: {mode: exact, references: refuse}\n",
    b"a: &a [x, x]\nb: [*a, *a]\n? [k]\n: v\n---\n%TAG ! !\n",
];

fn property(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else { return };
    let document = Document::parse("tollgate.yaml", text);
    let _ = document.print();
    let located = match document.compile() {
        Ok(policy) => document.locate(policy.warnings),
        Err(located) => {
            let syntax = !document.errors().is_empty();
            assert!(syntax || located.iter().any(|found| found.finding.severity == Severity::Error));
            located
        }
    };
    let lines = text.replace("\r\n", "\n").split(['\n', '\r']).count();
    for found in &located {
        assert!(CODES.iter().any(|code| code.code == found.finding.code), "{}", found.finding.code);
        assert!(found.position.line <= lines, "{}", found.line());
        assert!(!found.finding.message.contains("struct "), "{}", found.line());
        assert!(document.show(found).lines().count() <= 6, "{}", found.line());
    }
    // A filter reads the same value and finds the same.
    if document.errors().is_empty() {
        let again = CompiledPolicy::from_value(document.value());
        assert_eq!(again.is_err(), located.iter().any(|found| found.finding.severity == Severity::Error));
    }
}

tollgate_fuzz::target!(policy_document, SEEDS, property);
