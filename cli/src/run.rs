//! Runs tests in all their deliveries, several tests at a time.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use crate::backend::{Backend, RunOutput};
use crate::content_length;
use crate::delivery::{CutPoints, Delivery};
use crate::expect;
use crate::matrix;
use crate::mismatch::Mismatch;
use crate::observation::Observation;
use crate::plan::{Case, Exchange, Suite};
use crate::secrets::Mask;
use crate::shrink;
use crate::split_diff;
use crate::test_result::{Failure, TestResult, TestStatus};

/// A test to run.
#[derive(Clone, Copy)]
pub struct Job<'a> {
    /// File that contains the test.
    pub suite: &'a Suite,
    /// The test.
    pub case: &'a Case,
    /// Backend to run it in.
    pub backend: &'a dyn Backend,
}

/// Runs tests on several threads and returns the results in the order of the jobs.
pub fn all(jobs: &[Job<'_>], threads: usize) -> Vec<TestResult> {
    let next = AtomicUsize::new(0);
    let results = Mutex::new(Vec::with_capacity(jobs.len()));
    std::thread::scope(|scope| {
        for _ in 0..threads.clamp(1, jobs.len().max(1)) {
            scope.spawn(|| {
                loop {
                    let at = next.fetch_add(1, Ordering::Relaxed);
                    let Some(job) = jobs.get(at) else { return };
                    let result = one(job);
                    results.lock().unwrap_or_else(PoisonError::into_inner).push((at, result));
                }
            });
        }
    });
    let mut results = results.into_inner().unwrap_or_else(PoisonError::into_inner);
    debug_assert_eq!(results.len(), jobs.len(), "every job has one result");
    results.sort_by_key(|(at, _)| *at);
    results.into_iter().map(|(_, result)| result).collect()
}

fn one(job: &Job<'_>) -> TestResult {
    let Job { suite, case, backend } = *job;
    let start = Instant::now();
    let cut_points = matrix::cut_points(case, &suite.chain.firewall);
    let deliveries = backend.deliveries(case, matrix::deliveries(case, &cut_points));
    let bodies = case.exchanges().flat_map(|exchange| {
        [exchange.request.body.as_deref().unwrap_or_default(), exchange.response.with_usage.as_slice()]
    });
    let mask = Mask::new(&suite.chain.firewall, bodies);
    let mut attempt = Attempt { case, backend, cut_points, mask, ways: 0, matched: BTreeSet::new() };
    let (failure, stopped) = attempt.run(&deliveries);
    let status = match (failure, case.known_failure(backend.name())) {
        (Some(_), Some(reason)) => TestStatus::KnownFailure(reason.to_owned()),
        (None, Some(reason)) => TestStatus::KnownFailurePassed(reason.to_owned()),
        (Some(failure), None) => TestStatus::Failed(failure),
        (None, None) => stopped.map_or(TestStatus::Passed, TestStatus::PassedInPart),
    };
    TestResult {
        path: suite.path.clone(),
        name: case.name.clone(),
        line: case.line,
        column: case.column,
        backend: backend.name(),
        status,
        ways: attempt.ways,
        took: start.elapsed(),
        matched: attempt.matched.into_iter().collect(),
    }
}

struct Attempt<'a> {
    case: &'a Case,
    backend: &'a dyn Backend,
    cut_points: Vec<CutPoints>,
    mask: Mask,
    ways: usize,
    matched: BTreeSet<String>,
}

impl Attempt<'_> {
    /// Returns the first failure, if any, and the reason if the test did not run completely.
    fn run(&mut self, deliveries: &[Delivery]) -> (Option<Failure>, Option<String>) {
        let mut first: Option<RunOutput> = None;
        for delivery in deliveries {
            self.ways += 1;
            let output = match self.backend.run(self.case, &self.cut_points, delivery) {
                Ok(output) => output,
                Err(words) => return (Some(self.not_run(delivery, words, first.is_none())), None),
            };
            match &first {
                None => {
                    self.matched.extend(output.seen.iter().flat_map(Observation::rules).map(str::to_owned));
                    if let Some(failure) = self.unexpected(&output) {
                        return (Some(failure), output.stopped);
                    }
                    first = Some(output);
                }
                Some(whole) => {
                    if let Some((number, failure)) = self.disagreement(whole, &output) {
                        return (Some(self.smallest(delivery.clone(), whole, number, failure)), output.stopped);
                    }
                }
            }
        }
        (None, first.and_then(|output| output.stopped))
    }

    fn not_run(&self, delivery: &Delivery, words: String, whole: bool) -> Failure {
        let mismatch = Mismatch::new("run", "to finish", words);
        let delivery = (!whole).then(|| delivery.to_string());
        Failure { line: self.case.line, delivery, mismatches: vec![mismatch], ..Failure::default() }
    }

    /// Compares a run with the test's expectations.
    fn unexpected(&self, output: &RunOutput) -> Option<Failure> {
        self.case.exchanges().zip(&output.seen).find_map(|(exchange, seen)| {
            let mut mismatches = content_length::wrong(exchange, seen);
            if let Some(expect) = &exchange.expect {
                mismatches.extend(expect::check(expect, exchange, seen, &self.mask));
            }
            (!mismatches.is_empty()).then(|| failure(exchange, mismatches, seen, None))
        })
    }

    /// Compares a run with the run in which everything was sent whole. Also returns the number of the exchange that
    /// differs.
    fn disagreement(&self, whole: &RunOutput, other: &RunOutput) -> Option<(usize, Failure)> {
        let both = whole.seen.iter().zip(&other.seen);
        self.case.exchanges().zip(both).enumerate().find_map(|(number, (exchange, (whole, other)))| {
            let mut mismatches = content_length::wrong(exchange, other);
            mismatches.extend(split_diff::differences(whole, other, &self.mask));
            (!mismatches.is_empty()).then(|| (number, failure(exchange, mismatches, other, None)))
        })
    }

    /// Searches for the simplest delivery that shows the difference.
    fn smallest(&mut self, delivery: Delivery, whole: &RunOutput, number: usize, mut found: Failure) -> Failure {
        let default = CutPoints::default();
        let cuts = |delivery: &Delivery| {
            let cut_points = self.cut_points.get(number).unwrap_or(&default);
            let Some(exchange) = self.case.exchanges().nth(number) else { return Default::default() };
            let request = delivery.request(number, exchange, cut_points);
            let response = delivery.response(number, exchange, &exchange.response.with_usage, cut_points);
            (request.cuts, response.cuts)
        };
        let mut ways = 0;
        let mut fails = |delivery: &Delivery| {
            ways += 1;
            let Ok(output) = self.backend.run(self.case, &self.cut_points, delivery) else { return false };
            match self.disagreement(whole, &output) {
                Some((_, failure)) => {
                    found = failure;
                    true
                }
                None => false,
            }
        };
        // The difference in one exchange may be caused by the delivery of an earlier one, so this may fail to reproduce
        // it.
        let alone = Delivery { only: Some(number), ..delivery.clone() };
        let start = if fails(&alone) { alone } else { delivery };
        let smallest = shrink::smallest(start, cuts, &mut fails);
        self.ways += ways;
        Failure { delivery: Some(smallest.to_string()), ..found }
    }
}

fn failure(exchange: &Exchange, mismatches: Vec<Mismatch>, seen: &Observation, delivery: Option<String>) -> Failure {
    let mut log = seen.log.clone();
    log.dedup();
    Failure { step: exchange.step, line: exchange.line, delivery, mismatches, log }
}

#[cfg(test)]
mod tests;
