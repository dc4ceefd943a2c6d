//! Request handling: from path, knobs and body to the response.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use http_body_util::BodyExt as _;
use hyper::body::{Bytes, Incoming};
use hyper::header::{
    CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, RETRY_AFTER, TRAILER,
};
use hyper::{Method, Request, Response, StatusCode, Version};

use crate::dialect::{self, BodyFormat, Call, Endpoint};
use crate::error::{ApiError, ErrorBody};
use crate::fingerprint::fingerprint;
use crate::generation::CREATED;
use crate::knobs::Knobs;
use crate::playback::{BodyCut, Pieces, Playback};
use crate::received::{Recorder, RequestLog};
use crate::script::Script;
use crate::stream::Events;

/// Maximum bytes of a request body; larger ones get 413.
const MAX_BODY: usize = 64 << 20;

const JSON: HeaderValue = HeaderValue::from_static(BodyFormat::JSON.media);

/// Path of the record of requests.
const RECEIVED: &str = "/received";

/// State shared by all listeners of a mock.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) knobs: Knobs,
    pub(crate) log: Arc<RequestLog>,
}

/// Named listener.
#[derive(Debug)]
pub(crate) struct Upstream {
    pub(crate) shared: Arc<Shared>,
    pub(crate) name: String,
    /// The name, as the value of the response header `x-mock-upstream`.
    pub(crate) header: HeaderValue,
}

impl Upstream {
    /// Responds to one request. `reset` is the flag of its connection.
    pub(crate) async fn respond(
        self: Arc<Upstream>,
        request: Request<Incoming>,
        reset: Arc<AtomicBool>,
    ) -> Result<Response<Playback>, BodyCut> {
        let (head, body) = request.into_parts();
        let unrecorded = matches!(head.uri.path(), RECEIVED | "/healthz");
        let recorder = if unrecorded { Recorder::unrecorded() } else { self.shared.log.open(&self.name, &head) };
        let body = match collect(body, &recorder).await? {
            Ok(body) => body,
            Err(error) => {
                return Ok(self.send(
                    PreparedResponse::from_error_body(error.status, error.openai()),
                    &Knobs::default(),
                    recorder,
                    None,
                ));
            }
        };
        // HTTP/2 resets the stream; HTTP/1 can only reset the connection.
        let reset = (head.version < Version::HTTP_2).then_some(reset);
        let path = head.uri.path();
        let Some((endpoint, path, model)) = dialect::endpoint(path) else {
            return Ok(self.send(self.respond_to_other(&head.method, path), &Knobs::default(), recorder, reset));
        };
        let (prepared, knobs) = match self.shared.knobs.with_headers(&head.headers) {
            Ok(knobs) if head.method == Method::POST => {
                let content_type = head.headers.get(CONTENT_TYPE).map_or(&b""[..], HeaderValue::as_bytes);
                let query = head.uri.query().unwrap_or_default();
                let fingerprint = fingerprint(&body);
                let call = Call { path, model, query, content_type, body: &body, fingerprint, knobs: &knobs };
                let response =
                    prepare(endpoint, &call).unwrap_or_else(|error| PreparedResponse::error(endpoint, &error));
                (response, knobs)
            }
            Ok(_) => (PreparedResponse::error(endpoint, &ApiError::with_status(405)), Knobs::default()),
            Err(error) => (PreparedResponse::error(endpoint, &ApiError::knob(&error)), Knobs::default()),
        };
        drop(body);
        if !knobs.first_byte.is_zero() {
            tokio::time::sleep(knobs.first_byte).await;
        }
        let mut response = self.send(prepared, &knobs, recorder, reset);
        if !knobs.trailers.is_empty() && head.version < Version::HTTP_2 {
            let names: Vec<&str> = knobs.trailers.iter().map(|(name, _)| name.as_str()).collect();
            set(response.headers_mut(), TRAILER, names.join(", ").as_bytes());
        }
        Ok(response)
    }

    /// Responds on paths that belong to no LLM endpoint.
    fn respond_to_other(&self, method: &Method, path: &str) -> PreparedResponse {
        let log = &self.shared.log;
        match (method, path) {
            (&Method::GET, "/healthz") => PreparedResponse::json(b"{\"status\":\"ok\"}".to_vec()),
            (&Method::GET, "/v1/models") => PreparedResponse::json(models()),
            (&Method::GET, RECEIVED) => PreparedResponse::json(serde_json::to_vec(&log.entries()).unwrap_or_default()),
            (&Method::DELETE, RECEIVED) => {
                log.clear();
                PreparedResponse::json(b"[]".to_vec())
            }
            _ => PreparedResponse::from_error_body(404, ApiError::with_status(404).openai()),
        }
    }

    /// Starts to send a response.
    fn send(
        &self,
        prepared: PreparedResponse,
        knobs: &Knobs,
        recorder: Recorder,
        reset: Option<Arc<AtomicBool>>,
    ) -> Response<Playback> {
        recorder.responded(prepared.status.as_u16());
        let trailers = header_map(&knobs.trailers);
        let pieces = Pieces { bytes: knobs.piece_bytes.unwrap_or(usize::MAX), pause: knobs.piece_pause };
        let mut response = Response::new(Playback::new(prepared.script, trailers, pieces, recorder, reset));
        *response.status_mut() = prepared.status;
        *response.headers_mut() = prepared.headers;
        response.headers_mut().insert(HeaderName::from_static("x-mock-upstream"), self.header.clone());
        response
    }
}

/// Status, headers and script of a response, before trailers and the listener's header are added.
struct PreparedResponse {
    status: StatusCode,
    headers: HeaderMap,
    script: Script,
}

impl PreparedResponse {
    fn json(body: Vec<u8>) -> PreparedResponse {
        let script = Script::new(Events::whole(body), false, &Knobs::default());
        PreparedResponse { status: StatusCode::OK, headers: HeaderMap::from_iter([(CONTENT_TYPE, JSON)]), script }
    }

    fn error(endpoint: &Endpoint, error: &ApiError) -> PreparedResponse {
        PreparedResponse::from_error_body(error.status, (endpoint.error_body)(error))
    }

    fn from_error_body(status: u16, error_body: ErrorBody) -> PreparedResponse {
        let mut response = PreparedResponse::json(error_body.body.bytes());
        response.status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        for (name, value) in error_body.headers {
            set(&mut response.headers, HeaderName::from_static(name), value.as_bytes());
        }
        response
    }
}

/// Prepares the response to a call, under its knobs.
fn prepare(endpoint: &Endpoint, call: &Call<'_>) -> Result<PreparedResponse, ApiError> {
    let knobs = call.knobs;
    let mut status = StatusCode::OK;
    let mut headers = HeaderMap::with_capacity(8);
    set(&mut headers, HeaderName::from_static("x-request-id"), format!("req_{:016x}", call.fingerprint).as_bytes());
    let format;
    // The knobs that determine the response completely apply to invalid requests too.
    let script = if let Some(code) = knobs.status {
        let error_body = (endpoint.error_body)(&ApiError::with_status(code));
        status = StatusCode::from_u16(code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let retry_after = knobs.retry_after.as_deref().or((code == 429).then_some("1"));
        if let Some(seconds) = retry_after {
            set(&mut headers, RETRY_AFTER, seconds.as_bytes());
        }
        for (name, value) in error_body.headers {
            set(&mut headers, HeaderName::from_static(name), value.as_bytes());
        }
        format = BodyFormat::JSON;
        Script::new(Events::whole(error_body.body.bytes()), false, knobs)
    } else if knobs.empty {
        format = (endpoint.format)(call);
        Script::empty(knobs)
    } else if let Some(exact) = knobs.exact_body() {
        format = (endpoint.format)(call);
        Script::new(Events::whole(exact), format.streamed, knobs)
    } else {
        let encoded = (endpoint.respond)(call)?;
        for (name, value) in &encoded.headers {
            set(&mut headers, HeaderName::from_static(name), value.as_bytes());
        }
        format = encoded.format;
        Script::new(encoded.events, format.streamed, knobs)
    };
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(format.media));
    if format == BodyFormat::SSE {
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    }
    if let Some(content_type) = &knobs.content_type {
        set(&mut headers, CONTENT_TYPE, content_type.as_bytes());
    }
    if knobs.gzip && !knobs.empty {
        headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    headers.extend(header_map(&knobs.headers));
    Ok(PreparedResponse { status, headers, script })
}

/// Reads the body of a request and records it as it arrives. Fails with [`BodyCut`] if the client disconnected.
async fn collect(mut body: Incoming, recorder: &Recorder) -> Result<Result<Bytes, ApiError>, BodyCut> {
    let mut first = Bytes::new();
    let mut joined = Vec::new();
    let mut trailers = None;
    while let Some(frame) = body.frame().await {
        match frame.map_err(|_| BodyCut)?.into_data() {
            Ok(data) => {
                recorder.body(&data);
                if first.is_empty() && joined.is_empty() {
                    first = data;
                    continue;
                }
                if joined.is_empty() {
                    joined.extend_from_slice(&first);
                }
                joined.extend_from_slice(&data);
                if joined.len() > MAX_BODY {
                    return Ok(Err(ApiError::with_status(413)));
                }
            }
            Err(frame) => trailers = frame.into_trailers().ok(),
        }
    }
    recorder.body_complete(trailers.as_ref());
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

/// Sets a header, unless the value is not a valid header value.
fn set(headers: &mut HeaderMap, name: HeaderName, value: &[u8]) {
    if let Ok(value) = HeaderValue::from_bytes(value) {
        headers.insert(name, value);
    }
}
