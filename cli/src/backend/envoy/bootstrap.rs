//! Bootstrap configuration of a chain: the one that a test file names, or one made from its list of filters.

use std::net::SocketAddr;
use std::path::Path;

use serde_json::{Map, Value, json};
use tollgate_envoy_harness::{Bootstrap, Result};

use crate::buffer_limits::BufferLimits;
use crate::plan::{ResolvedChain, ResolvedFilter, RouteRule, Target};

use super::given;
use super::metadata::Metadata;

/// Header that identifies a request in the access log.
pub(super) const ID: &str = "tollgate-test-id";

/// Properties that are read from the access log, see docs/filters.
pub const PROPERTIES: [&str; 42] = [
    "dialect",
    "model",
    "served_model",
    "provider",
    "route",
    "consumer",
    "stream",
    "input_tokens",
    "input_tokens_source",
    "cached_tokens",
    "cache_write_tokens",
    "cache_write_1h_tokens",
    "audio_input_tokens",
    "image_input_tokens",
    "video_input_tokens",
    "audio_input_ms",
    "output_tokens",
    "reasoning_tokens",
    "audio_output_tokens",
    "image_output_tokens",
    "video_output_tokens",
    "web_searches",
    "pages",
    "search_units",
    "service_tier",
    "total_tokens",
    "usage_source",
    "usage_anomalies",
    "usage_complete",
    "cost_nano_usd",
    "cost_micro_usd",
    "verdict",
    "rules",
    "tags",
    "request_score",
    "tool_results_score",
    "response_score",
    "ttft_ms",
    "mcp_server",
    "mcp_method",
    "mcp_tool",
    "unscanned",
];

/// Returns the bootstrap of a chain, with its module and its upstreams.
pub(super) fn bootstrap(
    chain: &ResolvedChain,
    metadata: &Metadata,
    module: &Path,
    upstreams: &[(&str, SocketAddr)],
) -> Result<Bootstrap> {
    let mut document = match &chain.bootstrap {
        Some(document) => given::reduced(document.clone(), chain, upstreams),
        None => around(chain, upstreams),
    };
    if let Some(hcm) = document.pointer_mut("/static_resources/listeners/0/filter_chains/0/filters/0/typed_config") {
        hcm["access_log"] = json!([access_log()]);
        // First in the chain, so that every filter sees the metadata.
        if let (Some(filter), Some(filters)) = (metadata.filter(), hcm["http_filters"].as_array_mut()) {
            filters.insert(0, filter);
        }
    }
    let path = std::path::absolute(module).unwrap_or_else(|_| module.to_owned());
    Bootstrap::from_document(document).module(&path)
}

/// Returns the part of a bootstrap that needs a new process if it changes.
pub(super) fn rest(document: &Value) -> Value {
    let mut rest = document.clone();
    if let Some(resources) = rest.get_mut("static_resources").and_then(Value::as_object_mut) {
        resources.retain(|name, _| name != "listeners" && name != "clusters");
    }
    rest
}

fn access_log() -> Value {
    let mut fields: Map<String, Value> = PROPERTIES
        .iter()
        .map(|name| (format!("tollgate.{name}"), json!(format!("%FILTER_STATE(wasm.tollgate.{name}:PLAIN)%"))))
        .collect();
    fields.insert("id".into(), json!(format!("%REQ({ID})%")));
    fields.insert("details".into(), json!("%RESPONSE_CODE_DETAILS%"));
    json!({
        "name": "envoy.access_loggers.file",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.access_loggers.file.v3.FileAccessLog",
            "path": "/dev/null",
            "log_format": {"json_format": fields},
        },
    })
}

/// Returns a bootstrap for a list of filters, modelled on the reference.
fn around(chain: &ResolvedChain, upstreams: &[(&str, SocketAddr)]) -> Value {
    let mut filters: Vec<Value> = chain.filters.iter().map(|filter| wasm_filter(filter, &chain.variables())).collect();
    filters.push(json!({
        "name": "envoy.filters.http.router",
        "typed_config": {"@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router"},
    }));
    let limits = BufferLimits::of_filters(chain.filters.iter().map(|filter| &filter.configuration));
    let address = json!({"socket_address": {"address": "127.0.0.1", "port_value": 0}});
    let routes: Vec<Value> = chain.routes.iter().filter_map(route).collect();
    debug_assert_eq!(
        routes.len(),
        chain.routes.len(),
        "every route of a chain without a bootstrap leads to an upstream"
    );
    json!({
        "admin": {"address": address},
        "static_resources": {
            "listeners": [listener(&address, filters, routes, &limits)],
            "clusters": upstreams.iter().map(|(name, address)| cluster(name, *address, &limits)).collect::<Vec<_>>(),
        },
    })
}

fn wasm_filter(filter: &ResolvedFilter, variables: &[(&str, &str)]) -> Value {
    let id = filter.name.root_id();
    let environment: Map<String, Value> =
        variables.iter().map(|(name, value)| ((*name).to_owned(), json!(value))).collect();
    json!({
        "name": id,
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm",
            "config": {
                "name": id,
                "root_id": id,
                "allow_on_headers_stop_iteration": true,
                "failure_policy": "FAIL_RELOAD",
                "vm_config": {
                    "vm_id": "tollgate",
                    "runtime": "envoy.wasm.runtime.v8",
                    "environment_variables": {"key_values": environment},
                    "code": {"local": {"filename": ""}},
                },
                "configuration": {
                    "@type": "type.googleapis.com/google.protobuf.Struct",
                    "value": filter.configuration,
                },
            },
        },
    })
}

/// Returns a route to an upstream; `None` for a direct response.
pub(super) fn route(rule: &RouteRule) -> Option<Value> {
    let Target::Cluster(cluster) = &rule.target else { return None };
    let header = |(name, value): &(String, Option<String>)| match value {
        Some(value) => json!({"name": name, "string_match": {"exact": value}}),
        None => json!({"name": name, "present_match": true}),
    };
    let headers: Vec<Value> = rule.headers.iter().map(header).collect();
    Some(json!({
        "match": {"prefix": rule.prefix.as_deref().unwrap_or("/"), "headers": headers},
        "route": {"cluster": cluster, "timeout": "0s"},
    }))
}

fn listener(address: &Value, filters: Vec<Value>, routes: Vec<Value>, limits: &BufferLimits) -> Value {
    json!({
        "name": "gateway",
        "address": address,
        "per_connection_buffer_limit_bytes": limits.body,
        "filter_chains": [{"filters": [{
            "name": "envoy.filters.network.http_connection_manager",
            "typed_config": {
                "@type": "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
                "stat_prefix": "gateway",
                "codec_type": "AUTO",
                "http_protocol_options": {"enable_trailers": true},
                "http2_protocol_options": {
                    "initial_stream_window_size": limits.body, "initial_connection_window_size": limits.connection_window,
                },
                "http_filters": filters,
                "route_config": {"virtual_hosts": [{
                    "name": "all",
                    "domains": ["*"],
                    "request_body_buffer_limit": limits.request,
                    "routes": routes,
                }]},
            },
        }]}],
    })
}

/// Returns the cluster of a scripted upstream.
pub(super) fn cluster(name: &str, address: SocketAddr, limits: &BufferLimits) -> Value {
    json!({
        "name": name,
        "connect_timeout": "5s",
        "type": "STATIC",
        "per_connection_buffer_limit_bytes": limits.body,
        "typed_extension_protocol_options": {
            "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
                "@type": "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
                "explicit_http_config": {"http_protocol_options": {"enable_trailers": true}},
            },
        },
        "load_assignment": {"cluster_name": name, "endpoints": [{"lb_endpoints": [{"endpoint": {
            "address": {"socket_address": {"address": address.ip().to_string(), "port_value": address.port()}},
        }}]}]},
    })
}
