//! The bootstraps of the chain and of the one filter, and the edits that runs make to it.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

use std::path::Path;

use serde_json::{Value, json};
use tollgate_envoy_harness::{Bootstrap, Result};
use tollgate_workspace as workspace;

const HCM: &str = "/static_resources/listeners/0/filter_chains/0/filters/0/typed_config";

fn chain() -> Bootstrap {
    workspace::chain_bootstrap().unwrap()
}

fn root_ids(mut bootstrap: Bootstrap) -> Vec<String> {
    bootstrap.plugins().unwrap().map(|p| p["root_id"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn the_chain_has_the_four_filters_in_order_and_one_virtual_machine() {
    assert_eq!(root_ids(chain()), workspace::FILTERS);
    let mut chain = chain();
    let machines: Vec<_> = chain.plugins().unwrap().map(|plugin| plugin["vm_config"].clone()).collect();
    assert!(machines.iter().all(|machine| *machine == machines[0]));
    assert_eq!(machines[0]["vm_id"], "tollgate");
    for plugin in chain.plugins().unwrap() {
        assert_eq!(plugin["allow_on_headers_stop_iteration"], true);
        assert_eq!(plugin["failure_policy"], "FAIL_RELOAD");
    }
}

#[test]
fn text_that_looks_like_a_number_or_a_bool_remains_text() {
    let mut chain = chain();
    let prices = &chain.plugin("cost-quota").unwrap()["configuration"]["value"]["prices"];
    assert_eq!(prices["gpt-4o"]["input"], "2.50");
    let rules = &chain.plugin("prompt-inspector").unwrap()["configuration"]["value"]["rules"];
    assert_eq!(rules[0]["applies_to"], json!(["request"]));
}

#[test]
fn every_edit_changes_its_own_fields_and_no_others() {
    let mut edited = chain()
        .on_loopback()
        .and_then(|b| b.upstream("local", "127.0.0.1:1234".parse().unwrap()))
        .and_then(|b| b.modules(|root_id| Path::new("/m").join(workspace::module_file(root_id))))
        .and_then(|b| b.configure("token-counter", json!({"a": 1})))
        .and_then(|b| b.allow_on_headers_stop_iteration(false))
        .and_then(|b| b.access_log(Path::new("/log")))
        .and_then(|b| b.buffer_limit(4096))
        .unwrap();
    let mut differences = Vec::new();
    differ("", chain().document_mut(), edited.document_mut(), &mut differences);
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

/// The reference bootstrap, which is rendered from one policy, differs from the chain in the filters and in nothing else.
#[test]
fn the_reference_is_the_chain_with_one_filter() {
    let filters = format!("{HCM}/http_filters");
    let mut reference = workspace::reference_bootstrap().unwrap();
    let list = reference.document_mut().pointer_mut(&filters).unwrap().as_array_mut().unwrap();
    let plugin = list.remove(0)["typed_config"]["config"].take();
    assert_eq!((&plugin["root_id"], list.len()), (&json!("tollgate"), 1));
    assert_eq!(reference, chain().only(&[]).unwrap());

    let mut chain = chain();
    let quota = chain.plugin("cost-quota").unwrap();
    for field in ["allow_on_headers_stop_iteration", "failure_policy", "vm_config"] {
        assert_eq!(plugin[field], quota[field], "{field}");
    }
    let rules = &chain.plugin("prompt-inspector").unwrap()["configuration"]["value"]["rules"];
    assert_eq!(plugin["configuration"]["value"]["firewall"]["rules"], *rules);
}

#[test]
fn only_removes_the_other_filters() {
    assert_eq!(root_ids(chain().only(&["cost-quota"]).unwrap()), ["cost-quota"]);
    let mut plain = chain().only(&[]).unwrap();
    assert_eq!(plain.document_mut().pointer(&format!("{HCM}/http_filters")).unwrap().as_array().unwrap().len(), 1);
}

#[test]
fn an_edit_that_finds_nothing_is_an_error() {
    let message = |bootstrap: Result<Bootstrap>| bootstrap.unwrap_err().to_string();
    assert!(message(chain().upstream("elsewhere", "127.0.0.1:1".parse().unwrap())).contains("elsewhere"));
    assert!(message(chain().configure("nobody", json!({}))).contains("nobody"));
    assert!(message(chain().only(&["nobody"])).contains("nobody"));
    assert!(message(Bootstrap::from_yaml("a: 1").and_then(Bootstrap::on_loopback)).contains("/admin/address"));
}
