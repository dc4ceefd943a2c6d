//! Routing: only the model in the body decides the upstream of a request.

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
        scenarios.push(
            Scenario::new("a route that Envoy does not have", Chat::new().model("nowhere"))
                .check(|seen, findings| {
                    findings.same("status", seen.response.status, 503);
                    findings.same("requests at an upstream", seen.received.len(), 0);
                })
                .record("status", 503)
                .record("route", "missing"),
        );
    }
    scenarios
}

/// Models with their upstreams and providers.
fn by_model() -> Vec<Scenario> {
    let rows = [("gpt-4o", "openai", "openai"), ("llama-3.1-8b", "local", "vllm")];
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

/// Checks that the upstream received each of our headers once, with these values.
fn routed(received: &Received, route: &str, model: &str, findings: &mut Findings) {
    let models: Vec<_> = received.header_values("x-tollgate-model").collect();
    findings.same("x-tollgate-model", models, vec![model.as_bytes()]);
    let routes: Vec<_> = received.header_values("x-tollgate-route").collect();
    findings.same("x-tollgate-route", routes, vec![route.as_bytes()]);
}

/// Headers that only Tollgate may set, sent by a client.
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
