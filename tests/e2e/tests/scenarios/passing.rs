//! Messages that pass unchanged: empty responses, header values that are not text, errors of the upstream, other paths.

use crate::chat::Chat;
use crate::client::{End, Framing};
use crate::deployment::{ADDED_API, COUNTER, Deployment, INSPECTOR, QUOTA};
use crate::planted::{ANSWER, CLOUD_KEY, EMAIL};
use crate::scenario::{Scenario, Want};

pub fn scenarios(deployment: &Deployment) -> Vec<Scenario> {
    let mut scenarios = empty();
    scenarios.extend(octets());
    scenarios.extend(errors(deployment));
    scenarios.extend(compressed(deployment));
    scenarios
}

/// Empty responses.
fn empty() -> Vec<Scenario> {
    let stream = || Chat::new().streamed().knob("empty", "true");
    let document = || Chat::new().knob("empty", "true");
    [
        ("an empty event stream", stream()),
        ("an empty event stream with a length", stream().knob("header", "x-a=1")),
        ("an empty JSON response", document()),
        ("an empty JSON response without a length", document().knob("chunked", "true")),
    ]
    .map(|(name, chat)| Scenario::new(name, chat).answered().awkward())
    .into()
}

/// Header values that are not UTF-8.
fn octets() -> Vec<Scenario> {
    const ODD: &[u8] = b"\xff\xfe caf\xe9 \x80";
    vec![
        Scenario::new("octets reach the upstream", Chat::new().header("x-odd", ODD)).answered().awkward().check(
            |seen, findings| {
                let odd = seen.received.first().and_then(|received| received.header("x-odd")).map(<[u8]>::to_vec);
                findings.same("x-odd", odd, Some(ODD.to_vec()));
            },
        ),
        Scenario::new("octets reach the client", Chat::answered(&["a"]).knob("header", "x-odd=caf%E9%FF"))
            .answered()
            .awkward()
            .check(|seen, findings| {
                let odd =
                    seen.response.headers.iter().find(|(name, _)| name == "x-odd").map(|(_, value)| value.clone());
                findings.same("x-odd", odd, Some(b"caf\xe9\xff".to_vec()));
            }),
        Scenario::new("a response whose content-type is not UTF-8", Chat::new().knob("header", "content-type=%FF/%FE"))
            .framings(Framing::PLAIN)
            .awkward(),
    ]
}

/// Errors of the upstream: the client receives them byte for byte and pays nothing.
fn errors(deployment: &Deployment) -> Vec<Scenario> {
    let rows = [(429, "requests"), (503, "server_error")];
    let mut scenarios = Vec::new();
    for (status, kind) in rows {
        for streamed in [false, true] {
            let chat = Chat::new().knob("status", &status.to_string()).knob("retry-after", "7");
            let chat = if streamed { chat.streamed() } else { chat };
            let name = format!("{status} of the upstream{}", if streamed { ", streamed" } else { "" });
            let mut scenario = Scenario::new(name, chat)
                .check(move |seen, findings| {
                    findings.same("status", seen.response.status, status);
                    findings.same("the end", &seen.response.end, &End::Complete);
                    findings.same("requests at the upstream", seen.received.len(), 1);
                    let error = seen.decoded.error.as_ref().and_then(|error| error["type"].as_str());
                    findings.same("the type of the upstream's error", error, Some(kind));
                    findings.same("retry-after", seen.response.header("retry-after").as_deref(), Some("7"));
                })
                .record("status", u64::from(status))
                .record("details", "via_upstream")
                .framings(Framing::PLAIN)
                .awkward();
            if deployment.has(COUNTER) {
                for field in ["input_tokens", "output_tokens", "total_tokens"] {
                    scenario = scenario.record(field, 0);
                }
                for field in ["cached_tokens", "reasoning_tokens"] {
                    scenario = scenario.record(field, Want::Null);
                }
                scenario = scenario.record("usage_source", "none");
            }
            if deployment.has(QUOTA) {
                scenario = scenario.record("cost_nano_usd", 0).record("cost_micro_usd", 0);
            }
            scenarios.push(scenario);
        }
    }
    scenarios
}

/// Responses that are compressed although the filters asked for `identity`: the filters read them all the same. If a filter
/// may change one, the client receives it decompressed; else unchanged.
fn compressed(deployment: &Deployment) -> Vec<Scenario> {
    let mut scenarios = Vec::new();
    let counts = deployment.has(COUNTER) || deployment.has(QUOTA);
    let (inspects, counter, quota) = (deployment.has(INSPECTOR), deployment.has(COUNTER), deployment.has(QUOTA));
    for streamed in [false, true] {
        let chat = Chat::answered(&[ANSWER, " ", EMAIL]).knob("gzip", "true").header("accept-encoding", "gzip, br");
        let chat = if streamed { chat.streamed() } else { chat };
        let name = if streamed { "a compressed stream" } else { "a compressed response" };
        let mut scenario = Scenario::new(name, chat).framings(Framing::PLAIN).awkward();
        // Usage that the client did not ask for is removed from a stream.
        let changes = inspects || counts && streamed;
        scenario = scenario.record("status", 200).check(move |seen, findings| {
            findings.same("status", seen.response.status, 200);
            findings.same("the end", &seen.response.end, &End::Complete);
            let encoding = seen.response.header("content-encoding");
            findings.same("content-encoding", encoding.as_deref(), Some("gzip").filter(|_| !changes));
            let is_gzip = seen.response.body().starts_with(b"\x1f\x8b");
            findings.holds(is_gzip != changes, "the body does not match its content-encoding");
            let leaks = seen.response.text().contains(EMAIL);
            findings.holds(!(inspects && leaks), "the address is in the response");
        });
        if inspects || counts {
            scenario = scenario.record("unscanned", Want::Null).check(|seen, findings| {
                let requested = seen.received.first().and_then(|r| r.header("accept-encoding")).map(<[u8]>::to_vec);
                findings.same("accept-encoding at the upstream", requested, Some(b"identity".to_vec()));
            });
        }
        if inspects {
            scenario = scenario.record("verdict", "redact");
        }
        if counter {
            scenario = scenario.record("usage_source", "provider").record("input_tokens", Want::Positive);
            scenario = scenario.record("output_tokens", Want::Positive);
        }
        if quota {
            scenario = scenario.record("cost_nano_usd", Want::Positive);
        }
        scenarios.push(scenario);
    }
    scenarios
}

/// Request that is no LLM call.
pub struct OtherPath {
    pub method: &'static str,
    pub path: &'static str,
    pub body: Vec<u8>,
    /// `true` if there is a route for it. Without one, nothing of it may reach an upstream.
    pub routed: bool,
}

/// Returns requests that are no LLM calls. The filters read and change nothing; they record only that a body was not read.
pub fn other_paths() -> Vec<OtherPath> {
    let secret = format!(r#"{{"model":"gpt-99","model":1,"input":"{CLOUD_KEY}""#).into_bytes();
    [
        ("GET", "/v1/models", Vec::new(), true),
        ("GET", "/v1/models/gpt-4o", Vec::new(), true),
        ("GET", "/v1/chat/completions", Vec::new(), false),
        ("POST", ADDED_API, secret, true),
        ("POST", "/other/videos", b"\xff\x00\x01".to_vec(), false),
        ("POST", "/other/models", Vec::new(), false),
    ]
    .map(|(method, path, body, routed)| OtherPath { method, path, body, routed })
    .into()
}
