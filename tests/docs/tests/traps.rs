//! Statistics that Envoy counts after a trap: the page on deploying names those that change, and no others.

use std::fs;
use std::time::{Duration, Instant};

use tollgate_envoy_harness::blocking::Request;
use tollgate_envoy_harness::scratch::Scratch;
use tollgate_envoy_harness::{Envoy, Gateway, gateway};
use tollgate_workspace as workspace;

use crate::page::{Page, code};

/// Filter that is trapped.
const FILTER: &str = "prompt-inspector";

/// Module whose `proxy_on_request_headers` executes `unreachable`, as a failed allocation or a panic does.
const TRAP: &str = r#"(module
    (memory (export "memory") 1)
    (func (export "proxy_abi_version_0_2_1"))
    (func (export "_initialize"))
    (func (export "malloc") (param i32) (result i32) (i32.const 1024))
    (func (export "proxy_on_context_create") (param i32 i32))
    (func (export "proxy_on_vm_start") (param i32 i32) (result i32) (i32.const 1))
    (func (export "proxy_on_configure") (param i32 i32) (result i32) (i32.const 1))
    (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32) unreachable))"#;

/// Timeout of a request.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Longest wait for a new virtual machine. The backoff before a reload is at most a second at first, and grows with every
/// trap.
const RELOAD_LIMIT: Duration = Duration::from_secs(30);

/// Statistics of the filter on the page, by the last part of their names: those to alert on, and those that do not change.
fn on_the_page() -> (Vec<String>, Vec<String>) {
    let page = Page::read("docs/deploying.md");
    let names = |start: &str| -> Vec<String> {
        let text = page.text.split_once(start).unwrap_or_else(|| panic!("docs/deploying.md lacks {start:?}")).1;
        let end = [". ", ".\n"].iter().filter_map(|stop| text.find(stop)).min().unwrap_or(text.len());
        code(&text[..end]).filter_map(|name| name.strip_prefix("wasm.<filter>.")).map(str::to_owned).collect()
    };
    (names("- Alert on "), names("Do not rely on "))
}

#[test]
fn statistics_to_alert_on_change_after_a_trap() {
    let (alerts, constant) = on_the_page();
    assert!(!alerts.is_empty() && !constant.is_empty(), "{alerts:?}, {constant:?}");
    let scratch = Scratch::new("trap").unwrap();
    let module = scratch.path().join("trap.wasm");
    fs::write(&module, wat::parse_str(TRAP).unwrap()).unwrap();
    let bootstrap = workspace::chain_bootstrap().unwrap().only(&[FILTER]).unwrap().module(&module).unwrap();
    let options = gateway::Options { concurrency: 1, ..gateway::Options::default() };
    let gateway = Gateway::start(&Envoy::find_or_install().unwrap(), bootstrap, &options).unwrap();
    let count = || {
        let stats = gateway.stats("wasm.").unwrap();
        let prefix = format!("wasm.{FILTER}.");
        move |name: &str| stats.get(&format!("{prefix}{name}")).copied()
    };
    let before = count();
    for name in alerts.iter().chain(&constant) {
        assert_eq!(before(name), Some(0), "{name} before a trap");
    }
    // The first request traps. Those after it find the backoff, and after the backoff a new virtual machine.
    let end = Instant::now() + RELOAD_LIMIT;
    while Instant::now() < end {
        let status = Request::get("/v1/models").send(gateway.address(), TIMEOUT).unwrap().status;
        assert_eq!(status, 503);
        if alerts.iter().any(|name| name.ends_with("_success") && count()(name).is_some_and(|count| count > 0)) {
            break;
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    let after = count();
    let changed: Vec<_> = alerts.iter().filter(|name| after(name).is_some_and(|count| count > 0)).collect();
    assert!(changed.iter().any(|name| *name == "vm_reload_success"), "{changed:?} of {alerts:?}");
    for name in &constant {
        assert_eq!(after(name), Some(0), "{name} after a trap");
    }
}
