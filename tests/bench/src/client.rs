//! The load: connections that ask again as soon as they are answered.

use std::net::SocketAddr;
use std::time::Duration;

use futures_util::future::try_join_all;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Bytes;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::header::{CONTENT_TYPE, HOST, HeaderValue};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tollgate_testbed::{Context, Error, Result};

use crate::load::Load;

/// A request that is sent again and again.
pub(crate) type Request = hyper::Request<Full<Bytes>>;

/// No answer takes longer than this.
const PATIENCE: Duration = Duration::from_secs(60);

/// Who pays, in the header that envoy/envoy.yaml names.
const CONSUMER: (&str, &str) = ("x-tollgate-consumer", "bench");

/// The request of a load, to whoever listens there.
pub(crate) fn request(load: &Load, to: SocketAddr) -> Result<Request> {
    let mut request = Request::new(Full::from(load.body()));
    *request.method_mut() = hyper::Method::POST;
    *request.uri_mut() = hyper::Uri::from_static("/v1/chat/completions");
    let host = HeaderValue::try_from(to.to_string()).context(|| "a host header".into())?;
    let headers = request.headers_mut();
    headers.insert(HOST, host);
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    for (name, value) in [&CONSUMER].into_iter().chain(load.headers()) {
        headers.insert(*name, HeaderValue::from_static(value));
    }
    Ok(request)
}

/// A connection that is kept.
#[derive(Debug)]
pub(crate) struct Connection {
    sender: SendRequest<Full<Bytes>>,
}

/// An answer, read to its end.
#[derive(Debug)]
pub(crate) struct Answer {
    /// Its body.
    pub(crate) body: Bytes,
    /// Under which id the access log has it, if it says one.
    pub(crate) request_id: Option<String>,
}

impl Connection {
    /// Connects; within a tokio runtime, whose tasks then keep the connection going.
    pub(crate) async fn open(to: SocketAddr) -> Result<Connection> {
        let stream = TcpStream::connect(to).await.context(|| format!("cannot connect to {to}"))?;
        stream.set_nodelay(true).context(|| "cannot set TCP_NODELAY".into())?;
        let (sender, connection) = handshake(TokioIo::new(stream)).await.context(|| "HTTP/1.1".into())?;
        // If it breaks, the request that is on it says so.
        tokio::spawn(async move { connection.await.ok() });
        Ok(Connection { sender })
    }

    /// Asks once. Anything but 200 is an error.
    pub(crate) async fn ask(&mut self, request: &Request) -> Result<Answer> {
        let answered = tokio::time::timeout(PATIENCE, self.exchange(request));
        answered.await.map_err(|_| Error::new(format!("no answer within {PATIENCE:?}")))?
    }

    async fn exchange(&mut self, request: &Request) -> Result<Answer> {
        self.sender.ready().await.context(|| "the connection is gone".into())?;
        let response = self.sender.send_request(request.clone()).await.context(|| "no answer".into())?;
        let (head, body) = response.into_parts();
        let body = body.collect().await.context(|| "the answer broke off".into())?.to_bytes();
        if head.status != hyper::StatusCode::OK {
            let text: String = String::from_utf8_lossy(&body).chars().take(300).collect();
            return Err(Error::new(format!("answered {}: {text}", head.status)));
        }
        let request_id = head.headers.get("x-request-id").and_then(|id| id.to_str().ok()).map(str::to_owned);
        Ok(Answer { body, request_id })
    }
}

/// Asks `count` times, divided among the connections, all at once. Every answer has to be 200 and so many bytes.
pub(crate) async fn drive(
    connections: &mut [Connection],
    request: &Request,
    count: usize,
    length: usize,
) -> Result<()> {
    let share = |at: usize, of: usize| count / of + usize::from(at < count % of);
    let of = connections.len();
    let busy = connections.iter_mut().enumerate().map(async |(at, connection)| {
        for _ in 0..share(at, of) {
            let answer = connection.ask(request).await?;
            if answer.body.len() != length {
                return Err(Error::new(format!("answered {} bytes in place of {length}", answer.body.len())));
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
    use crate::load::LOADS;

    fn run(length: impl Fn(usize) -> usize, knob: Option<(&str, &str)>, count: usize) -> (Result<()>, usize) {
        let mut options = Options::new(vec![("openai".into(), ([127, 0, 0, 1], 0).into())]);
        options.knobs = crate::upstream_knobs();
        let mock = MockLlm::start(options).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let to = mock.addresses()[0].1;
        let mut request = request(&LOADS[0], to).unwrap();
        let driven = runtime.block_on(async {
            let mut connections = Vec::new();
            for _ in 0..3 {
                connections.push(Connection::open(to).await.unwrap());
            }
            let answer = connections[0].ask(&request).await.unwrap();
            LOADS[0].check(&answer.body).unwrap();
            mock.clear();
            if let Some((name, value)) = knob {
                let name = hyper::header::HeaderName::from_bytes(name.as_bytes()).unwrap();
                request.headers_mut().insert(name, value.parse().unwrap());
            }
            drive(&mut connections, &request, count, length(answer.body.len())).await
        });
        (driven, mock.received().len())
    }

    #[test]
    fn as_many_are_sent_as_asked_for() {
        for count in [0, 1, 3, 7] {
            assert_eq!(run(|right| right, None, count), (Ok(()), count));
        }
    }

    #[test]
    fn an_answer_that_is_not_right_is_an_error() {
        let error = |length: fn(usize) -> usize, knob| run(length, knob, 1).0.unwrap_err().to_string();
        assert!(error(|right| right + 1, None).contains("in place of"));
        assert!(error(|right| right, Some(("x-mock-status", "429"))).contains("answered 429"));
        assert!(error(|right| right, Some(("x-mock-cut-after-bytes", "9"))).contains("broke off"));
    }
}
