//! Responses of the upstream with all defaults applied.

use std::path::Path;

use serde_json::{Value, json};

use crate::file::Response;

use super::{ClientRequest, HeaderList, chat, headers, request};

/// Response of the upstream.
#[derive(Clone, Debug)]
pub struct UpstreamResponse {
    /// Status.
    pub status: u16,
    /// Headers, without those of the framing.
    pub headers: HeaderList,
    /// Body for a request that does not ask for usage.
    pub plain: Vec<u8>,
    /// Body for a request that asks for usage.
    pub with_usage: Vec<u8>,
    /// Trailers from the test file.
    pub trailers: HeaderList,
    /// Number of body bytes after which the upstream resets the connection.
    pub reset_after: Option<usize>,
    /// `true` if the upstream refuses the connection.
    pub refuse: bool,
    /// `true` if the response is an event stream.
    pub is_stream: bool,
}

impl UpstreamResponse {
    /// Returns the body for a request as it reached the upstream: providers report the usage of a stream only if asked
    /// to.
    pub fn body(&self, request: &[u8]) -> &[u8] {
        if self.plain == self.with_usage {
            return &self.plain;
        }
        let requests_usage = serde_json::from_slice::<Value>(request)
            .is_ok_and(|request| request.pointer("/stream_options/include_usage") == Some(&json!(true)));
        if requests_usage { &self.with_usage } else { &self.plain }
    }
}

/// Applies the defaults and writes the body.
pub(super) fn resolve(
    response: &Response,
    defaults: &Response,
    sent: &ClientRequest,
    folder: &Path,
) -> Result<UpstreamResponse, String> {
    let own = bodies(response);
    if own > 1 {
        return Err("a response has only one of `text`, `sse`, `json`, `body`, `body_base64` and `body_file`".into());
    }
    let from = if own > 0 { response } else { defaults };
    let content = Response {
        usage: response.usage.or(defaults.usage),
        usage_at: response.usage_at.or(defaults.usage_at),
        ..from.clone()
    };
    let model = response.model.as_ref().or(defaults.model.as_ref()).or(sent.model.as_ref());
    let model = model.map_or(chat::MODEL, String::as_str);
    let octets = request::octets(&from.body, &from.json, &from.body_base64, from.body_file.as_deref(), folder)?;
    let streamed = octets.is_none() && (from.sse.is_some() || sent.streamed);
    let (plain, with_usage) = match octets {
        Some(octets) => (octets.clone(), octets),
        None if streamed => (chat::stream(&content, model, false), chat::stream(&content, model, true)),
        None => {
            let body = chat::completion(&content, model);
            (body.clone(), body)
        }
    };
    let mut headers = headers::merged(&[&defaults.headers, &response.headers]);
    if !response.headers.keys().any(|name| name.eq_ignore_ascii_case("content-type")) {
        let kind = if streamed { "text/event-stream" } else { "application/json" };
        headers::default(&mut headers, "content-type", kind);
    }
    let is_stream =
        headers.iter().any(|(name, value)| name == "content-type" && value.starts_with(b"text/event-stream"));
    let reset_after =
        response.reset_after.or(defaults.reset_after).map(|bytes| usize::try_from(bytes).unwrap_or(usize::MAX));
    Ok(UpstreamResponse {
        status: response.status.or(defaults.status).unwrap_or(200),
        headers,
        plain,
        with_usage,
        trailers: headers::merged(&[&defaults.trailers, &response.trailers]),
        reset_after,
        refuse: response.refuse.or(defaults.refuse).unwrap_or(false),
        is_stream,
    })
}

fn bodies(response: &Response) -> usize {
    let Response { text, sse, json, body, body_base64, body_file, .. } = response;
    [text.is_some(), sse.is_some(), json.is_some(), body.is_some(), body_base64.is_some(), body_file.is_some()]
        .into_iter()
        .filter(|there| *there)
        .count()
}
