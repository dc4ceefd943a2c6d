//! The client's side: a request in exactly the pieces that a test wants, and everything that comes back.

use std::io::{BufReader, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use bytes::Bytes;
use h2::{Reason, SendStream};

use crate::boundaries;
use crate::file::End;
use crate::plan::{HeaderList, Sent};
use crate::point::{Frames, Framing, TRAILER};

use super::http1::{Message, Outgoing};

/// An answer as it came.
#[derive(Clone, Debug)]
pub(super) struct Answer {
    pub(super) status: Option<u16>,
    pub(super) headers: HeaderList,
    pub(super) body: Vec<u8>,
    pub(super) trailers: HeaderList,
    pub(super) end: End,
}

/// For anything to happen on a connection.
const PATIENCE: Duration = Duration::from_secs(20);

/// HTTP/2's own frame size.
const FRAME: usize = 16_384;

/// Sends a request and reads its answer. `headers` are those of the request and of the harness.
pub(super) fn exchange(
    to: SocketAddr,
    sent: &Sent,
    headers: &HeaderList,
    frames: &Frames,
    framing: Framing,
) -> Result<Answer, String> {
    match framing {
        Framing::Http1 => http1(to, sent, headers, frames).map_err(|error| format!("HTTP/1: {error}")),
        Framing::Http2 => {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            let runtime = runtime.map_err(|error| error.to_string())?;
            let exchange = async { tokio::time::timeout(PATIENCE, http2(to, sent, headers, frames)).await };
            match runtime.block_on(exchange) {
                Ok(answer) => answer.map_err(|error| format!("HTTP/2: {error}")),
                Err(_) => Err(format!("nothing came within {PATIENCE:?}")),
            }
        }
    }
}

/// Whether the client has seen so many events.
fn enough(body: &[u8], leave_after: Option<u64>) -> bool {
    leave_after.is_some_and(|events| {
        let mut ended = body.to_vec();
        // The end of an event counts as soon as it is there.
        ended.push(b' ');
        boundaries::events(&ended).len() as u64 >= events
    })
}

fn http1(to: SocketAddr, sent: &Sent, headers: &HeaderList, frames: &Frames) -> std::io::Result<Answer> {
    let mut stream = TcpStream::connect(to)?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    let mut all = vec![("host".to_owned(), b"localhost".to_vec())];
    all.extend(headers.iter().cloned());
    let outgoing = Outgoing {
        start: format!("{} {} HTTP/1.1", sent.method, sent.path),
        headers: &all,
        body: sent.body.as_deref(),
        length: sent.body.as_ref().map_or(0, Vec::len),
        frames,
        trailers: &sent.trailers,
    };
    let mut reader = BufReader::new(stream.try_clone()?);
    // Envoy may have answered before everything is written, and not take the rest: the answer tells.
    let written = outgoing.write(&mut stream, || {}).and_then(|()| stream.flush());
    let head = loop {
        match Message::read_head(&mut reader)? {
            Some(head) if head.start.contains(" 100 ") => {}
            other => break other,
        }
    };
    let Some(mut message) = head else {
        written?;
        let (headers, body, trailers) = Default::default();
        return Ok(Answer { status: None, headers, body, trailers, end: End::Broken });
    };
    message.read_body(&mut reader, true, |body| enough(body, sent.leave_after));
    let end = match message.complete {
        true => End::Complete,
        false if enough(&message.body, sent.leave_after) => End::Left,
        false => End::Broken,
    };
    let status = message.start.split(' ').nth(1).and_then(|code| code.parse().ok());
    Ok(Answer { status, headers: message.headers, body: message.body, trailers: message.trailers, end })
}

async fn http2(to: SocketAddr, sent: &Sent, headers: &HeaderList, frames: &Frames) -> Result<Answer, String> {
    let text = |error: h2::Error| error.to_string();
    let stream = tokio::net::TcpStream::connect(to).await.map_err(|error| error.to_string())?;
    stream.set_nodelay(true).map_err(|error| error.to_string())?;
    // Envoy hands on pieces of one byte as frames of one byte; h2 takes too many that are not yet read for an attack.
    let (client, connection) =
        h2::client::Builder::new().data_frame_budget(usize::MAX).handshake(stream).await.map_err(text)?;
    tokio::spawn(connection);
    let mut client = client.ready().await.map_err(text)?;
    let mut request =
        http::Request::builder().method(sent.method.as_str()).uri(format!("http://localhost{}", sent.path));
    for (name, value) in headers {
        request = request.header(name.as_str(), value.as_slice());
    }
    if let (Some(body), true) = (&sent.body, frames.sized) {
        request = request.header("content-length", body.len());
    }
    let request = request.body(()).map_err(|error| error.to_string())?;
    let (response, mut writer) = client.send_request(request, sent.body.is_none()).map_err(text)?;
    if let Some(body) = &sent.body {
        // As above: a refusal may come before everything is written.
        let _ = write(&mut writer, body, sent, frames).await;
    }
    let (head, mut body) = response.await.map_err(text)?.into_parts();
    let mut answer = Answer {
        status: Some(head.status.as_u16()),
        headers: list(&head.headers),
        body: Vec::new(),
        trailers: Vec::new(),
        end: End::Complete,
    };
    while let Some(data) = body.data().await {
        match data {
            Ok(data) => {
                let _ = body.flow_control().release_capacity(data.len());
                answer.body.extend_from_slice(&data);
            }
            // Without an error, so that a request of which nobody wants the rest need not be sent.
            Err(error) if error.reason() == Some(Reason::NO_ERROR) => return Ok(answer),
            Err(_) => return Ok(Answer { end: End::Broken, ..answer }),
        }
        if enough(&answer.body, sent.leave_after) {
            writer.send_reset(Reason::CANCEL);
            // The reset has to leave before the connection goes.
            tokio::time::sleep(Duration::from_millis(50)).await;
            return Ok(Answer { end: End::Left, ..answer });
        }
    }
    match body.trailers().await {
        Ok(trailers) => answer.trailers = trailers.as_ref().map(list).unwrap_or_default(),
        Err(error) if error.reason() == Some(Reason::NO_ERROR) => {}
        Err(_) => answer.end = End::Broken,
    }
    Ok(answer)
}

async fn write(writer: &mut SendStream<Bytes>, body: &[u8], sent: &Sent, frames: &Frames) -> Result<(), h2::Error> {
    let with_trailers = frames.trailers || !sent.trailers.is_empty();
    let pieces: Vec<&[u8]> = frames.of(body).into_iter().flat_map(|piece| piece.chunks(FRAME)).collect();
    let ends = !with_trailers && !frames.empty_last;
    for (at, piece) in pieces.iter().enumerate() {
        let mut piece = Bytes::copy_from_slice(piece);
        while !piece.is_empty() {
            writer.reserve_capacity(piece.len());
            let granted = std::future::poll_fn(|context| writer.poll_capacity(context)).await;
            let Some(granted) = granted.transpose()? else { return Ok(()) };
            let now = piece.split_to(granted.min(piece.len()));
            let last = ends && piece.is_empty() && at + 1 == pieces.len();
            writer.send_data(now, last)?;
        }
    }
    if with_trailers {
        let mut trailers = http::HeaderMap::new();
        let ours = frames.trailers.then(|| (TRAILER.to_owned(), b"1".to_vec()));
        for (name, value) in sent.trailers.iter().cloned().chain(ours) {
            if let (Ok(name), Ok(value)) = (http::HeaderName::try_from(name), http::HeaderValue::try_from(value)) {
                trailers.append(name, value);
            }
        }
        writer.send_trailers(trailers)
    } else if frames.empty_last || pieces.is_empty() {
        writer.send_data(Bytes::new(), true)
    } else {
        Ok(())
    }
}

fn list(headers: &http::HeaderMap) -> HeaderList {
    headers.iter().map(|(name, value)| (name.as_str().to_owned(), value.as_bytes().to_vec())).collect()
}
