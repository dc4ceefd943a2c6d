//! Checks that take several requests: a call pays once and for exactly what it used, and no number of concurrent calls
//! overspends a budget.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use serde_json::Value;

use crate::chat::Chat;
use crate::client::{self, End, Framing, Http2, Response, Stay};
use crate::deployment::{COUNTER, INSPECTOR, QUOTA, ROUTER};
use crate::planted::CLOUD_KEY;
use crate::run::Run;

/// Consumer whose token budget is far larger than everything spent here.
const ROOMY: &str = "roomy";

/// Runs all checks, if the deployment has cost-quota.
pub async fn all(run: &mut Run) {
    if !run.deployment.has(QUOTA) {
        return;
    }
    charges(run).await;
    leavers(run).await;
    early_leavers(run).await;
    used_up(run).await;
    exactly_ten(run).await;
    nothing_lost(run).await;
    window(run).await;
}

/// Checks what each call takes from a budget: the difference of the remaining budget between two equal calls before and after
/// it, minus the 2 tokens of the first of them.
async fn charges(run: &mut Run) {
    let chat = || Chat::answered(&["hello", " world"]).consumer(ROOMY);
    let used = |chat: Chat| chat.knob("usage", "1200,340,200,40");
    let mut rows: Vec<(&str, Chat, Option<u64>)> = vec![
        ("a chat call", used(chat()), Some(1540)),
        ("a streamed call", used(chat()).streamed(), Some(1540)),
        ("usage in every chunk", used(chat()).streamed().knob("usage-at", "every"), Some(1540)),
        ("no usage", chat().knob("usage-at", "never"), None),
        ("no usage, streamed", chat().streamed().knob("usage-at", "never"), None),
        ("a stream reset by the upstream", chat().streamed().knob("cut-after", "2").knob("event-ms", "5"), None),
        ("429 of the upstream", chat().knob("status", "429"), Some(0)),
        ("500 of the upstream", chat().knob("status", "500").streamed(), Some(0)),
        ("malformed", Chat::raw("{").consumer(ROOMY), Some(0)),
    ];
    if run.deployment.has(INSPECTOR) {
        rows.push(("a cloud key", Chat::saying(CLOUD_KEY).consumer(ROOMY), Some(0)));
    }
    if run.deployment.has(ROUTER) {
        rows.push(("a route that Envoy does not have", chat().model("nowhere"), Some(0)));
        rows.push(("an unknown model", chat().model("gpt-99"), Some(0)));
    }
    for framing in [Framing::Http1Length, Framing::Http2Whole, Framing::Http2Trailers] {
        for (name, chat, charge) in &rows {
            run.findings.about(format_args!("the charge of {name} / {framing}"));
            let before = remaining(run).await;
            let path = run.path();
            run.ask_at(&path, chat, framing, Stay::ToTheEnd).await;
            let entry = logged(run, &path);
            let after = remaining(run).await;
            let took = before.saturating_sub(after).saturating_sub(2);
            let charge = charge.or_else(|| run.deployment.has(COUNTER).then(|| number(&entry["total_tokens"])));
            match charge {
                Some(charge) => run.findings.same("tokens taken from the budget", took, charge),
                // Counted by cost-quota itself, which does not report how many.
                None => {
                    run.findings.holds((9..60).contains(&took), format_args!("{took} tokens taken from the budget"))
                }
            }
        }
    }
}

/// Checks that clients that leave in the middle of a stream pay once, for what was produced.
async fn leavers(run: &mut Run) {
    for &framing in Framing::ALL {
        run.findings.about(format_args!("a client that leaves / {framing}"));
        let before = remaining(run).await;
        let chat = Chat::new().streamed().consumer(ROOMY).knob("words", "3000").knob("event-ms", "1");
        let path = run.path();
        let Some(seen) = run.ask_at(&path, &chat, framing, Stay::Bytes(4000)).await else { continue };
        run.findings.same("the end", &seen.response.end, &End::Left);
        let left = run.mock.wait(Duration::from_secs(10), |all| all.iter().any(|r| r.path == path && r.client_gone));
        run.findings.holds(left.is_ok(), "the upstream did not notice within 10 s");
        let entry = logged(run, &path);
        let after = remaining(run).await;
        let took = before.saturating_sub(after).saturating_sub(2);
        let deltas = seen.decoded.deltas.len() as u64;
        let produced = run.received(&path).first().map_or(0, |received| received.events_sent);
        // Every delta is a word of one token, rarely two; the prompt has some twenty tokens.
        let plausible = deltas + 9..2 * produced + 60;
        run.findings.holds(
            plausible.contains(&took),
            format_args!(
                "{took} tokens taken from the budget, but the client received {deltas} deltas of {produced} produced"
            ),
        );
        if run.deployment.has(COUNTER) {
            run.findings.same("tokens taken from the budget", took, number(&entry["total_tokens"]));
            run.findings.same("usage_source", entry["usage_source"].as_str(), Some("counted"));
            run.findings.holds(number(&entry["output_tokens"]) >= deltas, format_args!("logged: {entry}"));
        }
        run.findings.holds(number(&entry["cost_nano_usd"]) > 0, format_args!("it cost nothing: {entry}"));
    }
    run.findings.about("clients that leave / a hundred more requests");
    run.hundred_more().await;
}

/// Checks that clients that leave before the response begins pay what their calls have reserved.
async fn early_leavers(run: &mut Run) {
    const PATIENCE: Duration = Duration::from_millis(500);
    for (name, is_http2, streamed) in [
        ("an HTTP/1.1 connection is closed", false, false),
        ("an HTTP/1.1 connection is closed, streamed", false, true),
        ("an HTTP/2 stream is reset", true, false),
        ("an HTTP/2 stream is reset, streamed", true, true),
    ] {
        run.findings.about(format_args!("a client that leaves before the response: {name}"));
        let before = remaining(run).await;
        let chat = Chat::new().consumer(ROOMY).member("max_tokens", "500").knob("first-byte-ms", "3000");
        let chat = if streamed { chat.streamed() } else { chat };
        let path = run.path();
        let (to, request) = (run.gateway.address(), &chat.at(&path));
        let connection = Http2::connect(to).await.unwrap();
        let response = if is_http2 {
            tokio::time::timeout(PATIENCE, client::exchange_http2(&connection, to, request)).await
        } else {
            tokio::time::timeout(PATIENCE, client::exchange(to, request, Framing::Http1Length, Stay::ToTheEnd)).await
        };
        run.findings.holds(response.is_err(), "the response was earlier than the client left");
        let entry = logged(run, &path);
        let after = remaining(run).await;
        let took = before.saturating_sub(after).saturating_sub(2);
        if run.deployment.has(COUNTER) {
            let reserved = number(&entry["input_tokens"]) + 500;
            run.findings.same("tokens taken from the budget", took, reserved);
            run.findings.same("output_tokens", number(&entry["output_tokens"]), 0);
        }
        run.findings.holds((501..560).contains(&took), format_args!("{took} tokens taken from the budget"));
        run.findings.same("requests at the upstream", run.received(&path).len(), 1);
    }
}

/// Returns the remaining budget during a call that takes 2 tokens.
async fn remaining(run: &mut Run) -> u64 {
    let chat = Chat::answered(&["a"]).consumer(ROOMY).knob("usage", "1,1").member("max_tokens", "5");
    let path = run.path();
    let seen = run.ask_at(&path, &chat, Framing::Http1Length, Stay::ToTheEnd).await;
    let remaining = seen.and_then(|seen| seen.response.header("x-ratelimit-remaining-tokens")?.parse().ok());
    if remaining.is_none() {
        run.findings.add("no x-ratelimit-remaining-tokens");
    }
    // The call is settled when it is logged, which is after its response.
    logged(run, &path);
    remaining.unwrap_or_default()
}

/// Returns the access log entry of a request that has just ended; null, and a finding, if there is none.
fn logged(run: &mut Run, path: &str) -> Value {
    run.log.entry(path).unwrap_or_else(|| {
        run.findings.add("no access log entry within 10 s");
        Value::Null
    })
}

fn number(value: &Value) -> u64 {
    value.as_str().and_then(|text| text.parse().ok()).unwrap_or_default()
}

/// Uses up budgets by calls that cost 30 tokens, or 120 micro-dollars, each.
async fn used_up(run: &mut Run) {
    for (consumer, most, kind, code, left) in [
        ("hundred-tokens", 3, "tokens", "rate_limit_exceeded", "x-ratelimit-remaining-tokens"),
        ("tenth-of-a-cent", 8, "insufficient_quota", "insufficient_quota", "x-ratelimit-remaining-cost"),
    ] {
        let chat = Chat::answered(&["a"]).consumer(consumer).member("max_tokens", "6").knob("usage", "24,6");
        let mut admitted = 0;
        for at in 0..most + 2 {
            run.findings.about(format_args!("{consumer}, call {at} / HTTP/1.1 whole"));
            let path = run.path();
            let Some(seen) = run.ask_at(&path, &chat, Framing::Http1Length, Stay::ToTheEnd).await else { return };
            logged(run, &path);
            if seen.response.status == 200 {
                admitted += 1;
                continue;
            }
            let error = seen.decoded.error.unwrap_or_default();
            let got = (seen.response.status, error["type"].as_str(), error["code"].as_str());
            run.findings.same("the refusal", got, (429, Some(kind), Some(code)));
            let wait = seen.response.header("retry-after").and_then(|wait| wait.parse::<u64>().ok());
            run.findings.holds(wait.is_some_and(|wait| wait > 0), format_args!("retry-after {wait:?}"));
            run.findings.holds(seen.response.header(left).is_some(), format_args!("no {left}"));
            run.findings.same("requests at the upstream", seen.received.len(), 0);
        }
        run.findings.same("calls admitted", admitted, most);
    }
}

/// Sends sixty-four calls at once to a budget with room for ten.
async fn exactly_ten(run: &mut Run) {
    for (at, (name, streamed, http1)) in [
        ("JSON, a connection each", false, true),
        ("JSON, over eight connections", false, false),
        ("streamed, a connection each", true, true),
        ("streamed, over eight connections", true, false),
    ]
    .into_iter()
    .enumerate()
    {
        run.findings.about(format_args!("sixty-four at once, room for ten / {name}"));
        let chat = Chat::new().consumer(&format!("ten-{at}")).knob("first-byte-ms", "30");
        let chat = if streamed { chat.streamed() } else { chat };
        let path = run.path();
        let responses = sixty_four(run, &chat, &path, http1).await;
        let admitted = responses.iter().filter(|response| response.status == 200).count();
        let refused = responses.iter().filter(|response| response.status == 429).count();
        run.findings.same("admitted and refused", (admitted, refused), (10, 54));
        run.findings.same("requests at the upstream", run.received(&path).len(), 10);
        for response in responses.iter().filter(|response| response.status == 429) {
            refusal(run, response);
        }
    }
}

async fn sixty_four(run: &mut Run, chat: &Chat, path: &str, http1: bool) -> Vec<Response> {
    let to = run.gateway.address();
    let request = &chat.at(path);
    let results: Vec<Result<Response, String>> = if http1 {
        join_all((0..64).map(|_| client::exchange(to, request, Framing::Http1Length, Stay::ToTheEnd))).await
    } else {
        let connections = join_all((0..8).map(|_| Http2::connect(to))).await;
        let connections: Vec<_> = connections.into_iter().map(Result::unwrap).collect();
        let requests = (0..64).map(|n| client::exchange_http2(&connections[n % 8], to, request));
        join_all(requests).await
    };
    let mut responses = Vec::new();
    for result in results {
        match result {
            Ok(response) => responses.push(response),
            Err(error) => run.findings.add(error),
        }
    }
    responses
}

/// Sends a thousand calls of one consumer over sixteen connections, which spread over the workers. The count is exact, so no
/// worker has overwritten what another one wrote.
async fn nothing_lost(run: &mut Run) {
    run.findings.about("a thousand calls at once");
    const CONNECTIONS: usize = 16;
    const EACH: usize = 64;
    let (to, path) = (run.gateway.address(), run.path());
    let request = &Chat::answered(&["a"]).consumer("busy").at(&path);
    let connections = join_all((0..CONNECTIONS).map(|_| Http2::connect(to))).await;
    let calls = connections.into_iter().map(|connection| async {
        let connection = connection.map_err(|error| error.to_string())?;
        let calls = (0..EACH).map(|_| client::exchange_http2(&connection, to, request));
        Ok::<_, String>(join_all(calls).await)
    });
    let (mut admitted, mut failed) = (0, BTreeMap::<String, u64>::new());
    for responses in join_all(calls).await {
        for response in responses.unwrap_or_else(|error| vec![Err(error)]) {
            match response {
                Ok(response) if response.status == 200 => admitted += 1,
                Ok(response) => {
                    *failed.entry(format!("{}: {}", response.status, response.text())).or_default() += 1;
                }
                Err(error) => *failed.entry(error).or_default() += 1,
            }
        }
    }
    run.findings.holds(failed.is_empty(), format_args!("calls that failed: {failed:?}"));
    run.findings.same("calls admitted", admitted, (CONNECTIONS * EACH) as u64);
    let last = client::exchange(to, request, Framing::Http1Length, Stay::ToTheEnd).await;
    let left = last.ok().and_then(|last| last.header("x-ratelimit-remaining-requests")?.parse::<u64>().ok());
    run.findings.same("requests left", left, Some(1_000_000 - admitted - 1));
}

/// Checks that a refusal contains what an SDK reads from it.
fn refusal(run: &mut Run, response: &Response) {
    let error = response.decoded().error.unwrap_or_default();
    run.findings.same("error.type", error["type"].as_str(), Some("requests"));
    run.findings.same("error.code", error["code"].as_str(), Some("rate_limit_exceeded"));
    let message = error["message"].as_str().unwrap_or_default();
    run.findings.holds(message.contains("`test`"), format_args!("the message does not name the budget: {message:?}"));
    let wait = response.header("retry-after").and_then(|wait| wait.parse::<u64>().ok());
    run.findings.holds(wait.is_some_and(|wait| wait > 0), format_args!("retry-after {wait:?}"));
    let limit = response.header("x-ratelimit-limit-requests");
    run.findings.same("x-ratelimit-limit-requests", limit.as_deref(), Some("10"));
    let left = response.header("x-ratelimit-remaining-requests");
    run.findings.same("x-ratelimit-remaining-requests", left.as_deref(), Some("0"));
}

/// Checks a budget of one request in two seconds: the second request is refused, and passes once the window has ended, at the
/// time that `retry-after` names.
async fn window(run: &mut Run) {
    run.findings.about("the end of a window");
    let chat = Chat::answered(&["a"]).consumer("brief");
    let until = Instant::now() + Duration::from_secs(12);
    let mut refused: Option<(Instant, u64)> = None;
    while Instant::now() < until {
        let path = run.path();
        let Some(seen) = run.ask_at(&path, &chat, Framing::Http1Length, Stay::ToTheEnd).await else { return };
        match (seen.response.status, refused) {
            (429, None) => {
                let wait = seen.response.header("retry-after").and_then(|wait| wait.parse().ok()).unwrap_or_default();
                run.findings.holds((1..=2).contains(&wait), format_args!("retry-after {wait}"));
                refused = Some((Instant::now(), wait));
            }
            (429, Some(_)) | (200, None) => {}
            (200, Some((since, wait))) => {
                let waited = since.elapsed();
                let most = Duration::from_secs(wait) + Duration::from_millis(1500);
                return run.findings.holds(waited <= most, format_args!("it took {waited:?}, retry-after was {wait}"));
            }
            (status, _) => return run.findings.add(format_args!("status {status}")),
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    run.findings.add("no refusal, or no room again, within 12 s");
}
