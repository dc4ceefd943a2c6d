//! Tests of whole processes with small guests.

mod host_calls;

use std::time::Duration;

use crate::*;

/// Compiles a guest from its functions; imports, memory and an allocator are added.
fn guest(functions: &str) -> Module {
    let text = format!(
        r#"(module
        (import "env" "proxy_log" (func $log (param i32 i32 i32) (result i32)))
        (import "env" "proxy_set_tick_period_milliseconds" (func $tick (param i32) (result i32)))
        (import "env" "proxy_http_call"
            (func $call (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32) (result i32)))
        (import "env" "proxy_set_effective_context" (func $effective (param i32) (result i32)))
        (import "env" "proxy_continue_stream" (func $continue (param i32) (result i32)))
        (import "env" "proxy_set_buffer_bytes" (func $put (param i32 i32 i32 i32 i32) (result i32)))
        (import "env" "proxy_set_property" (func $publish (param i32 i32 i32 i32) (result i32)))
        (import "env" "proxy_define_metric" (func $define (param i32 i32 i32 i32) (result i32)))
        (import "env" "proxy_increment_metric" (func $increment (param i32 i64) (result i32)))
        (import "env" "proxy_set_shared_data" (func $share (param i32 i32 i32 i32 i32) (result i32)))
        (memory (export "memory") 2)
        (global $next (mut i32) (i32.const 65536))
        (func (export "proxy_abi_version_0_2_1"))
        (func (export "proxy_on_memory_allocate") (param i32) (result i32)
            (global.get $next)
            (global.set $next (i32.add (global.get $next) (local.get 0))))
        (data (i32.const 16) "told")
        (data (i32.const 32) "side")
        ;; :method GET, :path /, :authority s
        (data (i32.const 64) "\03\00\00\00\07\00\00\00\03\00\00\00\05\00\00\00\01\00\00\00\0a\00\00\00\01\00\00\00:method\00GET\00:path\00/\00:authority\00s\00")
        (func $tell (drop (call $log (i32.const 4) (i32.const 16) (i32.const 4))))
        {functions})"#
    );
    Module::new(&wat::parse_str(text).unwrap()).unwrap()
}

fn process() -> Process {
    let process = Process::builder().canary(false).trace(true).build();
    process.cluster("up", |request| UpstreamResponse::status(200).body(request.body()));
    process
}

fn listen(process: &Process, plugin: Plugin) -> Listener {
    Listener::builder().plugin(plugin).route(Route::prefix("/").cluster("up").name("all")).start(process).unwrap()
}

const PAUSES: &str = r#"(func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32) (i32.const 1))"#;

#[test]
fn a_paused_request_stalls_with_a_reason() {
    for (allow, reason) in [(false, "allow_on_headers_stop_iteration"), (true, "")] {
        let process = process();
        let listener = listen(&process, Plugin::new("pauses", guest(PAUSES)).allow_on_headers_stop_iteration(allow));
        let exchange = listener.send(Request::post("/").body("hello"));
        if allow {
            // The body callback continues the headers.
            assert_eq!((&exchange.client.end, exchange.upstream_body()), (&End::Complete, b"hello".to_vec()));
            continue;
        }
        let End::Stalled(why) = &exchange.client.end else { panic!("{:?}", exchange.client) };
        assert!(why.contains(reason) && why.contains("pauses"), "{why}");
        assert_eq!(exchange.client.details, "downstream_remote_disconnect");
        assert!(exchange.upstream.is_empty());
        assert_eq!(process.elapsed(), Duration::from_secs(30));
    }
}

#[test]
fn a_callout_holds_the_request_until_its_response() {
    let module = guest(
        r#"(global $stream (mut i32) (i32.const 0))
        (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
            (global.set $stream (local.get 0))
            (drop (call $call (i32.const 32) (i32.const 4) (i32.const 64) (i32.const 62)
                (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 200) (i32.const 256)))
            (i32.const 1))
        (func (export "proxy_on_http_call_response") (param i32 i32 i32 i32 i32)
            (call $tell)
            (drop (call $effective (global.get $stream)))
            (drop (call $continue (i32.const 0))))"#,
    );
    let cases: [(UpstreamResponse, u64); 4] = [
        (UpstreamResponse::status(200).delay(Duration::from_millis(50)), 50),
        (UpstreamResponse::status(200).delay(Duration::from_secs(9)), 200),
        (UpstreamResponse::never(), 200),
        (UpstreamResponse::refuse(), 0),
    ];
    for (reply, after_ms) in cases {
        let process = process();
        process.cluster("side", move |request| {
            assert_eq!((request.origin, request.headers.text(":path")), (Origin::HttpCall, Some("/")));
            reply.clone()
        });
        let exchange = listen(&process, Plugin::new("calls", module.clone())).send(Request::get("/"));
        assert_eq!(exchange.client.end, End::Complete, "{}", exchange.trace);
        assert_eq!(process.elapsed(), Duration::from_millis(after_ms));
        assert_eq!(exchange.upstream[0].at, Duration::from_millis(after_ms));
        assert_eq!((exchange.callouts.len(), exchange.log.len()), (1, 1), "the root context logs for the stream");
        let lines: Vec<String> = exchange.trace.lines().iter().map(ToString::to_string).collect();
        assert!(lines.iter().any(|line| line.contains("Http response to call 4")), "{}", exchange.trace);
        assert!(lines.iter().any(|line| line.ends_with("continue_stream(0) = 0")), "{}", exchange.trace);
    }
}

#[test]
fn timers_tick_in_virtual_time_on_every_worker() {
    let module = guest(
        r#"(func (export "proxy_on_configure") (param i32 i32) (result i32)
            (drop (call $tick (i32.const 100))) (i32.const 1))
        (func (export "proxy_on_tick") (param i32) (call $tell))"#,
    );
    let process = Process::builder().workers(2).build();
    listen(&process, Plugin::new("ticks", module));
    process.advance(Duration::from_millis(350));
    let on = |thread| process.log().iter().filter(|entry| entry.thread == thread).count();
    assert_eq!((on(Thread::Worker(0)), on(Thread::Worker(1)), on(Thread::Main)), (3, 3, 3));
    assert_eq!(on(Thread::Canary), 0, "a canary has no timers");
}

#[test]
fn a_trap_is_handled_by_the_failure_policy() {
    let module = guest(
        r#"(func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
            (if (i32.eq (local.get 2) (i32.const 0)) (then unreachable)) (i32.const 0))"#,
    );
    for (policy, afterwards) in [
        (FailurePolicy::FailClosed, [503, 503]),
        (FailurePolicy::FailOpen, [200, 200]),
        (FailurePolicy::FailReload, [503, 200]),
    ] {
        let process = process();
        let listener = listen(&process, Plugin::new("traps", module.clone()).failure_policy(policy));
        let failing = listener.send(Request::post("/").body("x"));
        assert_eq!((failing.client.status, failing.client.details.as_str()), (503, "wasm_fail_stream"));
        assert!(process.log()[0].text.contains("proxy_on_request_headers failed"), "{:?}", process.log());
        let status = || listener.send(Request::get("/")).client.status;
        let at_once = status();
        process.advance(Duration::from_secs(2));
        assert_eq!([at_once, status()], afterwards, "{policy:?}");
    }
}

#[test]
fn a_longer_body_does_not_match_its_content_length() {
    let module = guest(
        r#"(func (export "proxy_on_request_body") (param i32 i32 i32) (result i32)
            (drop (call $put (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 16) (i32.const 4)))
            (i32.const 0))"#,
    );
    let process = process();
    let listener = listen(&process, Plugin::new("grows", module));
    let exchange = listener.send(Request::post("/").body("x").http2());
    assert_eq!(exchange.upstream[0].text(), "toldx");
    assert!(!exchange.upstream[0].content_length_matches());
    let exchange = listener.send(Request::post("/").frames(["x"]).http2());
    assert!(exchange.upstream[0].content_length_matches());
}

#[test]
fn a_guest_that_loops_for_ever_traps_after_the_ticks_of_a_callback() {
    let module = guest(
        r#"(func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
            (call $tell)
            (loop $again (br $again))
            (i32.const 0))"#,
    );
    let process = process();
    let listener = listen(&process, Plugin::new("loops", module.clone()));
    let over = std::sync::atomic::AtomicBool::new(false);
    let exchange = std::thread::scope(|scope| {
        scope.spawn(|| {
            while !over.load(std::sync::atomic::Ordering::Relaxed) {
                module.tick();
                std::thread::sleep(Duration::from_millis(1));
            }
        });
        let exchange = listener.send(Request::get("/"));
        over.store(true, std::sync::atomic::Ordering::Relaxed);
        exchange
    });
    assert_eq!((exchange.client.status, exchange.upstream.len()), (503, 0));
    let messages: Vec<&str> = exchange.log.iter().map(|entry| entry.text.as_str()).collect();
    assert!(messages.iter().any(|text| text.contains("proxy_on_request_headers does not return")), "{messages:?}");
}

#[test]
fn stats_properties_and_shared_data_outlive_a_stream() {
    let module = guest(
        r#"(global $metric (mut i32) (i32.const 0))
        (func (export "proxy_on_configure") (param i32 i32) (result i32)
            (drop (call $define (i32.const 0) (i32.const 16) (i32.const 4) (i32.const 256)))
            (global.set $metric (i32.load (i32.const 256)))
            (i32.const 1))
        (func (export "proxy_on_log") (param i32)
            (drop (call $increment (global.get $metric) (i64.const 2)))
            (drop (call $publish (i32.const 16) (i32.const 4) (i32.const 32) (i32.const 4)))
            (drop (call $share (i32.const 16) (i32.const 4) (i32.const 32) (i32.const 4) (i32.const 0)))
            (call $tell))"#,
    );
    let process = Process::builder().workers(2).build();
    process.cluster("up", |_| UpstreamResponse::status(204));
    let listener = listen(&process, Plugin::new("leaves", module).vm_id("v"));
    for worker in 0..2 {
        let exchange = listener.send(Request::get("/").worker(worker));
        assert_eq!(exchange.property("told").as_deref(), Some("side"));
        assert_eq!((exchange.route.as_deref(), exchange.cluster.as_deref()), (Some("all"), Some("up")));
        assert_eq!((exchange.log.len(), exchange.log[0].thread), (1, Thread::Worker(worker)));
    }
    assert_eq!(process.stats().counter("wasmcustom.told"), 4);
    assert_eq!(process.shared_data("v", b"told"), Some((b"side".to_vec(), 2)));
    assert_eq!(process.shared_data("w", b"told"), None);
}

#[test]
fn streams_interleave() {
    let process = process();
    process.cluster_with_trigger("up", ResponseTrigger::Manual, |_| UpstreamResponse::never());
    let listener = listen(&process, Plugin::new("passes", guest("")));
    let (one, two) = (listener.open(Request::get("/1")), listener.open(Request::get("/2")));
    two.respond_headers([(":status", "200")], false);
    one.respond_headers([(":status", "404"), ("content-length", "0")], true);
    two.respond_data("late", false);
    assert_eq!((one.client().status, two.client().text()), (404, "late".to_owned()));
    two.respond_data("", true);
    assert_eq!((one.finish().client.end, two.finish().client.end), (End::Complete, End::Complete));
    let three = listener.open(Request::get("/3"));
    three.respond_headers([(":status", "200")], false);
    three.respond_reset();
    assert_eq!(three.finish().client.end, End::Truncated);
    let four = listener.open(Request::get("/4"));
    four.reset();
    let exchange = four.finish();
    assert_eq!((exchange.client.end, exchange.upstream[0].reset), (End::Disconnected, true));
}

#[test]
fn the_same_seed_gives_the_same_ids() {
    let run = |seed| {
        let process = Process::builder().seed(seed).build();
        process.cluster("up", |_| UpstreamResponse::status(204));
        let exchange = listen(&process, Plugin::new("passes", guest(""))).send(Request::get("/"));
        exchange.upstream[0].headers.text("x-request-id").unwrap().to_owned()
    };
    assert_eq!(run(7), run(7));
    assert_ne!(run(7), run(8));
}

#[test]
fn modules_that_envoy_does_not_load_are_refused() {
    for (text, what) in [
        (r#"(module (memory (export "memory") 1))"#, "proxy_abi_version"),
        (
            r#"(module (import "env" "proxy_fly" (func)) (memory (export "memory") 1)
                (func (export "proxy_abi_version_0_2_1"))
                (func (export "malloc") (param i32) (result i32) (i32.const 0)))"#,
            "env.proxy_fly",
        ),
    ] {
        let error = Module::new(&wat::parse_str(text).unwrap()).unwrap_err().to_string();
        assert!(error.contains(what), "{error}");
    }
    assert!(matches!(Module::new(b"not wasm"), Err(LoadError::Invalid(_))));
    assert!(matches!(Module::from_file("/nowhere"), Err(LoadError::Read { .. })));
}

#[test]
fn a_refused_configuration_reports_its_log() {
    let module =
        guest(r#"(func (export "proxy_on_configure") (param i32 i32) (result i32) (call $tell) (i32.const 0))"#);
    let started = Listener::builder().plugin(Plugin::new("refuses", module)).start(&process());
    let error = started.err().unwrap();
    assert_eq!((error.plugin.as_str(), error.log.len(), error.log[0].text.as_str()), ("refuses", 1, "told"));
    assert!(error.to_string().contains("proxy_on_configure"), "{error}");
}

#[test]
fn a_host_call_before_initialization_traps() {
    let module = guest(r#"(func (export "_initialize") (drop (call $tick (i32.const 1))))"#);
    let error = Listener::builder().plugin(Plugin::new("early", module)).start(&process()).err().unwrap();
    assert!(error.reason.contains("_initialize failed"), "{error}");
}

#[test]
fn a_request_that_ends_twice_is_reported() {
    // The first filter holds everything to the end; the second continues its headers with the body, and the trailers too.
    const HOLDS: &str = r#"(func (export "proxy_on_request_body") (param i32 i32 i32) (result i32)
        (i32.eqz (local.get 2)))"#;
    let process = process();
    let plugin =
        |name: &str, functions: &str| Plugin::new(name, guest(functions)).allow_on_headers_stop_iteration(true);
    let listener = Listener::builder()
        .plugin(plugin("holds", &[PAUSES, HOLDS].concat()))
        .plugin(plugin("lets go", PAUSES))
        .route(Route::prefix("/").cluster("up").name("all"))
        .start(&process)
        .unwrap();
    for (request, ended_twice) in
        [(Request::post("/").body("hello"), false), (Request::post("/").frames(["hello"]).trailers([("t", "1")]), true)]
    {
        let exchange = listener.send(request);
        assert_eq!((exchange.upstream_body(), exchange.upstream.len()), (b"hello".to_vec(), 1));
        assert!(exchange.upstream[0].complete);
        assert_eq!(exchange.upstream[0].ended_twice, ended_twice);
    }
}
