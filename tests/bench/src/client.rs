//! Load: connections that send the next request as soon as the response to the last one is complete.

use std::net::SocketAddr;
use std::time::Duration;

use futures_util::future::try_join_all;
use tollgate_envoy_harness::client::{self, Request};
use tollgate_envoy_harness::connection::Http1;
use tollgate_envoy_harness::message::{End, OutgoingBody, RequestHead};
use tollgate_envoy_harness::{Context, Error, Result};

/// Timeout of one exchange.
const PATIENCE: Duration = Duration::from_secs(60);

/// Consumer, in the header that envoy/envoy.yaml names.
const CONSUMER: (&str, &str) = ("x-tollgate-consumer", "bench");

/// Header of requests that Envoy writes to the access log, see [`Variant::bootstrap`](crate::variant::Variant::bootstrap).
pub(crate) const LOGGED: &str = "x-bench-logged";

/// Returns the request with a body and further headers.
pub(crate) fn request(body: Vec<u8>, headers: &[(&str, &str)]) -> Request {
    let headers = [("content-type", "application/json"), CONSUMER].into_iter().chain(headers.iter().copied());
    let head = RequestHead {
        method: "POST".into(),
        path: "/v1/chat/completions".into(),
        authority: "gateway.example".into(),
        headers: headers.map(|(name, value)| (name.to_owned(), value.as_bytes().to_vec())).collect(),
    };
    Request { head, body: OutgoingBody::whole(body) }
}

/// Connection that is kept open.
#[derive(Debug)]
pub(crate) struct Connection(Http1);

/// Complete response.
#[derive(Debug)]
pub(crate) struct Response {
    /// Body.
    pub(crate) body: Vec<u8>,
    /// Id of the access log entry, if the response has one.
    pub(crate) request_id: Option<String>,
}

impl Connection {
    /// Connects to an address.
    pub(crate) async fn open(to: SocketAddr) -> Result<Connection> {
        Http1::connect(to).await.map(Connection)
    }

    /// Sends a request once. Any status but 200 is an error.
    pub(crate) async fn ask(&mut self, request: &Request) -> Result<Response> {
        let response = tokio::time::timeout(PATIENCE, self.0.exchange(request, &client::stay)).await;
        let response = response.map_err(|_| Error::new(format!("no response within {PATIENCE:?}")))?;
        let response = response.context(|| "exchange".into())?;
        if response.status != 200 {
            let text: String = response.text().chars().take(300).collect();
            return Err(Error::new(format!("status {}: {text}", response.status)));
        }
        if response.end != End::Complete {
            return Err(Error::new(format!("the response is incomplete: {:?}", response.end)));
        }
        Ok(Response { request_id: response.header("x-tollgate-request-id"), body: response.body() })
    }
}

/// Largest difference of the lengths of two responses to the same load: the digits of the counts in `usage`.
const DIGITS: usize = 16;

/// Sends requests, divided among the connections, all at once. Every response must be a 200 of about this length.
pub(crate) async fn drive(connections: &mut [Connection], requests: &[Request], length: usize) -> Result<()> {
    let of = connections.len().max(1);
    let busy = connections.iter_mut().enumerate().map(async |(at, connection)| {
        for request in requests.iter().skip(at).step_by(of) {
            let response = connection.ask(request).await?;
            if response.body.len().abs_diff(length) > DIGITS {
                return Err(Error::new(format!("a response of {} bytes in place of {length}", response.body.len())));
            }
        }
        Ok(())
    });
    try_join_all(busy).await.map(|_| ())
}

#[cfg(test)]
mod tests {
    use tollgate_mock_llm::{MockLlm, Options};

    use super::*;
    use crate::corpus::Corpus;
    use crate::load::LOADS;

    fn run(length: impl Fn(usize) -> usize, knob: Option<(&str, &str)>, count: u64) -> (Result<()>, usize) {
        let mut options = Options::new(vec![("openai".into(), ([127, 0, 0, 1], 0).into())]);
        options.knobs = crate::upstream_knobs();
        let mock = MockLlm::start(options).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let to = mock.addresses()[0].1;
        let (corpus, headers) = (Corpus::new(), knob.as_slice());
        let requests: Vec<_> = (0..count).map(|number| request(LOADS[0].body(&corpus, number), headers)).collect();
        let driven = runtime.block_on(async {
            let mut connections = Vec::new();
            for _ in 0..3 {
                connections.push(Connection::open(to).await.unwrap());
            }
            let first = request(LOADS[0].body(&corpus, 99), &[]);
            let response = connections[0].ask(&first).await.unwrap();
            LOADS[0].check(&response.body).unwrap();
            mock.clear();
            drive(&mut connections, &requests, length(response.body.len())).await
        });
        (driven, mock.received().len())
    }

    #[test]
    fn drive_sends_each_request_once() {
        for count in [0, 1, 3, 7] {
            assert_eq!(run(|right| right, None, count), (Ok(()), count as usize));
        }
    }

    #[test]
    fn a_wrong_response_is_an_error() {
        let error = |length: fn(usize) -> usize, knob| run(length, knob, 1).0.unwrap_err().to_string();
        assert!(error(|right| right + 50, None).contains("in place of"));
        assert!(error(|right| right, Some(("x-mock-status", "429"))).contains("status 429"));
        assert!(error(|right| right, Some(("x-mock-cut-after-bytes", "9"))).contains("is incomplete"));
    }
}
