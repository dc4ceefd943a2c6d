//! Bootstrap that a test file names, reduced to what a test needs.
//!
//! The filters under test get the configurations of the chain. Filters that authenticate callers are left out, because a test says
//! who calls. Clusters of routes, also aggregate ones, are scripted upstreams without TLS and credentials.

use std::net::SocketAddr;

use serde_json::Value;

use crate::buffer_limits::BufferLimits;
use crate::plan::ResolvedChain;

use super::bootstrap::{cluster, route};

/// Types of the filters that authenticate callers, or ask another server to.
const AUTHENTICATION: [&str; 6] = [
    "envoy.extensions.filters.http.api_key_auth.v3.ApiKeyAuth",
    "envoy.extensions.filters.http.basic_auth.v3.BasicAuth",
    "envoy.extensions.filters.http.ext_authz.v3.ExtAuthz",
    "envoy.extensions.filters.http.gcp_authn.v3.GcpAuthnFilterConfig",
    "envoy.extensions.filters.http.jwt_authn.v3.JwtAuthentication",
    "envoy.extensions.filters.http.oauth2.v3.OAuth2",
];

/// Returns the bootstrap with the filters, the configurations, the routes and the upstreams of the chain.
pub(super) fn reduced(mut document: Value, chain: &ResolvedChain, upstreams: &[(&str, SocketAddr)]) -> Value {
    let limits = BufferLimits::of_filters(chain.filters.iter().map(|filter| &filter.configuration));
    if let Some(listener) = document.pointer_mut("/static_resources/listeners/0/filter_chains/0") {
        // Requests of tests come over plain TCP.
        for key in ["transport_socket", "filter_chain_match"] {
            listener.as_object_mut().and_then(|listener| listener.remove(key));
        }
        if let Some(hcm) = listener.pointer_mut("/filters/0/typed_config") {
            filters(hcm, chain);
            routes(hcm, chain);
        }
    }
    if let Some(resources) = document.pointer_mut("/static_resources").and_then(Value::as_object_mut) {
        // Certificates of the listener and keys of providers, whose files need not exist where a test runs.
        resources.remove("secrets");
        if let Some(clusters) = resources.get_mut("clusters").and_then(Value::as_array_mut) {
            clusters.retain(|entry| !upstreams.iter().any(|(name, _)| entry["name"] == *name));
            clusters.extend(upstreams.iter().map(|(name, address)| cluster(name, *address, &limits)));
        }
    }
    document
}

fn filters(hcm: &mut Value, chain: &ResolvedChain) {
    let Some(filters) = hcm["http_filters"].as_array_mut() else { return };
    let root_id =
        |filter: &Value| filter.pointer("/typed_config/config/root_id").and_then(Value::as_str).map(str::to_owned);
    filters.retain(|filter| !authenticates(filter));
    filters.retain(|filter| root_id(filter).is_none_or(|id| chain.filters.iter().any(|f| f.name.root_id() == id)));
    for filter in filters {
        let planned = root_id(filter).and_then(|id| chain.filters.iter().find(|f| f.name.root_id() == id));
        if let (Some(planned), Some(value)) = (planned, filter.pointer_mut("/typed_config/config/configuration/value"))
        {
            *value = planned.configuration.clone();
        }
    }
}

fn authenticates(filter: &Value) -> bool {
    let url = filter.pointer("/typed_config/@type").and_then(Value::as_str).unwrap_or_default();
    let name = url.rsplit('/').next().unwrap_or_default();
    AUTHENTICATION.contains(&name)
}

/// Adds the routes of the test file in front of those of the bootstrap.
fn routes(hcm: &mut Value, chain: &ResolvedChain) {
    let routes = hcm.pointer_mut("/route_config/virtual_hosts/0/routes").and_then(Value::as_array_mut);
    if let Some(routes) = routes {
        let more = chain.routes.len().saturating_sub(routes.len());
        let added = chain.routes.iter().take(more).filter_map(route);
        routes.splice(0..0, added);
    }
}
