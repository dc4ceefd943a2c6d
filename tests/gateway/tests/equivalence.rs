//! Property: for random policies and calls, the gateway with `counting: exact` does what the chain of four does, to the byte.
//!
//! Of a call that violates two parts of the policy, another stage of the gateway may be the first to refuse: [`OTHER_FIRST`].
//! Known other differences are removed by [`comparable`], each with its reason.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

use std::path::Path;
use std::sync::{Arc, LazyLock};

use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Value, json};
use tollgate::backend::Backend;
use tollgate::backend::wasm::{self, Wasm};
use tollgate::file::FilterName;
use tollgate::matrix;
use tollgate::observation::Observation;
use tollgate::plan::{ResolvedChain, ResolvedFilter, Suite};
use tollgate::secrets::Mask;
use tollgate::split_diff;
use tollgate_gateway_tests::policy;
use tollgate_host::Module;
use tollgate_workspace as workspace;

static MODULE: LazyLock<Module> =
    LazyLock::new(|| wasm::module(&workspace::module(workspace::BUNDLE).unwrap()).unwrap());

/// Parts of the chain's configurations.
#[derive(Clone, Debug)]
struct Parts {
    inspector: bool,
    router: bool,
    rules: Vec<usize>,
    default_route: bool,
    identity: &'static str,
    budgets: Vec<usize>,
    priced: bool,
    refuse_unpriced: bool,
}

const RULES: [&str; 5] = [
    r#"{"id": "key", "match": {"regex": "\\bAKIA[0-9A-Z]{8}\\b"}, "applies_to": ["request"], "action": "block"}"#,
    r#"{"id": "email", "match": {"regex": "[a-z]{1,16}@[a-z]{1,16}\\.com"}, "applies_to": ["request", "response"], "action": "redact"}"#,
    r#"{"id": "word", "match": {"keywords": ["heron"]}, "action": "log"}"#,
    r#"{"id": "answer", "match": {"keywords": ["forbidden"]}, "applies_to": ["response"], "action": "block"}"#,
    r#"{"id": "model", "match": {"keywords": ["gpt"]}, "applies_to": ["response"], "action": "redact", "replacement": "***"}"#,
];

const BUDGETS: [&str; 4] = [
    r#"{"name": "calls", "unit": "requests", "limit": 100, "window": "1m"}"#,
    r#"{"name": "tokens", "unit": "tokens", "limit": 100000, "window": "1h"}"#,
    r#"{"name": "few", "unit": "tokens", "limit": 900, "window": "1d"}"#,
    r#"{"name": "spend", "unit": "usd", "limit": "5.00", "window": "1d"}"#,
];

fn parts() -> impl Strategy<Value = Parts> {
    let rules = proptest::sample::subsequence((0..RULES.len()).collect::<Vec<_>>(), 1..=RULES.len());
    let budgets = proptest::sample::subsequence((0..BUDGETS.len()).collect::<Vec<_>>(), 0..=BUDGETS.len());
    let flags = (any::<bool>(), any::<bool>(), any::<bool>(), any::<bool>(), any::<bool>());
    (rules, budgets, flags, select(vec!["refuse", "anonymous"])).prop_map(
        |(rules, budgets, (inspector, router, default_route, priced, refuse_unpriced), identity)| Parts {
            inspector,
            router,
            rules,
            default_route,
            identity,
            budgets,
            priced,
            refuse_unpriced,
        },
    )
}

fn parsed(list: &[&str], indices: &[usize]) -> Value {
    indices.iter().map(|&index| serde_json::from_str::<Value>(list[index]).unwrap()).collect()
}

/// The chain of four filters, as a test file has it.
fn chain(parts: &Parts) -> Value {
    let mut chain = Vec::new();
    if parts.inspector {
        chain.push(json!({"filter": "prompt-inspector", "config": {"rules": parsed(&RULES, &parts.rules)}}));
    }
    // Without routes, an alias of a policy is replaced all the same.
    let aliases = if parts.router { json!({"fast": "gpt-4o"}) } else { json!({}) };
    chain.push(json!({"filter": "token-counter", "config": {"aliases": aliases}}));
    let mut quota = json!({
        "consumer": {"header": "x-consumer", "missing": parts.identity},
        "budgets": parsed(&BUDGETS, &parts.budgets),
        "on_unknown_price": if parts.refuse_unpriced { "refuse" } else { "allow" },
        "aliases": aliases,
    });
    if parts.priced {
        quota["prices"] = json!({"gpt-4o": {"input": "2.50", "cached_input": "1.25", "output": "10.00"}});
    }
    chain.push(json!({"filter": "cost-quota", "config": quota}));
    if parts.router {
        let mut router = json!({"models": {
            "gpt-*": {"route": "openai", "provider": "openai"},
            "fast": {"route": "openai", "upstream_model": "gpt-4o", "provider": "openai"},
            "gpt-4o-mini": {"route": "azure", "upstream_model": "deployment-7"},
        }});
        if parts.default_route {
            router["default"] = json!({"route": "other"});
        }
        chain.push(json!({"filter": "model-router", "config": router}));
    }
    Value::Array(chain)
}

/// One step of a test: a request and a response of the upstream.
fn step() -> impl Strategy<Value = Value> {
    let words =
        vec!["hello ", "heron ", "jane@mail.com ", "gpt ", "\u{6211}\u{7684} ", "line\nbreak ", "\"quoted\" ", "the "];
    let text = move || proptest::collection::vec(select(words.clone()), 1..12).prop_map(|words| words.concat());
    let flaw = select(vec!["none", "none", "none", "key", "unknown", "anonymous", "free", "malformed", "answer"]);
    let usage = prop_oneof![
        Just(Value::Null),
        (1..400u32, 0..400u32).prop_map(|(prompt, completion)| json!({"prompt": prompt, "completion": completion})),
    ];
    (text(), proptest::collection::vec(text(), 1..5), flaw, select(vec!["gpt-4o", "gpt-4o-mini", "fast"]), usage, any::<bool>(), select(vec![200, 200, 200, 429, 500]), 1..600u32)
        .prop_map(|(prompt, answer, flaw, model, usage, streamed, status, max_tokens)| {
            let mut prompt = prompt;
            let mut answer = answer;
            match flaw {
                "key" => prompt.push_str("AKIA00112233 "),
                "answer" => answer.push("it is forbidden to".to_owned()),
                _ => {}
            }
            let model = if flaw == "unknown" { "nobody" } else { model };
            let consumer = if flaw == "anonymous" { Value::Null } else { json!("alice") };
            let mut request = json!({"chat": {"model": model, "user": prompt, "max_tokens": max_tokens}});
            if flaw == "malformed" {
                request = json!({"path": "/v1/chat/completions", "body": "{\"model\":\"gpt-4o\",\"messages\":[{\"role\""});
            }
            if flaw == "free" {
                request = json!({"path": "/v1/messages/count_tokens", "body": format!("{{\"model\":\"{model}\",\"messages\":[{{\"role\":\"user\",\"content\":\"hi\"}}]}}")});
            }
            if !consumer.is_null() {
                request["headers"] = json!({"x-consumer": consumer});
            }
            let mut response = if status != 200 {
                json!({"status": status, "headers": {"content-type": "application/json"}, "body": "{\"error\":{\"message\":\"jane@mail.com\",\"type\":\"x\",\"code\":\"y\",\"param\":null}}"})
            } else if flaw == "free" {
                json!({"headers": {"content-type": "application/json"}, "body": "{\"input_tokens\":9}"})
            } else if streamed {
                json!({"sse": {"deltas": answer}})
            } else {
                json!({"text": answer.concat()})
            };
            if !usage.is_null() && status == 200 && flaw != "free" {
                response["usage"] = usage;
            }
            json!({"request": request, "response": response})
        })
}

/// Verdicts of the chain and the gateway on a call that two stages refuse: the gateway looks for the consumer before it
/// inspects, and for the route before it reserves.
const OTHER_FIRST: [(&str, &str); 4] = [
    ("block", "unidentified"),
    ("unpriced", "unknown_model"),
    ("limited", "unknown_model"),
    ("too_large", "unknown_model"),
];

/// Removes what is known to differ.
fn comparable(mut seen: Observation) -> Observation {
    // The gateway refuses a model without a route before it counts the prompt; the chain counts first.
    seen.counters.remove("tollgate_prompts_counted_total");
    // Of a refused call the chain leaves properties of the filters that had let it pass.
    if seen.status.is_none_or(|status| status >= 400) && seen.upstream.is_empty() {
        seen.properties.retain(|name, _| {
            [
                "tollgate.verdict",
                "tollgate.rules",
                "tollgate.dialect",
                "tollgate.total_tokens",
                "tollgate.cost_micro_usd",
            ]
            .contains(&name.as_str())
        });
    }
    let verdict = seen.property("tollgate.verdict").unwrap_or_default().to_owned();
    // The gateway refuses a call without a consumer before it inspects and counts, and a model without a route before it
    // counts and reserves.
    if ["unidentified", "unknown_model"].contains(&verdict.as_str()) {
        seen.counters.remove("tollgate_calls_total.model.none.source.none");
        seen.counters.remove("tollgate_unpriced_calls_total");
        seen.headers.retain(|(name, _)| !name.starts_with("x-ratelimit-"));
    }
    if verdict == "unidentified" {
        seen.properties.remove("tollgate.rules");
        seen.counters.retain(|name, _| !name.starts_with("tollgate_rule_hits_total"));
    }
    seen.log.clear();
    seen
}

fn run(chain: &Arc<ResolvedChain>, suite: &Suite, way: usize) -> Vec<Observation> {
    let backend = Wasm::new(&MODULE, chain).unwrap();
    let case = suite.cases.first().unwrap();
    let cut_points = matrix::cut_points(case, &suite.chain.firewall);
    let deliveries = matrix::deliveries(case, &cut_points);
    let output = backend.run(case, &cut_points, &deliveries[way % deliveries.len()]).unwrap();
    output.seen.into_iter().map(comparable).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_gateway_equals_the_chain(
        parts in parts(),
        steps in proptest::collection::vec(step(), 1..4),
        way in any::<usize>(),
    ) {
        let steps: Vec<Value> = steps.into_iter().map(|mut step| {
            step["expect"] = json!({});
            step
        }).collect();
        let file = json!({"version": 1, "chain": chain(&parts), "tests": [{"name": "random", "steps": steps}]});
        let suite = Suite::parse(Path::new("random.test.yaml"), &file.to_string()).map_err(|problem| TestCaseError::fail(problem.to_string()))?;
        let configuration = policy(&suite.chain.filters).unwrap();
        let mut gateway = (*suite.chain).clone();
        gateway.filters = vec![ResolvedFilter { name: FilterName::Tollgate, configuration: configuration.clone(), source: "policy".into() }];
        let expected = run(&suite.chain, &suite, way);
        let found = run(&Arc::new(gateway), &suite, way);
        prop_assert_eq!(expected.len(), found.len());
        let mask = Mask::new(&suite.chain.firewall, []);
        for (at, (expected, found)) in expected.iter().zip(&found).enumerate() {
            let verdicts = (expected.property("tollgate.verdict"), found.property("tollgate.verdict"));
            if OTHER_FIRST.iter().any(|(chain, gateway)| verdicts == (Some(chain), Some(gateway))) {
                prop_assert!(expected.upstream.is_empty() && found.upstream.is_empty());
                continue;
            }
            let differences = split_diff::differences(expected, found, &mask);
            prop_assert!(differences.is_empty(), "step {}, way {}: {:#?}\nfile: {}\npolicy: {}", at, way, differences, file, configuration);
        }
    }
}
