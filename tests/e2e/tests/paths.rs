//! Paths that the filters read, and paths that they pass through.

use crate::chat::Chat;
use crate::client::{self, Framing, Request, Response, Stay};
use crate::deployment::{self, Deployment};
use crate::findings::Findings;
use crate::run::Run;
use crate::scenarios::passing::{OtherPath, other_paths};

/// Runs all checks.
pub async fn all(run: &mut Run) {
    spellings(run).await;
    others(run).await;
}

/// Row of a table of `docs/paths.md`, which is generated from the table that the filters use.
struct Row {
    /// Section of the page.
    section: String,
    cells: Vec<String>,
}

/// Returns the rows of all tables of the page.
fn rows() -> Vec<Row> {
    let page = std::fs::read_to_string(tollgate_workspace::root().join("docs/paths.md")).unwrap_or_default();
    let (mut section, mut rows) = (String::new(), Vec::new());
    for line in page.lines() {
        if let Some(title) = line.strip_prefix("## ") {
            section = title.to_owned();
        } else if line.starts_with("| ") {
            let cells = line.trim_matches('|').split('|').map(|cell| cell.trim().trim_matches('`').to_owned());
            rows.push(Row { section: section.clone(), cells: cells.collect() });
        }
    }
    rows
}

/// Checks that every path in the table is treated as the table says: a call is read, and a path that is not read is refused.
pub async fn listed(deployment: Deployment) {
    let mock = deployment::mock();
    let mut findings = Findings::new(deployment.name);
    let gateway = deployment.start(deployment.bootstrap(&mock));
    let address = gateway.address();
    let named = |response: &Response| {
        let text = response.text();
        ["unread_path", "batch_refused"].iter().any(|code| text.contains(code))
    };
    let mut checked = 0;
    for Row { section, cells } in rows() {
        let (path, fate, by_body) = match (section.as_str(), cells.as_slice()) {
            ("Calls", [path, _, prefix, _]) if path.starts_with('/') => (path, "call", prefix == "by body"),
            ("Known and not read", [_, path, fate]) if path.starts_with('/') => (path, fate.as_str(), false),
            _ => continue,
        };
        let base = if by_body { "/ollama" } else { "" };
        let path = path.replace("{model...}", "m").replace("{model}", "m").replace("{any}", "x");
        let path = format!("{base}{path}");
        findings.about(format_args!("{path} in the table of paths"));
        checked += 1;
        // Every filter refuses this body where it reads one.
        let request = Chat::raw(r#"{"model":"gpt-4o","model":"b","prompt":"AKIAPLANTED0123456Z9"}"#).at(&path);
        let bodyless = Request { body: Vec::new(), ..request.clone() };
        if fate == "call" {
            let response = client::exchange(address, &request, Framing::Http1Length, Stay::ToTheEnd).await;
            // MCP has its own form of errors, in a 200.
            let is_read = |response: &Response| response.status == 400 || path.ends_with("/mcp");
            findings.same("read", response.map(|response| is_read(&response)), Ok(true));
        } else if fate == "passes" {
            let response = client::exchange(address, &bodyless, Framing::Http1Length, Stay::ToTheEnd).await;
            findings.same("refused", response.map(|response| named(&response)), Ok(false));
        } else if fate.starts_with("a call") {
            let request = Request { method: "DELETE", ..request };
            let response = client::exchange(address, &request, Framing::Http1Length, Stay::ToTheEnd).await;
            findings.same("status of another method", response.map(|response| response.status), Ok(404));
        } else {
            for request in [&request, &bodyless] {
                let response = client::exchange(address, request, Framing::Http1Length, Stay::ToTheEnd).await;
                findings.same("status", response.map(|response| response.status), Ok(404));
            }
        }
    }
    findings.about("paths in the table");
    findings.holds(checked > 200, format_args!("{checked} paths"));
    // Paths that carry nothing pass.
    let received = mock.received();
    let read = received.iter().filter(|received| received.body.windows(4).any(|bytes| bytes == b"AKIA"));
    let read: Vec<_> = read.map(|received| received.path.clone()).collect();
    findings.holds(read.is_empty(), format_args!("the upstream received {read:?}"));
    findings.settle();
}

/// Checks that a call is read under every spelling of its path that some server behind Envoy may accept.
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
            // Every filter refuses this body, which shows that it was read. Envoy itself refuses some of the spellings.
            let request = Chat::raw(r#"{"model":"gpt-4o","model":"b","messages":[]}"#).at(path);
            let response = client::exchange(run.gateway.address(), &request, framing, Stay::ToTheEnd).await;
            run.findings.same("status", response.map(|response| response.status), Ok(400));
        }
    }
    let received = run.mock.received().into_iter().map(|received| received.path).collect::<Vec<_>>();
    run.findings.about("spellings of the path");
    run.findings.holds(received.is_empty(), format_args!("the upstream received {received:?}"));
}

/// Sends requests that are no LLM calls. With a route, the response must be as if there were no filters; without one, nothing
/// may reach an upstream.
async fn others(run: &mut Run) {
    for OtherPath { method, path, body, routed } in other_paths() {
        for &framing in Framing::ALL {
            run.findings.about(format_args!("{method} {path} / {framing}"));
            let path = format!("{path}?n={}", run.number());
            let headers = Chat::new().header("x-tollgate-route", "local").at("").headers;
            let request = Request { method, path: path.clone(), headers, body: body.clone() };
            let response = client::exchange(run.gateway.address(), &request, framing, Stay::ToTheEnd).await;
            let received = run.received(&path);
            run.invariants(&received);
            if !routed {
                let unknown = |response: Response| response.text().contains(r#""code":"unknown_url""#);
                let refusal = response.map(|response| (response.status, unknown(response)));
                run.findings.same("status, and `true` with the code unknown_url", refusal, Ok((404, true)));
                run.findings.same("requests at the upstream", received.len(), 0);
                continue;
            }
            let upstream = run.mock.address("openai").unwrap();
            let direct = client::exchange(upstream, &request, Framing::Http1Length, Stay::ToTheEnd).await;
            let (response, direct) = match (response, direct) {
                (Ok(response), Ok(direct)) => (response, direct),
                (response, direct) => {
                    run.findings.add(format_args!("{response:?}, directly {direct:?}"));
                    continue;
                }
            };
            run.findings.same("status and body", (response.status, response.text()), (direct.status, direct.text()));
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
