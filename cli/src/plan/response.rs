//! What the upstream answers, written out.

use std::path::Path;

use serde_json::{Value, json};

use crate::file::Response;

use super::{ClientRequest, HeaderList, chat, headers, request};

/// The upstream's answer.
#[derive(Clone, Debug)]
pub struct UpstreamResponse {
    /// The status.
    pub status: u16,
    /// Headers, without those of the framing.
    pub headers: HeaderList,
    /// The body to a request that does not ask for its usage.
    pub plain: Vec<u8>,
    /// The body to one that does.
    pub with_usage: Vec<u8>,
    /// Trailers of the test's own.
    pub trailers: HeaderList,
    /// Bytes of the body after which the upstream breaks off.
    pub reset_after: Option<usize>,
    /// The upstream does not take the connection.
    pub refuse: bool,
    /// Whether it is a stream of events.
    pub is_stream: bool,
}

impl UpstreamResponse {
    /// The body to a request as it reached the upstream: providers report the usage of a stream to who asks for it.
    pub fn body(&self, request: &[u8]) -> &[u8] {
        if self.plain == self.with_usage {
            return &self.plain;
        }
        let asks = serde_json::from_slice::<Value>(request)
            .is_ok_and(|request| request.pointer("/stream_options/include_usage") == Some(&json!(true)));
        if asks { &self.with_usage } else { &self.plain }
    }
}

/// Writes an answer out.
pub(super) fn resolve(
    response: &Response,
    defaults: &Response,
    sent: &ClientRequest,
    folder: &Path,
) -> Result<UpstreamResponse, String> {
    let own = bodies(response);
    if own > 1 {
        return Err("an answer has one of `text`, `sse`, `json`, `body`, `body_base64` and `body_file`".into());
    }
    let from = if own > 0 { response } else { defaults };
    let told = Response {
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
        None if streamed => (chat::stream(&told, model, false), chat::stream(&told, model, true)),
        None => {
            let body = chat::completion(&told, model);
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
