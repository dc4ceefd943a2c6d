//! Number of callbacks, host calls and allocations of one small call through the reference policy.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use serde_json::Value;
use tollgate_host::{Listener, Module, Plugin, Process, Request, Route, Trace, TraceEvent, UpstreamResponse};
use tollgate_workspace as workspace;

/// Callbacks, host calls and allocations for their results of a call whose request has 1 KB, with every stage on;
/// docs/filters/gateway.md names them.
const COUNTS: [usize; 3] = [10, 43, 8];

fn counts(trace: &Trace) -> [usize; 3] {
    let count = |kind: fn(&TraceEvent) -> bool| trace.lines().iter().filter(|line| kind(&line.event)).count();
    [
        count(|event| matches!(event, TraceEvent::Callback(_))),
        count(|event| matches!(event, TraceEvent::HostCall(_))),
        count(|event| matches!(event, TraceEvent::Allocation(_))),
    ]
}

#[test]
fn host_calls_of_a_small_call() {
    let path = workspace::root().join("examples/gateway/tollgate.yaml");
    let text = std::fs::read_to_string(&path).unwrap();
    let policy = serde_saphyr::from_str::<Value>(&text).unwrap().to_string();
    let module = Module::from_file(workspace::module(workspace::BUNDLE).unwrap()).unwrap();
    let process = Process::builder().canary(false).trace(true).build();
    let answer = r#"{"id":"1","object":"chat.completion","model":"gpt-4o","choices":[{"index":0,"message":{"role":"assistant","content":"Good."},"finish_reason":"stop"}],"usage":{"prompt_tokens":230,"completion_tokens":2,"total_tokens":232}}"#;
    process.cluster("openai", move |_| UpstreamResponse::json(answer));
    let plugin = Plugin::new("tollgate", module)
        .root_id("tollgate")
        .vm_id("tollgate")
        .configuration(policy)
        .allow_on_headers_stop_iteration(true);
    let listener =
        Listener::builder().plugin(plugin).route(Route::prefix("/").cluster("openai")).start(&process).unwrap();
    let body = format!(
        r#"{{"model":"gpt-4o","max_tokens":100,"messages":[{{"role":"user","content":"{}"}}]}}"#,
        "What is a gateway? ".repeat(50)
    );
    let request = || {
        Request::post("/v1/chat/completions")
            .header("content-type", "application/json")
            .header("x-tollgate-consumer", "alice")
            .body(body.clone())
    };
    // The first call defines metrics.
    listener.send(request());
    let exchange = listener.send(request());
    assert_eq!(exchange.client.status, 200, "{}", exchange.client.text());
    assert_eq!(counts(&exchange.trace), COUNTS, "callbacks, host calls, allocations:\n{}", exchange.trace);
}
