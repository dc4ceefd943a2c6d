//! Running Envoy under measurement.

use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::Value;
use tokio::runtime::Runtime;
use tollgate_envoy_harness::client::Request;
use tollgate_envoy_harness::{Context, Envoy, Error, Gateway, Result, gateway};

use crate::client::{Connection, drive, request};
use crate::load::{LOADS, Load};
use crate::measure::Plan;
use crate::process::Process;
use crate::variant::Variant;

/// Measurements of one start of Envoy.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Start {
    /// Time from exec until Envoy is ready, polled every 10 ms.
    pub(crate) wall: Duration,
    /// CPU time of all threads until then.
    pub(crate) cpu: Duration,
}

/// Starts a variant on one worker and waits until it is ready.
pub(crate) fn start(
    envoy: &Envoy,
    variant: Variant,
    module: Option<&Path>,
    upstream: std::net::SocketAddr,
) -> Result<(Gateway, Start)> {
    let bootstrap = variant.bootstrap(module, upstream)?;
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
    asks: Vec<Ask>,
}

/// Request of a load with the length of its response.
#[derive(Debug)]
struct Ask {
    load: Load,
    request: Request,
    length: usize,
}

/// Minimum number of requests in a cell.
const FEWEST: usize = 5;

impl Subject {
    /// Connects to a running variant.
    pub(crate) fn connect(runtime: &Runtime, variant: Variant, gateway: Gateway) -> Result<Subject> {
        let process = Process::new(gateway.pid()?);
        let most = LOADS.iter().map(|load| load.in_flight).max().unwrap_or(0);
        let opened = (0..most).map(|_| runtime.block_on(Connection::open(gateway.address())));
        let connections = opened.collect::<Result<_>>()?;
        Ok(Subject { variant, gateway, process, connections, asks: Vec::new() })
    }

    /// Adds a load: sends it once, checks the response and that the filters of the variant were at work, and returns the
    /// input tokens that they counted, if they count.
    pub(crate) fn take_up(&mut self, runtime: &Runtime, load: &Load) -> Result<Option<u64>> {
        let request = request(load, self.gateway.address());
        let first = self.connections.first_mut().ok_or_else(|| Error::new("no connection"))?;
        let response = runtime.block_on(first.ask(&request))?;
        load.check(&response.body)?;
        self.asks.push(Ask { load: *load, request, length: response.body.len() });
        let id = response.request_id.ok_or_else(|| Error::new("a response without x-request-id"))?;
        at_work(self.variant, &self.gateway.access_log_entry(&id)?)
    }

    /// Sends a load for a while and returns how many requests of it fit into a cell.
    pub(crate) fn warm_up(&mut self, runtime: &Runtime, load: &Load, plan: Plan) -> Result<usize> {
        let begin = Instant::now();
        let mut sent: u32 = 0;
        while sent == 0 || begin.elapsed() < plan.warm_up {
            self.send(runtime, load, load.in_flight)?;
            sent = sent.saturating_add(load.in_flight as u32);
        }
        let each = begin.elapsed() / sent;
        let fitting = (plan.cell.as_secs_f64() / each.as_secs_f64().max(1e-9)) as usize;
        let wanted = fitting.clamp(FEWEST, load.requests.max(FEWEST));
        // No connection may be idle at the end of a cell.
        Ok(wanted.next_multiple_of(load.in_flight))
    }

    /// Measures the CPU time of Envoy per request, in seconds.
    pub(crate) fn cpu_per_request(&mut self, runtime: &Runtime, load: &Load, requests: usize) -> Result<f64> {
        // Other variants ran in between: caches and branch predictors must warm up again.
        self.send(runtime, load, load.in_flight.max(requests / 10))?;
        let before = self.process.cpu()?;
        self.send(runtime, load, requests)?;
        let spent = self.process.cpu()?.saturating_sub(before);
        Ok(spent.as_secs_f64() / requests.max(1) as f64)
    }

    /// Returns the resident memory in bytes.
    pub(crate) fn resident(&self) -> Result<u64> {
        self.process.resident()
    }

    fn send(&mut self, runtime: &Runtime, load: &Load, count: usize) -> Result<()> {
        let ask = self.asks.iter().find(|ask| ask.load == *load).ok_or_else(|| Error::new("an unknown load"))?;
        let connections = self.connections.get_mut(..load.in_flight).unwrap_or_default();
        runtime.block_on(drive(connections, &ask.request, count, ask.length)).context(|| self.gateway.log_tail())
    }
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
