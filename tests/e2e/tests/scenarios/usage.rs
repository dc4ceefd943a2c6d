//! What is recorded of answers that end before their end.

use crate::chat::Chat;
use crate::client::{End, Framing};
use crate::deployment::{COUNTER, Deployment, INSPECTOR};
use crate::findings::Findings;
use crate::scenario::{Scenario, Seen};

/// Prompt and answer whose tokens are known: `hello world` is two in o200k_base (tiktoken), and a prompt of one message has
/// 3 for the answer's beginning, 3 for the message and 1 for its role.
fn hello() -> Chat {
    Chat::saying("hello world").knob("deltas", r#"["hello"," world"]"#)
}

const HELLO_INPUT: u64 = 3 + 3 + 1 + 2;

/// Answers that end before their end are charged for what was seen.
pub fn scenarios(deployment: &Deployment) -> Vec<Scenario> {
    // A word may be the beginning of an address until something else follows. After a reset nothing can be sent any more.
    let inspected = deployment.has(INSPECTOR);
    let (reset, clean, error) = ("reset", "clean", "error");
    // The role and two deltas arrive.
    let chat = |how| {
        let chat = Chat::saying("hello world").knob("deltas", r#"["hello"," world"," never"," said"]"#);
        chat.streamed().knob("cut-after", "3").knob("cut", how).knob("event-ms", "5")
    };
    let whole = |seen: &Seen, findings: &mut Findings| {
        findings.same("what came of the answer", seen.heard.text(), "hello world");
    };
    let what_came = |seen: &Seen, findings: &mut Findings| {
        findings.same("status", seen.answer.status, 200);
        findings.holds(!seen.heard.done, "[DONE] of an answer that was cut");
        findings.same("usages that the client saw", seen.heard.usages.len(), 0);
    };
    let mut scenarios = vec![
        Scenario::new("a stream reset by the upstream", chat(reset)).check(what_came).check(move |seen, findings| {
            let held = if inspected { "world".len() } else { 0 };
            findings.same("what came of the answer", seen.heard.text(), &"hello world"[..11 - held]);
            findings.holds(matches!(seen.answer.end, End::Broken(_)), format_args!("it ended {:?}", seen.answer.end));
        }),
        Scenario::new("a stream without its end", chat(clean)).check(what_came).check(whole).check(|seen, findings| {
            findings.same("the end", &seen.answer.end, &End::Clean);
        }),
        Scenario::new("a stream that ends with an error", chat(error)).check(what_came).check(whole).check(
            |seen, findings| {
                findings.same("the end", &seen.answer.end, &End::Clean);
                let kind = seen.heard.error.as_ref().and_then(|error| error["type"].as_str());
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
        let whole = Scenario::new("a JSON answer cut in the middle", hello().knob("cut-after-bytes", "200"));
        scenarios.push(whole.record("input_tokens", HELLO_INPUT).record("usage_source", "counted"));
    }
    scenarios.into_iter().map(|scenario| scenario.awkward().framings(Framing::PLAIN)).collect()
}
