//! End of a run: checks of everything that Envoy has written, and of its state.

use std::time::{Duration, Instant};

use serde_json::Value;
use tollgate_envoy_harness::Gateway;

use super::Run;
use crate::deployment::{COUNTER, QUOTA, ROUTER};
use crate::scenarios::passing::{OtherPath, other_paths};
use crate::{metrics, planted};

impl Run {
    /// Ends the run: checks what Envoy has written, and that no virtual machine was lost.
    pub async fn finish(mut self) {
        self.findings.about("at the end");
        let requests: u64 = self.gateway.stats("http.gateway.downstream_rq_total").unwrap().into_values().sum();
        let entries = match self.log.all(requests) {
            Ok(entries) => entries.clone(),
            Err(count) => panic!("{}: {count} access log entries of {requests} requests", self.deployment.name),
        };
        let records = std::mem::take(&mut self.records);
        for (path, (context, record)) in &records {
            self.findings.about(context);
            match entries.get(path).map(Vec::as_slice) {
                None => self.findings.add(format_args!("no access log entry for {path}")),
                Some([entry]) => {
                    for (field, want) in record {
                        if !want.fits(&entry[field]) {
                            self.findings.add(format_args!("{field} is logged as {}, should be {want}", entry[field]));
                        }
                    }
                }
                Some(several) => self.findings.add(format_args!("{} access log entries for {path}", several.len())),
            }
        }
        self.findings.about("at the end");
        let prometheus = self.prometheus();
        let entries: Vec<_> = entries.into_values().flatten().collect();
        self.complete(&entries);
        metrics::check(&self.deployment, &prometheus, &entries, &mut self.findings);
        if self.whole {
            metrics::all_there(&self.deployment, &prometheus, &mut self.findings);
        }
        self.health();
        let stats = self.gateway.admin_get("/stats").unwrap() + &prometheus;
        let Run { gateway, mut findings, .. } = self;
        let (log, access_log) = gateway.stop().unwrap();
        for (what, text) in [("Envoy's log", &log), ("the access log", &access_log), ("the statistics", &stats)] {
            for found in planted::found_in(what, text) {
                findings.add(found);
            }
        }
        findings.holds(log.contains("[trace][wasm]"), "the log has no trace of wasm: searching it proves nothing");
        for line in log.lines().filter(|line| line.contains("[critical]") || line.contains("[error]")) {
            findings.add(format_args!("Envoy's log: {line}"));
        }
        findings.settle();
    }

    /// Returns the metrics. After a whole run, waits until Envoy has merged its histograms.
    fn prometheus(&self) -> String {
        let end = Instant::now() + Duration::from_secs(15);
        loop {
            let text = self.gateway.admin_get("/stats/prometheus").unwrap();
            if !self.whole || metrics::histograms_are_merged(&self.deployment, &text) || Instant::now() >= end {
                return text;
            }
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    /// Checks that an entry of a successful call has every field that a filter of the chain sets, and one of another path none.
    fn complete(&mut self, entries: &[Value]) {
        let mut fields = vec!["dialect", "model", "stream", "verdict"];
        for (filter, of_filter) in [
            (COUNTER, &["input_tokens", "output_tokens", "total_tokens", "usage_source"][..]),
            (QUOTA, &["consumer", "cost_nano_usd", "cost_micro_usd"]),
            (ROUTER, &["route", "provider"]),
        ] {
            if self.deployment.has(filter) {
                fields.extend(of_filter);
            }
        }
        let others = other_paths();
        for entry in entries {
            let is = |other: &&OtherPath| entry["method"] == other.method && entry["path"] == other.path;
            if let Some(other) = others.iter().find(is) {
                let there = |field: &&&str| !entry[**field].is_null() && **field != "unscanned";
                let there: Vec<_> = TOLLGATE_FIELDS.iter().filter(there).collect();
                self.findings.holds(
                    there.is_empty(),
                    format_args!("{there:?} in the entry of a request that is no LLM call: {entry}"),
                );
                // An empty body in a frame of its own counts as a body. A request below an API's prefix for something that
                // nobody knows may get a text that is not read.
                let is_named = matches!(entry["unscanned"].as_str(), Some("unknown_path" | "unread_path"));
                let unread = is_named || (other.body.is_empty() && entry["unscanned"].is_null());
                self.findings.holds(unread, format_args!("unscanned is {}: {entry}", entry["unscanned"]));
            } else if entry["details"] == "via_upstream" {
                // A body without a model has no model to log.
                let missing = |field: &&&str| entry[**field].is_null() && **field != "model";
                let missing: Vec<_> = fields.iter().filter(missing).collect();
                self.findings.holds(missing.is_empty(), format_args!("{missing:?} missing in {entry}"));
            }
        }
    }

    /// Checks that no virtual machine was lost.
    fn health(&mut self) {
        let running = self.gateway.is_running();
        self.findings.holds(running, "Envoy has ended");
        self.findings.same("virtual machines created", machines(&self.gateway), self.machines);
        for (name, count) in self.gateway.stats("wasm.").unwrap() {
            if name.contains("vm_reload") || name.contains("vm_failed") {
                self.findings.same(&name, count, 0);
            }
        }
    }
}

/// Fields that only the filters set.
const TOLLGATE_FIELDS: &[&str] = &[
    "dialect",
    "model",
    "served_model",
    "provider",
    "route",
    "consumer",
    "stream",
    "input_tokens",
    "cached_tokens",
    "output_tokens",
    "reasoning_tokens",
    "total_tokens",
    "usage_source",
    "cost_nano_usd",
    "cost_micro_usd",
    "verdict",
    "rules",
    "ttft_ms",
    "unscanned",
];

/// Returns the number of virtual machines that Envoy has created.
pub(super) fn machines(gateway: &Gateway) -> u64 {
    gateway.stats("wasm.envoy.wasm.runtime.v8.created").unwrap().into_values().sum()
}
