//! Requests of the client with all defaults applied.

use std::collections::BTreeMap;
use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::file::{Request, Response};

use super::{HeaderList, Identity, chat, headers};

/// A request as the client sends it.
#[derive(Clone, Debug)]
pub struct ClientRequest {
    /// Method.
    pub method: String,
    /// Path and query.
    pub path: String,
    /// Headers, without those of the framing.
    pub headers: HeaderList,
    /// Body; `None` for a request that ends with its headers.
    pub body: Option<Vec<u8>>,
    /// Trailers from the test file.
    pub trailers: HeaderList,
    /// Dynamic metadata by namespace and key.
    pub metadata: BTreeMap<String, BTreeMap<String, Value>>,
    /// Number of response events after which the client closes the connection.
    pub leave_after: Option<u64>,
    /// Requested model, if the body names one.
    pub(super) model: Option<String>,
    /// `true` if the request asks for a streamed response.
    pub(super) streamed: bool,
}

impl ClientRequest {
    /// Returns the consumer's name from the place where the chain looks for it; empty if there is none.
    pub fn consumer(&self, identity: Option<&Identity>) -> String {
        let Some(identity) = identity else { return String::new() };
        if let Identity::Metadata(namespace, key, path) = identity {
            let value = self.metadata.get(namespace).and_then(|keys| keys.get(key));
            let value = path.iter().fold(value, |value, segment| value?.get(segment));
            return value.and_then(Value::as_str).unwrap_or_default().to_owned();
        }
        let header = self.headers.iter().find(|(name, _)| identity.header() == Some(name));
        header.map(|(_, value)| String::from_utf8_lossy(value).into_owned()).unwrap_or_default()
    }
}

/// Applies the defaults and writes the body. A chat asks for a stream if its `response` is one.
pub(super) fn resolve(
    request: &Request,
    defaults: &Request,
    response: &Response,
    identity: Option<&Identity>,
    folder: &Path,
) -> Result<ClientRequest, String> {
    let own = bodies(request);
    let with_body = if own > 0 { request } else { defaults };
    if own > 1 {
        return Err("a request has only one of `chat`, `body`, `json`, `body_base64` and `body_file`".into());
    }
    let mut headers = headers::merged(&[&defaults.headers, &request.headers]);
    let streamed = with_body.chat.as_ref().is_some_and(|chat| chat.stream.unwrap_or(response.sse.is_some()));
    let body = body(with_body, streamed, folder)?;
    if body.is_some() && !request.headers.keys().any(|name| name.eq_ignore_ascii_case("content-type")) {
        headers::default(&mut headers, "content-type", "application/json");
    }
    let mut metadata = defaults.metadata.clone();
    for (namespace, keys) in &request.metadata {
        metadata.entry(namespace.clone()).or_default().extend(keys.clone());
    }
    if let Some(consumer) = request.consumer.as_ref().or(defaults.consumer.as_ref()) {
        identify(consumer, identity, &mut headers, &mut metadata)?;
    }
    let default_method = if body.is_some() { "POST" } else { "GET" };
    let first = |own: &Option<String>, default: &Option<String>| own.clone().or_else(|| default.clone());
    let parsed: Value = serde_json::from_slice(body.as_deref().unwrap_or_default()).unwrap_or_default();
    let streamed = streamed || (with_body.chat.is_none() && parsed.get("stream") == Some(&json!(true)));
    let model = parsed.get("model").and_then(Value::as_str).map(str::to_owned);
    Ok(ClientRequest {
        method: first(&request.method, &defaults.method).unwrap_or_else(|| default_method.to_owned()),
        path: first(&request.path, &defaults.path).unwrap_or_else(|| "/v1/chat/completions".to_owned()),
        headers,
        trailers: headers::merged(&[&defaults.trailers, &request.trailers]),
        metadata,
        leave_after: request.leave_after.or(defaults.leave_after),
        model,
        streamed,
        body,
    })
}

fn bodies(request: &Request) -> usize {
    let Request { chat, body, json, body_base64, body_file, .. } = request;
    [chat.is_some(), body.is_some(), json.is_some(), body_base64.is_some(), body_file.is_some()]
        .into_iter()
        .filter(|there| *there)
        .count()
}

fn body(request: &Request, streamed: bool, folder: &Path) -> Result<Option<Vec<u8>>, String> {
    if let Some(chat) = &request.chat {
        return Ok(Some(chat::request(chat, streamed)));
    }
    octets(&request.body, &request.json, &request.body_base64, request.body_file.as_deref(), folder)
}

/// Returns a body given as text, JSON, base64 or file.
pub(super) fn octets(
    text: &Option<String>,
    json: &Option<Value>,
    base64: &Option<String>,
    file: Option<&Path>,
    folder: &Path,
) -> Result<Option<Vec<u8>>, String> {
    if let Some(text) = text {
        return Ok(Some(text.clone().into_bytes()));
    }
    if let Some(json) = json {
        return Ok(Some(json.to_string().into_bytes()));
    }
    if let Some(base64) = base64 {
        return STANDARD.decode(base64.trim()).map(Some).map_err(|_| "`body_base64` is not valid base64".into());
    }
    let Some(file) = file else { return Ok(None) };
    let path = folder.join(file);
    std::fs::read(&path).map(Some).map_err(|error| format!("{}: {error}", path.display()))
}

fn identify(
    consumer: &str,
    identity: Option<&Identity>,
    headers: &mut HeaderList,
    metadata: &mut BTreeMap<String, BTreeMap<String, Value>>,
) -> Result<(), String> {
    let Some(identity) = identity else {
        return Err("`consumer` is set, but neither a policy nor a cost-quota filter says where to put its name".into());
    };
    if let Some(name) = identity.header() {
        headers.retain(|(named, _)| named != name);
        headers.push((name.to_owned(), consumer.as_bytes().to_vec()));
    }
    if let Identity::Metadata(namespace, key, path) = identity {
        let value = path.iter().rev().fold(json!(consumer), |value, segment| json!({segment.as_str(): value}));
        let keys = metadata.entry(namespace.clone()).or_default();
        merge(keys.entry(key.clone()).or_insert(Value::Null), value);
    }
    Ok(())
}

/// Merges objects member by member; any other value is replaced.
fn merge(into: &mut Value, value: Value) {
    match (into, value) {
        (Value::Object(into), Value::Object(members)) => {
            for (name, value) in members {
                merge(into.entry(name).or_insert(Value::Null), value);
            }
        }
        (into, value) => *into = value,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::file::Chat;

    fn written(request: &Request, identity: Option<&Identity>) -> Result<ClientRequest, String> {
        resolve(request, &Request::default(), &Response::default(), identity, Path::new("."))
    }

    #[test]
    fn the_consumer_is_set_where_the_chain_looks() {
        let request = Request { consumer: Some("alice".into()), chat: Some(Chat::default()), ..Request::default() };
        let sent = written(&request, Some(&Identity::Header("x-who".into()))).unwrap();
        assert!(sent.headers.contains(&("x-who".into(), b"alice".to_vec())));
        let jwt = Identity::Metadata("jwt".into(), "payload".into(), vec!["sub".into()]);
        assert_eq!(written(&request, Some(&jwt)).unwrap().metadata["jwt"]["payload"], json!({"sub": "alice"}));
        assert!(written(&request, None).unwrap_err().contains("consumer"));
        let substitute = written(&request, Some(&Identity::Substitute)).unwrap();
        assert!(substitute.headers.contains(&("tollgate-test-consumer".into(), b"alice".to_vec())));
        assert_eq!(substitute.consumer(Some(&Identity::Substitute)), "alice");
    }

    #[test]
    fn a_request_has_one_body_and_a_content_type() {
        let request = Request { body: Some("{\"model\":\"m\",\"stream\":true}".into()), ..Request::default() };
        let sent = written(&request, None).unwrap();
        assert_eq!((sent.method.as_str(), sent.model.as_deref(), sent.streamed), ("POST", Some("m"), true));
        assert_eq!(sent.headers, [("content-type".to_owned(), b"application/json".to_vec())]);
        let both = Request { json: Some(json!(1)), ..request };
        assert!(written(&both, None).is_err());
        assert_eq!(written(&Request::default(), None).unwrap().method, "GET");
    }
}
