//! The reference bootstrap, `envoy/envoy.yaml`, and the few things in it that a run may change.
//!
//! Tests that wrote a bootstrap of their own would prove nothing about the file that users mount. So a run takes that very
//! file and edits the parsed document: addresses, ports and paths always, and what a test is about if it says so. An edit
//! that finds nothing to change is an error, so the two cannot drift apart.

use std::net::SocketAddr;
use std::path::Path;

use serde_json::{Value, json};

use crate::error::Context;
use crate::{Error, Result, workspace};

/// A bootstrap configuration of Envoy.
#[derive(Clone, Debug, PartialEq)]
pub struct Bootstrap {
    document: Value,
}

const HCM: &str = "/static_resources/listeners/0/filter_chains/0/filters/0/typed_config";

impl Bootstrap {
    /// The reference, as it stands in the repository.
    pub fn reference() -> Result<Bootstrap> {
        let path = workspace::root().join("envoy/envoy.yaml");
        let text = std::fs::read_to_string(&path).context(|| format!("cannot read {}", path.display()))?;
        Bootstrap::from_yaml(&text).context(|| path.display().to_string())
    }

    /// A bootstrap from its YAML.
    pub fn from_yaml(text: &str) -> Result<Bootstrap> {
        let document = serde_saphyr::from_str(text).context(|| "not YAML".into())?;
        Ok(Bootstrap { document })
    }

    /// The document, for edits that have no method here.
    pub fn document_mut(&mut self) -> &mut Value {
        &mut self.document
    }

    /// As JSON, which Envoy reads from a file that is named `.json`.
    pub fn to_json(&self) -> String {
        self.document.to_string()
    }

    /// Listener and admin on 127.0.0.1, on ports that the kernel picks.
    pub fn on_loopback(mut self) -> Result<Bootstrap> {
        let any = || json!({"socket_address": {"address": "127.0.0.1", "port_value": 0}});
        *self.at("/admin/address")? = any();
        *self.at("/static_resources/listeners/0/address")? = any();
        Ok(self)
    }

    /// The address of a cluster's only endpoint.
    pub fn upstream(mut self, cluster: &str, address: SocketAddr) -> Result<Bootstrap> {
        let endpoint = "/load_assignment/endpoints/0/lb_endpoints/0/endpoint/address/socket_address";
        let clusters = self.list("/static_resources/clusters")?;
        let cluster = clusters.iter_mut().find(|entry| entry["name"] == cluster).ok_or_else(|| missing(cluster))?;
        let socket = cluster.pointer_mut(endpoint).ok_or_else(|| missing(endpoint))?;
        *socket = json!({"address": address.ip().to_string(), "port_value": address.port()});
        Ok(self)
    }

    /// Every wasm filter from this one module (the bundle).
    pub fn module(self, path: &Path) -> Result<Bootstrap> {
        self.modules(|_| path.to_owned())
    }

    /// Every wasm filter from a module of its own, by root id.
    pub fn modules(mut self, path: impl Fn(&str) -> std::path::PathBuf) -> Result<Bootstrap> {
        for plugin in self.plugins()? {
            let root_id = plugin["root_id"].as_str().ok_or_else(|| missing("root_id"))?;
            let path = path(root_id).display().to_string();
            let filename = "/vm_config/code/local/filename";
            *plugin.pointer_mut(filename).ok_or_else(|| missing(filename))? = path.into();
        }
        Ok(self)
    }

    /// The chain without the wasm filters that are not named (by root id); an empty list leaves a plain Envoy.
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

    /// Another configuration for a filter.
    pub fn configure(mut self, root_id: &str, configuration: Value) -> Result<Bootstrap> {
        let value = "/configuration/value";
        *self.plugin(root_id)?.pointer_mut(value).ok_or_else(|| missing(value))? = configuration;
        Ok(self)
    }

    /// What Envoy holds of one body at most, on HTTP/1 and on HTTP/2 (which accepts no less than 65535).
    pub fn buffer_limit(mut self, bytes: u32) -> Result<Bootstrap> {
        *self.at("/static_resources/listeners/0/per_connection_buffer_limit_bytes")? = bytes.into();
        *self.at(&format!("{HCM}/http2_protocol_options/initial_stream_window_size"))? = bytes.max(65_535).into();
        *self.at(&format!("{HCM}/route_config/virtual_hosts/0/request_body_buffer_limit"))? = bytes.into();
        Ok(self)
    }

    /// Whether the filters may hold headers while the body comes in. `false` is the mistake that users make.
    pub fn allow_on_headers_stop_iteration(mut self, allow: bool) -> Result<Bootstrap> {
        for plugin in self.plugins()? {
            let flag = "/allow_on_headers_stop_iteration";
            *plugin.pointer_mut(flag).ok_or_else(|| missing(flag))? = allow.into();
        }
        Ok(self)
    }

    /// Where the access log goes.
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

    /// The plugin configurations of the wasm filters, in chain order.
    fn plugins(&mut self) -> Result<impl Iterator<Item = &mut Value>> {
        let filters = self.list(&format!("{HCM}/http_filters"))?;
        let plugins = filters.iter_mut().filter_map(|filter| filter.pointer_mut("/typed_config/config"));
        Ok(plugins.filter(|plugin| plugin.get("root_id").is_some()))
    }

    fn plugin(&mut self, root_id: &str) -> Result<&mut Value> {
        self.plugins()?.find(|plugin| plugin["root_id"] == root_id).ok_or_else(|| missing(root_id))
    }
}

fn missing(what: &str) -> Error {
    Error::new(format!("the bootstrap has no {what}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reference() -> Bootstrap {
        Bootstrap::reference().unwrap()
    }

    fn root_ids(mut bootstrap: Bootstrap) -> Vec<String> {
        bootstrap.plugins().unwrap().map(|p| p["root_id"].as_str().unwrap().to_owned()).collect()
    }

    #[test]
    fn the_reference_has_the_four_filters_in_order_and_one_virtual_machine() {
        assert_eq!(root_ids(reference()), workspace::FILTERS);
        let mut reference = reference();
        let machines: Vec<_> = reference.plugins().unwrap().map(|plugin| plugin["vm_config"].clone()).collect();
        assert!(machines.iter().all(|machine| *machine == machines[0]));
        assert_eq!(machines[0]["vm_id"], "tollgate");
        for plugin in reference.plugins().unwrap() {
            assert_eq!(plugin["allow_on_headers_stop_iteration"], true);
            assert_eq!(plugin["failure_policy"], "FAIL_RELOAD");
        }
    }

    #[test]
    fn text_that_looks_like_a_number_or_a_bool_stays_text() {
        let mut reference = reference();
        let prices = &reference.plugin("cost-quota").unwrap()["configuration"]["value"]["prices"];
        assert_eq!(prices["gpt-4o"]["input"], "2.50");
        let rules = &reference.plugin("prompt-inspector").unwrap()["configuration"]["value"]["rules"];
        assert_eq!(rules[0]["applies_to"], json!(["request"]));
    }

    #[test]
    fn every_edit_changes_what_it_says_and_nothing_else() {
        let mut edited = reference()
            .on_loopback()
            .and_then(|b| b.upstream("local", "127.0.0.1:1234".parse().unwrap()))
            .and_then(|b| b.modules(|root_id| Path::new("/m").join(workspace::module_file(root_id))))
            .and_then(|b| b.configure("token-counter", json!({"a": 1})))
            .and_then(|b| b.allow_on_headers_stop_iteration(false))
            .and_then(|b| b.access_log(Path::new("/log")))
            .and_then(|b| b.buffer_limit(4096))
            .unwrap();
        let mut differences = Vec::new();
        differ("", &reference().document, edited.document_mut(), &mut differences);
        let filters = format!("{HCM}/http_filters");
        let mut expected = vec![
            "/admin/address/socket_address/port_value".to_owned(),
            "/static_resources/clusters/1/load_assignment/endpoints/0/lb_endpoints/0/endpoint/address/socket_address/address"
                .into(),
            "/static_resources/clusters/1/load_assignment/endpoints/0/lb_endpoints/0/endpoint/address/socket_address/port_value"
                .into(),
            "/static_resources/listeners/0/address/socket_address/address".into(),
            "/static_resources/listeners/0/address/socket_address/port_value".into(),
            "/static_resources/listeners/0/per_connection_buffer_limit_bytes".into(),
            format!("{HCM}/access_log/0/typed_config/path"),
            format!("{HCM}/http2_protocol_options/initial_stream_window_size"),
            format!("{HCM}/route_config/virtual_hosts/0/request_body_buffer_limit"),
            format!("{filters}/1/typed_config/config/configuration/value/a"),
        ];
        for i in 0..4 {
            expected.push(format!("{filters}/{i}/typed_config/config/allow_on_headers_stop_iteration"));
            expected.push(format!("{filters}/{i}/typed_config/config/vm_config/code/local/filename"));
        }
        expected.sort();
        differences.sort();
        assert_eq!(differences, expected);
        let modules: Vec<_> =
            edited.plugins().unwrap().map(|p| p["vm_config"]["code"]["local"]["filename"].clone()).collect();
        assert_eq!(modules[1], "/m/token_counter.wasm");
    }

    fn differ(path: &str, a: &Value, b: &Value, out: &mut Vec<String>) {
        match (a, b) {
            (Value::Object(x), Value::Object(y)) => {
                let keys: std::collections::BTreeSet<_> = x.keys().chain(y.keys()).collect();
                for key in keys {
                    differ(&format!("{path}/{key}"), &a[key], &b[key], out);
                }
            }
            (Value::Array(x), Value::Array(y)) if x.len() == y.len() => {
                for (i, (a, b)) in x.iter().zip(y).enumerate() {
                    differ(&format!("{path}/{i}"), a, b, out);
                }
            }
            _ if a == b => {}
            _ => out.push(path.to_owned()),
        }
    }

    /// What the README shows of a filter's configuration is what the reference has, which Envoy has accepted.
    #[test]
    fn the_readme_shows_parts_of_the_reference() {
        let readme = std::fs::read_to_string(workspace::root().join("README.md")).unwrap();
        let blocks = readme.split("```yaml\n").skip(1).map(|rest| rest.split_once("```").unwrap().0);
        let mut shown = Vec::new();
        for block in blocks {
            let Some(root_id) = workspace::FILTERS.iter().find(|id| block.starts_with(&format!("# {id}:"))) else {
                continue;
            };
            let part: Value = serde_saphyr::from_str(block).unwrap();
            let mut reference = reference();
            let whole = &reference.plugin(root_id).unwrap()["configuration"]["value"];
            assert!(is_part(&part, whole), "{root_id}: {part} is not in {whole}");
            shown.push(*root_id);
        }
        assert_eq!(shown, ["prompt-inspector", "cost-quota", "model-router"]);
    }

    fn is_part(part: &Value, whole: &Value) -> bool {
        match (part, whole) {
            (Value::Object(part), Value::Object(whole)) => {
                part.iter().all(|(key, value)| whole.get(key).is_some_and(|whole| is_part(value, whole)))
            }
            (Value::Array(part), Value::Array(whole)) => part.iter().all(|a| whole.iter().any(|b| is_part(a, b))),
            _ => part == whole,
        }
    }

    #[test]
    fn a_chain_can_be_cut_down() {
        assert_eq!(root_ids(reference().only(&["cost-quota"]).unwrap()), ["cost-quota"]);
        let mut plain = reference().only(&[]).unwrap();
        assert_eq!(plain.list(&format!("{HCM}/http_filters")).unwrap().len(), 1);
    }

    #[test]
    fn an_edit_that_finds_nothing_is_an_error() {
        let there = |bootstrap: Result<Bootstrap>| bootstrap.unwrap_err().to_string();
        assert!(there(reference().upstream("elsewhere", "127.0.0.1:1".parse().unwrap())).contains("elsewhere"));
        assert!(there(reference().configure("nobody", json!({}))).contains("nobody"));
        assert!(there(reference().only(&["nobody"])).contains("nobody"));
        assert!(there(Bootstrap::from_yaml("a: 1").and_then(Bootstrap::on_loopback)).contains("/admin/address"));
    }
}
