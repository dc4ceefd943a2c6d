//! Comparison of bills: sends thousands of calls of random kinds through a real Envoy to the mock provider, and compares what the
//! filter charges with what the mock has sent.
//!
//! - A seed determines every call (`Call::random`): API, kind, prompt, behaviour of the mock, time at which the
//!   client leaves.
//! - The expected charge (`charge`) is computed from the mock's record by the documented rules. It shares no code with Tollgate
//!   but the tokenizer, for calls whose provider reports no usage.
//! - Compared are the published numbers of each call, their sums per consumer, the remaining budgets, and the metrics.
#![allow(clippy::indexing_slicing, reason = "only JSON values are indexed, where a missing member is null")]

mod access_log;
mod api;
mod call;
mod charge;
mod framing;
mod gateway;
mod kinds;
mod metrics;
mod policy;
mod published;
mod random;
mod sent;
pub mod slow_clients;
mod tally;

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::future::join_all;
use tollgate_envoy_harness::{Context as _, Error, Result};
use tollgate_mock_llm::Received;

use call::Call;
use gateway::{Outcome, PROBE_MODEL, Stand};
use kinds::Kind;
use policy::{CONSUMERS, Consumer, Price, TIGHT, Tokens, Unit};

pub use tally::Tally;

/// Settings of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// Number of the first call, and number of calls.
    pub first: u64,
    /// Number of calls.
    pub requests: u64,
    /// Seed that determines all calls.
    pub seed: u64,
    /// Number of calls at the same time.
    pub workers: usize,
}

impl Default for Options {
    fn default() -> Options {
        Options { first: 0, requests: 20_000, seed: 1, workers: 12 }
    }
}

/// Number of calls after which the records are compared and dropped.
const BATCH: u64 = 250;

/// Runs the comparison. `progress` is called with the number of calls so far.
///
/// # Errors
/// Envoy or the mock does not start, or the records of calls are missing.
pub fn run(options: &Options, progress: impl Fn(u64)) -> Result<Tally> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    runtime.context(|| "cannot start a runtime".into())?.block_on(compare(options, progress))
}

async fn compare(options: &Options, progress: impl Fn(u64)) -> Result<Tally> {
    let mut stand = Stand::start()?;
    let mut tally = Tally::default();
    let wide = || CONSUMERS.iter().filter(|consumer| !TIGHT.contains(&consumer.name));
    let mut before = Vec::new();
    for consumer in wide() {
        before.push(stand.remaining(consumer).await?);
    }
    let end = options.first + options.requests;
    let mut next = options.first;
    while next < end {
        let numbers = next..end.min(next + BATCH);
        next = numbers.end;
        batch(&mut stand, options, numbers, &mut tally).await?;
        progress(next - options.first);
    }
    let mut probes = before.len() as u64;
    for (consumer, before) in wide().zip(before) {
        let after = stand.remaining(consumer).await?;
        probes += 1;
        budgets(&mut tally, consumer, &before, &after);
    }
    counters(&mut tally, &stand, probes)?;
    tally.finish();
    if options.requests >= ALL_KINDS {
        for consumer in TIGHT {
            let of = tally.consumers.get(consumer).copied().unwrap_or_default();
            if of.received == 0 || of.refused == 0 {
                tally.differs(format_args!("{consumer}: {} calls received, {} refused", of.received, of.refused));
            }
        }
    }
    Ok(tally)
}

/// Number of calls with which every kind occurs, and every tight budget is exceeded.
const ALL_KINDS: u64 = 2000;

/// Sends some calls and compares them.
async fn batch(stand: &mut Stand, options: &Options, numbers: Range<u64>, tally: &mut Tally) -> Result<()> {
    let calls: Vec<Call> =
        numbers.map(|number| Call::random(options.seed, number, Kind::random(options.seed, number))).collect();
    let (next, outcomes) = (AtomicUsize::new(0), Mutex::new(BTreeMap::new()));
    let worker = || async {
        while let Some(call) = calls.get(next.fetch_add(1, Ordering::Relaxed)) {
            let outcome = stand.send(call).await;
            if let Ok(mut outcomes) = outcomes.lock() {
                outcomes.insert(call.number, outcome);
            }
        }
    };
    join_all((0..options.workers.max(1)).map(|_| worker())).await;
    let outcomes = outcomes.into_inner().unwrap_or_default();
    let mut entries = stand.log.take(calls.len())?;
    let received = ended(stand)?;
    stand.mock.clear();
    let mut by_number = BTreeMap::<u64, Vec<_>>::new();
    for (path, entries) in std::mem::take(&mut entries) {
        let number = Call::number_in(&path).ok_or_else(|| Error::new(format!("an access log entry for {path}")))?;
        by_number.entry(number).or_default().extend(entries);
    }
    let missing = Outcome::Failed("no outcome".to_owned());
    for call in &calls {
        let of_call: Vec<Received> = received.get(&call.number).cloned().unwrap_or_default();
        let entries = by_number.remove(&call.number).unwrap_or_default();
        tally.add(call, outcomes.get(&call.number).unwrap_or(&missing), &of_call, &entries);
    }
    Ok(())
}

/// Waits until all exchanges of the mock have ended, and returns them by the number of the call.
fn ended(stand: &Stand) -> Result<BTreeMap<u64, Vec<Received>>> {
    let all = stand.mock.wait(Duration::from_secs(30), |all| all.iter().all(|received| received.ended));
    let all = all.map_err(|_| Error::new("exchanges of the mock have not ended within 30 s"))?;
    let mut by_number = BTreeMap::<u64, Vec<Received>>::new();
    for received in all {
        let number = Call::number_in(&received.path).unwrap_or(u64::MAX);
        by_number.entry(number).or_default().push(received);
    }
    Ok(by_number)
}

/// Compares what was taken from the budgets of a consumer with what was published: the remaining budgets before the run and
/// after it differ by all its calls and the first probe.
fn budgets(tally: &mut Tally, consumer: &Consumer, before: &[u64], after: &[u64]) {
    let of = tally.consumers.get(consumer.name).copied().unwrap_or_default();
    let probe = Tokens { input: 1, output: 1, ..Tokens::default() };
    for ((unit, _), (before, after)) in consumer.budgets.iter().zip(before.iter().zip(after)) {
        let expected = match unit {
            Unit::Tokens => of.published.total + of.abandoned + 2,
            Unit::Requests => of.received + 1,
            Unit::NanoUsd => of.published.nano_usd + Price::of(PROBE_MODEL).map_or(0, |price| price.cost(probe)),
        };
        tally.same(format_args!("{}: {unit:?} taken from the budget", consumer.name), before - after, expected);
    }
}

/// Compares the metrics with what was published of each call.
fn counters(tally: &mut Tally, stand: &Stand, probes: u64) -> Result<()> {
    let text = stand.metrics()?;
    let sums = tally.published();
    for (kind, expected) in [
        ("input", sums.input + probes),
        ("cached_input", sums.cached),
        ("cache_write", sums.written),
        ("output", sums.output + probes),
        ("reasoning", sums.reasoning),
    ] {
        let counted = metrics::sum(&text, "tollgate_tokens_total", &[("type", kind)]);
        tally.same(format_args!("tollgate_tokens_total of {kind}"), counted, expected);
    }
    // Refused calls are published as `none` as well, but were not counted.
    for source in published::SOURCES.into_iter().filter(|source| *source != "none") {
        let probes = if source == "provider" { probes } else { 0 };
        let expected = tally.sources.get(source).copied().unwrap_or_default() + probes;
        let counted = metrics::sum(&text, "tollgate_calls_total", &[("source", source)]);
        tally.same(format_args!("tollgate_calls_total of {source}"), counted, expected);
    }
    for reason in ANOMALIES {
        let expected = tally.anomalies.get(reason).copied().unwrap_or_default();
        let counted = metrics::sum(&text, "tollgate_usage_anomalies_total", &[("reason", reason)]);
        tally.same(format_args!("tollgate_usage_anomalies_total of {reason}"), counted, expected);
    }
    let probe = Tokens { input: 1, output: 1, ..Tokens::default() };
    let probe = Price::of(PROBE_MODEL).map_or(0, |price| price.cost(probe)).div_ceil(1000);
    let refused = tally.consumers.values().map(|consumer| consumer.refused).sum();
    for (name, expected) in [
        ("tollgate_cost_micro_usd_total", tally.micro_usd + probes * probe),
        ("tollgate_quota_denied_total", refused),
        ("tollgate_abandoned_calls_total", tally.abandoned),
        ("tollgate_unsettled_calls_total", 0),
        ("tollgate_quota_unavailable_total", 0),
    ] {
        tally.same(name, metrics::sum(&text, name, &[]), expected);
    }
    tally.same("virtual machines replaced", stand.reloads()?, 0);
    Ok(())
}

/// Labels of `tollgate_usage_anomalies_total`.
const ANOMALIES: [&str; 7] = [
    "cache_above_input",
    "reasoning_above_output",
    "modalities_above_tokens",
    "total_below_parts",
    "total_above_parts",
    "not_credible",
    "no_input",
];
