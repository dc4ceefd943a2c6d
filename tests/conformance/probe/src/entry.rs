//! Entry points that the host calls.

use crate::probe::{self, Event, event};
use crate::script::Script;
use crate::{abi, command};

const VM_CONFIGURATION: u32 = 6;
const PLUGIN_CONFIGURATION: u32 = 7;

/// Creates an event of a context whose callback returns nothing, or "continue".
fn plain(name: &'static str, context: u32) -> Event {
    Event { name, context, on_behalf: None, end: None, returns: 0 }
}

/// Runs the commands of the environment variable `PROBE_INITIALIZE` in `_initialize`, where almost nothing is permitted.
pub(crate) fn initialize() {
    if let Ok(text) = std::env::var("PROBE_INITIALIZE") {
        for words in Script::read(text.as_bytes()).commands("", "initialize", 1, None) {
            let mut probe = probe::Probe::default();
            let mut run = command::Run { probe: &mut probe, context: 0, on_behalf: 0, returns: 0 };
            if let Some(result) = run.command(&words) {
                abi::log(3, &format!("PROBE - c0 . {result}"));
            }
        }
    }
}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_context_create(context: u32, parent: u32) {
    probe::created(context, parent);
    // The name of a root context is not known before its configuration, which is logged.
    if parent != 0 {
        event(plain("create", context), &format!("root=c{parent}"));
    }
}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_vm_start(context: u32, size: usize) -> u32 {
    let (_, text) = abi::buffer(VM_CONFIGURATION, 0, usize::MAX >> 1);
    probe::configured(context, text.as_deref().unwrap_or_default());
    event(Event { returns: 1, ..plain("vm_start", context) }, &format!("size={size}"))
}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_configure(context: u32, size: usize) -> u32 {
    let (_, text) = abi::buffer(PLUGIN_CONFIGURATION, 0, usize::MAX >> 1);
    probe::configured(context, text.as_deref().unwrap_or_default());
    // The size of the configuration depends on the scenario's script only, so it is logged only if it is wrong.
    let size_note = if text.map_or(0, |text| text.len()) == size { "" } else { "size differs from the buffer" };
    event(Event { returns: 1, ..plain("configure", context) }, size_note)
}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_tick(context: u32) {
    event(plain("tick", context), "");
}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_queue_ready(context: u32, queue: u32) {
    event(plain("queue", context), &format!("id={queue}"));
}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_foreign_function(context: u32, function: u32, size: usize) {
    event(plain("foreign", context), &format!("id={function} size={size}"));
}

fn head(name: &'static str, context: u32, count: u32, end: u32) -> u32 {
    event(Event { end: Some(end != 0), ..plain(name, context) }, &format!("n={count} eos={}", end != 0))
}

fn body(name: &'static str, context: u32, size: usize, end: u32) -> u32 {
    event(Event { end: Some(end != 0), ..plain(name, context) }, &format!("size={size} eos={}", end != 0))
}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_request_headers(context: u32, count: u32, end: u32) -> u32 {
    head("req_headers", context, count, end)
}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_request_body(context: u32, size: usize, end: u32) -> u32 {
    body("req_body", context, size, end)
}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_request_trailers(context: u32, count: u32) -> u32 {
    event(plain("req_trailers", context), &format!("n={count}"))
}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_request_metadata(context: u32, count: u32) -> u32 {
    event(plain("req_metadata", context), &format!("n={count}"))
}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_response_headers(context: u32, count: u32, end: u32) -> u32 {
    head("resp_headers", context, count, end)
}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_response_body(context: u32, size: usize, end: u32) -> u32 {
    body("resp_body", context, size, end)
}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_response_trailers(context: u32, count: u32) -> u32 {
    event(plain("resp_trailers", context), &format!("n={count}"))
}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_response_metadata(context: u32, count: u32) -> u32 {
    event(plain("resp_metadata", context), &format!("n={count}"))
}

/// Handles an event of a call, on behalf of the context that made it.
fn call(name: &'static str, context: u32, token: u32, arguments: &str) {
    event(Event { on_behalf: probe::caller(token), ..plain(name, context) }, &format!("token={token} {arguments}"));
}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_http_call_response(context: u32, token: u32, headers: u32, body: usize, trailers: u32) {
    call("http_call", context, token, &format!("n={headers} size={body} trailers={trailers}"));
}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_grpc_receive_initial_metadata(context: u32, token: u32, headers: u32) {
    call("grpc_initial", context, token, &format!("n={headers}"));
}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_grpc_receive(context: u32, token: u32, size: usize) {
    call("grpc_message", context, token, &format!("size={size}"));
}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_grpc_receive_trailing_metadata(context: u32, token: u32, trailers: u32) {
    call("grpc_trailing", context, token, &format!("n={trailers}"));
}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_grpc_close(context: u32, token: u32, status: u32) {
    call("grpc_close", context, token, &format!("status={status}"));
}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_log(context: u32) {
    event(plain("log", context), "");
}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_done(context: u32) -> u32 {
    event(Event { returns: 1, ..plain("done", context) }, "")
}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_delete(context: u32) {
    event(plain("delete", context), "");
    probe::deleted(context);
}
