use super::*;

const POLICY: &str = r#"
version: 1
identity: {consumer: {header: x-user}}
models:
  fast: {alias_of: llama-3.1-8b}
  "llama-*": {route: local, provider: vllm}
prices:
  override:
    "llama-*": {input: "9", output: "9"}
    llama-3.1-8b: {input: "0.05", output: "0.08"}
budgets: [{name: spend, per: [consumer], unit: tokens, limit: 50, window: 1d}]
firewall:
  rules:
  - {id: word, match: {keywords: [heron]}, action: block}
  - {id: case, match: {regex: "Stork"}, action: log}
  - {id: found, match: {keywords: [crane]}, action: log}
"#;

fn stages(headers: &[(&str, &str)]) -> Vec<Stage> {
    let document = Document::parse("tollgate.yaml", POLICY);
    let policy = document.compile().unwrap();
    let body =
        br#"{"model":"fast","max_tokens":100,"messages":[{"role":"user","content":"herons, a stork, a crane"}]}"#;
    let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let call = Call::new(&policy, "/v1/chat/completions", headers, None, body.to_vec()).unwrap();
    explain(&document, &policy, &call)
}

fn facts<'s>(stages: &'s [Stage], name: &str) -> &'s Value {
    &stages.iter().find(|stage| stage.stage == name).unwrap().facts
}

#[test]
fn every_stage_is_explained() {
    let stages = stages(&[("x-user", "acme")]);
    assert_eq!(facts(&stages, "request")["dialect"], "openai_chat");
    assert_eq!(facts(&stages, "identity")["consumer"], "acme");
    assert_eq!(facts(&stages, "model")["upstream"], "llama-3.1-8b");
    let firewall = facts(&stages, "firewall");
    assert_eq!(firewall["matched"][0]["rule"], "found");
    assert_eq!(firewall["matched"][0]["pointer"], "/messages/0/content");
    let nearly: Vec<_> = firewall["nearly"].as_array().unwrap().iter().map(|near| near["rule"].clone()).collect();
    assert_eq!(nearly, ["word", "case"]);
    assert_eq!(facts(&stages, "prices")["entry"], "llama-3.1-8b");
    assert_eq!(facts(&stages, "prices")["source"], "tollgate.yaml:10:19");
    let tokens = facts(&stages, "tokens")["tokens"].as_u64().unwrap();
    let budget = &facts(&stages, "budgets")["budgets"][0];
    assert_eq!((&budget["reserved"], &budget["fits"]), (&Value::from(tokens + 100), &Value::from(false)));
    assert!(render(&stages).contains("`word: false` would match"));
}

#[test]
fn a_missing_consumer_is_refused_and_charged_nothing() {
    let stages = stages(&[]);
    assert_eq!(facts(&stages, "identity")["refused"], 401);
    assert_eq!(facts(&stages, "budgets"), &serde_json::json!({}));
}
