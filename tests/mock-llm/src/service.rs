//! What each path answers.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use http_body_util::BodyExt as _;
use hyper::body::{Bytes, Incoming};
use hyper::header::{
    CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, RETRY_AFTER, TRAILER,
};
use hyper::{Method, Request, Response, StatusCode, Version};

use crate::answer::CREATED;
use crate::dialect::{self, Call, Endpoint, Form};
use crate::error::{ApiError, Refusal};
use crate::fingerprint::fingerprint;
use crate::knobs::Knobs;
use crate::playback::{CutShort, Pieces, Playback};
use crate::received::{Exchange, Log};
use crate::script::Script;
use crate::stream::Events;

/// Bytes of a request body beyond which the mock answers 413.
const MOST_BODY: usize = 64 << 20;

const JSON: HeaderValue = HeaderValue::from_static(Form::JSON.media);

/// The path that tells what was received.
const RECEIVED: &str = "/received";

/// What all listeners of one mock share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) knobs: Knobs,
    pub(crate) log: Arc<Log>,
}

/// One named listener.
#[derive(Debug)]
pub(crate) struct Upstream {
    pub(crate) shared: Arc<Shared>,
    pub(crate) name: String,
    /// The name as the value of `x-mock-upstream`.
    pub(crate) header: HeaderValue,
}

impl Upstream {
    /// Answers one request. `reset` belongs to its connection.
    pub(crate) async fn answer(
        self: Arc<Upstream>,
        request: Request<Incoming>,
        reset: Arc<AtomicBool>,
    ) -> Result<Response<Playback>, CutShort> {
        let (head, body) = request.into_parts();
        let quiet = matches!(head.uri.path(), RECEIVED | "/healthz");
        let exchange = if quiet { Exchange::unrecorded() } else { self.shared.log.open(&self.name, &head) };
        let body = match collect(body, &exchange).await? {
            Ok(body) => body,
            Err(error) => {
                return Ok(self.reply(Reply::refusal(error.status, error.openai()), &Knobs::default(), exchange, None));
            }
        };
        // Only HTTP/1 has nothing finer to reset than the connection.
        let reset = (head.version < Version::HTTP_2).then_some(reset);
        let path = head.uri.path();
        let Some((endpoint, path, model)) = dialect::endpoint(path) else {
            return Ok(self.reply(self.other(&head.method, path), &Knobs::default(), exchange, reset));
        };
        let (reply, knobs) = match self.shared.knobs.with_headers(&head.headers) {
            Ok(knobs) if head.method == Method::POST => {
                let content_type = head.headers.get(CONTENT_TYPE).map_or(&b""[..], HeaderValue::as_bytes);
                let query = head.uri.query().unwrap_or_default();
                let fingerprint = fingerprint(&body);
                let call = Call { path, model, query, content_type, body: &body, fingerprint, knobs: &knobs };
                let reply = answer(endpoint, &call).unwrap_or_else(|error| Reply::error(endpoint, &error));
                (reply, knobs)
            }
            Ok(_) => (Reply::error(endpoint, &ApiError::of_status(405)), Knobs::default()),
            Err(error) => (Reply::error(endpoint, &ApiError::knob(&error)), Knobs::default()),
        };
        drop(body);
        if !knobs.first_byte.is_zero() {
            tokio::time::sleep(knobs.first_byte).await;
        }
        let mut response = self.reply(reply, &knobs, exchange, reset);
        if !knobs.trailers.is_empty() && head.version < Version::HTTP_2 {
            let names: Vec<&str> = knobs.trailers.iter().map(|(name, _)| name.as_str()).collect();
            set(response.headers_mut(), TRAILER, names.join(", ").as_bytes());
        }
        Ok(response)
    }

    /// Every path but those that matter.
    fn other(&self, method: &Method, path: &str) -> Reply {
        let log = &self.shared.log;
        match (method, path) {
            (&Method::GET, "/healthz") => Reply::json(b"{\"status\":\"ok\"}".to_vec()),
            (&Method::GET, "/v1/models") => Reply::json(models()),
            (&Method::GET, RECEIVED) => Reply::json(serde_json::to_vec(&log.entries()).unwrap_or_default()),
            (&Method::DELETE, RECEIVED) => {
                log.clear();
                Reply::json(b"[]".to_vec())
            }
            _ => Reply::refusal(404, ApiError::of_status(404).openai()),
        }
    }

    fn reply(
        &self,
        reply: Reply,
        knobs: &Knobs,
        exchange: Exchange,
        reset: Option<Arc<AtomicBool>>,
    ) -> Response<Playback> {
        exchange.answered(reply.status.as_u16());
        let trailers = header_map(&knobs.trailers);
        let pieces = Pieces { bytes: knobs.piece_bytes.unwrap_or(usize::MAX), pause: knobs.piece_pause };
        let mut response = Response::new(Playback::new(reply.script, trailers, pieces, exchange, reset));
        *response.status_mut() = reply.status;
        *response.headers_mut() = reply.headers;
        response.headers_mut().insert(HeaderName::from_static("x-mock-upstream"), self.header.clone());
        response
    }
}

/// A response without what the connection adds.
struct Reply {
    status: StatusCode,
    headers: HeaderMap,
    script: Script,
}

impl Reply {
    fn json(body: Vec<u8>) -> Reply {
        let script = Script::new(Events::whole(body), false, &Knobs::default());
        Reply { status: StatusCode::OK, headers: HeaderMap::from_iter([(CONTENT_TYPE, JSON)]), script }
    }

    fn error(endpoint: &Endpoint, error: &ApiError) -> Reply {
        Reply::refusal(error.status, (endpoint.refuse)(error))
    }

    fn refusal(status: u16, refusal: Refusal) -> Reply {
        let mut reply = Reply::json(refusal.body.bytes());
        reply.status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        for (name, value) in refusal.headers {
            set(&mut reply.headers, HeaderName::from_static(name), value.as_bytes());
        }
        reply
    }
}

/// The answer to a call.
fn answer(endpoint: &Endpoint, call: &Call<'_>) -> Result<Reply, ApiError> {
    let knobs = call.knobs;
    let mut status = StatusCode::OK;
    let mut headers = HeaderMap::with_capacity(8);
    set(&mut headers, HeaderName::from_static("x-request-id"), format!("req_{:016x}", call.fingerprint).as_bytes());
    let form;
    // What a knob says outright needs no request that makes sense.
    let script = if let Some(code) = knobs.status {
        let refusal = (endpoint.refuse)(&ApiError::of_status(code));
        status = StatusCode::from_u16(code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let wait = knobs.retry_after.as_deref().or((code == 429).then_some("1"));
        if let Some(wait) = wait {
            set(&mut headers, RETRY_AFTER, wait.as_bytes());
        }
        for (name, value) in refusal.headers {
            set(&mut headers, HeaderName::from_static(name), value.as_bytes());
        }
        form = Form::JSON;
        Script::new(Events::whole(refusal.body.bytes()), false, knobs)
    } else if knobs.empty {
        form = (endpoint.form)(call);
        Script::empty(knobs)
    } else if let Some(exact) = &knobs.body {
        form = (endpoint.form)(call);
        Script::new(Events::whole(exact.clone()), form.streamed, knobs)
    } else {
        let written = (endpoint.answer)(call)?;
        for (name, value) in &written.headers {
            set(&mut headers, HeaderName::from_static(name), value.as_bytes());
        }
        form = written.form;
        Script::new(written.events, form.streamed, knobs)
    };
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(form.media));
    if form == Form::SSE {
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    }
    if let Some(claimed) = &knobs.content_type {
        set(&mut headers, CONTENT_TYPE, claimed.as_bytes());
    }
    if knobs.gzip && !knobs.empty {
        headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    headers.extend(header_map(&knobs.headers));
    Ok(Reply { status, headers, script })
}

/// The whole body of a request, recorded as it comes. `Err(CutShort)`: it broke off, there is nobody to answer.
async fn collect(mut body: Incoming, exchange: &Exchange) -> Result<Result<Bytes, ApiError>, CutShort> {
    let mut first = Bytes::new();
    let mut joined = Vec::new();
    let mut trailers = None;
    while let Some(frame) = body.frame().await {
        match frame.map_err(|_| CutShort)?.into_data() {
            Ok(data) => {
                exchange.body(&data);
                if first.is_empty() && joined.is_empty() {
                    first = data;
                    continue;
                }
                if joined.is_empty() {
                    joined.extend_from_slice(&first);
                }
                joined.extend_from_slice(&data);
                if joined.len() > MOST_BODY {
                    return Ok(Err(ApiError::of_status(413)));
                }
            }
            Err(frame) => trailers = frame.into_trailers().ok(),
        }
    }
    exchange.body_complete(trailers.as_ref());
    Ok(Ok(if joined.is_empty() { first } else { joined.into() }))
}

fn models() -> Vec<u8> {
    let model = |id| serde_json::json!({"id": id, "object": "model", "created": CREATED, "owned_by": "mock"});
    let models = ["gpt-4o", "gpt-4o-mini", "mock-small"].map(model);
    serde_json::json!({"object": "list", "data": models}).to_string().into_bytes()
}

fn header_map(pairs: &[(String, Vec<u8>)]) -> HeaderMap {
    let mut map = HeaderMap::with_capacity(pairs.len());
    for (name, value) in pairs {
        if let (Ok(name), Ok(value)) = (HeaderName::from_bytes(name.as_bytes()), HeaderValue::from_bytes(value)) {
            map.append(name, value);
        }
    }
    map
}

/// Sets a header; a value that is none is left out.
fn set(headers: &mut HeaderMap, name: HeaderName, value: &[u8]) {
    if let Ok(value) = HeaderValue::from_bytes(value) {
        headers.insert(name, value);
    }
}
