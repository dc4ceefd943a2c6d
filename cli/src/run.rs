//! Running tests: each in all its ways, several at a time.

use std::collections::BTreeSet;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use crate::agree;
use crate::backend::{Backend, Ran};
use crate::expect;
use crate::finding::Finding;
use crate::lengths;
use crate::matrix;
use crate::observation::Observation;
use crate::outcome::{Failure, Outcome, Verdict};
use crate::plan::{Case, Exchange, Suite};
use crate::point::{Marks, Point};
use crate::secrets::Mask;
use crate::shrink;

/// A test to be run.
#[derive(Clone, Copy)]
pub struct Job<'a> {
    /// The file it is in.
    pub suite: &'a Suite,
    /// The test.
    pub case: &'a Case,
    /// What it is run in.
    pub backend: &'a dyn Backend,
}

/// Runs tests on so many threads; what came of them is in their order.
pub fn all(jobs: &[Job<'_>], threads: usize) -> Vec<Outcome> {
    let next = AtomicUsize::new(0);
    let outcomes = Mutex::new(Vec::with_capacity(jobs.len()));
    std::thread::scope(|scope| {
        for _ in 0..threads.clamp(1, jobs.len().max(1)) {
            scope.spawn(|| {
                loop {
                    let at = next.fetch_add(1, Ordering::Relaxed);
                    let Some(job) = jobs.get(at) else { return };
                    let outcome = one(job);
                    if let Ok(mut outcomes) = outcomes.lock() {
                        outcomes.push((at, outcome));
                    }
                }
            });
        }
    });
    let mut outcomes = outcomes.into_inner().unwrap_or_default();
    outcomes.sort_by_key(|(at, _)| *at);
    outcomes.into_iter().map(|(_, outcome)| outcome).collect()
}

fn one(job: &Job<'_>) -> Outcome {
    let Job { suite, case, backend } = *job;
    let start = Instant::now();
    let marks = matrix::marks(case, &suite.plan.policy);
    let points = backend.points(case, matrix::points(case, &marks));
    let bodies = case.exchanges().flat_map(|exchange| {
        [exchange.sent.body.as_deref().unwrap_or_default(), exchange.answer.with_usage.as_slice()]
    });
    let mask = Mask::new(&suite.plan.policy, bodies);
    let mut attempt = Attempt { case, backend, marks, mask, ways: 0, matched: BTreeSet::new() };
    let (failure, stopped) = attempt.run(&points);
    let verdict = match (failure, case.known_failure(backend.name())) {
        (Some(_), Some(reason)) => Verdict::KnownFailure(reason.to_owned()),
        (None, Some(reason)) => Verdict::KnownFailurePassed(reason.to_owned()),
        (Some(failure), None) => Verdict::Failed(failure),
        (None, None) => stopped.map_or(Verdict::Passed, Verdict::PassedInPart),
    };
    Outcome {
        path: suite.path.clone(),
        name: case.name.clone(),
        line: case.line,
        column: case.column,
        backend: backend.name(),
        verdict,
        ways: attempt.ways,
        took: start.elapsed(),
        matched: attempt.matched.into_iter().collect(),
    }
}

struct Attempt<'a> {
    case: &'a Case,
    backend: &'a dyn Backend,
    marks: Vec<Marks>,
    mask: Mask,
    ways: usize,
    matched: BTreeSet<String>,
}

impl Attempt<'_> {
    /// The first failure, if there is one, and why not everything was run.
    fn run(&mut self, points: &[Point]) -> (Option<Failure>, Option<String>) {
        let mut first: Option<Ran> = None;
        for point in points {
            self.ways += 1;
            let ran = match self.backend.run(self.case, &self.marks, point) {
                Ok(ran) => ran,
                Err(words) => return (Some(self.not_run(point, words, first.is_none())), None),
            };
            match &first {
                None => {
                    self.matched.extend(ran.seen.iter().flat_map(Observation::rules).map(str::to_owned));
                    if let Some(failure) = self.unexpected(&ran) {
                        return (Some(failure), ran.stopped);
                    }
                    first = Some(ran);
                }
                Some(whole) => {
                    if let Some((number, failure)) = self.disagreement(whole, &ran) {
                        return (Some(self.smallest(point.clone(), whole, number, failure)), ran.stopped);
                    }
                }
            }
        }
        (None, first.and_then(|ran| ran.stopped))
    }

    fn not_run(&self, point: &Point, words: String, whole: bool) -> Failure {
        let finding = Finding::new("the run", "to come to its end", words);
        let point = (!whole).then(|| point.to_string());
        Failure { line: self.case.line, point, findings: vec![finding], ..Failure::default() }
    }

    /// What is not as expected in a run.
    fn unexpected(&self, ran: &Ran) -> Option<Failure> {
        self.case.exchanges().zip(&ran.seen).find_map(|(exchange, seen)| {
            let mut findings = lengths::wrong(exchange, seen);
            if let Some(expect) = &exchange.expect {
                findings.extend(expect::check(expect, exchange, seen, &self.mask));
            }
            (!findings.is_empty()).then(|| failure(exchange, findings, seen, None))
        })
    }

    /// What is not as in the run in which everything was sent whole, and the number of the exchange.
    fn disagreement(&self, whole: &Ran, other: &Ran) -> Option<(usize, Failure)> {
        let both = whole.seen.iter().zip(&other.seen);
        self.case.exchanges().zip(both).enumerate().find_map(|(number, (exchange, (whole, other)))| {
            let mut findings = lengths::wrong(exchange, other);
            findings.extend(agree::differences(whole, other, &self.mask));
            (!findings.is_empty()).then(|| (number, failure(exchange, findings, other, None)))
        })
    }

    /// The disagreement in the plainest way of sending that shows one.
    fn smallest(&mut self, point: Point, whole: &Ran, number: usize, mut found: Failure) -> Failure {
        let default = Marks::default();
        let cuts = |point: &Point| {
            let marks = self.marks.get(number).unwrap_or(&default);
            let Some(exchange) = self.case.exchanges().nth(number) else { return Default::default() };
            let request = point.request(number, exchange, marks);
            let response = point.response(number, exchange, &exchange.answer.with_usage, marks);
            (request.cuts, response.cuts)
        };
        let mut ways = 0;
        let mut fails = |point: &Point| {
            ways += 1;
            let Ok(ran) = self.backend.run(self.case, &self.marks, point) else { return false };
            match self.disagreement(whole, &ran) {
                Some((_, failure)) => {
                    found = failure;
                    true
                }
                None => false,
            }
        };
        // A failure of one exchange may be due to how an earlier one was sent.
        let alone = Point { only: Some(number), ..point.clone() };
        let start = if fails(&alone) { alone } else { point };
        let smallest = shrink::smallest(start, cuts, &mut fails);
        self.ways += ways;
        Failure { point: Some(smallest.to_string()), ..found }
    }
}

fn failure(exchange: &Exchange, findings: Vec<Finding>, seen: &Observation, point: Option<String>) -> Failure {
    let mut log = seen.log.clone();
    log.dedup();
    Failure { step: exchange.step, line: exchange.line, point, findings, log }
}

#[cfg(test)]
mod tests;
