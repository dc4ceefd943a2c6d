//! Client of a test: sends a request in exactly the pieces that the delivery asks for.

use std::net::SocketAddr;
use std::time::Duration;

use tollgate_envoy_harness::client::{self, Request};
use tollgate_envoy_harness::message::{
    BodyLength, End as Ended, NoResponse, OutgoingBody, Protocol, RequestHead, Response,
};

use crate::cut_points;
use crate::delivery::{Frames, Framing, TRAILER};
use crate::file::ResponseEnd;
use crate::plan::{ClientRequest, HeaderList};

/// Response as the client received it.
#[derive(Clone, Debug)]
pub(super) struct ReceivedResponse {
    pub(super) status: Option<u16>,
    pub(super) headers: HeaderList,
    pub(super) body: Vec<u8>,
    pub(super) trailers: HeaderList,
    pub(super) end: ResponseEnd,
}

/// Longest wait for a response, and for each part of it.
const LIMIT: Duration = Duration::from_secs(20);

/// Sends a request and reads its response. `headers` are those of the request and of the test run.
pub(super) fn exchange(
    to: SocketAddr,
    sent: &ClientRequest,
    headers: &HeaderList,
    frames: &Frames,
    framing: Framing,
) -> Result<ReceivedResponse, String> {
    let request = Request {
        head: RequestHead {
            method: sent.method.clone(),
            path: sent.path.clone(),
            authority: "localhost".into(),
            headers: headers.clone(),
        },
        body: sent.body.as_ref().map(|body| outgoing(body, body.len(), frames, &sent.trailers)).unwrap_or_default(),
    };
    let (protocol, name) = match framing {
        Framing::Http1 => (Protocol::Http1, "HTTP/1"),
        Framing::Http2 => (Protocol::Http2, "HTTP/2"),
    };
    let leave = |response: &Response| sent.leave_after.is_some_and(|events| count_events(response.body()) >= events);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| error.to_string())?;
    match runtime.block_on(client::exchange(to, protocol, &request, &leave, LIMIT)) {
        Ok(response) => Ok(ReceivedResponse {
            status: Some(response.status),
            body: response.body(),
            headers: response.headers,
            trailers: response.trailers,
            end: match response.end {
                Ended::Complete => ResponseEnd::Complete,
                Ended::Broken(_) | Ended::Stalled => ResponseEnd::Broken,
                Ended::Left => ResponseEnd::Left,
            },
        }),
        Err(NoResponse::Closed) => {
            let (headers, body, trailers) = Default::default();
            Ok(ReceivedResponse { status: None, headers, body, trailers, end: ResponseEnd::Broken })
        }
        Err(error) => Err(format!("{name}: {error}")),
    }
}

/// Counts the events of a body so far. An event counts as soon as its end has arrived.
fn count_events(mut body: Vec<u8>) -> u64 {
    body.push(b' ');
    cut_points::events(&body).len() as u64
}

/// Returns a body as the harness sends it. `length` is that of the whole body, of which `body` may be the beginning only.
pub(super) fn outgoing(body: &[u8], length: usize, frames: &Frames, trailers: &HeaderList) -> OutgoingBody {
    let ours = frames.trailers.then(|| (TRAILER.to_owned(), b"1".to_vec()));
    OutgoingBody {
        length: if frames.sized { BodyLength::Known(length) } else { BodyLength::Unknown },
        pieces: frames.of(body).into_iter().map(<[u8]>::to_vec).collect(),
        empty_last: frames.empty_last,
        trailers: trailers.iter().cloned().chain(ours).collect(),
        // Every piece is a write of its own.
        pause: Some(Duration::ZERO),
    }
}
