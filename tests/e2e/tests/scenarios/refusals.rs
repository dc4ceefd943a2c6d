//! What is refused, how, and that nothing of it reaches an upstream.

use crate::chat::{Chat, literal};
use crate::client::Framing;
use crate::deployment::{Deployment, INSPECTOR, QUOTA, ROUTER};
use crate::planted;
use crate::scenario::{Refusal, Scenario};

pub fn scenarios(deployment: &Deployment) -> Vec<Scenario> {
    let mut scenarios = bodies();
    scenarios.extend(sizes());
    if deployment.has(INSPECTOR) {
        scenarios.extend(secrets());
    }
    if deployment.has(QUOTA) {
        scenarios.extend(budgets());
    }
    if deployment.has(ROUTER) {
        scenarios.extend(models());
    }
    scenarios
}

const MALFORMED: Refusal = Refusal::invalid(400);

/// Bodies that no filter lets pass, whichever it is.
fn bodies() -> Vec<Scenario> {
    const TYPE: Refusal = MALFORMED.code("invalid_type");
    let prompt = planted::PROMPT;
    let with = |content: &[u8]| {
        let begin = br#"{"model":"gpt-4o","messages":[{"role":"user","content":""#;
        [begin.as_slice(), prompt.as_bytes(), content, br#""}]}"#].concat()
    };
    let text = |text: &str| text.as_bytes().to_vec();
    let nested = |depth: usize| {
        format!(r#"{{"model":"gpt-4o","messages":[],"x":{}{}}}"#, "[".repeat(depth), "]".repeat(depth)).into_bytes()
    };
    let rows: Vec<(&str, Vec<u8>, Refusal)> = vec![
        ("no body", text(""), MALFORMED),
        ("white space", text(" \r\n\t "), MALFORMED),
        ("not JSON", text(&format!("model=gpt-4o&prompt={prompt}")), MALFORMED),
        ("cut off", text(&format!(r#"{{"model":"gpt-4o","messages":[{{"role":"user","content":"{prompt}"#)), MALFORMED),
        ("an array", text("[]"), TYPE.param("body")),
        ("something behind it", text(r#"{"model":"gpt-4o","messages":[]} {"model":"gpt-4o-mini"}"#), MALFORMED),
        ("a comma too many", text(r#"{"model":"gpt-4o","messages":[],}"#), MALFORMED),
        ("NaN", text(r#"{"model":"gpt-4o","messages":[],"temperature":NaN}"#), MALFORMED),
        ("a number with a leading zero", text(r#"{"model":"gpt-4o","messages":[],"seed":007}"#), MALFORMED),
        ("a byte order mark", [b"\xef\xbb\xbf".to_vec(), with(b"")].concat(), MALFORMED),
        ("the model twice", text(r#"{"model":"gpt-4o","messages":[],"model":"gpt-4o-mini"}"#), MALFORMED),
        ("the model twice, once escaped", text(r#"{"model":"gpt-4o","messages":[],"mod\u0065l":"x"}"#), MALFORMED),
        (
            "the content twice",
            text(&format!(r#"{{"model":"gpt-4o","messages":[{{"role":"user","content":"{prompt}","content":"b"}}]}}"#)),
            MALFORMED,
        ),
        ("the model in another case", text(r#"{"Model":"gpt-4o","messages":[]}"#), MALFORMED),
        ("half of a surrogate pair", with(br"\ud83d"), MALFORMED),
        ("the other half", with(br"\ude42 \ud83d"), MALFORMED),
        ("invalid UTF-8", with(b"\xff"), MALFORMED),
        ("UTF-8 cut off", with(b"\xf0\x9f\x99"), MALFORMED),
        ("overlong UTF-8", with(b"\xc0\xaf"), MALFORMED),
        ("a surrogate in UTF-8", with(b"\xed\xa0\xbd"), MALFORMED),
        ("a raw newline", with(b"\n"), MALFORMED),
        ("a NUL", with(b"\0"), MALFORMED),
        ("an escape that is none", with(br"\x41"), MALFORMED),
        ("nested too deep", nested(80), MALFORMED),
        ("model is a number", text(r#"{"model":4,"messages":[]}"#), TYPE.param("model")),
        ("messages are an object", text(r#"{"model":"gpt-4o","messages":{}}"#), TYPE.param("messages")),
        ("stream is text", text(r#"{"model":"gpt-4o","messages":[],"stream":"true"}"#), TYPE.param("stream")),
    ];
    let mut scenarios: Vec<_> =
        rows.into_iter().map(|(name, body, refusal)| Scenario::new(name, Chat::raw(body)).refused(refusal)).collect();
    // Byte by byte this one would take a minute.
    scenarios.push(
        Scenario::new("nested a hundred thousand deep", Chat::raw(nested(100_000)))
            .refused(MALFORMED)
            .framings(NOT_BY_BYTES),
    );
    scenarios
        .into_iter()
        .map(|scenario| scenario.awkward().record("status", 400).record("verdict", "malformed"))
        .collect()
}

const NOT_BY_BYTES: &[Framing] =
    &[Framing::Http1Length, Framing::Http1Trailers, Framing::Http2Whole, Framing::Http2Trailers];

/// Larger than a filter reads (the default of `limits.max_request_bytes`), and of a kind that it cannot read.
fn sizes() -> Vec<Scenario> {
    const LIMIT: usize = (1 << 20) - (64 << 10);
    let body = |bytes: usize| {
        let around = Chat::saying("").body().len();
        Chat::raw(Chat::saying(&"word ".repeat(bytes / 5 + 1)[..bytes - around]).body())
    };
    let too_large = Refusal::invalid(413).code("request_too_large");
    vec![
        Scenario::new("a byte more than is read", body(LIMIT + 1))
            .refused(too_large)
            .record("status", 413)
            .framings(NOT_BY_BYTES)
            .awkward(),
        Scenario::new("far more than is read", body(3 << 20))
            .refused(too_large)
            .framings(&[Framing::Http1Length, Framing::Http2Whole, Framing::Http2Trailers])
            .awkward(),
        // On HTTP/1.1 a frame can be as large as Envoy's own limit, which then speaks first, in its own words.
        Scenario::new("far more than is read", body(3 << 20))
            .check(|seen, findings| {
                findings.same("status", seen.answer.status, 413);
                findings.same("requests at the upstream", seen.received.len(), 0);
            })
            .framings(&[Framing::Http1Trailers])
            .awkward(),
        Scenario::new("as much as is read", body(LIMIT))
            .answered()
            .check(|seen, findings| {
                let length = seen.received.first().map(|received| received.body_bytes);
                findings.same("bytes at the upstream", length, Some(LIMIT as u64));
            })
            .framings(NOT_BY_BYTES),
        Scenario::new(
            "not what it says",
            Chat::raw(b"\x1f\x8b\x08\0planted".as_slice()).header("content-encoding", "gzip"),
        )
        .refused(MALFORMED)
        .record("status", 400)
        .awkward(),
        Scenario::new("compressed in another way", Chat::new().header("content-encoding", "zstd"))
            .refused(Refusal::invalid(415))
            .record("status", 415)
            .awkward(),
        Scenario::new("no JSON, it says", Chat::new().header("content-type", b"\xff\xfe caf\xe9 \x80"))
            .refused(Refusal::invalid(415))
            .record("status", 415)
            .framings(Framing::PLAIN)
            .awkward(),
    ]
}

/// A cloud key, wherever it stands.
fn secrets() -> Vec<Scenario> {
    let refusal = Refusal::invalid(400).code("content_policy_violation");
    let key = planted::CLOUD_KEY;
    let said = format!("Deploy with {key}, please. {}", planted::PROMPT);
    let escaped: String = key.chars().map(|c| format!("\\u{:04x}", u32::from(c))).collect();
    let message = |message: &str| Chat::new().member("messages", &format!("[{message}]"));
    let rows: Vec<(&str, Chat)> = vec![
        ("a cloud key in a prompt", Chat::saying(&said)),
        ("a cloud key in a streamed call", Chat::saying(&said).streamed()),
        ("a cloud key in escapes", message(&format!(r#"{{"role":"user","content":"a {escaped} b"}}"#))),
        ("a cloud key of the system", message(&format!(r#"{{"role":"system","content":{}}}"#, literal(&said)))),
        (
            "a cloud key in a tool's answer",
            message(&format!(r#"{{"role":"tool","tool_call_id":"c","content":{}}}"#, literal(&said))),
        ),
        (
            "a cloud key in a part",
            message(&format!(
                r#"{{"role":"user","content":[{{"type":"text","text":"a"}},{{"type":"text","text":{}}}]}}"#,
                literal(&said)
            )),
        ),
        (
            "a cloud key in the arguments of a call",
            message(&format!(
                r#"{{"role":"assistant","content":null,"tool_calls":[{{"id":"c","type":"function","function":{{"name":"f","arguments":{}}}}}]}}"#,
                literal(&format!(r#"{{"key":"{key}"}}"#))
            )),
        ),
        (
            "a cloud key in a tool's definition",
            Chat::new().member(
                "tools",
                &format!(r#"[{{"type":"function","function":{{"name":"f","description":{}}}}}]"#, literal(&said)),
            ),
        ),
        ("a cloud key in metadata", Chat::new().member("metadata", &format!(r#"{{"note":{}}}"#, literal(&said)))),
        ("a cloud key in a member that nobody knows", Chat::new().member("x_later", &literal(&said))),
    ];
    let scenario = |(name, chat): (&str, Chat)| {
        Scenario::new(name, chat)
            .refused(refusal)
            .record("status", 400)
            .record("verdict", "block")
            .record("rules", "secret.aws-access-key")
    };
    rows.into_iter().map(scenario).map(Scenario::awkward).collect()
}

/// Consumers whose budgets never have room, or who have no name.
fn budgets() -> Vec<Scenario> {
    let rows = [
        (
            "no tokens left",
            "broke",
            Refusal { status: 429, kind: "tokens", param: None, code: Some("rate_limit_exceeded") },
        ),
        (
            "no requests left",
            "spent",
            Refusal { status: 429, kind: "requests", param: None, code: Some("rate_limit_exceeded") },
        ),
        (
            "no money left",
            "penniless",
            Refusal { status: 429, kind: "insufficient_quota", param: None, code: Some("insufficient_quota") },
        ),
    ];
    let unidentified = Refusal::invalid(401).code("consumer_missing");
    let nobody =
        [("no consumer", Chat::new().without("x-tollgate-consumer")), ("an empty consumer", Chat::new().consumer(""))];
    let nobody =
        nobody.map(|(name, chat)| Scenario::new(name, chat).refused(unidentified).record("verdict", "unidentified"));
    rows.into_iter()
        .map(|(name, consumer, refusal)| {
            Scenario::new(name, Chat::new().consumer(consumer))
                .refused(refusal)
                .check(|seen, findings| {
                    // It would never fit, so waiting is of no use.
                    findings.same("retry-after", seen.answer.header("retry-after").as_deref(), None);
                })
                .record("status", 429)
                .record("verdict", "limited")
                .record("consumer", consumer)
        })
        .chain(nobody)
        .map(Scenario::awkward)
        .collect()
}

/// Models that the router does not know.
fn models() -> Vec<Scenario> {
    let refusal = Refusal::invalid(404).param("model").code("model_not_found");
    ["gpt-99", "GPT-4o", "gpt-4o ", "../gpt-4o", "\u{1f642}"]
        .into_iter()
        .map(|model| {
            Scenario::new(format!("unknown model {model:?}"), Chat::new().model(model))
                .refused(refusal)
                .record("status", 404)
                .record("verdict", "unknown_model")
        })
        .collect()
}
