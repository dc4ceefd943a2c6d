use std::io::Write;

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
budgets:
- {name: calls, unit: requests, limit: 10, window: 1m}
- {name: spend, unit: tokens, limit: 50, window: 1d}
firewall:
  rules:
  - {id: word, match: {keywords: [heron]}, action: block}
  - {id: case, match: {regex: "Stork"}, action: log}
  - {id: found, match: {keywords: [crane]}, action: log}
  - {id: answer, match: {keywords: [stork]}, applies_to: [response], action: block}
  - {id: far, match: {keywords: [ibis]}, action: block}
"#;

const BODY: &str =
    r#"{"model":"fast","max_tokens":100,"messages":[{"role":"user","content":"herons, a stork, a crane"}]}"#;

fn call(headers: &[(&str, &str)], body: &str) -> Call {
    let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    Call { path: "/v1/chat/completions".into(), headers, consumer: None, body: body.into() }
}

fn explained(policy: &str, call: &Call) -> Explanation {
    let document = Document::parse("tollgate.yaml", policy);
    let policy = document.compile().unwrap();
    explain(&document, &policy, call)
}

fn stage<'e>(explanation: &'e Explanation, name: &str) -> &'e Stage {
    explanation.stages.iter().find(|stage| stage.stage == name).unwrap()
}

fn status(explanation: &Explanation, name: &str) -> Option<u16> {
    stage(explanation, name).refusal.as_ref().map(|refusal| refusal.status)
}

#[test]
fn every_stage_is_explained() {
    let explanation = explained(POLICY, &call(&[("x-user", "acme")], BODY));
    let facts = |name: &str| &stage(&explanation, name).facts;
    assert_eq!(facts("request")["dialect"], "openai.chat");
    assert_eq!(facts("request")["texts"][1]["pointer"], "/messages/0/content");
    assert_eq!(facts("identity")["consumer"], "acme");
    assert_eq!(facts("firewall")["matched"][0]["rule"], "found");
    assert_eq!(facts("firewall")["matched"][0]["pointer"], "/messages/0/content");
    assert_eq!(facts("firewall")["matched"][0]["range"], json!([19, 24]));
    assert_eq!(facts("model")["upstream"], "llama-3.1-8b");
    assert_eq!(facts("route")["route"], "local");
    assert_eq!(facts("prices")["entry"], "llama-3.1-8b");
    assert_eq!(facts("prices")["source"], "tollgate.yaml:10:19");
    let parts = facts("tokens")["parts"].as_object().unwrap();
    let tokens = facts("tokens")["tokens"].as_u64().unwrap();
    assert_eq!(parts.values().filter_map(Value::as_u64).sum::<u64>(), tokens);
    let budgets = facts("budgets")["budgets"].as_array().unwrap();
    let reserved: Vec<_> = budgets.iter().map(|budget| (&budget["reserved"], &budget["fits"])).collect();
    assert_eq!(reserved, [(&json!(1), &json!(true)), (&json!(tokens + 100), &json!(false))]);
    assert_eq!((explanation.refused_by, status(&explanation, "budgets")), (Some("budgets"), Some(429)));
    assert!(explanation.render().contains("Refused with 429: Request too large for budget `spend`"));
}

#[test]
fn rules_that_nearly_match_are_named_with_the_difference() {
    let explanation = explained(POLICY, &call(&[("x-user", "acme")], BODY));
    let nearly = stage(&explanation, "firewall").facts["nearly"].as_array().unwrap();
    let nearly: Vec<_> = nearly.iter().map(|near| format!("{}: {}", near["rule"], near["reason"])).collect();
    assert_eq!(nearly.len(), 3, "{nearly:?}");
    for (near, words) in
        nearly.iter().zip([["word", "`word: false`"], ["case", "`(?i)`"], ["answer", "responses only"]])
    {
        assert!(words.iter().all(|word| near.contains(word)), "{near}");
    }
    for (pattern, limit, text, reason) in [
        (r#"regex: '\bkey-[0-9]+\b'"#, 64, "mykey-1", Some(r"without `\b`")),
        (r#"regex: '\bkey-[0-9]+\b'"#, 64, "myKEY-1", Some("in another case")),
        ("regex: '<a.*b>'", 16, "<a 0123456789 0123456789 b>", Some("`max_match_bytes` (16)")),
        ("keywords: [Heron], ignore_case: false", 64, "heron", Some("`ignore_case: true`")),
        ("keywords: [Heron], ignore_case: false", 64, "herons", Some("`word: false` and `ignore_case: true`")),
        ("keywords: [heron]", 64, "stork", None),
        ("regex: '[0-9 ]{16,19}', validate: card", 64, "4111 1111 1111 1112", Some("`validate` does not hold")),
        ("regex: 'k-[a-z]{8}', entropy: {min: 2}", 64, "k-aaaaaaaa", Some("entropy is too low")),
        ("regex: 'k-[a-z]{8}', allow: {stop_words: [demo]}", 64, "k-demodemo", Some("`allow` permits")),
        ("regex: 'k-[a-z]{8}', context: {words: [key]}, not_before: digit", 64, "k-abcdefgh", Some("`context`")),
    ] {
        let policy = format!(
            "{{version: 1, firewall: {{max_match_bytes: {limit}, rules: [{{id: a, match: {{{pattern}}}, action: block}}]}}}}"
        );
        let body = json!({ "model": "m", "messages": [{ "role": "user", "content": text }] });
        let explanation = explained(&policy, &call(&[], &body.to_string()));
        let near = stage(&explanation, "firewall").facts["nearly"][0]["reason"].as_str().map(str::to_owned);
        assert_eq!(near.is_some(), reason.is_some(), "{pattern} {near:?}");
        assert!(near.unwrap_or_default().contains(reason.unwrap_or_default()), "{pattern}");
    }
}

#[test]
fn stages_behind_a_refusal_are_not_reached() {
    let body = BODY.replace("herons", "heron");
    let explanation = explained(POLICY, &call(&[("x-user", "acme")], &body));
    assert_eq!((explanation.refused_by, status(&explanation, "firewall")), (Some("firewall"), Some(400)));
    let reached: Vec<_> = explanation.stages.iter().map(|stage| stage.reached).collect();
    assert_eq!(reached, [true, true, true, false, false, false, false, false]);
    assert!(explanation.render().contains("\nbudgets (not reached)\n"));
    let audit = explained(&POLICY.replace("version: 1", "version: 1\nmode: audit"), &call(&[], &body));
    assert!(audit.refused_by.is_none() && audit.stages.iter().all(|stage| stage.reached));
    assert!(audit.render().contains("Would be refused with 401"));
}

#[test]
fn a_call_that_nobody_can_be_charged_for_is_refused() {
    let explanation = explained(POLICY, &call(&[], BODY));
    assert_eq!((explanation.refused_by, status(&explanation, "identity")), (Some("identity"), Some(401)));
    assert_eq!(stage(&explanation, "budgets").facts, json!({}));
    let twice = explained(POLICY, &call(&[("x-user", "a"), ("x-user", "b")], BODY));
    assert_eq!(status(&twice, "identity"), Some(400));
    let given = Call { consumer: Some("acme".into()), ..call(&[], BODY) };
    assert_eq!(stage(&explained(POLICY, &given), "identity").facts["consumer"], "acme");
    let anonymous = POLICY.replace("{header: x-user}", "{header: x-user}, missing: anonymous");
    assert_eq!(stage(&explained(&anonymous, &call(&[], BODY)), "identity").facts["consumer"], "anonymous");
}

#[test]
fn requests_that_cannot_be_read_are_refused_or_pass_unread() {
    let refused = explained(POLICY, &call(&[], r#"{"model": 1, "model": 2}"#));
    assert_eq!((refused.stages.len(), status(&refused, "request")), (1, Some(400)));
    let too_large = POLICY.replace("version: 1", "version: 1\nlimits: {max_request_bytes: 20}");
    assert_eq!(status(&explained(&too_large, &call(&[], BODY)), "request"), Some(413));
    let elsewhere = Call { path: "/healthz".into(), ..call(&[], BODY) };
    let passed = explained(POLICY, &elsewhere);
    assert_eq!((passed.refused_by, passed.stages.len()), (None, 1));
    let strict = POLICY.replace("version: 1", "version: 1\nlimits: {on_unknown_path: refuse}");
    assert_eq!(status(&explained(&strict, &elsewhere), "request"), Some(404));
}

#[test]
fn later_stages_see_the_redacted_text() {
    let policy = |replacement: &str| {
        let rule = format!("{{id: a, match: {{keywords: [crane]}}, action: redact, replacement: {replacement:?}}}");
        format!("{{version: 1, firewall: {{rules: [{rule}]}}, counting: exact}}")
    };
    let tokens = |policy: &str| {
        let explanation = explained(policy, &call(&[], BODY));
        stage(&explanation, "tokens").facts["tokens"].as_u64().unwrap()
    };
    assert_eq!(tokens(&policy(&"crane ".repeat(9))), tokens(&policy("crane")) + 9);
    // An audit edits nothing.
    let audit = policy(&"crane ".repeat(9)).replace("version: 1", "version: 1, mode: audit");
    assert_eq!(tokens(&audit), tokens(&policy("crane")));
}

#[test]
fn a_small_bound_is_reserved_without_counting() {
    let policy = |limit: u64| {
        format!(
            "{{version: 1, identity: {{consumer: {{header: x-user}}}}, counting: when_needed, \
             budgets: [{{name: a, unit: tokens, limit: {limit}, window: 1m}}]}}"
        )
    };
    let body = BODY.replace("fast", "gpt-4o");
    for (limit, from) in [(1_000_000, "the bound of the prompt"), (1_000, "the counted prompt")] {
        let explanation = explained(&policy(limit), &call(&[("x-user", "acme")], &body));
        let facts = &stage(&explanation, "budgets").facts;
        assert_eq!(facts["prompt"], from);
        let input = stage(&explanation, "tokens").facts[if limit == 1_000 { "tokens" } else { "bound" }].as_u64();
        assert_eq!(facts["budgets"][0]["reserved"].as_u64(), input.map(|input| input + 100));
    }
}

#[test]
fn models_without_a_route_or_a_price_are_refused() {
    let unknown = explained(POLICY, &call(&[("x-user", "acme")], &BODY.replace("fast", "gpt-2")));
    assert_eq!((unknown.refused_by, status(&unknown, "route")), (Some("route"), Some(404)));
    let policy = "{version: 1, identity: {consumer: {header: x-user}}, prices: {override: {a: {input: 1, output: 1}}}, \
        budgets: [{name: a, unit: usd, limit: 1, window: 1d}]}";
    let unpriced = explained(policy, &call(&[("x-user", "acme")], BODY));
    assert_eq!((unpriced.refused_by, status(&unpriced, "budgets")), (Some("budgets"), Some(403)));
}

#[test]
fn the_example_request_passes_the_example_policy() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/gateway/tollgate.yaml");
    let policy = std::fs::read_to_string(root).unwrap();
    let explanation = explained(&policy, &call(&[("x-tollgate-consumer", "acme")], BODY));
    assert_eq!(explanation.refused_by, None, "{}", explanation.render());
}

#[test]
fn an_imposed_output_limit_is_part_of_the_reservation() {
    let policy = format!("{POLICY}quota: {{output_cap: impose}}\n").replace("keywords: [crane]", "keywords: [swan]");
    let body = BODY.replace("\"max_tokens\":100,", "");
    for (body, limit) in [(BODY, None), (&*body, Some(50))] {
        let explanation = explained(&policy, &call(&[("x-user", "acme")], body));
        let tokens = stage(&explanation, "tokens").facts["tokens"].as_u64().unwrap();
        let facts = &stage(&explanation, "budgets").facts;
        assert_eq!(facts["imposed_output_tokens"].as_u64(), limit.map(|limit: u64| limit - tokens), "{body}");
        assert_eq!(facts["budgets"][1]["fits"], json!(limit.is_some()));
    }
    // An audit changes no request.
    let explanation = explained(&format!("{policy}mode: audit\n"), &call(&[("x-user", "acme")], &body));
    let facts = &stage(&explanation, "budgets").facts;
    assert_eq!((facts.get("imposed_output_tokens"), explanation.mode), (None, "audit"));
}

#[test]
fn compressed_bodies_and_forms_are_read() {
    let gzip = |text: &str| {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        encoder.write_all(text.as_bytes()).unwrap();
        encoder.finish().unwrap()
    };
    let json = &[("x-user", "acme"), ("content-encoding", "gzip")][..];
    let form = &[("x-user", "acme"), ("content-type", "multipart/form-data; boundary=b")][..];
    let parts = "--b\r\ncontent-disposition: form-data; name=\"model\"\r\n\r\nfast\r\n\
                 --b\r\ncontent-disposition: form-data; name=\"prompt\"\r\n\r\na heron\r\n--b--\r\n";
    let limited = format!("{POLICY}limits: {{max_request_bytes: 1024}}\n");
    let long = BODY.replace("herons", &"herons ".repeat(200));
    for (policy, path, headers, body, refused_by, line) in [
        (POLICY, "/v1/chat/completions", json, gzip(BODY), Some("budgets"), "The body is compressed (gzip):"),
        (POLICY, "/v1/chat/completions", json, BODY.into(), Some("request"), "The body is not a well-formed request"),
        (&*limited, "/v1/chat/completions", json, gzip(&long), Some("request"), "The decompressed body is larger"),
        (
            POLICY,
            "/v1/chat/completions",
            &[("content-encoding", "compress")],
            BODY.into(),
            Some("request"),
            "The body has a",
        ),
        (POLICY, "/v1/audio/transcriptions", form, parts.into(), Some("firewall"), "The body is a form:"),
        (POLICY, "/v1/audio/transcriptions", form, "--b".into(), Some("request"), "The body is not a well-formed"),
    ] {
        let call = Call { path: path.into(), body, ..call(headers, "") };
        let explanation = explained(policy, &call);
        assert_eq!(explanation.refused_by, refused_by, "{line}");
        assert!(stage(&explanation, "request").lines.iter().any(|text| text.starts_with(line)), "{explanation:?}");
    }
}

#[test]
fn calls_of_tools_are_explained() {
    let policy = r#"
version: 1
identity: {consumer: {header: x-user}}
mcp:
  servers: {github: {path: /tools/github}}
  allow:
  - {consumers: ci, tools: "github/get_*"}
  on_unknown_server: refuse
models: {"llama-*": {route: local}}
budgets:
- {name: calls, unit: requests, limit: 2, window: 1m}
- {name: spend, unit: usd, limit: 0.01, window: 1d}
firewall:
  rules:
  - {id: key, match: {keywords: [heron]}, scope: {parts: [tool_arguments]}, action: redact}
"#;
    let message = |tool: &str| {
        format!(
            r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{{"name":"{tool}","arguments":{{"q":"heron"}}}}}}"#
        )
    };
    let (get, delete) = (message("get_issue"), message("delete_repo"));
    let batch = format!("[{get},{get},{get}]");
    let notification = r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#;
    for (path, body, refused_by, status, words) in [
        ("/tools/github", &*get, None, None, "Call of tools/call, get_issue: allowed to the consumer."),
        ("/tools/github", &*delete, Some("tools"), Some(403), "delete_repo: not allowed to the consumer."),
        ("/other/mcp", &*get, Some("tools"), Some(403), "the server has no name"),
        ("/tools/github", &*batch, Some("budgets"), Some(429), "calls in this request: 3."),
        ("/tools/github", notification, None, None, "Notification of notifications/initialized."),
    ] {
        let call = Call { path: path.into(), ..call(&[("x-user", "ci")], body) };
        let explanation = explained(policy, &call);
        assert_eq!(stage(&explanation, "request").facts["dialect"], "mcp");
        assert_eq!(explanation.refused_by, refused_by, "{path} {body}");
        let found = refused_by.and_then(|name| self::status(&explanation, name));
        assert_eq!(found, status, "{path} {body}");
        assert!(explanation.render().contains(words), "{words} in {}", explanation.render());
        // Nothing is routed or priced, and a tool uses no money.
        assert!(explanation.stages.iter().all(|stage| !["model", "route", "prices"].contains(&stage.stage)));
        assert_eq!(stage(&explanation, "budgets").facts["budgets"][1]["reserved"], 0);
    }
    let explanation = explained(policy, &Call { path: "/tools/github".into(), ..call(&[("x-user", "ci")], &get) });
    assert_eq!(stage(&explanation, "firewall").facts["matched"][0]["rule"], "key");
    assert_eq!(stage(&explanation, "tools").facts["server"], "github");
    // The same path is unknown to a policy without the server.
    let unnamed = explained(POLICY, &Call { path: "/tools/github".into(), ..call(&[("x-user", "ci")], &get) });
    assert_eq!(unnamed.stages.len(), 1);
}
