//! Running Envoy under measurement.

use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::Value;
use tokio::runtime::Runtime;
use tollgate_envoy_harness::client::Request;
use tollgate_envoy_harness::{Context, Envoy, Error, Gateway, Result, gateway};

use crate::client::{Connection, LOGGED, drive, request};
use crate::load::{LOADS, Load};
use crate::process::Process;
use crate::variant::{Setup, Variant};

/// Measurements of one start of Envoy.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Start {
    /// Time from exec until Envoy is ready, polled every 10 ms.
    pub(crate) wall: Duration,
    /// CPU time of all threads until then.
    pub(crate) cpu: Duration,
}

/// Starts a variant on one worker and waits until it is ready.
pub(crate) fn start(envoy: &Envoy, variant: Variant, module: Option<&Path>, setup: &Setup) -> Result<(Gateway, Start)> {
    let bootstrap = variant.bootstrap(module, setup)?;
    let options = gateway::Options { concurrency: 1, start_limit: Duration::from_secs(180), ..Default::default() };
    let begin = Instant::now();
    let gateway = Gateway::start(envoy, bootstrap, &options).context(|| variant.name().into())?;
    let wall = begin.elapsed();
    let cpu = Process::new(gateway.pid()?).cpu()?;
    Ok((gateway, Start { wall, cpu }))
}

/// Running variant with connections to it.
#[derive(Debug)]
pub(crate) struct Subject {
    variant: Variant,
    gateway: Gateway,
    process: Process,
    connections: Vec<Connection>,
}

impl Subject {
    /// Connects to a running variant.
    pub(crate) fn connect(runtime: &Runtime, variant: Variant, gateway: Gateway) -> Result<Subject> {
        let process = Process::new(gateway.pid()?);
        let most = LOADS.iter().map(|load| load.in_flight).max().unwrap_or(0);
        let opened = (0..most).map(|_| runtime.block_on(Connection::open(gateway.address())));
        let connections = opened.collect::<Result<_>>()?;
        Ok(Subject { variant, gateway, process, connections })
    }

    /// Sends a load once and checks the response and that the filters of the variant were at work.
    pub(crate) fn take_up(&mut self, runtime: &Runtime, load: &Load, body: Vec<u8>) -> Result<Checked> {
        let headers = [load.headers(), &[(LOGGED, "1")]].concat();
        let first = self.connections.first_mut().ok_or_else(|| Error::new("no connection"))?;
        let response = runtime.block_on(first.ask(&request(body, &headers)))?;
        load.check(&response.body)?;
        let id = response.request_id.ok_or_else(|| Error::new("a response without x-tollgate-request-id"))?;
        let input_tokens = at_work(self.variant, &self.gateway.access_log_entry(&id)?)?;
        Ok(Checked { input_tokens, length: response.body.len() })
    }

    /// Sends requests on this many connections; the responses have this length.
    pub(crate) fn send(
        &mut self,
        runtime: &Runtime,
        requests: &[Request],
        in_flight: usize,
        length: usize,
    ) -> Result<()> {
        let connections = self.connections.get_mut(..in_flight).unwrap_or_default();
        runtime.block_on(drive(connections, requests, length)).context(|| self.gateway.log_tail())
    }

    /// Measures the CPU time of Envoy per request, in seconds, after some requests that are not measured.
    pub(crate) fn cpu_per_request(
        &mut self,
        runtime: &Runtime,
        requests: &[Request],
        in_flight: usize,
        length: usize,
    ) -> Result<f64> {
        // Other variants ran in between: caches and branch predictors must warm up again.
        let (unmeasured, measured) = requests.split_at(unmeasured(requests.len(), in_flight));
        self.send(runtime, unmeasured, in_flight, length)?;
        let before = self.process.cpu()?;
        self.send(runtime, measured, in_flight, length)?;
        let spent = self.process.cpu()?.saturating_sub(before);
        Ok(spent.as_secs_f64() / measured.len().max(1) as f64)
    }

    /// Returns two connections.
    pub(crate) fn pair(&mut self) -> Result<(&mut Connection, &mut Connection)> {
        match self.connections.as_mut_slice() {
            [one, other, ..] => Ok((one, other)),
            _ => Err(Error::new("fewer than two connections")),
        }
    }

    /// Checks by Envoy's statistics that the variant has counted prompts, or none, as it should.
    pub(crate) fn check_counting(&self) -> Result<()> {
        let counted: u64 = self.gateway.stats(COUNTED)?.values().sum();
        if (counted > 0) == self.variant.counts() {
            return Ok(());
        }
        Err(Error::new(format!("{}: {counted} prompts were counted", self.variant.name())))
    }

    /// Returns the resident memory in bytes.
    pub(crate) fn resident(&self) -> Result<u64> {
        self.process.resident()
    }

    /// Returns the last lines of Envoy's own log.
    pub(crate) fn log_tail(&self) -> String {
        self.gateway.log_tail()
    }
}

/// Metric of the filters that count.
const COUNTED: &str = "wasmcustom.tollgate_prompts_counted_total";

/// Returns how many of the requests of a cell are sent before the measurement.
fn unmeasured(requests: usize, in_flight: usize) -> usize {
    in_flight.max(requests / 10).min(requests)
}

/// First response to a load.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Checked {
    /// Input tokens that the filters counted, if they count.
    pub(crate) input_tokens: Option<u64>,
    /// Length of the response.
    pub(crate) length: usize,
}

/// Checks that the access log shows the filters of the variant at work and no others; returns the input tokens that they
/// counted.
fn at_work(variant: Variant, entry: &Value) -> Result<Option<u64>> {
    let (set, unset) = variant.fields();
    let is_null = |field: &&&str| entry.get(**field).is_none_or(Value::is_null);
    if let Some(field) = set.iter().find(is_null) {
        return Err(Error::new(format!("the access log has no {field}: is the filter at work?")));
    }
    if let Some(field) = unset.iter().find(|field| !is_null(field)) {
        return Err(Error::new(format!("the access log has {field}, which no filter of this variant sets")));
    }
    let tokens = entry.get("input_tokens");
    Ok(tokens.and_then(|tokens| tokens.as_u64().or_else(|| tokens.as_str()?.parse().ok())))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_missing_or_unexpected_field_is_an_error() {
        let counter = Variant::Alone("token-counter");
        let entry = json!({"dialect": "openai.chat", "model": "gpt-4o", "verdict": "allow", "usage_source": "provider",
                           "ttft_ms": "0", "input_tokens": "231", "route": null});
        assert_eq!(at_work(counter, &entry).unwrap(), Some(231));
        assert!(at_work(Variant::Bundle, &entry).unwrap_err().to_string().contains("no cost_nano_usd"));
        assert!(at_work(Variant::Plain, &entry).unwrap_err().to_string().contains("has dialect"));
        assert_eq!(at_work(Variant::Plain, &json!({"dialect": null})).unwrap(), None);
    }
}
