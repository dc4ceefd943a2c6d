//! WebSockets to models: agents open one first, and go on over HTTP only after 426.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use serde_json::{Value, json};
use tollgate_mock_llm::{MockLlm, Options};

use crate::deployment::Deployment;
use crate::findings::Findings;

const HCM: &str = "/static_resources/listeners/0/filter_chains/0/filters/0/typed_config";

/// Checks that an upgrade gets 426, whether Envoy refuses it itself or lets it through to the filters.
pub fn refused(deployment: Deployment) {
    let any = SocketAddr::from(([127, 0, 0, 1], 0));
    let clusters = ["openai", "local"].map(|name| (name.to_owned(), any)).to_vec();
    let mut findings = Findings::new(deployment.name);
    for is_configured in [false, true] {
        let mock = MockLlm::start(Options::new(clusters.clone())).unwrap();
        let mut bootstrap = deployment.bootstrap(&mock);
        if is_configured {
            let hcm = bootstrap.document_mut().pointer_mut(HCM).unwrap();
            hcm["upgrade_configs"] = json!([{"upgrade_type": "websocket"}]);
        }
        let gateway = deployment.start(bootstrap);
        for path in ["/v1/responses", "/v1/realtime?model=gpt-realtime", "/v1/chat/completions", "/openai/realtime"] {
            findings.about(format_args!("{} / upgrade_configs {is_configured} / {path}", deployment.name));
            let (status, upgrade, body) = upgrade(gateway.address(), path);
            findings.same("status", status.as_str(), "HTTP/1.1 426 Upgrade Required");
            findings.same("code", &body["error"]["code"], &json!("websocket_not_supported"));
            findings.same("type", &body["error"]["type"], &json!("invalid_request_error"));
            findings.holds(!upgrade, "it announces another upgrade");
        }
        findings.about("the upstream");
        findings.same("requests", mock.received().len(), 0);
    }
    findings.settle();
}

/// Asks for a WebSocket. Returns the status line, `true` for a response 101, and the body.
fn upgrade(to: SocketAddr, path: &str) -> (String, bool, Value) {
    let mut stream = TcpStream::connect(to).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let request = format!(
        "GET {path} HTTP/1.1\r\nHost: gateway\r\nConnection: Upgrade\r\nUpgrade: WebSocket\r\nSec-WebSocket-Version: 13\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nx-tollgate-consumer: alice\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).unwrap();
    let mut response = Vec::new();
    let mut piece = [0; 4096];
    // The connection stays open: the body is complete when it is JSON.
    loop {
        let text = String::from_utf8_lossy(&response).into_owned();
        let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
        let status = head.lines().next().unwrap_or_default().to_owned();
        let is_switched = status.contains(" 101 ");
        if let Some(body) = serde_json::from_str(body).ok().or_else(|| is_switched.then_some(Value::Null)) {
            return (status, is_switched, body);
        }
        match stream.read(&mut piece) {
            Ok(0) | Err(_) => return (status, is_switched, json!({"unread": body})),
            Ok(read) => response.extend_from_slice(&piece[..read]),
        }
    }
}
