//! Request headers that only Tollgate may set.
//!
//! A filter cannot see who set a header, so the first Tollgate filter of a chain removes all of them. Some may be
//! identity headers, of the consumer and the team: a filter of Envoy's has set them, and a later Tollgate filter, perhaps in
//! another virtual machine, is configured with their names. So the removed `x-tollgate-*` headers are kept in the property [`property::EDGE`], and the
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
    /// First identity header that occurs more than once.
    pub(super) ambiguous: Option<Identity>,
    /// `true` if headers were removed or restored.
    pub(super) has_changed: bool,
}

/// Name that an identity header has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Identity {
    /// Name of the consumer.
    Consumer,
    /// Name of the team.
    Team,
}

/// Names of the identity headers: of the consumer and the team.
type Identities<'h> = [Option<&'h str>; 2];

/// Removes owned headers in the first Tollgate filter of the chain, and restores the identity headers in the filter that
/// is configured with them.
pub(super) fn enforce(head: &Head, identities: Identities<'_>) -> Edge {
    let removed_before = property::get_bytes(property::EDGE);
    let mut has_changed = removed_before.is_none() && remove(head, identities);
    let mut ambiguous = None;
    for (identity, name) in [Identity::Consumer, Identity::Team].into_iter().zip(identities) {
        let Some(name) = name else { continue };
        let mut occurrences = head.count(name);
        // A filter between the first one and this one may have set the header anew: that value counts.
        if let Some(removed) = removed_before.as_ref().filter(|_| occurrences == 0) {
            occurrences = removed_values(removed, name).count();
            if let (1, Some(value)) = (occurrences, removed_values(removed, name).next()) {
                has_changed = true;
                if let Err(status) = Headers::REQUEST.set(name, value) {
                    log::error!("tollgate: header {name} not restored: {status}");
                }
            }
        }
        if occurrences > 1 {
            ambiguous = ambiguous.or(Some(identity));
        }
    }
    Edge { is_first: removed_before.is_none(), ambiguous, has_changed }
}

/// Removes owned headers from the request trailers.
pub(in crate::stream) fn remove_from_trailers() {
    remove_names(Headers::REQUEST_TRAILERS, &owned_names(&Headers::REQUEST_TRAILERS.read(), [None, None]));
}

/// Returns the reply to a request in which an identity header occurs more than once.
#[cold]
pub(super) fn ambiguous_identity(identity: Identity) -> LocalReply {
    let (message, code) = match identity {
        Identity::Consumer => ("The header that identifies the caller must occur only once.", "consumer_ambiguous"),
        Identity::Team => ("The header that identifies the team of the caller must occur only once.", "team_ambiguous"),
    };
    LocalReply::new(400, "unidentified", message).with_code(code)
}

/// Removes owned headers, but for the identity headers, and publishes what was removed. Returns `true` if there was any.
fn remove(head: &Head, identities: Identities<'_>) -> bool {
    let mut names = owned_names(head, identities);
    // Every request has a path: without one, the headers could not be read.
    if !head.has(":path") {
        names.extend(ROUTING_HEADERS.into_iter().chain(INFERENCE_HEADERS));
    }
    remove_names(Headers::REQUEST, &names);
    let mut kept = Vec::new();
    for (name, value) in head.pairs() {
        // Envoy refuses zero bytes in headers; one would move the boundaries between the pairs.
        if name.starts_with(PREFIX) && !is_identity(name, identities) && !value.contains(&0) {
            for part in [name, value] {
                kept.extend_from_slice(part);
                kept.push(0);
            }
        }
    }
    property::set(property::EDGE, if kept.is_empty() { NOTHING_REMOVED } else { &kept });
    !names.is_empty()
}

/// Returns `true` for the name of an identity header.
fn is_identity(name: &[u8], identities: Identities<'_>) -> bool {
    identities.into_iter().flatten().any(|identity| identity.as_bytes() == name)
}

/// Returns the owned names that occur, each once, but for the identity headers. Envoy accepts ASCII names only.
fn owned_names<'h>(head: &'h Head, identities: Identities<'_>) -> Vec<&'h str> {
    let mut names = Vec::new();
    for name in head.pairs().filter(|(name, _)| is_owned(name)).filter_map(|(name, _)| std::str::from_utf8(name).ok()) {
        if !is_identity(name.as_bytes(), identities) && !names.contains(&name) {
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
