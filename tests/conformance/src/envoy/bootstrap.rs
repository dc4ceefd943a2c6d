//! Bootstrap of one setup. It has Envoy's defaults unless a scenario is about something else: the callbacks count the headers
//! that Envoy adds.
#![allow(clippy::indexing_slicing, reason = "only JSON values are indexed, which insert what is missing")]

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;

use serde_json::{Value, json};

use crate::scenario::{CLUSTERS, FailurePolicy, Plugin, Setup, WIDE};

/// Returns the bootstrap. `addresses` has the address of each cluster, including `dead`.
pub(super) fn bootstrap(setup: &Setup, module: &Path, addresses: &BTreeMap<String, SocketAddr>) -> Value {
    let filters: Vec<Value> = setup
        .plugins
        .iter()
        .flat_map(|plugin| [Some(wasm(plugin, module)), plugin.buffer_after.map(buffer)])
        .flatten()
        .chain([json!({"name": "router", "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router"}})])
        .collect();
    let mut manager = json!({
        "@type": "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": "p",
        "http_protocol_options": {"enable_trailers": true},
        "http2_protocol_options": {},
        "route_config": {"name": "routes", "virtual_hosts": [{"name": "all", "domains": ["*"], "routes": [
            {"match": {"prefix": "/h2"}, "route": {"cluster": "up2"}, "name": "h2"},
            {"match": {"prefix": "/dead"}, "route": {"cluster": "dead"}, "name": "dead"},
            {"match": {"prefix": "/wide"}, "route": {"cluster": "up"}, "name": "wide",
             "request_body_buffer_limit": WIDE},
            {"match": {"prefix": "/quick"}, "route": {"cluster": "up", "timeout": "0.3s"}, "name": "quick"},
            {"match": {"prefix": "/direct"}, "direct_response": {"status": 299, "body": {"inline_string": "direct"}}},
            {"match": {"prefix": "/", "headers": [{"name": "x-model", "string_match": {"exact": "a"}}]},
             "route": {"cluster": "alt"}, "name": "model-a"},
            {"match": {"prefix": "/"}, "route": {"cluster": "up"}, "name": "default"}]}]},
        "http_filters": filters,
    });
    if let Some(window) = setup.h2_window {
        manager["http2_protocol_options"] = json!({"initial_stream_window_size": window});
    }
    let mut listener = json!({
        "name": "l",
        "address": {"socket_address": {"address": "127.0.0.1", "port_value": 0}},
        "filter_chains": [{"filters": [{"name": "http", "typed_config": manager}]}],
    });
    if let Some(limit) = setup.buffer_limit {
        listener["per_connection_buffer_limit_bytes"] = limit.into();
    }
    let clusters: Vec<Value> = CLUSTERS
        .into_iter()
        .chain([("dead", false)])
        .filter_map(|(name, http2)| {
            let upstream_plugins = if name == "up" { setup.upstream_plugins.as_slice() } else { &[] };
            Some(cluster(name, http2, *addresses.get(name)?, setup, upstream_plugins, module))
        })
        .collect();
    json!({
        "admin": {"address": {"socket_address": {"address": "127.0.0.1", "port_value": 0}}},
        "node": {"id": "node-1", "cluster": "edge", "metadata": {"tier": "gold"}},
        "static_resources": {"listeners": [listener], "clusters": clusters},
    })
}

fn cluster(
    name: &str,
    http2: bool,
    address: SocketAddr,
    setup: &Setup,
    upstream_plugins: &[Plugin],
    module: &Path,
) -> Value {
    let mut explicit = match http2 {
        true => json!({"http2_protocol_options": {}}),
        false => json!({"http_protocol_options": {"enable_trailers": true}}),
    };
    if let Some(window) = setup.h2_window.filter(|_| http2) {
        explicit["http2_protocol_options"] = json!({"initial_stream_window_size": window});
    }
    let mut options = json!({
        "@type": "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
        "explicit_http_config": explicit,
    });
    if !upstream_plugins.is_empty() {
        let codec = json!({"name": "codec", "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.filters.http.upstream_codec.v3.UpstreamCodec"}});
        let filters: Vec<Value> = upstream_plugins.iter().map(|plugin| wasm(plugin, module)).chain([codec]).collect();
        options["http_filters"] = filters.into();
    }
    let endpoint = json!({"address": {"socket_address": {
        "address": address.ip().to_string(), "port_value": address.port()}}});
    let mut cluster = json!({
        "name": name,
        "type": "STATIC",
        "connect_timeout": "1s",
        "load_assignment": {"cluster_name": name, "endpoints": [{"lb_endpoints": [{"endpoint": endpoint}]}]},
        "typed_extension_protocol_options": {"envoy.extensions.upstreams.http.v3.HttpProtocolOptions": options},
    });
    if let Some(limit) = setup.buffer_limit {
        cluster["per_connection_buffer_limit_bytes"] = limit.into();
    }
    cluster
}

fn buffer(max_request_bytes: u32) -> Value {
    json!({"name": "buffer", "typed_config": {
        "@type": "type.googleapis.com/envoy.extensions.filters.http.buffer.v3.Buffer",
        "max_request_bytes": max_request_bytes}})
}

fn wasm(plugin: &Plugin, module: &Path) -> Value {
    let text = |value: &str| json!({"@type": "type.googleapis.com/google.protobuf.StringValue", "value": value});
    let mut vm = json!({
        "vm_id": plugin.vm_id,
        "runtime": "envoy.wasm.runtime.v8",
        "code": {"local": {"filename": module}},
    });
    if !plugin.vm_script.is_empty() {
        vm["configuration"] = text(&plugin.vm_script);
    }
    if !plugin.env.is_empty() {
        vm["environment_variables"] = json!({"key_values": plugin.env});
    }
    let policy = match plugin.failure_policy {
        FailurePolicy::Closed => "FAIL_CLOSED",
        FailurePolicy::Open => "FAIL_OPEN",
        FailurePolicy::Reload => "FAIL_RELOAD",
    };
    json!({"name": plugin.name, "typed_config": {
        "@type": "type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm",
        "config": {
            "name": plugin.name,
            "root_id": plugin.root_id,
            "configuration": text(&plugin.configuration()),
            "failure_policy": policy,
            "allow_on_headers_stop_iteration": plugin.allow,
            "vm_config": vm,
        },
    }})
}
