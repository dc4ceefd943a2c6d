//! Compares the metrics of a run with its access log: two independent records of the same calls.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::deployment::{COUNTER, Deployment, INSPECTOR, QUOTA};
use crate::findings::Findings;

/// Sample of Prometheus' text format: labels and value.
type Sample<'t> = (BTreeMap<&'t str, &'t str>, u64);

/// Records where the two differ.
pub fn check(deployment: &Deployment, prometheus: &str, entries: &[Value], findings: &mut Findings) {
    let metrics = Metrics { text: prometheus };
    if deployment.has(COUNTER) {
        for (field, kind) in [
            ("input_tokens", "input"),
            ("cached_tokens", "cached_input"),
            ("output_tokens", "output"),
            ("reasoning_tokens", "reasoning"),
        ] {
            let logged: u64 = entries.iter().map(|entry| settled(entry, field)).sum();
            let counted = metrics.sum("tollgate_tokens_total", &[("type", kind)]);
            findings.same(&format!("tollgate_tokens_total{{type={kind:?}}}"), counted, logged);
        }
        // `none` is also logged of refused calls, which are not counted.
        for source in ["provider", "counted", "mixed"] {
            let logged = entries.iter().filter(|entry| entry["usage_source"] == source).count() as u64;
            let counted = metrics.sum("tollgate_calls_total", &[("source", source)]);
            findings.same(&format!("tollgate_calls_total{{source={source:?}}}"), counted, logged);
        }
    }
    if deployment.has(QUOTA) {
        let limited = entries.iter().filter(|entry| entry["verdict"] == "limited").count() as u64;
        findings.same("tollgate_quota_denied_total", metrics.sum("tollgate_quota_denied_total", &[]), limited);
        findings.same("tollgate_unsettled_calls_total", metrics.sum("tollgate_unsettled_calls_total", &[]), 0);
        findings.same("tollgate_quota_unavailable_total", metrics.sum("tollgate_quota_unavailable_total", &[]), 0);
        let logged: u64 = entries.iter().map(|entry| number(&entry["cost_micro_usd"])).sum();
        findings.same("tollgate_cost_micro_usd_total", metrics.sum("tollgate_cost_micro_usd_total", &[]), logged);
    }
    if deployment.has(INSPECTOR) {
        for (rule, action) in RULES {
            let hit =
                |entry: &&Value| entry["rules"].as_str().is_some_and(|rules| rules.split(',').any(|r| r == *rule));
            let logged = entries.iter().filter(hit).count() as u64;
            let counted = metrics.sum("tollgate_rule_hits_total", &[("rule", rule), ("action", action)]);
            findings.same(&format!("tollgate_rule_hits_total{{rule={rule:?}}}"), counted, logged);
        }
    }
    let unscanned: u64 = entries.iter().filter(|entry| entry["unscanned"].is_string()).count() as u64;
    let counted = metrics.sum("tollgate_unscanned_total", &[]);
    findings.holds(counted >= unscanned, format_args!("tollgate_unscanned_total is {counted}, {unscanned} are logged"));
}

/// Rules of the scenarios, with their actions.
const RULES: &[(&str, &str)] = &[
    ("secret.aws-access-key", "block"),
    ("pii.email", "redact"),
    ("test.codeword", "redact"),
    ("test.classified", "block"),
];

/// Checks that everything that a whole run must have counted is above zero, under its labels.
pub fn all_there(deployment: &Deployment, prometheus: &str, findings: &mut Findings) {
    let metrics = Metrics { text: prometheus };
    let mut there = |name: &str, labels: &[(&str, &str)]| {
        findings.holds(metrics.sum(name, labels) > 0, format_args!("{name} {labels:?} is 0 or missing"));
    };
    if deployment.has(COUNTER) {
        for kind in ["input", "cached_input", "output", "reasoning"] {
            there("tollgate_tokens_total", &[("model", "gpt-4o-2024-08-06"), ("type", kind)]);
        }
        for source in ["provider", "counted"] {
            there("tollgate_calls_total", &[("model", "gpt-4o"), ("source", source)]);
        }
        there(TTFT_COUNT, &[]);
    }
    if deployment.has(QUOTA) {
        there("tollgate_cost_micro_usd_total", &[("model", "gpt-4o")]);
        there("tollgate_quota_denied_total", &[]);
    }
    if deployment.has(INSPECTOR) {
        for (rule, action) in RULES {
            there("tollgate_rule_hits_total", &[("rule", rule), ("action", action)]);
        }
    }
    there("tollgate_unscanned_total", &[("reason", "unknown_path")]);
}

/// Returns a number of an entry that token-counter has settled; before that, the field has the estimate.
fn settled(entry: &Value, field: &str) -> u64 {
    if entry["usage_source"].is_null() { 0 } else { number(&entry[field]) }
}

fn number(value: &Value) -> u64 {
    value.as_str().and_then(|text| text.parse().ok()).unwrap_or_default()
}

/// Number of measured times to first token. Envoy shows a histogram once it has merged those of its workers, which happens
/// every five seconds by default (`stats_flush_interval`).
const TTFT_COUNT: &str = "tollgate_ttft_ms_count";

/// Returns `true` if Envoy has merged the histograms that a whole run of this deployment fills.
pub fn histograms_are_merged(deployment: &Deployment, prometheus: &str) -> bool {
    !deployment.has(COUNTER) || Metrics { text: prometheus }.sum(TTFT_COUNT, &[]) > 0
}

struct Metrics<'t> {
    text: &'t str,
}

impl<'t> Metrics<'t> {
    fn samples(&self, name: &str) -> impl Iterator<Item = Sample<'t>> {
        let lines = self.text.lines().filter_map(move |line| line.strip_prefix(name));
        lines.filter_map(|rest| {
            let (labels, value) = rest.rsplit_once(' ')?;
            let labels = match labels.strip_prefix('{') {
                Some(labels) => labels.strip_suffix('}')?,
                None if labels.is_empty() => "",
                None => return None,
            };
            let pairs = labels.split("\",").filter_map(|pair| pair.split_once("=\""));
            Some((pairs.map(|(name, value)| (name, value.trim_end_matches('"'))).collect(), value.parse().ok()?))
        })
    }

    fn sum(&self, name: &str, labels: &[(&str, &str)]) -> u64 {
        let fits = |sample: &Sample<'_>| labels.iter().all(|(name, value)| sample.0.get(name) == Some(value));
        self.samples(name).filter(fits).map(|(_, value)| value).sum()
    }
}
