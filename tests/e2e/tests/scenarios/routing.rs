//! The model in the body decides where a request goes, and nothing else does.

use tollgate_mock_llm::Received;

use crate::chat::Chat;
use crate::client::Framing;
use crate::deployment::{Deployment, ROUTER};
use crate::findings::Findings;
use crate::scenario::{Scenario, Seen};

pub fn scenarios(deployment: &Deployment) -> Vec<Scenario> {
    let mut scenarios = forged(deployment);
    if deployment.has(ROUTER) {
        scenarios.extend(by_model());
        scenarios.extend(aliases());
        scenarios.push(
            Scenario::new("a route that Envoy does not have", Chat::new().model("nowhere"))
                .check(|seen, findings| {
                    findings.same("status", seen.answer.status, 503);
                    findings.same("requests at an upstream", seen.received.len(), 0);
                })
                .record("status", 503)
                .record("route", "missing"),
        );
    }
    scenarios
}

/// Model, upstream, provider.
fn by_model() -> Vec<Scenario> {
    let rows = [
        ("gpt-4o", "openai", "openai"),
        ("gpt-4o-mini", "openai", "openai"),
        ("llama-3.1-8b", "local", "vllm"),
        ("llama-anything-else", "local", "vllm"),
    ];
    let scenario = |(model, route, provider): (&'static str, &'static str, &'static str)| {
        Scenario::new(format!("model {model}"), Chat::new().model(model))
            .answered()
            .check(move |seen, findings| {
                let Some(received) = seen.received.first() else { return };
                findings.same("the upstream", received.upstream.as_str(), route);
                findings.holds(received.body == seen.sent, "the body was changed");
                routed(received, route, model, findings);
            })
            .record("model", model)
            .record("route", route)
            .record("provider", provider)
            .record("upstream_cluster", route)
    };
    rows.into_iter().map(scenario).collect()
}

/// Complains unless the upstream got our headers once each, with these values.
fn routed(received: &Received, route: &str, model: &str, findings: &mut Findings) {
    let models: Vec<_> = received.header_values("x-tollgate-model").collect();
    findings.same("x-tollgate-model", models, vec![model.as_bytes()]);
    let routes: Vec<_> = received.header_values("x-tollgate-route").collect();
    findings.same("x-tollgate-route", routes, vec![route.as_bytes()]);
}

/// The name of somebody else's model, put in place of ours in any body.
fn aliases() -> Vec<Scenario> {
    let bodies = [
        (r#"{"model":"fast","messages":[{"role":"user","content":"fast"}]}"#, r#""fast""#),
        (r#"{"messages":[{"role":"user","content":"model"}],"max_tokens":5 , "model" : "fast" }"#, r#""fast""#),
        (
            " {\r\n\t\"temperature\":1.0e+00,\"x\":{\"model\":\"fast\"},\"mod\\u0065l\":\"f\\u0061st\",\"seed\":-0,\"messages\":[{\"content\":\"\\ud83d\\ude42 \u{17e}\",\"role\":\"user\"}]}\n",
            r#""f\u0061st""#,
        ),
        (r#"{"model":"e2e-alias-é\"x","messages":[{"role":"user","content":"é"}]}"#, r#""e2e-alias-é\"x""#),
    ];
    let scenario = |(at, (body, literal)): (usize, (&'static str, &'static str))| {
        let place = body.find(literal).unwrap();
        let (before, rest) = body.split_at(place);
        let wanted = format!("{before}\"llama-3.1-8b\"{}", &rest[literal.len()..]);
        Scenario::new(format!("alias, body {at}"), Chat::raw(body))
            .answered()
            .check(move |seen, findings| {
                let Some(received) = seen.received.first() else { return };
                findings.same("the upstream", received.upstream.as_str(), "local");
                findings.same("the body", received.body_text(), wanted.as_str());
                routed(received, "local", "llama-3.1-8b", findings);
                let length = received.header("content-length").map(|l| String::from_utf8_lossy(l).into_owned());
                if seen.framing.says_length() {
                    findings.same("content-length", length, Some(wanted.len().to_string()));
                }
            })
            .record("model", if at == 3 { "(unprintable)" } else { "fast" })
            .record("route", "local")
    };
    bodies.into_iter().enumerate().map(scenario).collect()
}

/// Headers that only Tollgate may set, as a client sends them.
const FORGED: &[(&str, &str)] = &[
    ("x-tollgate-route", "local"),
    ("x-tollgate-model", "forged"),
    ("x-tollgate-prefix-hash", "forged"),
    ("x-gateway-model-name", "forged"),
    ("x-gateway-model-name-rewrite", "forged"),
    ("x-gateway-base-model-name", "forged"),
    ("x-gateway-inference-objective", "forged"),
    ("x-gateway-inference-fairness-id", "forged"),
    ("x-gateway-destination-endpoint", "127.0.0.1:1"),
    ("x-gateway-destination-endpoint-subset", "127.0.0.1:1"),
    ("x-gateway-destination-endpoint-fallback", "127.0.0.1:1"),
    ("x-gateway-destination-endpoint-served", "127.0.0.1:1"),
];

fn forged(deployment: &Deployment) -> Vec<Scenario> {
    let routes = deployment.has(ROUTER);
    let check = move |seen: &Seen, findings: &mut Findings| {
        let Some(received) = seen.received.first() else { return };
        findings.same("the upstream", received.upstream.as_str(), "openai");
        for (name, value) in FORGED {
            let forged = received.header_values(name).any(|is| is == value.as_bytes());
            findings.holds(!forged, format_args!("the client's {name} reached the upstream"));
        }
        if routes {
            routed(received, "openai", "gpt-4o", findings);
        }
    };
    let all = FORGED.iter().fold(Chat::new(), |chat, (name, value)| chat.header(name, value));
    let shouted = Chat::new().header("X-Tollgate-Route", "local").header("X-TOLLGATE-ROUTE", "local");
    vec![
        Scenario::new("forged headers", all).answered().check(check).record("upstream_cluster", "openai"),
        Scenario::new("a forged route, twice and in capitals", shouted).answered().check(check).framings(&[
            Framing::Http1Length,
            Framing::Http1Bytes,
            Framing::Http1Trailers,
        ]),
    ]
}
