//! Which paths are read, and what becomes of the others.

use crate::chat::Chat;
use crate::client::{self, Framing, Request, Stay};
use crate::run::Run;
use crate::scenarios::passing::{OtherPath, other_paths};

/// All of it.
pub async fn all(run: &mut Run) {
    spellings(run).await;
    others(run).await;
}

/// A call is a call under every spelling of its path that some server behind Envoy may take for it.
async fn spellings(run: &mut Run) {
    let paths = [
        "/v1/chat/completions/",
        "//v1//chat///completions",
        "/v1/chat/completions?api-version=1&x=/",
        "/v1/x/../chat/./completions",
        "/v1/%63hat/completion%73",
        "/V1/Chat/COMPLETIONS",
        "/v1/chat/completions;a=b",
        "/v1/chat%2fcompletions",
        "/v1/chat%5ccompletions",
        "/v1/chat\\completions",
        "/openai/deployments/gpt-4o/chat/completions",
    ];
    for path in paths {
        for &framing in Framing::PLAIN {
            run.findings.about(format_args!("POST {path} / {framing}"));
            // Refused by every filter, so that it shows that one has read it; some spellings Envoy itself refuses.
            let request = Chat::raw(r#"{"model":"gpt-4o","model":"b","messages":[]}"#).at(path);
            let answer = client::exchange(run.gateway.address(), &request, framing, Stay::ToTheEnd).await;
            run.findings.same("status", answer.map(|answer| answer.status), Ok(400));
        }
    }
    let received = run.mock.received().into_iter().map(|received| received.path).collect::<Vec<_>>();
    run.findings.about("spellings of the path");
    run.findings.holds(received.is_empty(), format_args!("the upstream received {received:?}"));
}

/// Sends what is no LLM call: where there is a route, it has to come back as if there were no filters; where there is
/// none, nothing of it goes anywhere.
async fn others(run: &mut Run) {
    for OtherPath { method, path, body, routed } in other_paths() {
        for &framing in Framing::ALL {
            run.findings.about(format_args!("{method} {path} / {framing}"));
            let path = format!("{path}?n={}", run.number());
            let headers = Chat::new().header("x-tollgate-route", "local").at("").headers;
            let request = Request { method, path: path.clone(), headers, body: body.clone() };
            let answer = client::exchange(run.gateway.address(), &request, framing, Stay::ToTheEnd).await;
            let received = run.received(&path);
            run.invariants(&received);
            if !routed {
                let told = answer.map(|answer| (answer.status, answer.text().contains("\"code\":\"unknown_url\"")));
                let told = told.map_err(|error| error.to_string());
                run.findings.same("status, and whether it says why", told, Ok::<_, String>((404, true)));
                run.findings.same("requests at the upstream", received.len(), 0);
                continue;
            }
            let upstream = run.mock.address("openai").unwrap();
            let direct = client::exchange(upstream, &request, Framing::Http1Length, Stay::ToTheEnd).await;
            let (answer, direct) = match (answer, direct) {
                (Ok(answer), Ok(direct)) => (answer, direct),
                (answer, direct) => {
                    run.findings.add(format_args!("{answer:?}, directly {direct:?}"));
                    continue;
                }
            };
            run.findings.same("status and body", (answer.status, answer.text()), (direct.status, direct.text()));
            run.findings.same("requests at the upstream", received.len(), 1);
            for received in received {
                run.findings.same("the upstream", received.upstream.as_str(), "openai");
                run.findings.holds(received.body == body, "the body was changed");
                let forged = received.header("x-tollgate-route");
                run.findings.holds(forged.is_none(), "the client's x-tollgate-route reached the upstream");
            }
        }
    }
}
