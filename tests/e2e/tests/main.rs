//! What is proven in real Envoy.
//!
//! A deployment (each filter alone, the chain of four modules, the bundle) is started once, and everything is tried on it:
//! scenarios, each in every framing of the request that can make a difference, then what takes several requests. The upstream
//! is the mock, which tells what reached it. What a run found wrong is gathered, and the test fails at its end with all of it;
//! the end also searches all that Envoy has written for what must not be there, and compares the log, the metrics and the
//! number of virtual machines with what has happened.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    unreachable_pub,
    reason = "a test, its helpers included, fails by panicking, and has no readers of its documentation but here"
)]

mod access_log;
mod budgets;
mod chat;
mod client;
mod crowds;
mod deployment;
mod findings;
mod heard;
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

use deployment::{COUNTER, Deployment, INSPECTOR, QUOTA, ROUTER};
use run::Run;

fn block_on(work: impl Future<Output = ()>) {
    // A worker beside this thread: connections have to live on while a test waits for something on disk.
    tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap().block_on(work);
}

/// Everything, on one deployment.
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

/// Two workers share one count, and providers may speak HTTP/2.
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
fn headers_that_may_not_be_held() {
    block_on(async {
        setup::without_the_flag(Deployment::bundle()).await;
        setup::without_the_flag(Deployment::alone("token-counter alone", &[COUNTER])).await;
    });
}

#[test]
fn wrong_configurations_are_refused_with_their_place() {
    setup::wrong_configurations();
}

#[test]
fn upstreams_that_fail() {
    block_on(upstreams::all());
}
