//! Table of mistakes that authors of policies make, each with the line, the column, the text and the advice it gets.
#![cfg(feature = "yaml")]

use tollgate_policy::document::Document;

/// Mistake: the file, the start of the reported lines, and words of the advice (empty: none is expected).
struct Mistake(&'static str, &'static [&'static str], &'static str);

const IDENTITY: &str = "identity: {consumer: {header: x-user}}\n";

const MISTAKES: &[Mistake] = &[
    // Keys and words.
    Mistake("budget: []", &["1:1: error[unknown-key]: unknown key `budget`"], "did you mean `budgets`?"),
    Mistake("firewal: {}", &["1:1: error[unknown-key]: unknown key `firewal`"], "did you mean `firewall`?"),
    Mistake("frobnicate: 1", &["1:1: error[unknown-key]: unknown key `frobnicate`"], "the keys here are version, mode"),
    Mistake(
        "mode: enforced",
        &["1:7: error[unknown-value]: unknown mode `enforced`; one of enforce, audit"],
        "`enforce`",
    ),
    Mistake("mode: off", &["1:7: error[unknown-value]: unknown mode `off`"], ""),
    Mistake(
        "counting: exakt",
        &["1:11: error[unknown-value]: unknown counting `exakt`; one of exact, when_needed, off"],
        "`exact`",
    ),
    Mistake(
        "firewall:\n  rules:\n  - {id: a, match: {keywords: [x]}, action: deny}",
        &[
            "3:45: error[unknown-value]: unknown action `deny`; one of log, tag, score, redact, mask, hash, placeholder, block",
        ],
        "did you mean `block`?",
    ),
    Mistake(
        "firewall:\n  rules:\n  - {id: a, match: {regex: x, validate: lunh}, action: log}",
        &["3:41: error[unknown-value]: unknown validate `lunh`"],
        "did you mean `luhn`?",
    ),
    Mistake(
        "firewall:\n  rules:\n  - {id: a, match: {regex: x, validate: [card, ibn]}, action: log}",
        &["3:48: error[unknown-value]"],
        "did you mean `iban`?",
    ),
    Mistake(
        "firewall:\n  rules:\n  - {id: a, match: {regex: x, entropi: {min: 3}}, action: log}",
        &["3:31: error[unknown-key]: unknown key `entropi`"],
        "did you mean `entropy`?",
    ),
    Mistake(
        "firewall:\n  rules:\n  - {id: a, match: {regex: x, entropy: 3}, action: log}",
        &["3:40: error[wrong-type]: expected a map, found a whole number"],
        "",
    ),
    Mistake(
        "firewall:\n  rules:\n  - {id: a, match: {regex: (x), group: {n: 1}}, action: log}",
        &["3:40: error[wrong-type]: expected a value or a list of values, found a map"],
        "",
    ),
    Mistake(
        "firewall:\n  rules:\n  - {id: a, match: {regex: (x), group: 2}, action: log}",
        &["3:40: error[invalid-value]: has no such group"],
        "",
    ),
    Mistake(
        "firewall:\n  rules:\n  - {id: a, match: {regex: x, allow: {lists: [b]}}, action: log}",
        &["3:47: error[invalid-value]: is not the name of one of `allow_lists`"],
        "",
    ),
    Mistake(
        "firewall:\n  allow_lists: {b: {regex: ['(']}}\n  rules: [{id: a, match: {regex: x}, action: log}]",
        &["2:29: error[invalid-value]: unclosed group"],
        "",
    ),
    Mistake(
        "limits: {on_unscannable: allow}",
        &["1:26: error[unknown-value]: unknown on_unscannable `allow`; one of refuse, pass"],
        "did you mean `pass`?",
    ),
    Mistake("limits: {buffer_size: 1}", &["1:10: error[unknown-key]: unknown key `buffer_size`"], "the keys here are"),
    Mistake("limits: {max_requst_bytes: 1}", &["1:10: error[unknown-key]"], "did you mean `max_request_bytes`?"),
    Mistake(
        "identity: {consumer: {heder: x}}",
        &["1:23: error[unknown-key]: unknown key `heder`"],
        "did you mean `header`?",
    ),
    Mistake("models: {a: {rout: x}}", &["1:14: error[unknown-key]: unknown key `rout`"], "did you mean `route`?"),
    // Types.
    Mistake("mode: 3", &["1:7: error[wrong-type]: expected one of enforce, audit, found a whole number"], ""),
    Mistake("budgets: {}", &["1:10: error[wrong-type]: expected a list, found a map"], ""),
    Mistake("models: [gpt-4o]", &["1:9: error[wrong-type]: expected a map, found a list"], ""),
    Mistake("limits: hunter2", &["1:9: error[wrong-type]: expected a map, found a string"], ""),
    Mistake(
        "limits: {max_event_bytes: hunter2}",
        &["1:27: error[wrong-type]: expected a whole number, found a string"],
        "",
    ),
    Mistake(
        "limits: {max_event_bytes: 1.5}",
        &["1:27: error[wrong-type]: expected a whole number, found a number with a fraction"],
        "",
    ),
    Mistake("limits: {max_event_bytes: -1}", &["1:27: error[invalid-value]: must not be negative"], ""),
    Mistake(
        "firewall: {rules: [{id: a, match: {keywords: hunter2}, action: log}]}",
        &["1:46: error[wrong-type]: expected a list, found a string"],
        "",
    ),
    Mistake("version: 2", &["1:10: error[invalid-value]: the version of the format is 1"], ""),
    // Missing keys.
    Mistake("firewall:\n  rules:\n  - id: a\n    action: log", &["3:5: error[missing-key]: missing key `match`"], ""),
    Mistake("budgets:\n- {name: a, unit: tokens, limit: 1}", &["2:3: error[missing-key]: missing key `window`"], ""),
    // A misspelled key is not reported as missing, too.
    Mistake(
        "budgets:\n- {name: a, unit: tokens, limt: 1, window: 1m}",
        &["2:27: error[unknown-key]: unknown key `limt`"],
        "did you mean `limit`?",
    ),
    // Values.
    Mistake(
        "budgets:\n- {name: a, unit: euros, limit: 1, window: 1m}",
        &["2:19: error[unknown-value]: unknown unit `euros`"],
        "",
    ),
    Mistake(
        "budgets:\n- {name: a, unit: tokens, limit: 1, window: 60}",
        &["2:45: error[wrong-type]: expected a duration such as"],
        "",
    ),
    Mistake(
        "budgets:\n- {name: a, unit: tokens, limit: 1, window: 1 minute}",
        &["2:45: error[invalid-value]: expected a duration"],
        "",
    ),
    Mistake(
        "budgets:\n- {name: a, unit: tokens, limit: 1.5, window: 1m}",
        &["2:34: error[invalid-value]: must be an integer"],
        "",
    ),
    Mistake(
        "budgets:\n- {name: a b, unit: tokens, limit: 1, window: 1m}",
        &["2:10: error[invalid-value]: must be 1 to 64"],
        "",
    ),
    Mistake(
        "budgets:\n- {name: a, unit: tokens, limit: 1, window: 1m}\n- {name: a, unit: requests, limit: 1, window: 1m}",
        &["3:10: error[invalid-value]: another budget in the list has the same name"],
        "",
    ),
    Mistake(
        "prices: {override: {a: {input: '-1', output: 1}}}",
        &["1:32: error[invalid-value]: must not be negative"],
        "",
    ),
    Mistake(
        "prices: {override: {'a*b': {input: 1, output: 1}}}",
        &["1:28: error[invalid-value]: `*` is only allowed at the end"],
        "",
    ),
    Mistake("prices: {file: prices.yaml}", &["1:16: error[include]: a filter reads no files"], "`tollgate render`"),
    Mistake("identity: {consumer: {header: a b}}", &["1:31: error[invalid-value]: not a header name"], ""),
    Mistake(
        "identity: {consumer: {header: Authorization}}",
        &["1:31: error[invalid-value]: a header with a credential, which would be logged as the consumer's name"],
        "",
    ),
    Mistake(
        "identity: {consumer: {header: x-tollgate-route}}",
        &["1:31: error[invalid-value]: a header that Tollgate sets itself"],
        "",
    ),
    Mistake(
        "identity: {consumer: {header: a, jwt: [b]}}",
        &["1:22: error[invalid-value]: must have exactly one of"],
        "",
    ),
    Mistake(
        "models: {a: {route: 'b c'}}",
        &["1:21: error[invalid-value]: must be 1 to 256 bytes of visible ASCII"],
        "",
    ),
    Mistake("quota: {lease: 10ms}", &["1:16: error[invalid-value]: must be at least 1s"], ""),
    Mistake("tokenizers: [{models: [m], table: '!'}]", &["1:35: error[invalid-value]: not base64, at byte 0"], ""),
    // Rules that never match.
    Mistake(
        "firewall:\n  rules:\n  - {id: a, match: {regex: \"\\bkey\\b\"}, action: log}",
        &["3:28: error[control-character]: the pattern has the control character U+0008"],
        "single quotes",
    ),
    Mistake(
        "firewall: {rules: [{id: a, match: {keywords: ['']}, action: log}]}",
        &["1:47: error[never-matches]: an empty keyword"],
        "",
    ),
    Mistake("firewall: {rules: [{id: a, match: {keywords: []}, action: log}]}", &["1:46: error[never-matches]"], ""),
    Mistake(
        "firewall: {rules: [{id: a, match: {regex: '('}, action: log}]}",
        &["1:43: error[invalid-value]: unclosed group"],
        "",
    ),
    Mistake(
        "firewall: {rules: [{id: a, match: {regex: 'a*'}, action: log}]}",
        &["1:43: error[invalid-value]: can match the empty string"],
        "",
    ),
    Mistake(
        "firewall: {rules: [{id: a, match: {regex: 'sk-\\w+'}, action: redact}]}",
        &["1:43: warning[unbounded-redaction]: a match may be longer"],
        "`{1,64}`",
    ),
    Mistake(
        "firewall: {rules: [{id: a, match: {regex: '[a-z]+[0-9]+'}, action: log}]}",
        &["1:43: error[slow-rule]: its matches have neither a literal that is rare nor a maximum length"],
        "`slow: true`",
    ),
    Mistake("firewall: {rules: [{id: a, slow: true, match: {regex: '[a-z]+[0-9]+'}, action: log}]}", &[], ""),
    Mistake(
        "firewall:\n  rules:\n  - {id: a, match: {regex: x}, action: log}\n  - {id: a, match: {regex: y}, action: log}",
        &["4:10: error[invalid-value]: another rule has the same id"],
        "",
    ),
    Mistake(
        "firewall: {max_match_bytes: 1, rules: [{id: a, match: {regex: x}, action: log}]}",
        &["1:29: error[invalid-value]: must be between 16"],
        "",
    ),
    Mistake(
        "firewall: {rules: [{id: a, match: {members: a..b}, action: log}]}",
        &["1:45: error[invalid-value]: must be names of members"],
        "",
    ),
    Mistake(
        "firewall: {rules: [{id: a, match: {members: a}, action: log, scope: {roles: user}}]}",
        &["1:77: error[invalid-value]: is only allowed with rules on texts"],
        "",
    ),
    // An exception is not reported after the rule that it names.
    Mistake(
        "firewall:\n  rules:\n  - {id: a.b, match: {regex: '('}, tag: {k: v}, action: log}\n  - {id: c, match: {regex: x}, action: log}\n  exceptions:\n  - {rules: a.b, models: m, reason: r}\n  - {rules: a.*, models: m, reason: r}\n  - {tags: k=v, models: m, reason: r}\n  - {rules: d, models: m, reason: r}",
        &["3:30: error[invalid-value]: unclosed group", "9:6: error[invalid-value]: no rule has this id"],
        "",
    ),
    Mistake(
        "firewall:\n  rules:\n  - {id: a, match: {members: echo}, action: score}\n  scores: {response: 5, tool_results: 5}",
        &["3:45: warning[unused-score]: the rule only logs"],
        "`scores: {request: 5}`",
    ),
    // Parts that do not fit together.
    Mistake(
        "models:\n  llama: {route: local}\n  fast: {alias_of: lama}",
        &["3:20: error[unknown-model]: alias of a model that has no entry"],
        "did you mean `llama`?",
    ),
    Mistake(
        "models:\n  a: {alias_of: b}\n  b: {alias_of: a}",
        &["2:17: error[alias-cycle]", "3:17: error[alias-cycle]"],
        "it resolves to a -> b -> a",
    ),
    Mistake("models:\n  a: {route: x}\n  b: {provider: y}", &["3:3: error[unrouted-model]"], ""),
    Mistake(
        "models:\n  gpt-4o: {route: x}\n  'gpt-*': {route: x}",
        &["2:3: warning[hidden-model]: the entry changes nothing: `gpt-*`"],
        "",
    ),
    Mistake(
        "models: {a: {route: x, provider: opnai}}\nproviders: {openai: {address: 'api.openai.com:443'}}",
        &["1:34: error[unknown-provider]"],
        "did you mean `openai`?",
    ),
    Mistake(
        "budgets: [{name: a, unit: usd, limit: 1, window: 1d}]\nmodels: {m: {route: x}}",
        &["2:10: warning[unpriced-model]: the model has no price"],
        "`prices.override`",
    ),
    Mistake(
        "prices: {override: {m: {video_second: 1}}}",
        &["1:25: warning[uncharged-price]: this price is never charged"],
        "",
    ),
    Mistake(
        "prices: {override: {m: {input: 1, output: 1, tiers: {flex: {cache_write_12h: 1}}}}}",
        &["1:61: warning[uncharged-price]: this price is never charged: calls are charged `cache_write` instead"],
        "",
    ),
    Mistake(
        "budgets: [{name: a, unit: tokens, limit: 1, window: 1d, for: []}]",
        &["1:62: error[budget-on-nobody]"],
        "remove `for`",
    ),
    Mistake(
        "limits: {max_response_bytes: 10, max_event_bytes: 20}",
        &["1:51: error[limits-order]: must not be above"],
        "",
    ),
    Mistake(
        "limits: {max_request_bytes: 8000, max_held_bytes: 8192}",
        &["1:51: warning[small-held-bytes]: a request above 7168 bytes is not held"],
        "a multiple of `max_request_bytes`",
    ),
    Mistake(
        "providers: {openai: {address: 'api.openai.com:443', key: {env: sk-hunter2}}}",
        &["1:64: error[secret-literal]: not the name of an environment variable"],
        "OPENAI_API_KEY",
    ),
    // Providers.
    Mistake(
        "providers: {p: {address: api.openai.com}}",
        &["1:26: error[invalid-value]: must be a host and a port"],
        "",
    ),
    Mistake("providers: {p: {address: 'https://api.openai.com:443'}}", &["1:26: error[invalid-value]"], ""),
    Mistake("providers: {p: {address: 'x:0'}}", &["1:26: error[invalid-value]"], ""),
    Mistake(
        "providers: {p: {address: '10.0.0.1:443'}}",
        &["1:26: error[invalid-value]: with TLS, an IP address needs `tls.sni`"],
        "",
    ),
    Mistake(
        "providers: {p: {address: 'x:1', path_prefix: /a/}}",
        &["1:46: error[invalid-value]: must be a path that begins with a slash"],
        "",
    ),
    Mistake("providers: {p: {address: 'x:1', health_path: health}}", &["1:46: error[invalid-value]"], ""),
    Mistake("providers: {p: {address: 'x:1', idle_timeout: 5}}", &["1:47: error[wrong-type]"], ""),
    Mistake(
        "providers: {p: {address: 'x:1', key: {env: KEY, header: 'a:'}}}",
        &["1:57: error[invalid-value]: not a header name"],
        "",
    ),
    Mistake(
        "providers: {p: {address: 'x:1'}, q: {address: 'x:2', cluster: p}}",
        &["1:63: error[invalid-value]: another provider has a cluster with this name"],
        "",
    ),
    Mistake(
        "providers: {p: {address: 'x:1', model_list: true}, q: {address: 'x:2', model_list: true}}",
        &["1:84: error[invalid-value]: another provider serves the list of models"],
        "",
    ),
    Mistake(
        "models: {a: {route: opnai}}\nproviders: {openai: {address: 'x:1'}}",
        &["1:21: error[route-without-provider]: no model with this route has a `provider`"],
        "did you mean `openai`?",
    ),
    Mistake(
        "models: {a: {route: x, provider: p}, b: {route: x, provider: q}}\nproviders: {p: {address: 'x:1'}, q: {address: 'x:2'}}",
        &["1:62: error[route-providers]: another model has the same route"],
        "",
    ),
    Mistake("include: [base.yaml]", &["1:10: error[include]"], "tollgate render"),
    // Syntax.
    Mistake("mode: audit\nmode: audit", &["2:1: error[duplicate-key]"], "the first one is on line 1"),
    Mistake("models: {a: {route: x}", &["2:1: error[syntax]"], ""),
];

/// Returns the findings of a file in which the mistake begins on line 1.
fn findings(text: &str) -> Vec<(String, String)> {
    let mut whole = text.to_owned();
    if !whole.contains("version:") {
        whole.push_str("\nversion: 1\n");
    }
    if !whole.contains("identity:") {
        whole.push('\n');
        whole.push_str(IDENTITY);
    }
    let document = Document::parse("tollgate.yaml", &whole);
    let located = match document.compile() {
        Ok(policy) => document.locate(policy.warnings),
        Err(located) => located,
    };
    located.iter().map(|located| (located.line().replacen("tollgate.yaml:", "", 1), document.show(located))).collect()
}

#[test]
fn every_mistake_has_its_place_and_its_advice() {
    assert!(MISTAKES.len() >= 40);
    let mut wrong = Vec::new();
    for Mistake(text, lines, advice) in MISTAKES {
        let found = findings(text);
        let agrees =
            found.len() == lines.len() && found.iter().zip(*lines).all(|((line, _), start)| line.starts_with(start));
        let advised = advice.is_empty() || found.iter().any(|(_, shown)| shown.contains(advice));
        if !agrees || !advised {
            let found: Vec<&str> = found.iter().map(|(_, shown)| shown.as_str()).collect();
            wrong.push(format!("{text}\nexpected {lines:?} {advice:?}\n{}", found.join("")));
        }
    }
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), MISTAKES.len(), wrong.join("\n"));
}

#[test]
fn no_message_names_a_type_or_an_inner_position_or_quotes_a_value() {
    for Mistake(text, ..) in MISTAKES {
        for (line, _) in findings(text) {
            for word in ["struct ", "usize", "u32", "enum ", "at line", "hunter2", "Raw"] {
                assert!(!line.contains(word), "{line}");
            }
        }
    }
}

#[test]
fn mistakes_in_one_file_are_reported_together() {
    let text = "version: 1\nmode: audits\nbudget: []\nlimits: {max_event_bytes: x}\nquota: {lease: 10ms}\n\
        firewall: {rules: [{id: a, match: {regex: '('}, action: log}, {id: b, match: {regex: ')'}, action: log}]}\n";
    assert_eq!(findings(text).len(), 6);
}

#[test]
fn a_secret_is_not_shown() {
    for provider in [
        "key: {env: sk-hunter2}",
        "key: sk-hunter2",
        "key: {value: sk-hunter2}",
        "api_key: sk-hunter2",
        "key: {env: KEY, prefix: 'Bearer sk-hunter2'}",
        "key: [sk-hunter2], http2: maybe",
    ] {
        let found = findings(&format!("providers: {{openai: {{address: 'api.openai.com:443', {provider}}}}}"));
        assert!(!found.is_empty(), "{provider}");
        for (_, shown) in &found {
            assert!(!shown.contains("hunter2"), "{shown}");
        }
    }
}
