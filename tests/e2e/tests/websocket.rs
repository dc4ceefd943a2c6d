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
        let hcm = bootstrap.document_mut().pointer_mut(HCM).unwrap();
        hcm["http2_protocol_options"]["allow_connect"] = json!(true);
        let gateway = deployment.start(bootstrap);
        for path in ["/v1/responses", "/v1/realtime?model=gpt-realtime", "/v1/chat/completions", "/openai/realtime"] {
            findings.about(format_args!("{} / upgrade_configs {is_configured} / {path}", deployment.name));
            let (head, is_switched, body) = upgrade(gateway.address(), path);
            findings.same("status", head.lines().next().unwrap_or_default(), "HTTP/1.1 426 Upgrade Required");
            findings.same("code", &body["error"]["code"], &json!("websocket_not_supported"));
            findings.same("type", &body["error"]["type"], &json!("invalid_request_error"));
            findings.holds(!is_switched, "it is no WebSocket");
            let head = head.to_ascii_lowercase();
            for line in ["connection: upgrade", "upgrade: http/1.1"] {
                findings.holds(head.lines().any(|own| own == line), line);
            }
            findings.about(format_args!("{} / upgrade_configs {is_configured} / {path} / HTTP/2", deployment.name));
            let (status, headers, body) = upgrade_http2(gateway.address(), path);
            findings.same("status", status, 426);
            findings.same("code", &body["error"]["code"], &json!("websocket_not_supported"));
            findings
                .holds(!headers.iter().any(|name| name == "upgrade" || name == "connection"), "no header of HTTP/1");
        }
        if !is_configured {
            // Envoy's own refusal of a WebSocket that leads to no model.
            findings.about(format_args!("{} / another service", deployment.name));
            let (head, ..) = upgrade(gateway.address(), "/chat/socket");
            findings.same("status", head.lines().next().unwrap_or_default(), "HTTP/1.1 403 Forbidden");
        }
        findings.about("the upstream");
        findings.same("requests", mock.received().len(), 0);
    }
    findings.settle();
}

/// Asks for a WebSocket over HTTP/2 (RFC 8441). Returns the status, the names of the headers, and the body.
fn upgrade_http2(to: SocketAddr, path: &str) -> (u16, Vec<String>, Value) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let stream = tokio::net::TcpStream::connect(to).await.unwrap();
        let (client, connection) = h2::client::handshake(stream).await.unwrap();
        tokio::spawn(connection);
        let mut client = client.ready().await.unwrap();
        // The server's settings allow it.
        for _ in 0..200 {
            if client.is_extended_connect_protocol_enabled() {
                break;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
            client = client.ready().await.unwrap();
        }
        let request = http::Request::builder().method("CONNECT").uri(format!("http://gateway{path}"));
        let request = request.header("sec-websocket-version", "13").header("x-tollgate-consumer", "alice");
        let mut request = request.body(()).unwrap();
        request.extensions_mut().insert(h2::ext::Protocol::from_static("websocket"));
        let (response, _sending) = client.send_request(request, false).unwrap();
        let response = response.await.unwrap();
        let status = response.status().as_u16();
        let headers = response.headers().keys().map(|name| name.as_str().to_owned()).collect();
        let (mut body, mut bytes) = (response.into_body(), Vec::new());
        while let Some(Ok(piece)) = body.data().await {
            bytes.extend_from_slice(&piece);
        }
        (status, headers, serde_json::from_slice(&bytes).unwrap_or(Value::Null))
    })
}

/// Asks for a WebSocket. Returns the head of the response, `true` for 101, and the body.
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
        let is_switched = head.lines().next().is_some_and(|status| status.contains(" 101 "));
        if let Some(body) = serde_json::from_str(body).ok().or_else(|| is_switched.then_some(Value::Null)) {
            return (head.to_owned(), is_switched, body);
        }
        // Envoy's own refusal has no body.
        if text.contains("\r\n\r\n") && head.contains(" 403 ") {
            return (head.to_owned(), is_switched, Value::Null);
        }
        match stream.read(&mut piece) {
            Ok(0) | Err(_) => return (head.to_owned(), is_switched, json!({"unread": body})),
            Ok(read) => response.extend_from_slice(&piece[..read]),
        }
    }
}
