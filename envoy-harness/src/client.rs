//! Whole exchanges over a connection: a request in exactly the pieces that a test wants, and everything that comes back.

use std::net::SocketAddr;
use std::pin::pin;
use std::time::{Duration, Instant};

use h2::Reason;

use crate::connection::{BodyPart, Http1, Http2, ReceiveError, Receiver, Sender};
use crate::http1::{self, Framing};
use crate::message::{BodyLength, End, NoResponse, OutgoingBody, Piece, Protocol, RequestHead, Response};
use crate::{Error, Result};

/// Request with its body.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Request {
    /// Head.
    pub head: RequestHead,
    /// Body.
    pub body: OutgoingBody,
}

/// Decides after every piece of a response whether the client leaves: `true` once it has seen enough.
pub type Leave<'a> = &'a (dyn Fn(&Response) -> bool + Sync);

/// Never leaves before the end of the response.
pub fn stay(_: &Response) -> bool {
    false
}

/// Sends a request over a connection of its own and reads the response. Writing and reading go on at the same time, since a
/// response may come before the request is complete. `limit` is the longest wait for the head of the response and for each
/// part after it; a response that stops in the middle ends with [`End::Stalled`].
///
/// # Errors
/// No response began within `limit`.
pub async fn exchange(
    to: SocketAddr,
    protocol: Protocol,
    request: &Request,
    leave: Leave<'_>,
    limit: Duration,
) -> std::result::Result<Response, NoResponse> {
    match protocol {
        Protocol::Http1 => {
            let mut connection = within(limit, async { Ok(Http1::connect(to).await?) }).await?;
            connection.exchange_within(limit, request, leave).await
        }
        Protocol::Http2 => {
            let connection = within(limit, async { Ok(Http2::connect(to).await?) }).await?;
            let response = connection.exchange_within(limit, request, leave).await;
            connection.close().await;
            response
        }
    }
}

/// Limit of exchanges that wait as long as it takes.
const NO_LIMIT: Duration = Duration::MAX;

/// Sends the head of a request and half of its body over a connection of its own, and leaves.
///
/// # Errors
/// The connection failed, or did not take the request within `limit`.
pub async fn abandon(to: SocketAddr, protocol: Protocol, request: &Request, limit: Duration) -> Result<()> {
    let abandon = async {
        match protocol {
            Protocol::Http1 => Http1::connect(to).await?.abandon(request).await?,
            Protocol::Http2 => {
                let mut connection = Http2::connect(to).await?;
                connection.abandon(request).await?;
                connection.close().await;
            }
        }
        Ok(())
    };
    within(limit, abandon).await.map_err(|error| Error::new(error.to_string()))
}

async fn within<T>(
    limit: Duration,
    work: impl Future<Output = std::result::Result<T, NoResponse>>,
) -> std::result::Result<T, NoResponse> {
    match tokio::time::timeout(limit, work).await {
        Ok(done) => done,
        Err(_) => Err(NoResponse::Failed(format!("nothing within {limit:?}"))),
    }
}

impl From<Error> for NoResponse {
    fn from(error: Error) -> NoResponse {
        NoResponse::Failed(error.to_string())
    }
}

impl Http1 {
    /// Sends a request and reads its response. The connection can be used again if the response is complete.
    pub async fn exchange(&mut self, request: &Request, leave: Leave<'_>) -> std::result::Result<Response, NoResponse> {
        self.exchange_within(NO_LIMIT, request, leave).await
    }

    async fn exchange_within(
        &mut self,
        limit: Duration,
        request: &Request,
        leave: Leave<'_>,
    ) -> std::result::Result<Response, NoResponse> {
        let (sender, receiver) = self.start(&request.head, request.body.length);
        let mut response = drive(sender, receiver, &request.body, leave, limit).await?;
        if response.end == End::Complete && !self.surplus().is_empty() {
            let surplus = String::from_utf8_lossy(self.surplus()).into_owned();
            response.end = End::Broken(format!("bytes after its end: {surplus:?}"));
        }
        Ok(response)
    }

    /// Sends the head of a request and half of the bytes of its body, and closes the connection.
    pub async fn abandon(self, request: &Request) -> Result<()> {
        let (mut wire, length) = (Vec::new(), request.body.length);
        http1::write_request_head(&mut wire, &request.head, length);
        let head = wire.len();
        for piece in &request.body.pieces {
            http1::write_piece(&mut wire, piece, length);
        }
        http1::write_end(&mut wire, &request.body.trailers, length);
        wire.truncate(head + (wire.len() - head) / 2);
        self.write_and_close(&wire).await
    }
}

impl Http2 {
    /// Sends a request and reads its response; other exchanges may run on the connection at the same time.
    pub async fn exchange(&self, request: &Request, leave: Leave<'_>) -> std::result::Result<Response, NoResponse> {
        self.exchange_within(NO_LIMIT, request, leave).await
    }

    async fn exchange_within(
        &self,
        limit: Duration,
        request: &Request,
        leave: Leave<'_>,
    ) -> std::result::Result<Response, NoResponse> {
        let start = async { Ok(self.start(&request.head, request.body.length).await?) };
        let (sender, receiver) = within(limit, start).await?;
        drive(sender, receiver, &request.body, leave, limit).await
    }

    /// Sends the head of a request and half of its body, a frame per byte, and resets the stream.
    pub async fn abandon(&mut self, request: &Request) -> Result<()> {
        let (mut sender, _receiver) = self.start(&request.head, request.body.length).await?;
        let body = request.body.pieces.concat();
        for byte in body.iter().take(body.len() / 2) {
            sender.data(&[*byte], false).await?;
        }
        // A reset discards what still waits to be sent.
        self.drain().await?;
        sender.reset(Reason::CANCEL);
        Ok(())
    }
}

/// Sends the body and reads the response at the same time.
async fn drive(
    mut sender: Sender<'_>,
    mut receiver: Receiver<'_>,
    body: &OutgoingBody,
    leave: Leave<'_>,
    limit: Duration,
) -> std::result::Result<Response, NoResponse> {
    let response = {
        let mut sending = pin!(send(&mut sender, body));
        let mut receiving = pin!(receive(&mut receiver, leave, limit));
        // A response may come before the request is complete (413). A failure to write the rest is none then.
        tokio::select! {
            biased;
            response = &mut receiving => response,
            sent = &mut sending => match (sent, receiving.await) {
                (Err(sent), Err(error)) => {
                    Err(NoResponse::Failed(format!("{error}, after the request could not be written: {sent}")))
                }
                (_, response) => response,
            },
        }?
    };
    if response.end == End::Left {
        sender.reset(Reason::CANCEL);
    }
    Ok(response)
}

/// Sends a body, after the head if that is not sent yet.
pub(crate) async fn send(sender: &mut Sender<'_>, body: &OutgoingBody) -> Result<()> {
    if body.pause.is_some() || body.pieces.is_empty() {
        sender.flush().await?;
    }
    let with_end = !body.empty_last && body.trailers.is_empty() && body.length != BodyLength::NoBody;
    for (at, piece) in body.pieces.iter().enumerate() {
        pause(body.pause).await;
        sender.data(piece, with_end && at + 1 == body.pieces.len()).await?;
        if at % 16 == 15 {
            // Lets the connection write. A frame stays a frame however many of them are written at once.
            tokio::task::yield_now().await;
        }
    }
    pause(body.pause).await;
    sender.finish(&body.trailers).await
}

/// Waits. Short pauses spin, since the timer of the runtime counts in milliseconds.
pub(crate) async fn pause(pause: Option<Duration>) {
    let Some(pause) = pause else { return };
    if pause >= Duration::from_millis(1) {
        return tokio::time::sleep(pause).await;
    }
    let end = Instant::now() + pause;
    while Instant::now() < end {
        tokio::task::yield_now().await;
    }
}

async fn receive(
    receiver: &mut Receiver<'_>,
    leave: Leave<'_>,
    limit: Duration,
) -> std::result::Result<Response, NoResponse> {
    let start = Instant::now();
    let head = async {
        receiver.response_head().await.map_err(|error| match error {
            ReceiveError::NoMessage => NoResponse::Closed,
            error => NoResponse::Failed(error.to_string()),
        })
    };
    let (head, framing) = within(limit, head).await?;
    let (pieces, trailers) = (Vec::new(), Vec::new());
    let until_close = framing == Some(Framing::UntilClose);
    let mut response =
        Response { status: head.status, headers: head.headers, pieces, trailers, until_close, end: End::Complete };
    loop {
        let Ok(part) = tokio::time::timeout(limit, receiver.next()).await else {
            response.end = End::Stalled;
            return Ok(response);
        };
        match part {
            Ok(BodyPart::Data { bytes, .. }) => response.pieces.push(Piece { at: start.elapsed(), bytes }),
            Ok(BodyPart::Trailers(trailers)) => response.trailers = trailers,
            Ok(BodyPart::End) | Err(ReceiveError::ResetWithoutError) => return Ok(response),
            Err(error) => {
                response.end = End::Broken(error.to_string());
                return Ok(response);
            }
        }
        if leave(&response) {
            response.end = End::Left;
            return Ok(response);
        }
    }
}
