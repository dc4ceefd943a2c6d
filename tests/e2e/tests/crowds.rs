//! Many clients at once, and clients that leave before they have sent the whole request.

use futures_util::future::join_all;

use crate::chat::Chat;
use crate::client::{self, Framing, Http2};
use crate::deployment::{COUNTER, INSPECTOR};
use crate::planted::EMAIL;
use crate::run::Run;
use crate::scenario::Want;

/// Runs all checks.
pub async fn all(run: &mut Run) {
    abandoned(run).await;
    interleaved(run).await;
}

/// Checks clients that leave before they have sent the whole request.
async fn abandoned(run: &mut Run) {
    for &framing in Framing::ALL {
        run.findings.about(format_args!("a client that leaves during its request / {framing}"));
        let path = run.path();
        run.expect(&path, &[("usage_source", Want::Null), ("cost_nano_usd", Want::Null), ("verdict", Want::Null)]);
        if let Err(error) = client::abandon(run.gateway.address(), &Chat::new().at(&path), framing).await {
            run.findings.add(error);
        }
        if run.log.entry(&path).is_none() {
            run.findings.add("no access log entry within 10 s");
        }
        run.findings.same("requests at the upstream", run.received(&path).len(), 0);
    }
    run.findings.about("clients that leave during their requests / a hundred more requests");
    run.hundred_more().await;
    run.forget();
}

/// Checks streams that run at the same time through one virtual machine, each with its own text, usage and address to redact:
/// no client receives anything of another stream.
async fn interleaved(run: &mut Run) {
    run.findings.about("forty-eight streams at once / HTTP/2 whole");
    let to = run.gateway.address();
    let connections = join_all((0..6).map(|_| Http2::connect(to))).await;
    let connections: Vec<_> = connections.into_iter().map(Result::unwrap).collect();
    let (left, right) = EMAIL.split_at(9);
    let mut calls = Vec::new();
    for n in 0..48_u64 {
        let path = run.path();
        let (own, usage) = (format!("Response {n} is for {n}."), format!("{},{}", 1000 + n, 100 + n));
        let chat =
            Chat::answered(&[&own, " Write to ", left, right, ", ", &own]).knob("usage", &usage).knob("event-ms", "3");
        let record = [("input_tokens", Want::from(1000 + n)), ("output_tokens", Want::from(100 + n))];
        run.expect(&path, if run.deployment.has(COUNTER) { &record } else { &[] });
        calls.push((chat.streamed().at(&path), own, &connections[n as usize % 6]));
    }
    let responses = calls
        .iter()
        .map(|(request, own, connection)| async move { (own, client::exchange_http2(connection, to, request).await) });
    let address = if run.deployment.has(INSPECTOR) { "[email]" } else { EMAIL };
    for (own, response) in join_all(responses).await {
        let text = response.map(|response| response.decoded().text().to_owned());
        run.findings.same("the text", text, Ok(format!("{own} Write to {address}, {own}")));
    }
    run.forget();
}
