//! End-to-end tests in a real Envoy.
//!
//! A deployment (each filter alone, the chain of four modules, the bundle, the gateway) is started once, and everything runs on it:
//! scenarios, each in every framing of the request that can make a difference, then checks that take several requests. The
//! upstream is the mock, which records what reaches it. A run collects its failures, and the test fails at its end with all
//! of them. The end of a run also searches everything that Envoy has written for secrets, and compares the log, the metrics
//! and the number of virtual machines with the requests that were sent.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    unreachable_pub,
    reason = "a test fails by panicking, and nobody reads its documentation elsewhere"
)]

mod access_log;
mod budgets;
mod chat;
mod client;
mod crowds;
mod deployment;
mod findings;
mod identity;
mod metrics;
mod paths;
mod planted;
mod policy;
mod run;
mod scenario;
mod scenarios;
mod sdk;
mod setup;
mod upstreams;
mod watchdog;
mod websocket;

use deployment::{COUNTER, Deployment, INSPECTOR, QUOTA, ROUTER};
use run::Run;

fn block_on(work: impl Future<Output = ()>) {
    // A worker beside this thread keeps connections going while a test waits for something on disk.
    tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap().block_on(work);
}

/// Runs everything on one deployment.
fn everything(deployment: Deployment) {
    block_on(async {
        let scenarios = scenarios::all(&deployment);
        let mut run = Run::start(deployment);
        for scenario in &scenarios {
            run.play(scenario).await;
        }
        paths::all(&mut run).await;
        crowds::all(&mut run).await;
        budgets::all(&mut run).await;
        if run.deployment.filters.len() == 4 {
            sdk::all(&mut run).await;
        }
        run.whole = true;
        run.finish().await;
    });
}

#[test]
fn prompt_inspector_alone() {
    everything(Deployment::alone("prompt-inspector alone", &[INSPECTOR]));
}

#[test]
fn token_counter_alone() {
    everything(Deployment::alone("token-counter alone", &[COUNTER]));
}

#[test]
fn cost_quota_alone() {
    everything(Deployment::alone("cost-quota alone", &[QUOTA]));
}

#[test]
fn model_router_alone() {
    everything(Deployment::alone("model-router alone", &[ROUTER]));
}

#[test]
fn chain_of_four_modules() {
    everything(Deployment::chain());
}

#[test]
fn bundle() {
    everything(Deployment::bundle());
}

#[test]
fn gateway() {
    everything(Deployment::gateway());
}

/// Two workers share one count, and providers may use HTTP/2.
#[test]
fn bundle_with_two_workers_and_http2_upstreams() {
    everything(Deployment {
        name: "bundle, two workers, HTTP/2 upstreams",
        concurrency: 2,
        http2_upstream: true,
        ..Deployment::bundle()
    });
}

#[test]
fn cost_quota_with_two_workers() {
    block_on(async {
        let alone = Deployment::alone("cost-quota alone, two workers", &[QUOTA]);
        let mut run = Run::start(Deployment { concurrency: 2, ..alone });
        budgets::all(&mut run).await;
        run.finish().await;
    });
}

#[test]
fn a_missing_flag_is_an_error_that_names_the_flag() {
    block_on(async {
        setup::without_the_flag(Deployment::bundle()).await;
        setup::without_the_flag(Deployment::alone("token-counter alone", &[COUNTER])).await;
    });
}

#[test]
fn each_filter_without_the_flag_is_reported() {
    block_on(watchdog::each_position(Deployment::bundle()));
}

#[test]
fn a_body_that_a_filter_in_front_keeps_is_no_missing_flag() {
    block_on(watchdog::kept_body(Deployment::bundle()));
}

/// In virtual machines of their own, the first filter cannot know which header cost-quota is configured with.
#[test]
fn the_identity_header_is_the_one_that_envoy_sets() {
    block_on(identity::header(Deployment { http2_upstream: true, ..Deployment::chain() }));
}

#[test]
fn wrong_configurations_are_refused_with_the_field() {
    setup::wrong_configurations();
}

#[test]
fn every_listed_path_is_treated_as_the_page_says() {
    block_on(paths::listed(Deployment::gateway()));
}

#[test]
fn websockets_to_models_are_refused_with_426() {
    websocket::refused(Deployment::gateway());
}

#[test]
fn upstreams_that_fail() {
    block_on(upstreams::all());
}
