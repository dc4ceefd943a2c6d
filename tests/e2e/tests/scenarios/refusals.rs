//! Refused requests: the error that the client receives. Nothing of them reaches an upstream.

use crate::chat::Chat;
use crate::client::Framing;
use crate::deployment::{Deployment, INSPECTOR, QUOTA, ROUTER};
use crate::planted;
use crate::scenario::{Refusal, Scenario};

pub fn scenarios(deployment: &Deployment) -> Vec<Scenario> {
    let mut scenarios = bodies();
    scenarios.extend(sizes());
    if deployment.has(INSPECTOR) {
        scenarios.push(secrets());
    }
    if deployment.has(QUOTA) {
        scenarios.push(budgets());
    }
    if deployment.has(ROUTER) {
        scenarios.push(models());
    }
    scenarios
}

const MALFORMED: Refusal = Refusal::invalid(400);

/// Bodies that every filter refuses: a truncated one, and one that would overflow the stack of an unbounded parser.
fn bodies() -> Vec<Scenario> {
    let deep = format!(r#"{{"model":"gpt-4o","messages":[],"x":{}{}}}"#, "[".repeat(100_000), "]".repeat(100_000));
    let cut = format!(r#"{{"model":"gpt-4o","messages":[{{"role":"user","content":"{}"#, planted::PROMPT);
    vec![
        Scenario::new("cut off", Chat::raw(cut)).refused(MALFORMED),
        // Byte by byte this would take a minute.
        Scenario::new("nested a hundred thousand deep", Chat::raw(deep)).refused(MALFORMED).framings(NOT_BY_BYTES),
    ]
    .into_iter()
    .map(|scenario| scenario.awkward().record("status", 400).record("verdict", "malformed"))
    .collect()
}

const NOT_BY_BYTES: &[Framing] =
    &[Framing::Http1Length, Framing::Http1Trailers, Framing::Http2Whole, Framing::Http2Trailers];

/// Bodies around the default of `limits.max_request_bytes`, which is close to Envoy's buffer limit.
fn sizes() -> Vec<Scenario> {
    const LIMIT: usize = 8 << 20;
    let body = |bytes: usize| {
        let around = Chat::saying("").body().len();
        Chat::raw(Chat::saying(&"word ".repeat(bytes / 5 + 1)[..bytes - around]).body())
    };
    let too_large = Refusal::invalid(413).code("request_too_large");
    vec![
        Scenario::new("a byte more than the limit", body(LIMIT + 1))
            .refused(too_large)
            .record("status", 413)
            .framings(NOT_BY_BYTES)
            .awkward(),
        Scenario::new("far more than the limit", body(24 << 20))
            .refused(too_large)
            .framings(&[Framing::Http1Length, Framing::Http2Whole, Framing::Http2Trailers])
            .awkward(),
        // On HTTP/1.1 a frame can be as large as Envoy's own limit. Envoy then refuses first, with its own response.
        Scenario::new("far more than the limit", body(24 << 20))
            .check(|seen, findings| {
                findings.same("status", seen.response.status, 413);
                findings.same("requests at the upstream", seen.received.len(), 0);
            })
            .framings(&[Framing::Http1Trailers])
            .awkward(),
        Scenario::new("exactly the limit", body(LIMIT))
            .answered()
            .check(|seen, findings| {
                let length = seen.received.first().map(|received| received.body_bytes);
                findings.same("bytes at the upstream", length, Some(LIMIT as u64));
            })
            .framings(NOT_BY_BYTES),
    ]
}

/// Prompt with a cloud key.
fn secrets() -> Scenario {
    let prompt = format!("Deploy with {}, please. {}", planted::CLOUD_KEY, planted::PROMPT);
    Scenario::new("a cloud key in a prompt", Chat::saying(&prompt))
        .refused(Refusal::invalid(400).code("content_policy_violation"))
        .record("status", 400)
        .record("verdict", "block")
        .record("rules", "secret.aws-access-key")
        .awkward()
}

/// Consumer whose budget is too small for any call.
fn budgets() -> Scenario {
    let refusal = Refusal { status: 429, kind: "tokens", param: None, code: Some("rate_limit_exceeded") };
    Scenario::new("no tokens left", Chat::new().consumer("broke"))
        .refused(refusal)
        .record("status", 429)
        .record("verdict", "limited")
        .record("consumer", "broke")
        .awkward()
}

/// Model that the router does not know.
fn models() -> Scenario {
    Scenario::new("an unknown model", Chat::new().model("gpt-99"))
        .refused(Refusal::invalid(404).param("model").code("model_not_found"))
        .record("status", 404)
        .record("verdict", "unknown_model")
}
