//! Forms with large files through a real Envoy: above its limit, the gateway does not hold the file, but the fields after it.

use std::net::SocketAddr;
use std::time::Duration;

use tollgate_envoy_harness::blocking::Request;
use tollgate_envoy_harness::{Envoy, Gateway, gateway};
use tollgate_mock_llm::{MockLlm, Options};

use crate::gateway::{UPSTREAMS, bootstrap};

const CLOUD_KEY: &str = "AKIAPLANTED0123456Z9";

/// Pacing of a form: at once, so that Envoy may read a megabyte in one piece, or as a client sends it that reads a file.
const PACES: [(usize, Duration); 2] = [(usize::MAX, Duration::ZERO), (64 << 10, Duration::from_millis(5))];

/// Returns a transcription request with a file of this size and a prompt after it.
fn form(file: usize, prompt: &str) -> Vec<u8> {
    let part = |headers: &str| format!("--x\r\nContent-Disposition: form-data; {headers}\r\n\r\n").into_bytes();
    [
        part("name=\"model\""),
        b"whisper-1\r\n".to_vec(),
        part("name=\"file\"; filename=\"a.wav\""),
        vec![b'0'; file],
        b"\r\n".to_vec(),
        part("name=\"prompt\""),
        format!("{prompt}\r\n--x--\r\n").into_bytes(),
    ]
    .concat()
}

#[test]
fn large_forms_through_envoy() {
    let any = SocketAddr::from(([127, 0, 0, 1], 0));
    let listeners = UPSTREAMS.map(|name| (name.to_owned(), any)).to_vec();
    let mock = MockLlm::start(Options { record_body_bytes: 32 << 20, ..Options::new(listeners) }).unwrap();
    let envoy = Envoy::find_or_install().unwrap_or_else(|error| panic!("{error}"));
    let gateway = Gateway::start(&envoy, bootstrap(&mock), &gateway::Options::default()).unwrap();
    let cases = [
        (1 << 10, "say: hello", 200),
        (1 << 10, CLOUD_KEY, 400),
        (3 << 20, "say: hello", 200),
        (3 << 20, CLOUD_KEY, 400),
        // More than the gateway holds, and more than Envoy would.
        (8 << 20, "say: hello", 200),
        (20 << 20, "say: hello", 200),
        (8 << 20, CLOUD_KEY, 400),
        (20 << 20, CLOUD_KEY, 400),
    ];
    let cases = cases.into_iter().flat_map(|case| PACES.map(|pace| (case, pace)));
    for (number, ((file, prompt, want), (piece, pause))) in cases.enumerate() {
        let path = format!("/f{number}/v1/audio/transcriptions");
        let headers =
            [("content-type", "multipart/form-data; boundary=x"), ("x-tollgate-consumer", crate::gateway::UNMETERED)];
        let body = form(file, prompt);
        let request = Request::post(&path, &headers, &body);
        let response = request.send_paced(piece, pause, gateway.address(), Duration::from_secs(20));
        let mut response = response.unwrap_or_else(|error| panic!("{path}: {error}"));
        let text = response.text().unwrap_or_default();
        assert_eq!(response.status, want, "{path} of {} bytes: {text}", body.len());
        let entry = gateway.access_log_find(|entry| entry["path"] == path.as_str()).unwrap();
        assert_eq!(entry["verdict"], if want == 200 { "allow" } else { "block" }, "{path}");
        let received: Vec<_> = mock.received().into_iter().filter(|received| received.path == path).collect();
        if want == 200 {
            let [received] = &received[..] else { panic!("{path}: {} requests", received.len()) };
            assert_eq!(received.body_bytes, body.len() as u64, "{path}");
            assert!(text.contains("hello"), "{path}: {text}");
        }
        for received in &received {
            let leaked = received.body.windows(CLOUD_KEY.len()).any(|bytes| bytes == CLOUD_KEY.as_bytes());
            assert!(!leaked && received.body_complete == (want == 200), "{path}");
        }
    }
    // A filter, not Envoy, refuses a body that no filter would hold, however quickly it arrives.
    let body = format!(r#"{{"model":"gpt-4o","messages":[{{"role":"user","content":"{}"}}]}}"#, "a ".repeat(5 << 20));
    for (piece, pause) in PACES {
        let headers = [("content-type", "application/json"), ("x-tollgate-consumer", crate::gateway::UNMETERED)];
        let request = Request::post("/v1/chat/completions", &headers, body.as_bytes());
        let response = request.send_paced(piece, pause, gateway.address(), Duration::from_secs(20));
        // A client that is still writing when the response arrives may not see it.
        if let Ok(mut response) = response {
            let text = response.text().unwrap_or_default();
            assert!(response.status == 413 && text.contains("too_large"), "{} {text}", response.status);
        }
    }
}
