//! Successful calls and their records.

use crate::chat::Chat;
use crate::client::Framing;
use crate::deployment::{COUNTER, Deployment, QUOTA, ROUTER};
use crate::findings::Findings;
use crate::planted;
use crate::scenario::{Scenario, Seen, Want};

/// Input, output, cached and reasoning tokens, as the provider reports them.
const USAGE: &str = "1200,340,200,40";

/// Cost of [`USAGE`] at the reference's prices for gpt-4o, in nano-dollars: (1200 - 200) x 2500 + 200 x 1250 + 340 x 10000.
const COST: u64 = 6_150_000;

pub fn scenarios(deployment: &Deployment) -> Vec<Scenario> {
    let deltas = ["Good", " ", planted::ANSWER, ", \u{17e}lu\u{165} \u{1f642}", "\n\"quoted\" \\ end"];
    let chat = Chat::answered(&deltas).knob("usage", USAGE).knob("model", "gpt-4o-2024-08-06");
    let whole = Scenario::new("a chat call", chat.clone()).record("stream", "false");
    let streamed = Scenario::new("a streamed call", chat.streamed()).record("stream", "true");
    let mut scenarios = Vec::new();
    for scenario in [whole, streamed] {
        let mut scenario = recorded(deployment, scenario.answered()).check(move |seen, findings| {
            findings.same("the text", seen.decoded.text(), deltas.concat().as_str());
            findings.same("finish_reason", seen.decoded.finished.get(&0).map(String::as_str), Some("stop"));
        });
        scenario = scenario.check(|seen, findings| {
            if seen.response.header("content-type").is_some_and(|kind| kind.starts_with("text/event-stream")) {
                findings.holds(seen.decoded.done, "no [DONE]");
            }
        });
        scenarios.push(scenario);
    }
    scenarios.extend(slowly(deployment));
    scenarios.extend(long());
    scenarios
}

/// Adds the expected record of a call with [`USAGE`] to gpt-4o.
fn recorded(deployment: &Deployment, mut scenario: Scenario) -> Scenario {
    scenario = scenario
        .record("status", 200)
        .record("details", "via_upstream")
        .record("method", "POST")
        .record("upstream_cluster", "openai")
        .record("dialect", "openai.chat")
        .record("model", "gpt-4o")
        .record("verdict", "allow")
        .record("rules", Want::Null)
        .record("unscanned", Want::Null);
    if deployment.has(COUNTER) {
        scenario = scenario
            .record("served_model", "gpt-4o-2024-08-06")
            .record("input_tokens", 1200)
            .record("cached_tokens", 200)
            .record("output_tokens", 340)
            .record("reasoning_tokens", 40)
            .record("total_tokens", 1540)
            .record("usage_source", "provider")
            .record("ttft_ms", Want::Number);
    }
    if deployment.has(QUOTA) {
        scenario = scenario
            .record("consumer", "unmetered")
            .record("cost_nano_usd", COST)
            .record("cost_micro_usd", COST / 1000);
    }
    if deployment.has(ROUTER) {
        scenario = scenario.record("route", "openai").record("provider", "openai");
    }
    scenario
}

/// Responses that arrive in small pieces.
fn slowly(deployment: &Deployment) -> Vec<Scenario> {
    let says = |seen: &Seen, findings: &mut Findings| {
        findings.same("the text", seen.decoded.text(), "one two three four");
    };
    let chat = Chat::answered(&["one two", " three", " four"]).knob("usage", USAGE).knob("model", "gpt-4o-2024-08-06");
    [
        ("a JSON response in pieces of one byte", chat.clone().knob("piece-bytes", "1").knob("piece-pause-us", "20")),
        ("a JSON response in pieces of seven bytes", chat.clone().knob("piece-bytes", "7").knob("chunked", "true")),
        ("a streamed response in pieces of one byte", chat.clone().streamed().knob("piece-bytes", "1")),
        ("a streamed response in pieces of 1000 bytes", chat.clone().streamed().knob("piece-bytes", "1000")),
        ("a streamed response in one piece", chat.streamed().knob("burst", "1000")),
    ]
    .map(|(name, chat)| {
        recorded(deployment, Scenario::new(name, chat)).answered().check(says).framings(Framing::PLAIN).awkward()
    })
    .into()
}

/// Responses larger than a frame.
fn long() -> Vec<Scenario> {
    [false, true]
        .map(|streamed| {
            let chat = Chat::new().knob("words", "2000");
            let chat = if streamed { chat.streamed() } else { chat };
            Scenario::new("a response of two thousand words", chat)
                .check(|seen, findings| {
                    findings.same("words of the text", seen.decoded.text().split(' ').count(), 2000);
                })
                .answered()
                .framings(Framing::PLAIN)
        })
        .into()
}
