//! Guests that make any host call with any arguments at any time: at worst, they fail themselves.

use proptest::prelude::*;

use crate::*;

/// Every function of module `env` with the number of its arguments. All arguments have 32 bits, except the second one of the
/// functions in `wide`.
const CALLS: [(&str, usize); 39] = [
    ("proxy_log", 3),
    ("proxy_get_log_level", 1),
    ("proxy_get_status", 3),
    ("proxy_done", 0),
    ("proxy_set_effective_context", 1),
    ("proxy_call_foreign_function", 6),
    ("proxy_get_current_time_nanoseconds", 1),
    ("proxy_set_tick_period_milliseconds", 1),
    ("proxy_get_buffer_bytes", 5),
    ("proxy_get_buffer_status", 3),
    ("proxy_set_buffer_bytes", 5),
    ("proxy_get_header_map_size", 2),
    ("proxy_get_header_map_pairs", 3),
    ("proxy_get_header_map_value", 5),
    ("proxy_set_header_map_pairs", 3),
    ("proxy_add_header_map_value", 5),
    ("proxy_replace_header_map_value", 5),
    ("proxy_remove_header_map_value", 3),
    ("proxy_continue_stream", 1),
    ("proxy_close_stream", 1),
    ("proxy_send_local_response", 8),
    ("proxy_http_call", 10),
    ("proxy_grpc_call", 12),
    ("proxy_grpc_stream", 9),
    ("proxy_grpc_send", 4),
    ("proxy_grpc_cancel", 1),
    ("proxy_grpc_close", 1),
    ("proxy_get_shared_data", 5),
    ("proxy_set_shared_data", 5),
    ("proxy_register_shared_queue", 3),
    ("proxy_resolve_shared_queue", 5),
    ("proxy_enqueue_shared_queue", 3),
    ("proxy_dequeue_shared_queue", 3),
    ("proxy_define_metric", 4),
    ("proxy_get_metric", 2),
    ("proxy_get_property", 4),
    ("proxy_set_property", 4),
    ("proxy_increment_metric", 2),
    ("proxy_record_metric", 2),
];

fn wide(name: &str) -> bool {
    matches!(name, "proxy_increment_metric" | "proxy_record_metric")
}

/// Returns a call in the text format that drops its status.
fn call(at: usize, arguments: &[i32]) -> String {
    let (name, count) = CALLS[at];
    let arguments: String = (0..count)
        .map(|i| {
            let value = arguments[i % arguments.len()];
            if wide(name) && i == 1 { format!(" (i64.const {value})") } else { format!(" (i32.const {value})") }
        })
        .collect();
    format!("(drop (call ${at}{arguments}))\n")
}

fn module(bodies: &[String; 5]) -> Module {
    let imports: String = CALLS
        .iter()
        .enumerate()
        .map(|(at, (name, count))| {
            let types: String = (0..*count).map(|i| if wide(name) && i == 1 { " i64" } else { " i32" }).collect();
            format!("(import \"env\" \"{name}\" (func ${at} (param{types}) (result i32)))\n")
        })
        .collect();
    let [start, request, body, response, log] = bodies;
    let text = format!(
        r#"(module {imports}
        (memory (export "memory") 1)
        (data (i32.const 0) "\02\00\00\00\01\00\00\00\01\00\00\00side:path\00/\00")
        (func (export "proxy_abi_version_0_2_1"))
        (func (export "malloc") (param i32) (result i32) (i32.const 1024))
        (func (export "proxy_on_configure") (param i32 i32) (result i32) {start} (i32.const 1))
        (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32) {request} (i32.const 1))
        (func (export "proxy_on_request_body") (param i32 i32 i32) (result i32) {body} (i32.const 0))
        (func (export "proxy_on_response_headers") (param i32 i32 i32) (result i32) {response} (i32.const 0))
        (func (export "proxy_on_log") (param i32) {log}))"#
    );
    Module::new(&wat::parse_str(text).unwrap()).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn no_host_call_breaks_the_host(
        calls in proptest::collection::vec(
            (
                0usize..5,
                0..CALLS.len(),
                proptest::collection::vec(
                    proptest::sample::select(vec![0, 1, 2, 3, 4, 5, 8, 12, 16, 60_000, 65_535, -1, i32::MIN, i32::MAX]),
                    1..6,
                ),
            ),
            1..40,
        ),
        http2: bool,
    ) {
        let mut bodies = <[String; 5]>::default();
        for (place, at, arguments) in &calls {
            bodies[*place].push_str(&call(*at, arguments));
        }
        let process = Process::builder().trace(true).canary(false).build();
        for cluster in ["up", "side"] {
            process.cluster(cluster, |request| UpstreamResponse::json(request.body()));
        }
        let plugin = Plugin::new("anything", module(&bodies)).allow_on_headers_stop_iteration(true);
        let listener = Listener::builder().plugin(plugin).route(Route::prefix("/").cluster("up")).start(&process);
        // An unknown log level is a trap, also during configuration.
        let Ok(listener) = listener else { return Ok(()) };
        for request in [Request::post("/").body("hello"), Request::post("/").frames(["a", "b"]).trailers([("t", "1")])] {
            let request = if http2 { request.http2() } else { request };
            let exchange = listener.send(request);
            prop_assert_ne!(exchange.client.end, End::Open);
        }
        process.advance(std::time::Duration::from_secs(5));
    }
}
