//! Client side of a connection, message part by message part: what an exchange is made of.
//!
//! [`Http1`] and [`Http2`] open connections; both start an exchange with a [`Sender`] for the request and a [`Receiver`] for the
//! response, which can be driven at the same time. [`client`](crate::client) has whole exchanges.

use std::fmt;
use std::net::SocketAddr;

use bytes::Bytes;
use h2::client::{ResponseFuture, SendRequest};
use h2::{Ping, PingPong, RecvStream, SendStream};
use http::{HeaderMap, HeaderName, HeaderValue};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::http1::{self, DecodeError, Decoder, MessageKind, Part};
use crate::message::{BodyLength, Headers, RequestHead, ResponseHead};
use crate::{Context, Error, Result};

pub use h2::Reason;

/// Stream of bytes that a connection runs over.
pub trait Stream: AsyncRead + AsyncWrite + Send + Unpin + 'static {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin + 'static> Stream for S {}

type Reader = Box<dyn AsyncRead + Send + Unpin>;
type Writer = Box<dyn AsyncWrite + Send + Unpin>;

/// Opens a TCP connection without Nagle's delay.
pub async fn connect(to: SocketAddr) -> Result<TcpStream> {
    let stream = TcpStream::connect(to).await.context(|| format!("cannot connect to {to}"))?;
    stream.set_nodelay(true).context(|| "cannot set TCP_NODELAY".into())?;
    Ok(stream)
}

/// HTTP/1.1 connection, for one exchange after the other.
pub struct Http1 {
    reader: Reader,
    writer: Writer,
    decoder: Decoder,
}

impl fmt::Debug for Http1 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Http1").finish_non_exhaustive()
    }
}

impl Http1 {
    /// Connects to an address.
    pub async fn connect(to: SocketAddr) -> Result<Http1> {
        Ok(Http1::over(connect(to).await?))
    }

    /// Uses a stream that is connected already.
    pub fn over(stream: impl Stream) -> Http1 {
        let (reader, writer) = tokio::io::split(stream);
        Http1 { reader: Box::new(reader), writer: Box::new(writer), decoder: Decoder::new(MessageKind::Response) }
    }

    /// Starts an exchange. The head is written with the first piece of the body, or by [`Sender::flush`].
    pub fn start(&mut self, head: &RequestHead, length: BodyLength) -> (Sender<'_>, Receiver<'_>) {
        self.decoder.expect(if head.method == "HEAD" { MessageKind::ResponseToHead } else { MessageKind::Response });
        let mut unsent = Vec::new();
        http1::write_request_head(&mut unsent, head, length);
        let sender = Sender(Sending::Http1 { writer: &mut self.writer, length, unsent });
        (sender, Receiver(Receiving::Http1 { reader: &mut self.reader, decoder: &mut self.decoder }))
    }

    /// Returns the bytes that arrived after the last response.
    pub fn surplus(&self) -> &[u8] {
        self.decoder.remaining()
    }

    /// Writes raw bytes and leaves.
    pub(crate) async fn write_and_close(mut self, bytes: &[u8]) -> Result<()> {
        self.writer.write_all(bytes).await.context(|| "write".into())?;
        self.writer.shutdown().await.context(|| "close".into())
    }
}

/// HTTP/2 connection, for any number of exchanges at once.
#[derive(Debug)]
pub struct Http2 {
    client: SendRequest<Bytes>,
    ping: PingPong,
    connection: tokio::task::JoinHandle<()>,
}

impl Http2 {
    /// Connects to an address. Needs a tokio runtime, whose tasks keep the connection going.
    pub async fn connect(to: SocketAddr) -> Result<Http2> {
        Http2::over(connect(to).await?).await
    }

    /// Uses a stream that is connected already.
    pub async fn over(stream: impl Stream) -> Result<Http2> {
        // Envoy forwards pieces of one byte as frames of one byte; h2 takes too many unread ones for an attack.
        let handshake = h2::client::Builder::new().data_frame_budget(usize::MAX).handshake(stream).await;
        let (client, mut connection) = handshake.context(|| "HTTP/2 handshake".into())?;
        let ping = connection.ping_pong().ok_or_else(|| Error::new("HTTP/2 connection without pings"))?;
        // Ends with the client and the last stream. An exchange on a broken connection reports the failure.
        let connection = tokio::spawn(async move {
            let _ = connection.await;
        });
        Ok(Http2 { client, ping, connection })
    }

    /// Starts an exchange.
    pub async fn start(&self, head: &RequestHead, length: BodyLength) -> Result<(Sender<'static>, Receiver<'static>)> {
        let mut client = self.client.clone().ready().await.context(|| "HTTP/2 connection".into())?;
        let uri = format!("http://{}{}", head.authority, head.path);
        let mut request = http::Request::builder().method(head.method.as_str()).uri(uri);
        for (name, value) in &head.headers {
            request = request.header(name.as_str(), value.as_slice());
        }
        if let BodyLength::Known(length) = length {
            request = request.header("content-length", length);
        }
        let request = request.body(()).context(|| "request".into())?;
        let no_body = length == BodyLength::NoBody;
        let (response, stream) = client.send_request(request, no_body).context(|| "request head".into())?;
        let receiver = Receiver(Receiving::Http2 { response: Some(response), body: None, ended: false });
        Ok((Sender(Sending::Http2 { stream, ended: no_body }), receiver))
    }

    /// Waits until everything that was sent so far has left: the other side acknowledges a ping that follows it.
    pub async fn drain(&mut self) -> Result<()> {
        self.ping.ping(Ping::opaque()).await.context(|| "ping".into()).map(|_| ())
    }

    /// Closes the connection once its last frames have left.
    pub async fn close(self) {
        drop((self.client, self.ping));
        let limit = std::time::Duration::from_secs(1);
        let mut connection = self.connection;
        if tokio::time::timeout(limit, &mut connection).await.is_err() {
            connection.abort();
        }
    }
}

/// Writer of one message: a request, or the response of an upstream.
pub struct Sender<'c>(Sending<'c>);

enum Sending<'c> {
    Http1 { writer: &'c mut Writer, length: BodyLength, unsent: Vec<u8> },
    Http2 { stream: SendStream<Bytes>, ended: bool },
}

impl fmt::Debug for Sender<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sender").finish_non_exhaustive()
    }
}

impl Sender<'_> {
    /// Writes the head if it is not written yet.
    pub async fn flush(&mut self) -> Result<()> {
        let Sending::Http1 { writer, unsent, .. } = &mut self.0 else { return Ok(()) };
        let bytes = std::mem::take(unsent);
        writer.write_all(&bytes).await.context(|| "write".into())?;
        writer.flush().await.context(|| "write".into())
    }

    /// Writes a piece of the body. `last` ends the message with this piece on HTTP/2; HTTP/1.1 ends it in [`Sender::finish`].
    pub async fn data(&mut self, piece: &[u8], last: bool) -> Result<()> {
        match &mut self.0 {
            Sending::Http1 { length, unsent, .. } => {
                http1::write_piece(unsent, piece, *length);
                self.flush().await
            }
            Sending::Http2 { stream, ended } => {
                *ended |= last;
                // h2 holds what the window does not admit yet.
                stream.send_data(Bytes::copy_from_slice(piece), last).context(|| "body".into())
            }
        }
    }

    /// Ends the message, with trailers if there are any.
    pub async fn finish(&mut self, trailers: &Headers) -> Result<()> {
        match &mut self.0 {
            Sending::Http1 { length, unsent, .. } => {
                http1::write_end(unsent, trailers, *length);
                self.flush().await
            }
            Sending::Http2 { ended: true, .. } => Ok(()),
            Sending::Http2 { stream, ended } => {
                *ended = true;
                if trailers.is_empty() {
                    return stream.send_data(Bytes::new(), true).context(|| "body".into());
                }
                stream.send_trailers(header_map(trailers)?).context(|| "trailers".into())
            }
        }
    }

    /// Resets the stream on HTTP/2. HTTP/1.1 has no other way than closing the connection.
    pub fn reset(&mut self, reason: Reason) {
        if let Sending::Http2 { stream, .. } = &mut self.0 {
            stream.send_reset(reason);
        }
    }
}

/// Reader of one message: a response, or the request to an upstream.
pub struct Receiver<'c>(Receiving<'c>);

enum Receiving<'c> {
    Http1 { reader: &'c mut Reader, decoder: &'c mut Decoder },
    Http2 { response: Option<ResponseFuture>, body: Option<RecvStream>, ended: bool },
}

impl fmt::Debug for Receiver<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Receiver").finish_non_exhaustive()
    }
}

/// Reason why a message could not be received.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReceiveError {
    /// The connection was closed before the message began.
    NoMessage,
    /// The stream was reset without an error. A server does so after a complete response to a request that it did not read to
    /// the end (RFC 9113, section 8.1).
    ResetWithoutError,
    /// Anything else.
    Failed(String),
}

impl fmt::Display for ReceiveError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            ReceiveError::NoMessage => "the connection was closed",
            ReceiveError::ResetWithoutError => "the stream was reset without an error",
            ReceiveError::Failed(reason) => reason,
        })
    }
}

impl std::error::Error for ReceiveError {}

impl From<h2::Error> for ReceiveError {
    fn from(error: h2::Error) -> ReceiveError {
        match error.reason() {
            Some(Reason::NO_ERROR) => ReceiveError::ResetWithoutError,
            _ => ReceiveError::Failed(error.to_string()),
        }
    }
}

impl From<DecodeError> for ReceiveError {
    fn from(error: DecodeError) -> ReceiveError {
        match error {
            DecodeError::NoMessage => ReceiveError::NoMessage,
            error => ReceiveError::Failed(error.to_string()),
        }
    }
}

/// Part of a message after its head.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BodyPart {
    /// Bytes of the body.
    Data {
        /// The bytes.
        bytes: Vec<u8>,
        /// `true` if they end a DATA frame, a chunk, or a body of known length.
        ends_frame: bool,
    },
    /// Trailers.
    Trailers(Headers),
    /// End of the message.
    End,
}

impl Receiver<'_> {
    /// Returns the head of the response and the framing of its body, which HTTP/2 does not have.
    pub async fn response_head(&mut self) -> std::result::Result<(ResponseHead, Option<http1::Framing>), ReceiveError> {
        match &mut self.0 {
            Receiving::Http1 { reader, decoder } => {
                let (start_line, headers, framing) = read_head(reader, decoder).await?;
                let status = http1::status(&start_line).unwrap_or_default();
                Ok((ResponseHead { status, headers }, Some(framing)))
            }
            Receiving::Http2 { response, body, .. } => {
                let Some(response) = response.take() else {
                    return Err(ReceiveError::Failed("the head was read before".into()));
                };
                let (head, stream) = response.await?.into_parts();
                *body = Some(stream);
                Ok((ResponseHead { status: head.status.as_u16(), headers: header_list(&head.headers) }, None))
            }
        }
    }

    /// Returns the bytes that have arrived after the message (HTTP/1.1).
    pub(crate) fn surplus(&self) -> &[u8] {
        match &self.0 {
            Receiving::Http1 { decoder, .. } => decoder.remaining(),
            Receiving::Http2 { .. } => &[],
        }
    }

    /// Returns the next part of the message after its head.
    pub async fn next(&mut self) -> std::result::Result<BodyPart, ReceiveError> {
        match &mut self.0 {
            Receiving::Http1 { reader, decoder } => match read_part(reader, decoder).await? {
                Part::Data { bytes, ends_frame } => Ok(BodyPart::Data { bytes, ends_frame }),
                Part::Trailers(trailers) => Ok(BodyPart::Trailers(trailers)),
                Part::End => Ok(BodyPart::End),
                Part::Head { .. } => Err(ReceiveError::Failed("a second head".into())),
            },
            Receiving::Http2 { ended: true, .. } => Ok(BodyPart::End),
            Receiving::Http2 { body, ended, .. } => {
                let Some(body) = body else { return Err(ReceiveError::Failed("no head was read".into())) };
                while let Some(data) = body.data().await {
                    let data = data?;
                    body.flow_control().release_capacity(data.len())?;
                    if !data.is_empty() {
                        return Ok(BodyPart::Data { bytes: data.to_vec(), ends_frame: true });
                    }
                }
                *ended = true;
                match body.trailers().await? {
                    Some(trailers) => Ok(BodyPart::Trailers(header_list(&trailers))),
                    None => Ok(BodyPart::End),
                }
            }
        }
    }
}

/// Server side of an HTTP/1.1 connection.
pub(crate) struct Http1Server {
    reader: Reader,
    writer: Writer,
    decoder: Decoder,
}

impl Http1Server {
    pub(crate) fn over(stream: impl Stream) -> Http1Server {
        let (reader, writer) = tokio::io::split(stream);
        Http1Server { reader: Box::new(reader), writer: Box::new(writer), decoder: Decoder::new(MessageKind::Request) }
    }

    /// Reads the head of the next request.
    pub(crate) async fn request_head(&mut self) -> std::result::Result<RequestHead, ReceiveError> {
        self.decoder.expect(MessageKind::Request);
        let (start_line, headers, _) = read_head(&mut self.reader, &mut self.decoder).await?;
        let mut words = start_line.split(' ').map(str::to_owned);
        let (method, path) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
        Ok(RequestHead { method, path, authority: String::new(), headers })
    }

    /// Returns the reader of the request's body and the writer of the response, which can be driven at the same time.
    pub(crate) fn exchange(&mut self) -> (Receiver<'_>, Http1Response<'_>) {
        let receiver = Receiver(Receiving::Http1 { reader: &mut self.reader, decoder: &mut self.decoder });
        (receiver, Http1Response(&mut self.writer))
    }

    /// Returns the bytes that arrived after the last request.
    pub(crate) fn surplus(&self) -> &[u8] {
        self.decoder.remaining()
    }
}

/// Response that an HTTP/1.1 server has not begun yet.
pub(crate) struct Http1Response<'c>(&'c mut Writer);

impl<'c> Http1Response<'c> {
    pub(crate) fn start(self, head: &ResponseHead, length: BodyLength) -> Sender<'c> {
        let mut unsent = Vec::new();
        http1::write_response_head(&mut unsent, head, length);
        Sender(Sending::Http1 { writer: self.0, length, unsent })
    }
}

/// Returns the reader of the body of an HTTP/2 request.
pub(crate) fn http2_request_body(body: RecvStream) -> Receiver<'static> {
    Receiver(Receiving::Http2 { response: None, body: Some(body), ended: false })
}

/// Starts the response to an HTTP/2 request.
pub(crate) fn http2_response(
    respond: &mut h2::server::SendResponse<Bytes>,
    head: &ResponseHead,
    length: BodyLength,
) -> Result<Sender<'static>> {
    let mut response = http::Response::builder().status(head.status);
    for (name, value) in &head.headers {
        response = response.header(name.as_str(), value.as_slice());
    }
    if let BodyLength::Known(length) = length {
        response = response.header("content-length", length);
    }
    let response = response.body(()).context(|| "response".into())?;
    let no_body = length == BodyLength::NoBody;
    let stream = respond.send_response(response, no_body).context(|| "response head".into())?;
    Ok(Sender(Sending::Http2 { stream, ended: no_body }))
}

async fn read_head(
    reader: &mut Reader,
    decoder: &mut Decoder,
) -> std::result::Result<(String, Headers, http1::Framing), ReceiveError> {
    match read_part(reader, decoder).await? {
        Part::Head { start_line, headers, framing } => Ok((start_line, headers, framing)),
        part => Err(ReceiveError::Failed(format!("{part:?} in the place of a head"))),
    }
}

/// Most bytes of one read.
const READ: usize = 16 << 10;

async fn read_part(reader: &mut Reader, decoder: &mut Decoder) -> std::result::Result<Part, ReceiveError> {
    loop {
        if let Some(part) = decoder.decode()? {
            return Ok(part);
        }
        // On the heap: an array would be part of the future, and of every future that awaits it.
        let mut bytes = Vec::with_capacity(READ);
        match reader.read_buf(&mut bytes).await {
            Ok(0) => decoder.close(),
            Ok(_) => decoder.feed(&bytes),
            Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => decoder.close(),
            Err(error) => return Err(ReceiveError::Failed(error.to_string())),
        }
    }
}

pub(crate) fn header_list(headers: &HeaderMap) -> Headers {
    headers.iter().map(|(name, value)| (name.as_str().to_owned(), value.as_bytes().to_vec())).collect()
}

fn header_map(headers: &Headers) -> Result<HeaderMap> {
    let mut map = HeaderMap::new();
    for (name, value) in headers {
        let name = HeaderName::from_bytes(name.as_bytes()).context(|| name.clone())?;
        map.append(name, HeaderValue::from_bytes(value).context(|| "header value".into())?);
    }
    Ok(map)
}
