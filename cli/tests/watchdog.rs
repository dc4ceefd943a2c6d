//! A missing `allow_on_headers_stop_iteration`, in each filter of the reference chain, in the host.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

use std::time::Duration;

use serde_json::Value;
use tollgate_envoy_harness::Bootstrap;
use tollgate_host::{End, Level, Listener, Module, Plugin, Process, Request, Route, UpstreamResponse};

mod workspace;

const HTTP_FILTERS: &str = "/static_resources/listeners/0/filter_chains/0/filters/0/typed_config/http_filters";

fn module() -> Module {
    let path = std::env::var_os("TOLLGATE_MODULE").map_or_else(|| workspace::module("tollgate.wasm"), Into::into);
    Module::from_file(&path).unwrap()
}

/// Root ids and configurations of the reference chain.
fn chain() -> Vec<(String, String)> {
    let mut bootstrap =
        Bootstrap::from_yaml(&std::fs::read_to_string(workspace::root().join("envoy/chain.yaml")).unwrap()).unwrap();
    let filters = bootstrap.document_mut().pointer(HTTP_FILTERS).and_then(Value::as_array).unwrap();
    let plugins = filters.iter().filter_map(|filter| filter.pointer("/typed_config/config"));
    plugins
        .filter_map(|plugin| {
            Some((plugin["root_id"].as_str()?.to_owned(), plugin["configuration"]["value"].to_string()))
        })
        .collect()
}

#[test]
fn each_filter_without_the_flag_is_reported() {
    let (module, chain) = (module(), chain());
    assert_eq!(chain.len(), 4);
    let body = br#"{"model":"gpt-4o","messages":[{"role":"user","content":"hi"}]}"#;
    for (without, _) in &chain {
        let process = Process::builder().canary(false).build();
        process.cluster("openai", |_| UpstreamResponse::json("{}"));
        let plugin = |(root_id, configuration): &(String, String)| {
            Plugin::new(root_id, module.clone())
                .root_id(root_id)
                .vm_id("tollgate")
                .configuration(configuration.clone())
                .allow_on_headers_stop_iteration(root_id != without)
        };
        let listener = chain.iter().map(plugin).fold(Listener::builder(), |listener, plugin| listener.plugin(plugin));
        let listener = listener.route(Route::prefix("/").cluster("openai")).start(&process).unwrap();
        let request = Request::post("/v1/chat/completions")
            .header("content-type", "application/json")
            .header("x-tollgate-consumer", "alice");
        let started = process.elapsed();
        let exchange = listener.send(request.body(&body[..]));
        assert_eq!((exchange.client.status, &exchange.client.end), (500, &End::Complete), "{without}");
        let duration = process.elapsed() - started;
        assert!(duration <= Duration::from_secs(3), "{without}: {duration:?}");
        assert!(exchange.upstream.is_empty(), "{without}");
        let is_named = |text: &str| text.contains("allow_on_headers_stop_iteration");
        assert!(process.log().iter().any(|entry| entry.level == Level::Error && is_named(&entry.text)), "{without}");
    }
}

/// A client that sends its body slowly is not mistaken for a missing flag, in whichever filter.
#[test]
fn a_slow_client_is_served() {
    let module = module();
    let process = Process::builder().canary(false).build();
    process.cluster("openai", |_| UpstreamResponse::json("{}"));
    let plugins = chain().into_iter().map(|(root_id, configuration)| {
        Plugin::new(&root_id, module.clone())
            .root_id(&root_id)
            .vm_id("tollgate")
            .configuration(configuration)
            .allow_on_headers_stop_iteration(true)
    });
    let listener = plugins.fold(Listener::builder(), |listener, plugin| listener.plugin(plugin));
    let listener = listener.route(Route::prefix("/").cluster("openai")).start(&process).unwrap();
    let frames = [&br#"{"model":"gpt-4o","#[..], br#""messages":["#, br#"{"role":"user","content":"hi"}]}"#];
    let request = Request::post("/v1/chat/completions")
        .header("content-type", "application/json")
        .header("x-tollgate-consumer", "alice")
        .frames(frames)
        .frame_interval(Duration::from_secs(5));
    let exchange = listener.send(request);
    assert_eq!((exchange.client.status, &exchange.client.end), (200, &End::Complete));
}
