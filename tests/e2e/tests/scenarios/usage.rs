//! Records of responses that end too early.

use crate::chat::Chat;
use crate::client::{End, Framing};
use crate::deployment::{COUNTER, Deployment, INSPECTOR};
use crate::findings::Findings;
use crate::scenario::{Scenario, Seen};

/// Returns a call whose tokens are known: `hello world` has two in o200k_base (tiktoken), and a prompt of one message has 3
/// for the start of the response, 3 for the message and 1 for its role.
fn hello() -> Chat {
    Chat::saying("hello world").knob("deltas", r#"["hello"," world"]"#)
}

const HELLO_INPUT: u64 = 3 + 3 + 1 + 2;

/// Responses that end too early: the call is charged for what arrived.
pub fn scenarios(deployment: &Deployment) -> Vec<Scenario> {
    // A word may be the beginning of an address until something else follows, so the inspector holds it back. After a reset
    // nothing more can be sent.
    let inspected = deployment.has(INSPECTOR);
    let (reset, clean, error) = ("reset", "clean", "error");
    // The role and two deltas arrive.
    let chat = |how| {
        let chat = Chat::saying("hello world").knob("deltas", r#"["hello"," world"," never"," said"]"#);
        chat.streamed().knob("cut-after", "3").knob("cut", how).knob("event-ms", "5")
    };
    let whole = |seen: &Seen, findings: &mut Findings| {
        findings.same("the text", seen.decoded.text(), "hello world");
    };
    let interrupted = |seen: &Seen, findings: &mut Findings| {
        findings.same("status", seen.response.status, 200);
        findings.holds(!seen.decoded.done, "[DONE] in a response that was cut off");
        findings.same("usages that the client saw", seen.decoded.usages.len(), 0);
    };
    let mut scenarios = vec![
        Scenario::new("a stream reset by the upstream", chat(reset)).check(interrupted).check(move |seen, findings| {
            let held = if inspected { "world".len() } else { 0 };
            findings.same("the text", seen.decoded.text(), &"hello world"[..11 - held]);
            findings
                .holds(matches!(seen.response.end, End::Broken(_)), format_args!("it ended {:?}", seen.response.end));
        }),
        Scenario::new("a stream without its end", chat(clean)).check(interrupted).check(whole).check(
            |seen, findings| {
                findings.same("the end", &seen.response.end, &End::Complete);
            },
        ),
        Scenario::new("a stream that ends with an error", chat(error)).check(interrupted).check(whole).check(
            |seen, findings| {
                findings.same("the end", &seen.response.end, &End::Complete);
                let kind = seen.decoded.error.as_ref().and_then(|error| error["type"].as_str());
                findings.same("the error's type", kind, Some("server_error"));
            },
        ),
    ];
    if deployment.has(COUNTER) {
        let record = |scenario: Scenario| {
            scenario
                .record("input_tokens", HELLO_INPUT)
                .record("output_tokens", 2)
                .record("total_tokens", HELLO_INPUT + 2)
                .record("usage_source", "counted")
        };
        scenarios = scenarios.into_iter().map(record).collect();
        let whole = Scenario::new("a JSON response cut in the middle", hello().knob("cut-after-bytes", "200"));
        scenarios.push(whole.record("input_tokens", HELLO_INPUT).record("usage_source", "counted"));
    }
    scenarios.into_iter().map(|scenario| scenario.awkward().framings(Framing::PLAIN)).collect()
}
