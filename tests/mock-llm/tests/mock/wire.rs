//! Tests of what a client sees of the connection: frames, reads, trailers, headers.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Instant;

use tollgate_mock_llm::{Knobs, MockLlm, Options};

use crate::client::{
    BOTH, CHAT, Protocol, address, chat, full, http2, mock, post, prompt, read_response, request, run, send,
};

const STREAM: &str = r#""stream":true"#;

/// Sends a chat request over HTTP/1.1 and returns the raw response, divided into the reads in which it arrived.
fn reads(mock: &MockLlm, knobs: &[(&str, &str)], body: &str) -> Vec<Vec<u8>> {
    let mut stream = TcpStream::connect(address(mock)).unwrap();
    let mut head =
        format!("POST {CHAT} HTTP/1.1\r\nhost: mock\r\nconnection: close\r\ncontent-length: {}\r\n", body.len());
    for (name, value) in knobs {
        head.push_str(&format!("x-mock-{name}: {value}\r\n"));
    }
    stream.write_all(format!("{head}\r\n{body}").as_bytes()).unwrap();
    let mut reads = Vec::new();
    let mut buffer = [0; 65536];
    loop {
        match stream.read(&mut buffer) {
            Ok(0) | Err(_) => return reads,
            Ok(read) => reads.push(buffer[..read].to_vec()),
        }
    }
}

#[test]
fn every_piece_is_a_frame() {
    let mock = mock();
    for members in ["", STREAM] {
        let body = prompt("say: a few words of answer", members);
        let whole = chat(Protocol::Http2, &mock, &[], &body).body();
        for size in [1, 7, 1000, 1_000_000] {
            let knobs = [("piece-bytes", &*size.to_string())];
            for protocol in BOTH {
                let response = chat(protocol, &mock, &knobs, &body);
                assert_eq!(response.body(), whole, "{protocol:?} {size}");
                if protocol == Protocol::Http2 {
                    let sizes: Vec<usize> = response.frames.iter().map(|frame| frame.len()).collect();
                    assert_eq!(sizes.len(), whole.len().div_ceil(size));
                    assert!(sizes.iter().rev().skip(1).all(|length| *length == size), "{sizes:?}");
                }
            }
        }
    }
}

#[test]
fn pauses_divide_pieces_into_separate_reads() {
    let mock = mock();
    for (members, knobs) in [
        ("", &[("piece-bytes", "40"), ("piece-pause-us", "3000")][..]),
        (STREAM, &[("piece-bytes", "40"), ("piece-pause-us", "3000")]),
        (STREAM, &[("piece-bytes", "40"), ("piece-pause-us", "700")]),
    ] {
        let body = prompt("say: short", members);
        let whole = chat(Protocol::Http1, &mock, &[], &body).body();
        let response = reads(&mock, knobs, &body);
        // A busy machine may join pieces in one read, so fewer reads than pieces are enough.
        assert!(whole.len() / 40 > 8 && response.len() > 4, "{} reads", response.len());
        assert!(response.iter().all(|read| read.len() < whole.len()));
    }
}

#[test]
fn every_burst_of_events_is_one_frame() {
    let mock = mock();
    let body = prompt("say: a b c d", STREAM);
    for (burst, frames) in [("1", 7), ("2", 4), ("7", 1), ("100", 1)] {
        let response = chat(Protocol::Http2, &mock, &[("burst", burst)], &body);
        assert_eq!(response.frames.len(), frames, "burst {burst}");
    }
}

#[test]
fn content_length_is_sent_unless_chunked_or_with_trailers() {
    let mock = mock();
    let body = prompt("say: x", "");
    for protocol in BOTH {
        for (knobs, known) in [
            (&[][..], true),
            (&[("piece-bytes", "1")], true),
            (&[("chunked", "true")], false),
            (&[("trailer", "x-a=1")], false),
        ] {
            let response = chat(protocol, &mock, knobs, &body);
            assert_eq!(response.header("content-length").is_some(), known, "{protocol:?} {knobs:?}");
            assert_eq!(response.json()["choices"][0]["message"]["content"], "x");
        }
    }
}

#[test]
fn an_empty_response_ends_without_a_body() {
    let mock = mock();
    for protocol in BOTH {
        for (members, content_type) in [("", "application/json"), (STREAM, "text/event-stream; charset=utf-8")] {
            let response = chat(protocol, &mock, &[("empty", "true")], &prompt("x", members));
            assert_eq!((response.status, response.body().len(), response.ended_by_head), (200, 0, true));
            assert_eq!(response.header("content-type"), Some(content_type.as_bytes()));
            let response = chat(protocol, &mock, &[("empty", "true"), ("chunked", "true")], &prompt("x", members));
            assert_eq!(
                (response.body().len(), response.header("content-length"), response.ended_by_head),
                (0, None, false)
            );
        }
    }
    assert!(mock.wait(std::time::Duration::from_secs(5), |all| all.iter().all(|entry| entry.ended)).is_ok());
    assert!(mock.received().iter().all(|entry| !entry.client_gone));
}

#[test]
fn trailers_are_sent_on_http2_and_on_request_on_http1() {
    let mock = mock();
    for members in ["", STREAM] {
        let knobs = [("trailer", "x-sum=1%2C2,x-more=b")];
        let response = chat(Protocol::Http2, &mock, &knobs, &prompt("say: x", members));
        let trailers = response.trailers.unwrap();
        assert!(trailers["x-sum"] == "1,2" && trailers["x-more"] == "b", "{trailers:?}");
        // HTTP/1.1 sends them only if the request has `te: trailers`.
        for (te, sent) in [(None, false), (Some("trailers"), true)] {
            let response = run(async {
                let address = address(&mock);
                let mut request = request(address, CHAT, &[("x-mock-trailer", "x-sum=1")]);
                if let Some(te) = te {
                    request = request.header("te", te);
                }
                let request = request.body(full(&prompt("say: x", members))).unwrap();
                read_response(Instant::now(), send(Protocol::Http1, address, request).await).await
            });
            assert_eq!(response.trailers.is_some(), sent);
            assert_eq!(response.header("trailer"), Some(&b"x-sum"[..]));
        }
    }
    let empty = chat(Protocol::Http2, &mock, &[("trailer", "x-a=1"), ("empty", "true")], &prompt("x", STREAM));
    assert_eq!((empty.body().len(), empty.trailers.is_some()), (0, true));
}

#[test]
fn knobs_set_headers_of_any_bytes_and_exact_bodies() {
    let mock = mock();
    let knobs = [("header", "x-name=caf%E9,x-name=b"), ("body-base64", "AAH/"), ("content-type", "text/odd")];
    for protocol in BOTH {
        let response = chat(protocol, &mock, &knobs, "not even json");
        assert_eq!(response.body(), [0, 1, 255]);
        let values: Vec<&[u8]> = response.headers.get_all("x-name").iter().map(|value| value.as_bytes()).collect();
        assert_eq!(values, [&b"caf\xe9"[..], b"b"]);
        assert_eq!(response.header("content-type"), Some(&b"text/odd"[..]));
    }
}

#[test]
fn headers_override_the_defaults_of_the_options() {
    let mut knobs = Knobs::default();
    knobs.set("answer", b"default").unwrap();
    let listeners = vec![("a".to_owned(), "127.0.0.1:0".parse().unwrap())];
    let mock = MockLlm::start(Options { knobs, ..Options::new(listeners) }).unwrap();
    for (knobs, expected) in [(&[][..], "default"), (&[("answer", "header")], "header")] {
        let response = post(Protocol::Http1, &mock, CHAT, knobs, &prompt("x", "")).json();
        assert_eq!(response["choices"][0]["message"]["content"], expected);
    }
}

#[test]
fn a_connection_serves_many_streams_at_once() {
    let mock = mock();
    let address = address(&mock);
    run(async {
        let connection = http2(address).await;
        let send_request = |number: usize| {
            let mut connection = connection.clone();
            let members = if number.is_multiple_of(2) { STREAM } else { "" };
            let request = request(address, CHAT, &[("x-mock-event-ms", "5")]);
            let request = request.body(full(&prompt(&format!("say: number {number}"), members))).unwrap();
            tokio::spawn(async move {
                read_response(Instant::now(), connection.send_request(request).await.unwrap()).await.text()
            })
        };
        let pending: Vec<_> = (0..200).map(send_request).collect();
        for (number, text) in pending.into_iter().enumerate() {
            assert!(text.await.unwrap().contains(&format!(" {number}\"")));
        }
    });
    assert_eq!(mock.received().len(), 200);
}
