//! Compares the results of two deliveries of a test.

use crate::delivery::TRAILER;
use crate::mismatch::Mismatch;
use crate::observation::{Observation, UpstreamRequest};
use crate::plan::HeaderList;
use crate::secrets::Mask;

/// Headers that depend on framing, length or time.
const INCIDENTAL: [&str; 11] = [
    "content-length",
    "transfer-encoding",
    "connection",
    "date",
    "server",
    "x-request-id",
    "x-tollgate-request-id",
    "x-envoy-upstream-service-time",
    "x-envoy-expected-rq-timeout-ms",
    "x-forwarded-for",
    ":scheme",
];

/// Properties that depend on time.
const TIMES: [&str; 1] = ["tollgate.ttft_ms"];

/// Compares an observation with that of the same exchange sent whole.
pub fn differences(whole: &Observation, other: &Observation, mask: &Mask) -> Vec<Mismatch> {
    let mut found = Vec::new();
    let mut same = |what: &str, whole: String, other: String| {
        if whole != other {
            found.push(Mismatch::new(what, format!("{whole}, as in the delivery `whole`"), other));
        }
    };
    let status = |seen: &Observation| seen.status.map_or("none".into(), |status| status.to_string());
    same("status", status(whole), status(other));
    same("end", end(whole), end(other));
    same("details", whole.details.clone(), other.details.clone());
    same("requests at upstreams", whole.upstream.len().to_string(), other.upstream.len().to_string());
    let (a, b) = (texts(&whole.properties), texts(&other.properties));
    same("properties", a, b);
    same("metrics", texts(&whole.counters), texts(&other.counters));
    let (mut one, mut two) = (whole.headers.clone(), other.headers.clone());
    if whole.real_clock {
        one.retain(|(name, _)| !counts_down(name));
        two.retain(|(name, _)| !counts_down(name));
    }
    headers("headers", &one, &two, mask, &mut found);
    headers("trailers", &whole.trailers, &other.trailers, mask, &mut found);
    // The message of a 429 contains the time to wait.
    if !(whole.real_clock && whole.status == Some(429)) {
        body("client.body", &whole.body, &other.body, mask, &mut found);
    }
    for (whole, other) in whole.upstream.iter().zip(&other.upstream) {
        upstream(whole, other, mask, &mut found);
    }
    found
}

/// Returns `true` for headers that contain a remaining time.
fn counts_down(name: &str) -> bool {
    name.starts_with("retry-after") || name.starts_with("x-ratelimit-reset")
}

fn upstream(whole: &UpstreamRequest, other: &UpstreamRequest, mask: &Mask, found: &mut Vec<Mismatch>) {
    let place = |seen: &UpstreamRequest| format!("{} {}", seen.cluster, mask.show(seen.path.as_bytes()));
    if place(whole) != place(other) {
        found.push(Mismatch::new("upstream", format!("{}, as in the delivery `whole`", place(whole)), place(other)));
    }
    if whole.complete != other.complete {
        let ended = |seen: &UpstreamRequest| if seen.complete { "complete" } else { "incomplete" };
        found.push(Mismatch::new("upstream", format!("{}, as in the delivery `whole`", ended(whole)), ended(other)));
    }
    headers("upstream.headers", &whole.headers, &other.headers, mask, found);
    headers("upstream.trailers", &whole.trailers, &other.trailers, mask, found);
    body("upstream.body", &whole.body, &other.body, mask, found);
}

fn end(seen: &Observation) -> String {
    match &seen.note {
        Some(note) => format!("{} ({note})", seen.end.name()),
        None => seen.end.name().to_owned(),
    }
}

fn texts<V: ToString>(map: &std::collections::BTreeMap<String, V>) -> String {
    let fixed = map.iter().filter(|(name, _)| !TIMES.contains(&name.as_str()));
    let all: Vec<_> = fixed.map(|(name, value)| format!("{name}={}", value.to_string())).collect();
    if all.is_empty() { "none".into() } else { all.join(" ") }
}

fn headers(what: &str, whole: &HeaderList, other: &HeaderList, mask: &Mask, found: &mut Vec<Mismatch>) {
    let fixed = |headers: &HeaderList| -> HeaderList {
        let kept = |name: &str| !INCIDENTAL.contains(&name) && name != TRAILER;
        let mut headers: HeaderList = headers.iter().filter(|(name, _)| kept(name)).cloned().collect();
        headers.sort();
        headers
    };
    let (whole, other) = (fixed(whole), fixed(other));
    if whole == other {
        return;
    }
    let show = |these: &HeaderList, those: &HeaderList| {
        let only = these.iter().filter(|header| !those.contains(header));
        let only: Vec<_> = only.map(|(name, value)| format!("{name}: {}", mask.show(value))).collect();
        if only.is_empty() { "none of these".to_owned() } else { only.join("; ") }
    };
    found.push(Mismatch::new(
        what,
        format!("{}, as in the delivery `whole`", show(&whole, &other)),
        show(&other, &whole),
    ));
}

fn body(what: &str, whole: &[u8], other: &[u8], mask: &Mask, found: &mut Vec<Mismatch>) {
    if whole != other {
        let at = whole.iter().zip(other).take_while(|(a, b)| a == b).count();
        let what = format!("{what} (from byte {at})");
        let whole = format!("{}, as in the delivery `whole`", mask.show_at(whole, at));
        found.push(Mismatch::new(what, whole, mask.show_at(other, at)));
    }
}
