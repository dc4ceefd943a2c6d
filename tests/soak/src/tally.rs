//! Sums of a run, and the differences that were found.

use std::collections::BTreeMap;
use std::fmt;

use serde_json::Value;
use tollgate_mock_llm::Received;

use crate::call::Call;
use crate::charge::Charge;
use crate::gateway::Outcome;
use crate::kinds::KINDS;
use crate::policy::{APART, TIGHT};
use crate::published::{self, status};

/// Sums over calls.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Sums {
    pub(crate) input: u64,
    pub(crate) cached: u64,
    pub(crate) written: u64,
    pub(crate) output: u64,
    pub(crate) reasoning: u64,
    pub(crate) total: u64,
    pub(crate) nano_usd: u64,
}

impl Sums {
    pub(crate) fn add(&mut self, charge: &Charge) {
        self.input += charge.tokens.input;
        self.cached += charge.tokens.cached;
        self.written += charge.tokens.written;
        self.output += charge.tokens.output;
        self.reasoning += charge.reasoning;
        self.total += charge.total;
        self.nano_usd += charge.nano_usd;
    }
}

/// Sums of one consumer.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct OfConsumer {
    pub(crate) calls: u64,
    /// Calls that the mock has received.
    pub(crate) received: u64,
    /// Calls that were refused by a budget.
    pub(crate) refused: u64,
    /// Tokens that were taken from budgets beyond the published ones, for clients that left before any output.
    pub(crate) abandoned: u64,
    pub(crate) expected: Sums,
    pub(crate) published: Sums,
}

/// Calls of one kind.
#[derive(Clone, Copy, Debug, Default)]
struct OfKind {
    calls: u64,
    differing: u64,
    expected: Sums,
    published: Sums,
}

/// Result of a run.
#[derive(Debug, Default)]
pub struct Tally {
    pub(crate) consumers: BTreeMap<&'static str, OfConsumer>,
    kinds: BTreeMap<&'static str, OfKind>,
    /// Number of calls by the published `usage_source`.
    pub(crate) sources: BTreeMap<&'static str, u64>,
    /// Number of calls by the expected anomaly.
    pub(crate) anomalies: BTreeMap<&'static str, u64>,
    /// Micro-dollars that were published.
    pub(crate) micro_usd: u64,
    /// Number of calls whose client left before any output.
    pub(crate) abandoned: u64,
    differences: Vec<String>,
}

impl Tally {
    /// Compares one call with the mock's record of it, and adds it.
    pub(crate) fn add(&mut self, call: &Call, outcome: &Outcome, received: &[Received], entries: &[Value]) {
        let expected = Charge::of(call, received.first());
        let published = entries.first().map(published::charge).unwrap_or_default();
        let mut found = Vec::new();
        if entries.len() != 1 {
            found.push(format!("{} access log entries", entries.len()));
        }
        if received.len() > 1 {
            found.push(format!("the provider received it {} times", received.len()));
        }
        if let Outcome::Failed(reason) = outcome {
            found.push(format!("the client: {reason}"));
        }
        let null = Value::Null;
        let entry = entries.first().unwrap_or(&null);
        let refused = entry["verdict"] == "limited";
        match received.first() {
            Some(_) if refused => found.push("it was refused by a budget, and reached the provider".to_owned()),
            Some(_) if call.is_withheld && status(entry) == 502 => {}
            // The head of a response waits for the first bytes of its body, so the client gets an error of Envoy instead of half a
            // response.
            Some(received) if broke_off_before_its_body(received, entry) => {}
            Some(received) if status(entry) >= 500 && received.status.map(u64::from) != Some(status(entry)) => {
                found.push(format!(
                    "{} ({}) for {:?} of the provider",
                    entry["status"], entry["details"], received.status
                ));
            }
            None if !refused || status(entry) != 429 => {
                found.push(format!("{} ({}) without a call of the provider", entry["status"], entry["details"]));
            }
            _ => {}
        }
        if refused && !TIGHT.contains(&call.consumer) {
            found.push(format!("{} within a wide budget", entry["details"]));
        }
        if entry["consumer"] != call.consumer {
            found.push(format!("charged to {}", entry["consumer"]));
        }
        if published != (Charge { anomaly: None, abandoned: 0, ..expected }) {
            found.push(format!("published {published:?}\n    expected  {expected:?}"));
        }
        let consumer = self.consumers.entry(call.consumer).or_default();
        consumer.calls += 1;
        consumer.received += u64::from(!received.is_empty());
        consumer.refused += u64::from(refused);
        consumer.abandoned += expected.abandoned;
        consumer.expected.add(&expected);
        consumer.published.add(&published);
        let kind = self.kinds.entry(call.kind.name).or_default();
        kind.calls += 1;
        kind.differing += u64::from(!found.is_empty());
        kind.expected.add(&expected);
        kind.published.add(&published);
        *self.sources.entry(published.source).or_default() += 1;
        if let Some(anomaly) = expected.anomaly {
            *self.anomalies.entry(anomaly).or_default() += 1;
        }
        self.abandoned += u64::from(expected.abandoned > 0);
        self.micro_usd += published::number(entry, "cost_micro_usd");
        if call.kind.difference.is_none() {
            self.differences.extend(found.iter().map(|what| format!("{}\n    {what}", call.label())));
        }
    }

    /// Records a difference that belongs to no call.
    pub(crate) fn differs(&mut self, what: impl fmt::Display) {
        self.differences.push(what.to_string());
    }

    /// Records a difference between a number and its expectation.
    pub(crate) fn same(&mut self, what: impl fmt::Display, got: u64, expected: u64) {
        if got != expected {
            self.differs(format_args!("{what}: {got}, expected {expected}"));
        }
    }

    /// Compares the sums per consumer, and checks that known differences still exist.
    pub(crate) fn finish(&mut self) {
        for (name, consumer) in self.consumers.clone() {
            if name != APART && consumer.expected != consumer.published {
                self.differs(format_args!("{name}: {:?}, expected {:?}", consumer.published, consumer.expected));
            }
        }
        for kind in KINDS.iter().filter(|kind| kind.difference.is_some()) {
            let of = self.kinds.get(kind.name).copied().unwrap_or_default();
            if of.calls > 0 && of.differing == 0 {
                self.differs(format_args!("{}: no longer differs, remove its entry in kinds.rs", kind.name));
            }
        }
    }

    /// Returns the sum of what was published of all consumers.
    pub(crate) fn published(&self) -> Sums {
        let mut sums = Sums::default();
        for Sums { input, cached, written, output, reasoning, total, nano_usd } in
            self.consumers.values().map(|consumer| consumer.published)
        {
            sums.input += input;
            sums.cached += cached;
            sums.written += written;
            sums.output += output;
            sums.reasoning += reasoning;
            sums.total += total;
            sums.nano_usd += nano_usd;
        }
        sums
    }

    /// Returns what differs, besides the known differences.
    pub fn differences(&self) -> &[String] {
        &self.differences
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{:<10} {:>6} {:>8} {:>7} {:>11} {:>11} {:>10} {:>11} {:>16}",
            "consumer", "calls", "received", "refused", "input", "cached", "output", "tokens", "nano-dollars"
        )?;
        for (name, consumer) in &self.consumers {
            let OfConsumer { calls, received, refused, expected, published, .. } = consumer;
            for (name, sums) in [(*name, published), ("", expected)] {
                let Sums { input, cached, output, total, nano_usd, .. } = sums;
                if name.is_empty() {
                    write!(f, "{:<10} {:>6} {:>8} {:>7}", "  ledger", "", "", "")?;
                } else {
                    write!(f, "{name:<10} {calls:>6} {received:>8} {refused:>7}")?;
                }
                writeln!(f, " {input:>11} {cached:>11} {output:>10} {total:>11} {nano_usd:>16}")?;
            }
        }
        for kind in KINDS {
            let of = self.kinds.get(kind.name).copied().unwrap_or_default();
            if let Some(difference) = kind.difference {
                writeln!(
                    f,
                    "known difference: {}: {} of {} calls: {difference} (published {} tokens and {} nano-dollars, right are {} and {})",
                    kind.name,
                    of.differing,
                    of.calls,
                    of.published.total,
                    of.published.nano_usd,
                    of.expected.total,
                    of.expected.nano_usd,
                )?;
            }
        }
        const SHOWN: usize = 20;
        for difference in self.differences.iter().take(SHOWN) {
            writeln!(f, "difference: {difference}")?;
        }
        let more = self.differences.len().saturating_sub(SHOWN);
        if more > 0 {
            writeln!(f, "and {more} more")?;
        }
        Ok(())
    }
}

/// Returns `true` if the provider sent a head and broke off, and the client got a 502.
fn broke_off_before_its_body(received: &Received, entry: &Value) -> bool {
    let details = entry["details"].as_str().unwrap_or_default();
    received.status == Some(200)
        && received.bytes_sent == 0
        && status(entry) == 502
        && details.starts_with("upstream_reset_after_response_started")
}
