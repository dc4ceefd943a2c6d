//! Bootstrap configuration of Envoy, edited before a start.
//!
//! A test that wrote its own bootstrap would prove nothing about the file that users mount. A run therefore takes that file
//! and edits the parsed document: addresses, ports and paths always, and the subject of the test where it needs another
//! value. An edit that finds nothing to change is an error, so that the edits and the file cannot drift apart.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::error::Context;
use crate::{Error, Result};

/// Bootstrap configuration of Envoy.
#[derive(Clone, Debug, PartialEq)]
pub struct Bootstrap {
    document: Value,
}

const HCM: &str = "/static_resources/listeners/0/filter_chains/0/filters/0/typed_config";

impl Bootstrap {
    /// Parses a bootstrap from YAML.
    pub fn from_yaml(text: &str) -> Result<Bootstrap> {
        let document = serde_saphyr::from_str(text).context(|| "invalid YAML".into())?;
        Ok(Bootstrap { document })
    }

    /// Creates a bootstrap from its parsed document.
    pub fn from_document(document: Value) -> Bootstrap {
        Bootstrap { document }
    }

    /// Returns the document, for edits without a method of their own.
    pub fn document_mut(&mut self) -> &mut Value {
        &mut self.document
    }

    /// Returns the document as JSON. Envoy reads JSON from a file with the extension `.json`.
    pub fn to_json(&self) -> String {
        self.document.to_string()
    }

    /// Moves the listener and the admin interface to 127.0.0.1, on ports that the kernel picks.
    pub fn on_loopback(mut self) -> Result<Bootstrap> {
        let any = || json!({"socket_address": {"address": "127.0.0.1", "port_value": 0}});
        *self.at("/admin/address")? = any();
        *self.at("/static_resources/listeners/0/address")? = any();
        Ok(self)
    }

    /// Sets the address of the only endpoint of a cluster.
    pub fn upstream(mut self, cluster: &str, address: SocketAddr) -> Result<Bootstrap> {
        let endpoint = "/load_assignment/endpoints/0/lb_endpoints/0/endpoint/address/socket_address";
        let clusters = self.list("/static_resources/clusters")?;
        let cluster = clusters.iter_mut().find(|entry| entry["name"] == cluster).ok_or_else(|| missing(cluster))?;
        let socket = cluster.pointer_mut(endpoint).ok_or_else(|| missing(endpoint))?;
        *socket = json!({"address": address.ip().to_string(), "port_value": address.port()});
        Ok(self)
    }

    /// Loads every wasm filter from one module (the bundle).
    pub fn module(self, path: &Path) -> Result<Bootstrap> {
        self.modules(|_| path.to_owned())
    }

    /// Loads every wasm filter from a module of its own, by root id.
    pub fn modules(mut self, path: impl Fn(&str) -> PathBuf) -> Result<Bootstrap> {
        for plugin in self.plugins()? {
            let root_id = plugin["root_id"].as_str().ok_or_else(|| missing("root_id"))?;
            let path = path(root_id).display().to_string();
            let filename = "/vm_config/code/local/filename";
            *plugin.pointer_mut(filename).ok_or_else(|| missing(filename))? = path.into();
        }
        Ok(self)
    }

    /// Keeps only the wasm filters with these root ids; an empty list leaves an Envoy without wasm.
    pub fn only(mut self, root_ids: &[&str]) -> Result<Bootstrap> {
        for root_id in root_ids {
            self.plugin(root_id)?;
        }
        let filters = self.list(&format!("{HCM}/http_filters"))?;
        filters.retain(|filter| match filter.pointer("/typed_config/config/root_id").and_then(Value::as_str) {
            Some(root_id) => root_ids.contains(&root_id),
            None => true,
        });
        Ok(self)
    }

    /// Replaces the configuration of a wasm filter.
    pub fn configure(mut self, root_id: &str, configuration: Value) -> Result<Bootstrap> {
        let value = "/configuration/value";
        *self.plugin(root_id)?.pointer_mut(value).ok_or_else(|| missing(value))? = configuration;
        Ok(self)
    }

    /// Limits how many bytes of one body Envoy buffers, on HTTP/1 and on HTTP/2 (where the minimum is 65535).
    pub fn buffer_limit(mut self, bytes: u32) -> Result<Bootstrap> {
        *self.at("/static_resources/listeners/0/per_connection_buffer_limit_bytes")? = bytes.into();
        *self.at(&format!("{HCM}/http2_protocol_options/initial_stream_window_size"))? = bytes.max(65_535).into();
        *self.at(&format!("{HCM}/route_config/virtual_hosts/0/request_body_buffer_limit"))? = bytes.into();
        Ok(self)
    }

    /// Sets on every wasm filter whether it may hold the headers while the body arrives. Users forget to set it to `true`.
    pub fn allow_on_headers_stop_iteration(mut self, allow: bool) -> Result<Bootstrap> {
        for plugin in self.plugins()? {
            let flag = "/allow_on_headers_stop_iteration";
            *plugin.pointer_mut(flag).ok_or_else(|| missing(flag))? = allow.into();
        }
        Ok(self)
    }

    /// Sets the path of the access log.
    pub fn access_log(mut self, path: &Path) -> Result<Bootstrap> {
        *self.at(&format!("{HCM}/access_log/0/typed_config/path"))? = path.display().to_string().into();
        Ok(self)
    }

    fn at(&mut self, pointer: &str) -> Result<&mut Value> {
        self.document.pointer_mut(pointer).ok_or_else(|| missing(pointer))
    }

    fn list(&mut self, pointer: &str) -> Result<&mut Vec<Value>> {
        self.at(pointer)?.as_array_mut().ok_or_else(|| missing(pointer))
    }

    /// Returns the plugin configurations of the wasm filters, in chain order.
    pub fn plugins(&mut self) -> Result<impl Iterator<Item = &mut Value>> {
        let filters = self.list(&format!("{HCM}/http_filters"))?;
        let plugins = filters.iter_mut().filter_map(|filter| filter.pointer_mut("/typed_config/config"));
        Ok(plugins.filter(|plugin| plugin.get("root_id").is_some()))
    }

    /// Returns the plugin configuration of the wasm filter with this root id.
    pub fn plugin(&mut self, root_id: &str) -> Result<&mut Value> {
        self.plugins()?.find(|plugin| plugin["root_id"] == root_id).ok_or_else(|| missing(root_id))
    }
}

fn missing(what: &str) -> Error {
    Error::new(format!("the bootstrap has no {what}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bootstrap() -> Bootstrap {
        let plugin = |root_id: &str| {
            json!({"name": root_id, "typed_config": {"config": {
                "root_id": root_id,
                "allow_on_headers_stop_iteration": true,
                "vm_config": {"code": {"local": {"filename": ""}}},
                "configuration": {"value": {}},
            }}})
        };
        Bootstrap::from_document(json!({
            "static_resources": {
                "listeners": [{"filter_chains": [{"filters": [{"typed_config": {
                    "http_filters": [plugin("a"), plugin("b"), {"name": "router"}],
                }}]}]}],
                "clusters": [],
            },
        }))
    }

    fn root_ids(mut bootstrap: Bootstrap) -> Vec<String> {
        bootstrap.plugins().unwrap().map(|p| p["root_id"].as_str().unwrap().to_owned()).collect()
    }

    #[test]
    fn only_removes_the_other_filters() {
        assert_eq!(root_ids(bootstrap().only(&["b"]).unwrap()), ["b"]);
        let mut plain = bootstrap().only(&[]).unwrap();
        assert_eq!(plain.list(&format!("{HCM}/http_filters")).unwrap().len(), 1);
    }

    #[test]
    fn an_edit_that_finds_nothing_is_an_error() {
        let message = |bootstrap: Result<Bootstrap>| bootstrap.unwrap_err().to_string();
        assert!(message(bootstrap().upstream("elsewhere", "127.0.0.1:1".parse().unwrap())).contains("elsewhere"));
        assert!(message(bootstrap().configure("nobody", json!({}))).contains("nobody"));
        assert!(message(bootstrap().only(&["nobody"])).contains("nobody"));
        assert!(message(bootstrap().on_loopback()).contains("/admin/address"));
    }
}
