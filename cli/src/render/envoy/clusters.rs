//! Clusters of the providers.

use tollgate_policy::{Identity, Key, Provider, Source, Tls};

use super::{Input, duration, scalar, secrets};
use crate::buffer_limits::BufferLimits;
use crate::render::template::Template;

/// Headers of Tollgate that a provider must not receive.
const OWN_HEADERS: [&str; 3] = ["x-tollgate-route", "x-tollgate-model", "x-tollgate-prefix-hash"];

/// Headers with the address of the caller.
const ADDRESS_HEADERS: [&str; 2] = ["x-forwarded-for", "x-envoy-external-address"];

/// Headers of the providers' APIs in which a client sends a key.
const CREDENTIALS: [&str; 4] = ["authorization", "x-api-key", "api-key", "x-goog-api-key"];

/// Returns `true` if there is text in front of the secret.
pub(super) fn has_prefix(provider: &Provider) -> bool {
    provider.key.as_ref().is_some_and(|key| !key.prefix.is_empty())
}

pub(super) fn clusters(input: &Input<'_>, limits: &BufferLimits) -> String {
    let providers = &input.upstreams.providers;
    let list: Vec<String> =
        providers.iter().map(|provider| cluster(provider, input.policy.identity.as_ref(), limits)).collect();
    let note = |applies: bool, note: &'static str| if applies { note } else { "" };
    Template::new(include_str!("clusters.yaml"))
        .set("tls", note(providers.iter().any(|provider| provider.tls.is_some()), TLS))
        .set("key", note(providers.iter().any(|provider| provider.key.is_some()), KEY))
        .set("outside", note(providers.iter().any(|provider| is_outside(provider)), OUTSIDE))
        .set("clusters", list.join("\n"))
        .text()
}

const TLS: &str = "\
# - `match_typed_subject_alt_names`: without it a certificate for any name would be accepted.
";

const KEY: &str = "\
# - `credential_injector` replaces the client's credential, which was for the gateway, by the key of the provider.
";

const OUTSIDE: &str = "\
# - `header_mutation`: a provider must not receive what the gateway knows about the caller or, with a key of its own, the
#   client's credentials.
";

/// Returns `true` for a provider that must not learn what the gateway knows about the caller.
fn is_outside(provider: &Provider) -> bool {
    provider.tls.is_some() || provider.key.is_some()
}

fn cluster(provider: &Provider, identity: Option<&Identity>, limits: &BufferLimits) -> String {
    let (protocol, alpn) = protocol(provider);
    Template::new(include_str!("cluster.yaml"))
        .set("name", scalar(&provider.cluster))
        .set("connect_timeout", duration(provider.connect_timeout.millis()))
        .set("buffer", limits.body)
        .set("protocol", protocol)
        .set("filters", if is_outside(provider) { upstream_filters(provider, identity) } else { String::new() })
        .set("health", health(provider))
        .set("endpoint", endpoint(provider))
        .set("transport", provider.tls.as_ref().map(|tls| transport(tls, alpn)).unwrap_or_default())
        .text()
}

/// Returns the protocols and their names for TLS.
fn protocol(provider: &Provider) -> (&'static str, &'static str) {
    match (provider.http2, &provider.tls) {
        (None, Some(_)) => (
            "auto_config:\n  http_protocol_options: {enable_trailers: true}\n  http2_protocol_options: {}\n",
            "[h2, http/1.1]",
        ),
        (Some(true), _) => ("explicit_http_config: {http2_protocol_options: {}}", "[h2]"),
        (Some(false) | None, _) => {
            ("explicit_http_config: {http_protocol_options: {enable_trailers: true}}", "[http/1.1]")
        }
    }
}

fn transport(tls: &Tls, alpn: &str) -> String {
    Template::new(include_str!("tls.yaml"))
        .set("sni", scalar(&tls.sni))
        .set("alpn", alpn)
        .set("ca_file", scalar(&tls.ca_file))
        .text()
}

fn endpoint(provider: &Provider) -> String {
    let (host, port) = (scalar(&provider.host), provider.port);
    let address = format!("address: {{socket_address: {{address: {host}, port_value: {port}}}}}");
    match &provider.tls {
        None => format!("- endpoint: {{{address}}}"),
        Some(tls) => format!("- endpoint:\n    hostname: {}\n    {address}", scalar(&tls.sni)),
    }
}

fn health(provider: &Provider) -> String {
    let Some(path) = &provider.health_path else { return String::new() };
    let host = provider.tls.as_ref().map_or(&provider.host, |tls| &tls.sni);
    let codec = if provider.http2 == Some(true) { ", codec_client_type: HTTP2" } else { "" };
    format!(
        "health_checks:\n- {{timeout: 5s, interval: 10s, unhealthy_threshold: 3, healthy_threshold: 1, http_health_check: \
         {{path: {}, host: {}{codec}}}}}\n",
        scalar(path),
        scalar(host),
    )
}

fn upstream_filters(provider: &Provider, identity: Option<&Identity>) -> String {
    let removals: String = removed_headers(provider.key.as_ref(), identity)
        .iter()
        .map(|header| format!("- remove: {}\n", scalar(header)))
        .collect();
    let credential = provider.key.as_ref().map(|key| credential(key, &secrets::name(provider)));
    Template::new(include_str!("upstream_filters.yaml"))
        .set("credential", credential.unwrap_or_default())
        .set("removals", removals)
        .text()
}

fn credential(key: &Key, secret: &str) -> String {
    let prefix = match key.prefix.as_str() {
        "" => String::new(),
        prefix => format!("header_value_prefix: {}", scalar(prefix)),
    };
    Template::new(include_str!("credential.yaml"))
        .set("secret", scalar(secret))
        .set("header", scalar(&key.header))
        .set("prefix", prefix)
        .text()
}

/// Returns the headers that the provider must not receive: the caller's names and addresses, Tollgate's own, and the client's credentials if
/// the provider has a key.
fn removed_headers<'a>(key: Option<&'a Key>, identity: Option<&'a Identity>) -> Vec<&'a str> {
    let mut headers = Vec::new();
    let sources = identity.map(|identity| [Some(&identity.consumer), identity.team.as_ref()]);
    headers.extend(sources.into_iter().flatten().flatten().filter_map(|source| match source {
        Source::Header(name) => Some(name.as_str()),
        Source::Attribute(_) => None,
    }));
    headers.extend(OWN_HEADERS);
    headers.extend(ADDRESS_HEADERS);
    if key.is_some() {
        headers.extend(CREDENTIALS);
    }
    // The filter runs after the one that injects the credential.
    headers.retain(|header| key.is_none_or(|key| key.header != *header));
    headers
}
