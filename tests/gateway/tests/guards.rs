//! Guards of a policy, where the client leaves before they have judged, and what they are sent.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::time::Duration;

use tollgate_host::{Disconnect, Level, Listener, Module, Plugin, Process, Request, Route, UpstreamResponse};
use tollgate_workspace as workspace;

const POLICY: &str = r#"{"version": 1, "counting": "exact", "firewall": {
    "rules": [{"id": "key", "match": {"regex": "sk-[0-9]{4}"}, "applies_to": ["request"], "action": "redact"}],
    "guards": [
        {"name": "a", "kind": "openai-moderation", "cluster": "a", "authority": "a.example", "action": "block",
         "headers": {"x-org": "one"}, "key": {"env": "A_KEY"}},
        {"name": "b", "kind": "presidio", "cluster": "b", "action": "redact"}]}}"#;

fn started(process: &Process) -> Listener {
    let module = Module::from_file(workspace::module(workspace::BUNDLE).unwrap()).unwrap();
    let plugin = Plugin::new("tollgate", module)
        .root_id("tollgate")
        .vm_id("tollgate")
        .env("A_KEY", "secret")
        .configuration(POLICY)
        .allow_on_headers_stop_iteration(true);
    Listener::builder().plugin(plugin).route(Route::prefix("/").cluster("openai")).start(process).unwrap()
}

fn process(delay: Duration) -> Process {
    let process = Process::builder().canary(false).build();
    process.cluster("openai", |_| {
        UpstreamResponse::json(r#"{"object":"chat.completion","model":"m","choices":[],"usage":{"prompt_tokens":5,"completion_tokens":1,"total_tokens":6}}"#)
    });
    process.cluster("a", move |_| UpstreamResponse::json(r#"{"results":[{"flagged":false}]}"#).delay(delay));
    process.cluster("b", move |_| UpstreamResponse::json("[]").delay(delay / 2));
    process
}

fn request() -> Request {
    Request::post("/v1/chat/completions")
        .header("content-type", "application/json")
        .header("authorization", "Bearer of-the-client")
        .body(r#"{"model":"gpt-4o","messages":[{"role":"user","content":"my sk-1234"}]}"#)
}

#[test]
fn a_client_that_leaves_while_guards_are_asked_harms_nobody() {
    let process = process(Duration::from_millis(400));
    let listener = started(&process);
    let left = listener.send(request().http2().disconnect_after(Disconnect::RequestFrames(1)));
    assert_eq!((left.upstream.len(), left.callouts.len()), (0, 2), "{left:?}");
    let property = |name: &str| left.filter_state.get(name).map(|value| String::from_utf8_lossy(value).into_owned());
    assert_eq!(property("wasm.tollgate.rules").as_deref(), Some("key"));
    assert_eq!(property("wasm.tollgate.total_tokens").as_deref(), Some("0"));
    // Their responses arrive where nobody waits.
    process.advance(Duration::from_secs(1));
    let next = listener.send(request());
    assert_eq!((next.client.status, next.upstream.len()), (200, 1));
    let is_bad = |entry: &&tollgate_host::LogEntry| entry.level >= Level::Warn;
    assert_eq!(left.log.iter().chain(&next.log).filter(is_bad).count(), 0, "{:?} {:?}", left.log, next.log);
}

#[test]
fn a_guard_gets_its_key_and_nothing_of_the_client_but_texts() {
    let process = process(Duration::ZERO);
    let seen = started(&process).send(request());
    let [a, b] = &seen.callouts[..] else { panic!("{:?}", seen.callouts) };
    let headers = |name: &str| (a.headers.text(name).map(str::to_owned), b.headers.text(name).map(str::to_owned));
    assert_eq!(headers("authorization"), (Some("Bearer secret".into()), None));
    assert_eq!(headers(":authority"), (Some("a.example".into()), Some("b".into())));
    assert_eq!(headers(":path"), (Some("/v1/moderations".into()), Some("/analyze".into())));
    assert_eq!(headers("x-org"), (Some("one".into()), None));
    assert_eq!(a.body(), br#"{"input":["my [key]"]}"#);
    assert_eq!(b.body(), br#"{"language":"en","text":"my [key]"}"#);
}
