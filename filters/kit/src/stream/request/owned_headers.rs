//! Request headers that only Tollgate may set.
//!
//! A filter cannot see who set a header, so the first Tollgate filter of a chain removes all of them. One may be the
//! identity header: a filter of Envoy's has set it, and a later Tollgate filter, perhaps in another virtual machine, is
//! configured with its name. So the removed `x-tollgate-*` headers are kept in the property [`property::EDGE`], and the
//! filter that is configured with one of them puts it back. A client can fill that property, up to Envoy's limit on
//! request headers (`max_request_headers_kb`, 60 KiB by default); a limit of our own could drop one of two identity headers,
//! so that the other would pass for the only one.
//!
//! Trailers are never the source of an identity or a route, so every filter removes all owned names from them: some
//! servers merge trailers into headers.

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
    /// `true` if headers were removed or restored.
    pub(super) has_changed: bool,
}

/// Removes owned headers in the first Tollgate filter of the chain, and restores the identity header in the filter that
/// is configured with it.
pub(super) fn enforce(head: &Head, identity: Option<&str>) -> Edge {
    let removed_before = property::get_bytes(property::EDGE);
    let is_first = removed_before.is_none();
    let mut has_changed = false;
    let mut occurrences = identity.map_or(0, |identity| head.count(identity));
    match (removed_before, identity) {
        (None, _) => has_changed = remove(head, identity),
        // A filter between the first one and this one may have set the header anew: that value counts.
        (Some(removed), Some(identity)) if occurrences == 0 => {
            occurrences = removed_values(&removed, identity).count();
            if let (1, Some(value)) = (occurrences, removed_values(&removed, identity).next()) {
                has_changed = true;
                if let Err(status) = Headers::REQUEST.set(identity, value) {
                    log::error!("tollgate: header {identity} not restored: {status}");
                }
            }
        }
        (Some(_), _) => {}
    }
    Edge { is_first, is_identity_ambiguous: occurrences > 1, has_changed }
}

/// Removes owned headers from the request trailers.
pub(in crate::stream) fn remove_from_trailers() {
    remove_names(Headers::REQUEST_TRAILERS, &owned_names(&Headers::REQUEST_TRAILERS.read(), None));
}

/// Returns the reply to a request with more than one identity header.
#[cold]
pub(super) fn ambiguous_identity() -> LocalReply {
    LocalReply::new(400, "unidentified", "The header that identifies the caller must occur only once.")
        .with_code("consumer_ambiguous")
}

/// Removes owned headers, but for the identity header, and publishes what was removed. Returns `true` if there was any.
fn remove(head: &Head, identity: Option<&str>) -> bool {
    let mut names = owned_names(head, identity);
    // Every request has a path: without one, the headers could not be read.
    if !head.has(":path") {
        names.extend(ROUTING_HEADERS.into_iter().chain(INFERENCE_HEADERS));
    }
    remove_names(Headers::REQUEST, &names);
    let mut kept = Vec::new();
    for (name, value) in head.pairs() {
        // Envoy refuses zero bytes in headers; one would move the boundaries between the pairs.
        if name.starts_with(PREFIX) && identity.map(str::as_bytes) != Some(name) && !value.contains(&0) {
            for part in [name, value] {
                kept.extend_from_slice(part);
                kept.push(0);
            }
        }
    }
    property::set(property::EDGE, if kept.is_empty() { NOTHING_REMOVED } else { &kept });
    !names.is_empty()
}

/// Returns the owned names that occur, each once, but for the identity header. Envoy accepts ASCII names only.
fn owned_names<'h>(head: &'h Head, identity: Option<&str>) -> Vec<&'h str> {
    let mut names = Vec::new();
    for name in head.pairs().filter(|(name, _)| is_owned(name)).filter_map(|(name, _)| std::str::from_utf8(name).ok()) {
        if identity != Some(name) && !names.contains(&name) {
            names.push(name);
        }
    }
    names
}

fn remove_names(headers: Headers, names: &[&str]) {
    for name in names {
        if let Err(status) = headers.remove(name) {
            log::error!("tollgate: header {name} not removed: {status}");
        }
    }
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
