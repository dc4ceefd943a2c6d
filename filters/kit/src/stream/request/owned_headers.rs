//! Request headers that only Tollgate may set.
//!
//! A filter cannot see who set a header, so the first Tollgate filter of a chain removes all of them. One may be the
//! identity header: a filter of Envoy's has set it, and a later Tollgate filter, perhaps in another virtual machine, is
//! configured with its name. So the removed `x-tollgate-*` headers are kept in the property [`property::EDGE`], and the
//! filter that is configured with one of them puts it back.

use crate::headers::{Head, Headers};
use crate::local_reply::LocalReply;
use crate::property;

/// Prefix of Tollgate's own headers.
const PREFIX: &[u8] = b"x-tollgate-";

/// Headers of the Gateway API Inference Extension by which a client could choose its own model, priority or endpoint.
const INFERENCE_HEADERS: [&str; 9] = [
    "x-gateway-model-name",
    "x-gateway-model-name-rewrite",
    "x-gateway-base-model-name",
    "x-gateway-inference-objective",
    "x-gateway-inference-fairness-id",
    "x-gateway-destination-endpoint",
    "x-gateway-destination-endpoint-subset",
    "x-gateway-destination-endpoint-fallback",
    "x-gateway-destination-endpoint-served",
];

/// Headers that are removed from a request whose headers could not be read.
const ROUTING_HEADERS: [&str; 3] = ["x-tollgate-model", "x-tollgate-route", "x-tollgate-prefix-hash"];

/// Value of [`property::EDGE`] if nothing was removed.
const NOTHING_REMOVED: &[u8] = b"1";

/// Result of the check of owned headers.
pub(super) struct Edge {
    /// `true` in the first Tollgate filter of the chain.
    pub(super) is_first: bool,
    /// `true` if the identity header occurs more than once.
    pub(super) is_identity_ambiguous: bool,
    /// Bytes of all names and values that remain.
    pub(super) header_bytes: usize,
}

/// Removes owned headers in the first Tollgate filter of the chain, and restores the identity header in the filter that
/// is configured with it.
pub(super) fn enforce(head: &Head, identity: Option<&str>) -> Edge {
    let removed_before = property::get_bytes(property::EDGE);
    let is_first = removed_before.is_none();
    let mut header_bytes = head.byte_size();
    let mut occurrences = identity.map_or(0, |identity| head.count(identity));
    match (removed_before, identity) {
        (None, _) => header_bytes -= remove(head, identity).min(header_bytes),
        // A filter between the first one and this one may have set the header anew: that value counts.
        (Some(removed), Some(identity)) if occurrences == 0 => {
            occurrences = removed_values(&removed, identity).count();
            if let (1, Some(value)) = (occurrences, removed_values(&removed, identity).next()) {
                header_bytes += identity.len() + value.len();
                if let Err(status) = Headers::REQUEST.set(identity, value) {
                    log::error!("tollgate: header {identity} not restored: {status}");
                }
            }
        }
        (Some(_), _) => {}
    }
    Edge { is_first, is_identity_ambiguous: occurrences > 1, header_bytes }
}

/// Returns the reply to a request with more than one identity header.
pub(super) fn ambiguous_identity() -> LocalReply {
    LocalReply::new(400, "unidentified", "The header that identifies the caller must occur only once.")
        .with_code("consumer_ambiguous")
}

/// Removes owned headers, but for the identity header, and publishes what was removed. Returns the bytes removed.
fn remove(head: &Head, identity: Option<&str>) -> usize {
    let mut names: Vec<&str> = Vec::new();
    let mut kept = Vec::new();
    let mut bytes = 0;
    // Every request has a path: without one, the headers could not be read.
    if !head.has(":path") {
        names.extend(ROUTING_HEADERS.into_iter().chain(INFERENCE_HEADERS));
    }
    for (name, value) in head.pairs().filter(|(name, _)| is_owned(name)) {
        // Envoy accepts ASCII names only.
        let Ok(text) = std::str::from_utf8(name) else { continue };
        if identity == Some(text) {
            continue;
        }
        bytes += name.len() + value.len();
        if name.starts_with(PREFIX) {
            for part in [name, value] {
                kept.extend_from_slice(part);
                kept.push(0);
            }
        }
        if !names.contains(&text) {
            names.push(text);
        }
    }
    for name in names {
        if let Err(status) = Headers::REQUEST.remove(name) {
            log::error!("tollgate: header {name} not removed: {status}");
        }
    }
    property::set(property::EDGE, if kept.is_empty() { NOTHING_REMOVED } else { &kept });
    bytes
}

/// Returns the values of a header among those that were removed.
fn removed_values<'r>(removed: &'r [u8], name: &str) -> impl Iterator<Item = &'r [u8]> {
    let mut parts = removed.split(|&byte| byte == 0);
    std::iter::from_fn(move || Some((parts.next()?, parts.next()?)))
        .filter(move |(own, _)| *own == name.as_bytes())
        .map(|(_, value)| value)
}

/// Returns `true` for a header that only Tollgate may set, however it is spelled: many servers treat `_` as `-`.
fn is_owned(name: &[u8]) -> bool {
    name.get(..PREFIX.len()).is_some_and(|prefix| is_spelling_of(prefix, PREFIX))
        || INFERENCE_HEADERS.iter().any(|owned| is_spelling_of(name, owned.as_bytes()))
}

fn is_spelling_of(name: &[u8], canonical: &[u8]) -> bool {
    let is_same = |(&byte, &wanted): (&u8, &u8)| byte.eq_ignore_ascii_case(&wanted) || (byte == b'_' && wanted == b'-');
    name.len() == canonical.len() && name.iter().zip(canonical).all(is_same)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn owned_headers_are_recognised_in_any_spelling() {
        for (name, want) in [
            ("x-tollgate-route", true),
            ("x-tollgate-", true),
            ("X-Tollgate-Anything", true),
            ("x_tollgate_verdict", true),
            ("x-gateway-destination-endpoint", true),
            ("x_gateway_model_name", true),
            ("x-tollgate", false),
            ("x-tollgates-route", false),
            ("ax-tollgate-route", false),
            ("x-gateway-other", false),
            ("x-consumer-id", false),
            ("", false),
        ] {
            assert_eq!(is_owned(name.as_bytes()), want, "{name}");
        }
    }

    #[test]
    fn values_of_a_removed_header() {
        let removed = b"x-tollgate-consumer\0bob\0x-tollgate-a\0x-tollgate-consumer\0x-tollgate-consumer\0eve\0";
        let values = |name| removed_values(removed, name).collect::<Vec<_>>();
        assert_eq!(values("x-tollgate-consumer"), [b"bob", b"eve"]);
        assert_eq!(values("x-tollgate-a"), [b"x-tollgate-consumer"]);
        assert!(values("bob").is_empty());
        assert_eq!(removed_values(NOTHING_REMOVED, "1").count(), 0);
    }
}
