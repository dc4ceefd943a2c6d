//! Tests of the record of requests.

use std::io::Write as _;
use std::net::{Shutdown, TcpStream};
use std::time::{Duration, Instant};

use http_body_util::BodyExt as _;
use hyper::body::{Bytes, Frame};
use hyper::header::{HeaderMap, HeaderValue};
use serde_json::{Value, json};
use tollgate_mock_llm::{MockLlm, Options, Received};

use crate::client::{
    BOTH, CHAT, Frames, Protocol, address, chat, full, http2, mock, prompt, read_response, request, run, send,
};

const TIMEOUT: Duration = Duration::from_secs(10);
const STREAM: &str = r#""stream":true"#;

fn get(protocol: Protocol, mock: &MockLlm, method: &str) -> Value {
    run(async {
        let address = address(mock);
        let mut request = request(address, "/received", &[]).body(full("")).unwrap();
        *request.method_mut() = method.parse().unwrap();
        read_response(Instant::now(), send(protocol, address, request).await).await.json()
    })
}

#[test]
fn a_request_is_recorded_as_it_arrived() {
    let mock = mock();
    for protocol in BOTH {
        mock.clear();
        run(async {
            let address = address(&mock);
            let mut request = request(address, "/v1/chat/completions?a=%20", &[("x-twice", "1"), ("x-twice", "2")]);
            request = request.header("x-bytes", HeaderValue::from_bytes(b"caf\xe9").unwrap());
            let request = request.body(full(&prompt("hello", ""))).unwrap();
            read_response(Instant::now(), send(protocol, address, request).await).await
        });
        let entries = get(protocol, &mock, "GET");
        assert_eq!(entries.as_array().unwrap().len(), 1, "the request to /received itself is not recorded");
        let entry = &entries[0];
        for (pointer, expected) in [
            ("/upstream", json!("openai")),
            ("/method", json!("POST")),
            ("/path", json!("/v1/chat/completions?a=%20")),
            ("/headers/x-twice", json!(["1", "2"])),
            ("/headers/x-bytes", json!(["caf\\xe9"])),
            ("/body", json!(prompt("hello", ""))),
            ("/body_encoding", json!("utf-8")),
            ("/body_complete", json!(true)),
            ("/headers_only", json!(false)),
            ("/client_gone", json!(false)),
            ("/ended", json!(true)),
            ("/status", json!(200)),
            ("/events_sent", json!(1)),
            ("/version", json!(if protocol == Protocol::Http1 { "HTTP/1.1" } else { "HTTP/2.0" })),
        ] {
            assert_eq!(entry.pointer(pointer), Some(&expected), "{pointer}");
        }
        assert!(entry["at_ms"].is_u64() && entry["seq"].is_u64());
        assert_eq!(get(protocol, &mock, "DELETE"), json!([]));
        assert_eq!(get(protocol, &mock, "GET"), json!([]));
    }
}

#[test]
fn headers_and_a_partial_body_are_recorded_on_arrival() {
    let mock = mock();
    let mut stream = TcpStream::connect(address(&mock)).unwrap();
    stream.write_all(format!("POST {CHAT} HTTP/1.1\r\nhost: mock\r\ncontent-length: 100\r\n\r\n").as_bytes()).unwrap();
    let entry = mock.wait(TIMEOUT, |all| all.len() == 1).unwrap().remove(0);
    assert!(entry.headers_only() && !entry.body_complete && !entry.ended);
    stream.write_all(b"{\"half\":").unwrap();
    let entry = mock.wait(TIMEOUT, |all| all[0].body_bytes == 8).unwrap().remove(0);
    assert!(!entry.headers_only() && !entry.body_complete);
    assert_eq!(entry.body_text(), "{\"half\":");
    stream.shutdown(Shutdown::Both).unwrap();
    let entry = mock.wait(TIMEOUT, |all| all[0].ended).unwrap().remove(0);
    assert!(entry.client_gone && !entry.body_complete && entry.status.is_none());
}

#[test]
fn http2_headers_are_recorded_before_the_body() {
    let mock = mock();
    run(async {
        let address = address(&mock);
        let mut connection = http2(address).await;
        let body = Frames::endless(Vec::new());
        let response = tokio::spawn(connection.send_request(request(address, CHAT, &[]).body(body).unwrap()));
        while mock.received().is_empty() {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        assert!(mock.received()[0].headers_only());
        response.abort();
        while !mock.received()[0].ended {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        let entry = mock.received().remove(0);
        assert!(entry.client_gone && entry.headers_only());
    });
}

#[test]
fn a_disconnect_during_the_response_is_recorded_with_its_progress() {
    let mock = mock();
    for protocol in BOTH {
        mock.clear();
        run(async {
            let address = address(&mock);
            let request = request(address, CHAT, &[("x-mock-event-ms", "20"), ("x-mock-words", "100")]);
            let request = request.body(full(&prompt("x", STREAM))).unwrap();
            let mut body = send(protocol, address, request).await.into_body();
            for _ in 0..3 {
                body.frame().await.unwrap().unwrap();
            }
        });
        let entry = mock.wait(TIMEOUT, |all| all[0].ended).unwrap().remove(0);
        assert!(entry.client_gone && entry.body_complete, "{protocol:?}");
        assert!((3..50).contains(&entry.events_sent), "{protocol:?}: {}", entry.events_sent);
        assert!(entry.bytes_sent > 0);
    }
}

#[test]
fn a_disconnect_before_the_response_is_recorded() {
    let mock = mock();
    for protocol in BOTH {
        mock.clear();
        run(async {
            let address = address(&mock);
            let request = request(address, CHAT, &[("x-mock-first-byte-ms", "60000")]);
            let request = request.body(full(&prompt("x", STREAM))).unwrap();
            let received = async {
                while !mock.received().first().is_some_and(|entry| entry.body_complete) {
                    tokio::time::sleep(Duration::from_millis(2)).await;
                }
            };
            tokio::select! {
                response = send(protocol, address, request) => panic!("{response:?}"),
                received = tokio::time::timeout(TIMEOUT, received) => received.unwrap(),
            }
        });
        let entry = mock.wait(TIMEOUT, |all| all.len() == 1 && all[0].ended).unwrap().remove(0);
        assert!(entry.client_gone && entry.body_complete && entry.status.is_none(), "{protocol:?}");
    }
}

#[test]
fn a_request_of_many_frames_and_its_trailers_are_recorded() {
    let mock = mock();
    let text = prompt("say: hi", "");
    for protocol in BOTH {
        mock.clear();
        let response = run(async {
            let address = address(&mock);
            let trailers = HeaderMap::from_iter([("x-check".parse().unwrap(), HeaderValue::from_static("sum"))]);
            let mut frames: Vec<_> = text.bytes().map(|byte| Frame::data(Bytes::from(vec![byte]))).collect();
            frames.push(Frame::trailers(trailers));
            let request = request(address, CHAT, &[("trailer", "x-check")]).body(Frames::ended(frames)).unwrap();
            read_response(Instant::now(), send(protocol, address, request).await).await
        });
        assert_eq!(response.json()["choices"][0]["message"]["content"], "hi");
        let entry = mock.received().remove(0);
        assert!(entry.body_complete);
        assert_eq!(entry.body_text(), text);
        assert_eq!(entry.trailers, [("x-check".to_owned(), b"sum".to_vec())], "{protocol:?}");
    }
}

#[test]
fn a_binary_body_is_recorded_byte_for_byte() {
    let mock = mock();
    run(async {
        let address = address(&mock);
        let body = Frames::ended(vec![Frame::data(Bytes::from_static(b"\xff\0a"))]);
        let request = request(address, CHAT, &[]).body(body).unwrap();
        assert_eq!(send(Protocol::Http2, address, request).await.status(), 400);
    });
    assert_eq!(mock.received()[0].body, b"\xff\0a");
    let entries = get(Protocol::Http1, &mock, "GET");
    assert_eq!((&entries[0]["body"], &entries[0]["body_encoding"]), (&json!("/wBh"), &json!("base64")));
}

#[test]
fn listeners_share_one_record_and_keep_their_names() {
    let listeners = ["openai", "local"].map(|name| (name.to_owned(), "127.0.0.1:0".parse().unwrap()));
    let mock = MockLlm::start(Options::new(listeners.to_vec())).unwrap();
    for name in ["local", "openai", "local"] {
        run(async {
            let address = mock.address(name).unwrap();
            let request = request(address, CHAT, &[]).body(full(&prompt("x", ""))).unwrap();
            let response = send(Protocol::Http1, address, request).await;
            assert_eq!(response.headers()["x-mock-upstream"], name);
        });
    }
    let upstreams: Vec<String> = mock.received().into_iter().map(|entry| entry.upstream).collect();
    assert_eq!(upstreams, ["local", "openai", "local"]);
    let entries = get(Protocol::Http2, &mock, "GET");
    assert_eq!(entries[1]["upstream"], "openai");
}

#[test]
fn recording_can_be_disabled_and_is_limited() {
    let listeners = || vec![("a".to_owned(), "127.0.0.1:0".parse().unwrap())];
    let off = MockLlm::start(Options { record: false, ..Options::new(listeners()) }).unwrap();
    assert_eq!(chat(Protocol::Http1, &off, &[], &prompt("x", "")).status, 200);
    assert!(off.received().is_empty());
    let short = MockLlm::start(Options { record_body_bytes: 10, ..Options::new(listeners()) }).unwrap();
    let body = prompt(&"long ".repeat(50_000), "");
    assert_eq!(chat(Protocol::Http2, &short, &[], &body).status, 200);
    let entry: Received = short.received().remove(0);
    assert_eq!((entry.body.len(), entry.body_bytes), (10, body.len() as u64));
    assert!(entry.body_truncated && entry.body_complete);
}

#[test]
fn a_dropped_mock_stops_and_frees_its_address() {
    let mock = mock();
    let address = address(&mock);
    let idle = TcpStream::connect(address).unwrap();
    drop(mock);
    assert!(TcpStream::connect(address).is_err());
    drop(idle);
    let again = MockLlm::start(Options::new(vec![("a".to_owned(), address)]));
    assert!(again.is_ok(), "the address is free again: {again:?}");
}
