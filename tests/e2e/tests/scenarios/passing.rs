//! What passes as it is, however odd: nothing at all, octets that are no text, errors of the upstream, other paths.

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

/// Nothing where something usually is.
fn empty() -> Vec<Scenario> {
    let stream = || Chat::new().streamed().knob("empty", "true");
    let document = || Chat::new().knob("empty", "true");
    [
        ("an empty event stream", stream()),
        ("an empty event stream with a length", stream().knob("header", "x-a=1")),
        ("an empty JSON answer", document()),
        ("an empty JSON answer without a length", document().knob("chunked", "true")),
    ]
    .map(|(name, chat)| Scenario::new(name, chat).answered().awkward())
    .into()
}

/// Header values are octets.
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
                let odd = seen.answer.headers.iter().find(|(name, _)| name == "x-odd").map(|(_, value)| value.clone());
                findings.same("x-odd", odd, Some(b"caf\xe9\xff".to_vec()));
            }),
        Scenario::new(
            "a content-type that is no UTF-8 in an answer",
            Chat::new().knob("header", "content-type=%FF/%FE"),
        )
        .framings(Framing::PLAIN)
        .awkward(),
    ]
}

/// The upstream's own errors: the client gets them to the byte, and pays nothing.
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
                    findings.same("status", seen.answer.status, status);
                    findings.same("the end", &seen.answer.end, &End::Clean);
                    findings.same("requests at the upstream", seen.received.len(), 1);
                    let error = seen.heard.error.as_ref().and_then(|error| error["type"].as_str());
                    findings.same("the upstream's word", error, Some(kind));
                    findings.same("retry-after", seen.answer.header("retry-after").as_deref(), Some("7"));
                })
                .record("status", u64::from(status))
                .record("details", "via_upstream")
                .framings(Framing::PLAIN)
                .awkward();
            if deployment.has(COUNTER) {
                for field in ["input_tokens", "cached_tokens", "output_tokens", "reasoning_tokens", "total_tokens"] {
                    scenario = scenario.record(field, 0);
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

/// An answer that comes compressed although the upstream was asked not to is read all the same. Where a filter may change
/// it, it leaves as it was inflated; else as it came.
fn compressed(deployment: &Deployment) -> Vec<Scenario> {
    let mut scenarios = Vec::new();
    let counts = deployment.has(COUNTER) || deployment.has(QUOTA);
    let (inspects, counter, quota) = (deployment.has(INSPECTOR), deployment.has(COUNTER), deployment.has(QUOTA));
    for streamed in [false, true] {
        let chat = Chat::answered(&[ANSWER, " ", EMAIL]).knob("gzip", "true").header("accept-encoding", "gzip, br");
        let chat = if streamed { chat.streamed() } else { chat };
        let name = if streamed { "a compressed stream" } else { "a compressed answer" };
        let mut scenario = Scenario::new(name, chat).framings(Framing::PLAIN).awkward();
        // The usage that the client did not ask for is taken out of a stream.
        let changes = inspects || counts && streamed;
        scenario = scenario.record("status", 200).check(move |seen, findings| {
            findings.same("status", seen.answer.status, 200);
            findings.same("the end", &seen.answer.end, &End::Clean);
            let encoding = seen.answer.header("content-encoding");
            findings.same("content-encoding", encoding.as_deref(), Some("gzip").filter(|_| !changes));
            let is_gzip = seen.answer.body().starts_with(b"\x1f\x8b");
            findings.holds(is_gzip != changes, "the body is not as its content-encoding says");
            let leaks = seen.answer.text().contains(EMAIL);
            findings.holds(!(inspects && leaks), "the address is in the answer");
        });
        if inspects || counts {
            scenario = scenario.record("unscanned", Want::Null).check(|seen, findings| {
                let asked = seen.received.first().and_then(|r| r.header("accept-encoding")).map(<[u8]>::to_vec);
                findings.same("the upstream was asked for", asked, Some(b"identity".to_vec()));
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

/// A request that is no LLM call.
pub struct OtherPath {
    pub method: &'static str,
    pub path: &'static str,
    pub body: Vec<u8>,
    /// Whether there is a route for it. If not, nothing of it may reach an upstream.
    pub routed: bool,
}

/// Paths that are no LLM calls: nothing is read, nothing is changed; all that is recorded is that a body went unread.
pub fn other_paths() -> Vec<OtherPath> {
    let secret = format!(r#"{{"model":"gpt-99","model":1,"input":"{CLOUD_KEY}""#).into_bytes();
    [
        ("GET", "/v1/models", Vec::new(), true),
        ("GET", "/v1/models/gpt-4o", Vec::new(), true),
        ("GET", "/v1/chat/completions", Vec::new(), false),
        ("GET", "/v1/chat/completions/chatcmpl-1", Vec::new(), false),
        ("POST", ADDED_API, secret, true),
        ("POST", "/v1/videos", b"\xff\x00\x01".to_vec(), false),
        ("POST", "/v1/models", Vec::new(), false),
    ]
    .map(|(method, path, body, routed)| OtherPath { method, path, body, routed })
    .into()
}
