//! The clients against the upstreams, without an Envoy between them.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test fails by panicking")]

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use tollgate_envoy_harness::client::{self, Request, stay};
use tollgate_envoy_harness::connection::{Http1, Http2};
use tollgate_envoy_harness::message::{
    BodyLength, End, Headers, NoResponse, OutgoingBody, Protocol, RequestHead, Response, ResponseHead,
};
use tollgate_envoy_harness::upstream::{ReceivedRequest, Script, Stop, Upstreams};

const LIMIT: Duration = Duration::from_secs(10);

const PROTOCOLS: [Protocol; 2] = [Protocol::Http1, Protocol::Http2];

fn block_on<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(work)
}

fn headers(pairs: &[(&str, &str)]) -> Headers {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), value.as_bytes().to_vec())).collect()
}

fn pieces(pieces: &[&str]) -> Vec<Vec<u8>> {
    pieces.iter().map(|piece| piece.as_bytes().to_vec()).collect()
}

fn request(body: OutgoingBody) -> Request {
    let head = RequestHead {
        method: "POST".into(),
        path: "/p?q".into(),
        authority: "localhost".into(),
        headers: headers(&[("x-a", "b")]),
    };
    Request { head, body }
}

/// Starts an upstream that responds to every request in the same way.
fn upstream(protocol: Protocol, script: Script) -> (Upstreams, SocketAddr) {
    let upstreams = Upstreams::start(&[("up", protocol)], move |_| Some(script.clone())).unwrap();
    let address = upstreams.addresses()["up"];
    (upstreams, address)
}

fn hello() -> Script {
    Script {
        head: ResponseHead { status: 200, headers: headers(&[("x-b", "c")]) },
        body: OutgoingBody { length: BodyLength::Unknown, pieces: pieces(&["he", "llo"]), ..OutgoingBody::default() },
        ..Script::default()
    }
}

fn send(to: SocketAddr, protocol: Protocol, request: &Request) -> Result<Response, NoResponse> {
    block_on(client::exchange(to, protocol, request, &stay, LIMIT))
}

#[test]
fn messages_arrive_in_their_pieces_with_trailers() {
    for protocol in PROTOCOLS {
        let trailers = headers(&[("x-t", "v")]);
        let mut script = hello();
        script.body.trailers = trailers.clone();
        let (upstreams, to) = upstream(protocol, script);
        let body = OutgoingBody {
            length: BodyLength::Unknown,
            pieces: pieces(&["a", "bc", "d"]),
            trailers: trailers.clone(),
            pause: Some(Duration::from_millis(1)),
            ..OutgoingBody::default()
        };
        let response = send(to, protocol, &request(body)).unwrap();
        assert_eq!((response.status, response.text().as_str(), &response.end), (200, "hello", &End::Complete));
        assert_eq!((response.header("x-b").as_deref(), &response.trailers), (Some("c"), &trailers));
        let received = upstreams.received(LIMIT);
        let [ReceivedRequest { method, path, frames, trailers: received, end, .. }] = received.as_slice() else {
            panic!("{received:?}")
        };
        assert_eq!((method.as_str(), path.as_str()), ("POST", "/p?q"));
        assert_eq!((frames, received, end), (&pieces(&["a", "bc", "d"]), &trailers, &Some(End::Complete)));
    }
}

#[test]
fn a_body_may_be_of_known_length_or_empty() {
    for protocol in PROTOCOLS {
        let whole = Script { body: OutgoingBody::whole("hello"), ..hello() };
        let (upstreams, to) = upstream(protocol, whole);
        for (body, received) in [
            (OutgoingBody::whole("abc"), "abc"),
            (OutgoingBody::whole(""), ""),
            (OutgoingBody::default(), ""),
            (
                OutgoingBody {
                    length: BodyLength::Unknown,
                    empty_last: true,
                    pieces: pieces(&["abc"]),
                    ..OutgoingBody::default()
                },
                "abc",
            ),
        ] {
            upstreams.forget();
            let response = send(to, protocol, &request(body)).unwrap();
            assert_eq!((response.text().as_str(), response.header("content-length").as_deref()), ("hello", Some("5")));
            let requests = upstreams.received(LIMIT);
            assert_eq!((requests.len(), requests[0].body().as_slice()), (1, received.as_bytes()));
        }
    }
}

#[test]
fn a_response_may_stop_early() {
    for protocol in PROTOCOLS {
        let stop = |after, stall| Stop { after, stall, pause: Duration::from_millis(50) };
        let (_upstreams, to) = upstream(protocol, Script { stop: Some(stop(Some(1), false)), ..hello() });
        let response = send(to, protocol, &request(OutgoingBody::whole("a"))).unwrap();
        assert_eq!(response.text(), "he");
        assert!(matches!(response.end, End::Broken(_)), "{response:?}");

        let (_upstreams, to) = upstream(protocol, Script { stop: Some(stop(None, false)), ..hello() });
        let error = send(to, protocol, &request(OutgoingBody::whole("a"))).unwrap_err();
        assert_eq!(error == NoResponse::Closed, protocol == Protocol::Http1, "{error}");

        let (_upstreams, to) = upstream(protocol, Script { stop: Some(stop(Some(1), true)), ..hello() });
        let limit = Duration::from_secs(1);
        let exchange = |to| block_on(client::exchange(to, protocol, &request(OutgoingBody::whole("a")), &stay, limit));
        let stalled = exchange(to).unwrap();
        assert_eq!((stalled.status, stalled.text().as_str(), stalled.end), (200, "he", End::Stalled));

        let (_upstreams, to) = upstream(protocol, Script { stop: Some(stop(None, true)), ..hello() });
        assert!(exchange(to).unwrap_err().to_string().contains("within 1s"));
    }
}

#[test]
fn an_early_response_needs_no_whole_request() {
    for protocol in PROTOCOLS {
        let (_upstreams, to) = upstream(protocol, Script { early: true, ..hello() });
        let body = OutgoingBody {
            length: BodyLength::Unknown,
            pieces: pieces(&["a", "b"]),
            pause: Some(Duration::from_secs(60)),
            ..OutgoingBody::default()
        };
        let start = Instant::now();
        assert_eq!(send(to, protocol, &request(body)).unwrap().text(), "hello");
        assert!(start.elapsed() < Duration::from_secs(60));
    }
}

#[test]
fn a_client_may_leave() {
    for protocol in PROTOCOLS {
        let mut script = hello();
        script.body.pause = Some(Duration::from_millis(100));
        let (upstreams, to) = upstream(protocol, script);
        let leave = |response: &Response| response.body().len() >= 2;
        let left = block_on(client::exchange(to, protocol, &request(OutgoingBody::whole("a")), &leave, LIMIT)).unwrap();
        assert_eq!((left.text().as_str(), left.end), ("he", End::Left));

        upstreams.forget();
        let body = OutgoingBody { length: BodyLength::Unknown, ..OutgoingBody::whole("abcdefgh") };
        block_on(client::abandon(to, protocol, &request(body), LIMIT)).unwrap();
        let end = Instant::now() + LIMIT;
        let received = loop {
            match upstreams.received(LIMIT).pop() {
                Some(received) => break received,
                None => assert!(Instant::now() < end, "no request"),
            }
        };
        assert!(matches!(received.end, Some(End::Broken(_))), "{received:?}");
        assert!(received.body().len() < 8);
    }
}

#[test]
fn connections_can_be_used_again() {
    block_on(async {
        let (upstreams, to) = upstream(Protocol::Http1, hello());
        let mut connection = Http1::connect(to).await.unwrap();
        for _ in 0..3 {
            let response = connection.exchange(&request(OutgoingBody::whole("a")), &stay).await.unwrap();
            assert_eq!((response.text().as_str(), response.end), ("hello", End::Complete));
        }
        assert_eq!(upstreams.received(LIMIT).len(), 3);

        let (_upstreams, to) = upstream(Protocol::Http2, hello());
        let connection = Http2::connect(to).await.unwrap();
        let request = request(OutgoingBody::whole("a"));
        let (one, other) = tokio::join!(connection.exchange(&request, &stay), connection.exchange(&request, &stay));
        assert_eq!((one.unwrap().text(), other.unwrap().text()), ("hello".to_owned(), "hello".to_owned()));
    });
}

#[test]
fn a_script_may_depend_on_the_whole_request() {
    for protocol in PROTOCOLS {
        let respond = |request: &ReceivedRequest| Some(Script { body: OutgoingBody::whole(request.body()), ..hello() });
        let upstreams = Upstreams::start(&[("up", protocol)], respond).unwrap();
        let to = upstreams.addresses()["up"];
        assert_eq!(send(to, protocol, &request(OutgoingBody::whole("echo"))).unwrap().text(), "echo");
    }
}
