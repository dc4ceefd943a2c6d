//! Redaction of responses and prompts, wherever the matched text is split.

use crate::chat::Chat;
use crate::client::{End, Framing};
use crate::deployment::{Deployment, INSPECTOR};
use crate::findings::Findings;
use crate::planted::{ANSWER, CLASSIFIED, CODEWORD, EMAIL};
use crate::scenario::{Refusal, Scenario, Seen};

pub fn scenarios(deployment: &Deployment) -> Vec<Scenario> {
    if !deployment.has(INSPECTOR) {
        return Vec::new();
    }
    let mut scenarios = streams();
    scenarios.extend(documents());
    scenarios.extend(blocks());
    scenarios.extend(prompts());
    scenarios
}

fn says(text: &str) -> impl Fn(&Seen, &mut Findings) + 'static {
    let text = text.to_owned();
    move |seen, findings| findings.same("the text", seen.decoded.text(), text.as_str())
}

fn redacted(scenario: Scenario) -> Scenario {
    scenario.answered().record("verdict", "redact").record("rules", "pii.email").check(|seen, findings| {
        let leaked = ["planted", "person", "mail.example"].iter().any(|part| seen.response.text().contains(part));
        findings.holds(!leaked, "a part of the address is in the response");
    })
}

/// Slow streams that are split anywhere.
fn streams() -> Vec<Scenario> {
    let text = format!("Write to {EMAIL} today.");
    let chat = Chat::answered(&[]).streamed();
    let whole = chat.clone().knob("deltas", &serde_json::to_string(&[&text]).unwrap());
    let letters: Vec<_> = text.chars().map(String::from).collect();
    let letters = chat.knob("deltas", &serde_json::to_string(&letters).unwrap());
    let scenarios = vec![
        Scenario::new("deltas of one character in pieces of one byte", letters.knob("piece-bytes", "1")).awkward(),
        Scenario::new(
            "CRLF, comments and pieces of three bytes",
            whole.knob("line-end", "crlf").knob("comments", "true").knob("piece-bytes", "3"),
        ),
    ];
    scenarios
        .into_iter()
        .map(|scenario| {
            let scenario = redacted(scenario).check(says("Write to [email] today.")).framings(Framing::PLAIN);
            scenario.check(|seen, findings| {
                findings.holds(seen.decoded.done, "no [DONE]");
                let reasons: Vec<_> = seen.decoded.finished.values().map(String::as_str).collect();
                findings.holds(reasons.iter().all(|reason| *reason == "stop"), format_args!("finished: {reasons:?}"));
            })
        })
        .collect()
}

/// JSON responses.
fn documents() -> Vec<Scenario> {
    let text = format!("Write to {EMAIL} or {EMAIL}. {ANSWER}");
    let want = format!("Write to [email] or [email]. {ANSWER}");
    let chat = || Chat::answered(&[text.as_str()]);
    let scenario = |name: &str, chat: Chat| {
        Scenario::new(name, chat)
            .answered()
            .record("verdict", "redact")
            .record("rules", "pii.email")
            .check(says(&want))
            .check(|seen, findings| {
                let leaked = ["planted.person", "mail.example"].iter().any(|part| seen.response.text().contains(part));
                findings.holds(!leaked, "a part of the address is in the response");
            })
    };
    vec![
        scenario("a JSON response with two addresses", chat()).check(|seen, findings| {
            // The upstream sent a content-length, so the client must receive one. The end of the response depends on its value.
            findings.holds(seen.response.header("content-length").is_some(), "no content-length");
        }),
        scenario("the same in pieces of one byte", chat().knob("piece-bytes", "1")).framings(Framing::PLAIN).awkward(),
    ]
}

/// Responses that a rule blocks.
fn blocks() -> Vec<Scenario> {
    let cut_off = |seen: &Seen, findings: &mut Findings| {
        findings.same("the end", &seen.response.end, &End::Complete);
        findings.holds(!seen.decoded.done, "[DONE] in a response that was cut off");
        let code = seen.decoded.error.as_ref().and_then(|error| error["code"].as_str());
        findings.same("the error's code", code, Some("content_policy_violation"));
        let before = "So far, so good. ";
        findings.holds(
            before.starts_with(seen.decoded.text()),
            format_args!("the client received {:?}", seen.decoded.text()),
        );
        let leaked = ["PLANTED", "CLASSIFIED", "5501", "afterwards"].iter().any(|p| seen.response.text().contains(p));
        findings.holds(!leaked, "the client received a part of the blocked text");
    };
    let chat = Chat::answered(&["So far, so good. ", CLASSIFIED, " afterwards"]);
    vec![
        Scenario::new(
            "a streamed response that is blocked, in pieces of one byte",
            chat.clone().streamed().knob("piece-bytes", "1"),
        )
        .check(cut_off)
        .awkward()
        .framings(Framing::PLAIN),
        Scenario::new("a JSON response that is blocked", chat)
            .check(|seen, findings| {
                findings.same("status", seen.response.status, BLOCKED_RESPONSE.status);
                let error = seen.decoded.error.clone().unwrap_or_default();
                findings.same("error.type", error["type"].as_str(), Some(BLOCKED_RESPONSE.kind));
                findings.same("error.code", error["code"].as_str(), BLOCKED_RESPONSE.code);
                findings.same("the end", &seen.response.end, &End::Complete);
                findings.holds(!seen.response.text().contains("CLASSIFIED"), "the client received the blocked text");
                findings.same("requests at the upstream", seen.received.len(), 1);
            })
            .awkward()
            .record("verdict", "block")
            .record("rules", "test.classified"),
    ]
}

const BLOCKED_RESPONSE: Refusal = Refusal::invalid(400).code("content_policy_violation");

/// Prompts that are forwarded with the matched text redacted.
fn prompts() -> Vec<Scenario> {
    let body = format!(
        r#"{{"model":"gpt-4o", "x":1e5,"messages":[{{"role":"user","content":"say {CODEWORD} \u00e9 {CODEWORD}!"}}],"user":"{CODEWORD}" }}"#
    );
    let want = body.replace(CODEWORD, "[codeword]");
    vec![
        Scenario::new("a codeword in a prompt", Chat::raw(body))
            .answered()
            .check(move |seen, findings| {
                let Some(received) = seen.received.first() else { return };
                findings.same("the body", received.body_text(), want.as_str());
            })
            .record("verdict", "redact")
            .record("rules", "test.codeword")
            .awkward(),
    ]
}
