//! Expectations on what the client receives.

use serde_json::Value;
use tollgate_envoy_harness::DecodedResponse;

use crate::file::{ClientExpect, ErrorExpect, Expect, ResponseEnd};
use crate::observation::Observation;
use crate::plan::Exchange;

use super::{Checks, header, matching};

pub(super) fn check(expect: &Expect, exchange: &Exchange, seen: &Observation, checks: &mut Checks<'_>) {
    checks.same("status", expect.status, seen.status);
    header::check("headers", &expect.headers, &seen.headers, checks);
    let default = ClientExpect::default();
    let client = expect.client.as_ref().unwrap_or(&default);
    let end = client.end.unwrap_or(ResponseEnd::Complete);
    if end != seen.end {
        let note = seen.note.as_ref().map(|note| format!(" ({note})")).unwrap_or_default();
        checks.add("client.end", end.name(), format!("{}{note}", seen.end.name()));
    }
    let decoded = DecodedResponse::of(&seen.headers, &seen.body);
    checks.text("client.text", client.text.as_deref(), decoded.text().as_bytes());
    if let Some(texts) = &client.texts {
        checks.same("client.texts", Some(texts.len()), Some(decoded.texts.len()));
        for (expected, (choice, found)) in texts.iter().zip(&decoded.texts) {
            checks.text(&format!("client.texts[{choice}]"), Some(expected), found.as_bytes());
        }
    }
    checks.same("client.finish", client.finish.as_deref(), decoded.finished.get(&0));
    checks.same("client.done", client.done, Some(decoded.done));
    checks.same("client.usage", client.usage, Some(!decoded.usages.is_empty()));
    if let Some(expected) = &client.tool_calls {
        let found = decoded.tool_calls();
        checks.same("client.tool_calls", Some(expected.len()), Some(found.len()));
        for (expected, found) in expected.iter().zip(&found) {
            checks.text("client.tool_calls", Some(expected), found.as_bytes());
        }
    }
    if let Some(error) = &client.error {
        check_error(error, decoded.error.as_ref(), checks);
    }
    let direct = exchange.response.body(exchange.request.body.as_deref().unwrap_or_default());
    match client.unchanged {
        Some(true) => checks.octets("client.body", direct, &seen.body),
        Some(false) if direct == seen.body => {
            checks.add("client.body", "a body other than the upstream's", "the upstream's body");
        }
        _ => {}
    }
    checks.text("client.body", client.body.as_deref(), &seen.body);
    checks.parts("client.body", &client.contains, &client.not_contains, &seen.body);
    json("client.json", client.json.as_ref(), &seen.body, checks);
    header::check("client.trailers", &client.trailers, &seen.trailers, checks);
}

fn check_error(expected: &ErrorExpect, found: Option<&Value>, checks: &mut Checks<'_>) {
    let Some(found) = found else { return checks.add("client.error", "an error object", "none") };
    let member = |name| found.get(name).and_then(Value::as_str).map(|text| checks.mask.show(text.as_bytes()));
    let (kind, code, param, message) = (member("type"), member("code"), member("param"), member("message"));
    checks.same("client.error.type", expected.kind.as_deref(), kind);
    checks.same("client.error.code", expected.code.as_deref(), code);
    checks.same("client.error.param", expected.param.as_deref(), param);
    if let Some(part) = &expected.message {
        let message = message.unwrap_or_default();
        if !message.contains(part.as_str()) {
            checks.add("client.error.message", format!("to contain {part:?}"), format!("{message:?}"));
        }
    }
}

/// Compares the expected members of a JSON body.
pub(super) fn json(what: &str, expected: Option<&Value>, body: &[u8], checks: &mut Checks<'_>) {
    let Some(expected) = expected else { return };
    let Ok(found) = serde_json::from_slice::<Value>(body) else {
        let body = checks.mask.show(body);
        return checks.add(what, "JSON", format!("{body:?}"));
    };
    let mask = checks.mask;
    let show = |value: &Value| mask.show(value.to_string().as_bytes());
    for (path, expected, found) in matching::differences(expected, &found) {
        checks.add(&format!("{what}{path}"), show(expected), found.map_or("none".to_owned(), show));
    }
}
