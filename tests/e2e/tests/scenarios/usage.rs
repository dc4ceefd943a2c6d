//! Usage: asked for whatever the client said, shown to the client only if it asked, counted where the provider says none.

use serde_json::{Value, json};

use crate::chat::Chat;
use crate::client::{End, Framing};
use crate::deployment::{COUNTER, Deployment, INSPECTOR, QUOTA};
use crate::findings::Findings;
use crate::scenario::{Scenario, Seen};

pub fn scenarios(deployment: &Deployment) -> Vec<Scenario> {
    let mut scenarios = stream_options(deployment);
    scenarios.extend(whose_word(deployment));
    scenarios.extend(cut(deployment));
    scenarios
}

/// `stream_options` in all its spellings; whether the client asks for usage by it.
const STREAM_OPTIONS: &[(&str, bool)] = &[
    ("", false),
    (r#","stream_options":null"#, false),
    (r#","stream_options":{}"#, false),
    (r#","stream_options": { } "#, false),
    (r#","stream_options":{"include_usage":false}"#, false),
    (r#","stream_options":{"include_usage":null}"#, false),
    (r#","stream_options":{"include_obfuscation":false}"#, false),
    (r#","stream_options":{"include_usage" : false, "include_obfuscation":false}"#, false),
    (r#","stream_options":{"include_usage":true}"#, true),
    (r#","stream_options":{"include_obfuscation":false,"include_usage":true }"#, true),
    (r#","stream_\u006fptions":{"include_us\u0061ge":false}"#, false),
];

fn stream_options(deployment: &Deployment) -> Vec<Scenario> {
    let asks_always = deployment.has(COUNTER) || deployment.has(QUOTA);
    let scenario = |&(options, asked): &(&'static str, bool)| {
        // Odd spacing, numbers and unknown members have to survive the edit.
        let body = format!(
            r#" {{"model":"gpt-4o", "temperature":1.00e0,"stream":true{options},"x_unknown":[1,{{"a":null}}],
               "messages":[{{"role":"user","content":"caf\u00e9"}}]}}"#
        );
        let chat = Chat::raw(body).knob("deltas", r#"["hello"," world"]"#).knob("usage", "31,7");
        Scenario::new(format!("stream, options {options:?}"), chat).answered().awkward().check(move |seen, findings| {
            findings.same("the answer", seen.heard.text(), "hello world");
            findings.holds(seen.heard.done, "no [DONE]");
            let usages: Vec<_> = seen.heard.usages.iter().map(|usage| usage["completion_tokens"].clone()).collect();
            let shown = if asked { vec![json!(7)] } else { vec![] };
            findings.same("usages that the client saw", usages, shown);
            let Some(received) = seen.received.first() else { return };
            if asks_always && !asked {
                same_but_usage(&seen.sent, &received.body, findings);
            } else {
                findings.holds(received.body == seen.sent, format_args!("upstream got {:?}", received.body_text()));
            }
        })
    };
    let counted = |scenario: Scenario| {
        if deployment.has(COUNTER) {
            let record = [("input_tokens", 31), ("output_tokens", 7), ("total_tokens", 38), ("cached_tokens", 0)];
            let scenario = record.into_iter().fold(scenario, |s, (field, number)| s.record(field, number));
            scenario.record("usage_source", "provider")
        } else {
            scenario
        }
    };
    STREAM_OPTIONS.iter().map(scenario).map(counted).collect()
}

/// Complains unless `got` is `sent` with `stream_options.include_usage` true: the same values, and the same bytes before and
/// behind the place of the edit.
fn same_but_usage(sent: &[u8], got: &[u8], findings: &mut Findings) {
    let (Ok(mut wanted), Ok(is)) = (serde_json::from_slice::<Value>(sent), serde_json::from_slice::<Value>(got)) else {
        return findings.add(format_args!("upstream got {:?}", String::from_utf8_lossy(got)));
    };
    if !wanted["stream_options"].is_object() {
        wanted["stream_options"] = json!({});
    }
    wanted["stream_options"]["include_usage"] = json!(true);
    findings.same("what upstream got", is, wanted);
    let before = sent.iter().zip(got).take_while(|(a, b)| a == b).count();
    let behind = sent.iter().rev().zip(got.iter().rev()).take_while(|(a, b)| a == b).count();
    // What may differ is the member, 30 bytes of name and value and whatever else stood in it.
    let touched = sent.len().saturating_sub(before + behind);
    findings.holds(touched <= 60, format_args!("{touched} bytes touched: {:?}", String::from_utf8_lossy(got)));
}

/// Prompt and answer whose tokens are known: `hello world` is two in o200k_base (tiktoken), and a prompt of one message has
/// 3 for the answer's beginning, 3 for the message and 1 for its role.
fn hello() -> Chat {
    Chat::saying("hello world").knob("deltas", r#"["hello"," world"]"#)
}

const HELLO_INPUT: u64 = 3 + 3 + 1 + 2;

/// Name, knobs, streamed or not; input, output and source that have to be recorded.
type Row = (&'static str, &'static [(&'static str, &'static str)], bool, (u64, u64, &'static str));

/// Who says what was used.
fn whose_word(deployment: &Deployment) -> Vec<Scenario> {
    if !deployment.has(COUNTER) {
        return Vec::new();
    }
    let rows: &[Row] = &[
        // The mock counts in a way of its own.
        ("usage of the mock's own count", &[], false, (11, 4, "provider")),
        ("usage of the mock's own count, streamed", &[], true, (11, 4, "provider")),
        ("no usage", &[("usage-at", "never")], false, (HELLO_INPUT, 2, "counted")),
        ("no usage, streamed", &[("usage-at", "never")], true, (HELLO_INPUT, 2, "counted")),
        ("usage with finish_reason", &[("usage-at", "last"), ("usage", "50,60")], true, (50, 60, "provider")),
        ("usage in every chunk", &[("usage-at", "every"), ("usage", "50,60")], true, (50, 60, "provider")),
        ("usage unasked", &[("usage-at", "always"), ("usage", "50,60")], true, (50, 60, "provider")),
    ];
    let scenario = |&(name, knobs, streamed, (input, output, source)): &Row| {
        let chat = knobs.iter().fold(hello(), |chat, (name, value)| chat.knob(name, value));
        Scenario::new(name, if streamed { chat.streamed() } else { chat })
            .answered()
            .check(|seen, findings| findings.same("the answer", seen.heard.text(), "hello world"))
            .record("input_tokens", input)
            .record("output_tokens", output)
            .record("total_tokens", input + output)
            .record("usage_source", source)
    };
    rows.iter().map(scenario).collect()
}

/// Answers that end before their end are charged for what was seen.
fn cut(deployment: &Deployment) -> Vec<Scenario> {
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
