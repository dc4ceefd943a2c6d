//! Answers that end early.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use crate::client::{BOTH, CHAT, Protocol, address, chat, mock, prompt};

const STREAM: &str = r#""stream":true"#;

#[test]
fn a_stream_is_cut_after_so_many_events() {
    let mock = mock();
    let body = prompt("say: a b c d", STREAM);
    let whole = chat(Protocol::Http2, &mock, &[], &body).data();
    assert_eq!(whole.len(), 7);
    for protocol in BOTH {
        for events in 0..=8_usize {
            for cut in ["reset", "clean", "error"] {
                mock.clear();
                let knobs = [("cut-after", &*events.to_string()), ("cut", cut)];
                let seen = chat(protocol, &mock, &knobs, &body);
                let mut data = seen.data();
                let cuts = events <= whole.len();
                assert_eq!(seen.broken, cuts && cut == "reset", "{protocol:?} {events} {cut}");
                if cuts && cut == "error" {
                    assert!(data.pop().unwrap().starts_with("{\"error\":"));
                }
                assert_eq!(data, whole[..events.min(7)], "{protocol:?} {events} {cut}");
                // The mock cut it: nobody went away.
                let entry =
                    mock.wait(Duration::from_secs(5), |all| all.iter().all(|entry| entry.ended)).unwrap().remove(0);
                assert!(!entry.client_gone);
                assert_eq!(entry.events_sent as usize, data.len() + usize::from(cuts && cut == "error"));
            }
        }
    }
}

#[test]
fn a_body_is_cut_after_so_many_bytes() {
    let mock = mock();
    for members in ["", STREAM] {
        let body = prompt("say: a b c d", members);
        let whole = chat(Protocol::Http2, &mock, &[], &body).body();
        for protocol in BOTH {
            for bytes in [0, 1, 100, whole.len() - 1] {
                for cut in ["reset", "clean"] {
                    let knobs = [("cut-after-bytes", &*bytes.to_string()), ("cut", cut)];
                    let seen = chat(protocol, &mock, &knobs, &body);
                    assert_eq!(seen.body(), whole[..bytes], "{protocol:?} {bytes} {cut}");
                    assert_eq!(seen.broken, cut == "reset", "{protocol:?} {bytes} {cut}");
                }
            }
        }
    }
}

#[test]
fn a_gzip_stream_is_cut_before_its_end() {
    let mock = mock();
    let body = prompt("say: a b c d", STREAM);
    for (cut, ends) in [("reset", false), ("clean", true)] {
        let seen = chat(Protocol::Http1, &mock, &[("gzip", "true"), ("cut-after", "3"), ("cut", cut)], &body);
        let mut unpacked = Vec::new();
        let read = flate2::read::GzDecoder::new(&*seen.body()).read_to_end(&mut unpacked);
        assert_eq!(read.is_ok(), ends, "{cut}");
        assert_eq!(String::from_utf8(unpacked).unwrap().matches("data: ").count(), 3);
    }
}

#[test]
fn on_http1_a_reset_is_one_of_the_connection() {
    let mock = mock();
    let body = prompt("say: a b c d", STREAM);
    let mut stream = TcpStream::connect(address(&mock)).unwrap();
    let head = format!("POST {CHAT} HTTP/1.1\r\nhost: mock\r\nx-mock-cut-after: 2\r\ncontent-length: {}", body.len());
    stream.write_all(format!("{head}\r\n\r\n{body}").as_bytes()).unwrap();
    let mut seen = Vec::new();
    let error = stream.read_to_end(&mut seen).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionReset);
    assert_eq!(String::from_utf8(seen).unwrap().matches("data: ").count(), 2);
}
