//! Tests of responses that end early.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use crate::client::{BOTH, CHAT, Protocol, address, chat, mock, prompt};

const STREAM: &str = r#""stream":true"#;

#[test]
fn a_stream_is_cut_after_a_number_of_events() {
    let mock = mock();
    let body = prompt("say: a b c d", STREAM);
    let whole = chat(Protocol::Http2, &mock, &[], &body).data();
    assert_eq!(whole.len(), 7);
    for protocol in BOTH {
        for events in 0..=8_usize {
            for cut in ["reset", "clean", "error"] {
                mock.clear();
                let knobs = [("cut-after", &*events.to_string()), ("cut", cut)];
                let response = chat(protocol, &mock, &knobs, &body);
                let mut data = response.data();
                let is_cut = events <= whole.len();
                assert_eq!(response.aborted, is_cut && cut == "reset", "{protocol:?} {events} {cut}");
                if is_cut && cut == "error" {
                    assert!(data.pop().unwrap().starts_with("{\"error\":"));
                }
                assert_eq!(data, whole[..events.min(7)], "{protocol:?} {events} {cut}");
                // The mock cut the stream; the client did not disconnect.
                let entry =
                    mock.wait(Duration::from_secs(5), |all| all.iter().all(|entry| entry.ended)).unwrap().remove(0);
                assert!(!entry.client_gone);
                assert_eq!(entry.events_sent as usize, data.len() + usize::from(is_cut && cut == "error"));
            }
        }
    }
}

#[test]
fn a_body_is_cut_after_a_number_of_bytes() {
    let mock = mock();
    for members in ["", STREAM] {
        let body = prompt("say: a b c d", members);
        let whole = chat(Protocol::Http2, &mock, &[], &body).body();
        for protocol in BOTH {
            for bytes in [0, 1, 100, whole.len() - 1] {
                for cut in ["reset", "clean"] {
                    let knobs = [("cut-after-bytes", &*bytes.to_string()), ("cut", cut)];
                    let response = chat(protocol, &mock, &knobs, &body);
                    assert_eq!(response.body(), whole[..bytes], "{protocol:?} {bytes} {cut}");
                    assert_eq!(response.aborted, cut == "reset", "{protocol:?} {bytes} {cut}");
                }
            }
        }
    }
}

#[test]
fn a_cut_gzip_stream_has_a_trailer_only_if_the_end_is_clean() {
    let mock = mock();
    let body = prompt("say: a b c d", STREAM);
    for (cut, has_trailer) in [("reset", false), ("clean", true)] {
        let response = chat(Protocol::Http1, &mock, &[("gzip", "true"), ("cut-after", "3"), ("cut", cut)], &body);
        let mut unpacked = Vec::new();
        let read = flate2::read::GzDecoder::new(&*response.body()).read_to_end(&mut unpacked);
        assert_eq!(read.is_ok(), has_trailer, "{cut}");
        assert_eq!(String::from_utf8(unpacked).unwrap().matches("data: ").count(), 3);
    }
}

#[test]
fn a_reset_on_http1_resets_the_connection() {
    let mock = mock();
    let body = prompt("say: a b c d", STREAM);
    let mut stream = TcpStream::connect(address(&mock)).unwrap();
    let head = format!("POST {CHAT} HTTP/1.1\r\nhost: mock\r\nx-mock-cut-after: 2\r\ncontent-length: {}", body.len());
    stream.write_all(format!("{head}\r\n\r\n{body}").as_bytes()).unwrap();
    let mut response = Vec::new();
    let error = stream.read_to_end(&mut response).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionReset);
    assert_eq!(String::from_utf8(response).unwrap().matches("data: ").count(), 2);
}
