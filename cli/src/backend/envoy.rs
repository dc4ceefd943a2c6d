//! Backend with a real Envoy and real sockets. One process runs all chains, one after the other: V8 takes seconds to compile the
//! module, once per process. A chain gets a listener with a virtual machine of its own, and a new one when its memory of budgets
//! would matter.

mod bootstrap;
mod client;
mod given;
mod metadata;
mod upstream;

pub use bootstrap::PROPERTIES;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use serde_json::Value;
use tollgate_envoy_harness::{Envoy, Gateway, gateway};

use crate::delivery::{BodySplit, CutPoints, Delivery, Framing};
use crate::file::BackendName;
use crate::observation::Observation;
use crate::plan::{Action, Case, HeaderList, ResolvedChain, Suite};
use crate::problem::Problem;

use super::{Backend, RunOutput};
use metadata::Metadata;
use upstream::{Script, Upstreams};

/// Envoy that runs the chains of several test files, one at a time.
pub struct Process {
    envoy: Envoy,
    module: PathBuf,
    running: Mutex<Running>,
}

#[derive(Default)]
struct Running {
    gateway: Option<Gateway>,
    /// Bootstrap of the process without listeners and clusters.
    rest: Value,
    /// Number of virtual machines so far; that of the last is also the number of the chain that it runs.
    machines: u64,
    /// Consumers with budgets whose calls the last virtual machine has counted.
    remembered: BTreeSet<String>,
    /// Number of requests so far.
    requests: u64,
}

impl Process {
    /// Creates a process for a module; it starts with the first chain.
    #[must_use]
    pub fn new(envoy: &Envoy, module: &Path) -> Process {
        Process { envoy: envoy.clone(), module: module.to_owned(), running: Mutex::default() }
    }

    fn lock(&self) -> MutexGuard<'_, Running> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Chain of filters in an Envoy.
pub struct EnvoyBackend<'a> {
    process: &'a Process,
    chain: std::sync::Arc<ResolvedChain>,
    metadata: Metadata,
    upstreams: Upstreams,
    /// Number of this chain's last virtual machine.
    machine: AtomicU64,
}

impl<'a> EnvoyBackend<'a> {
    /// Adds the chain of a file to an Envoy, in place of the last one.
    ///
    /// # Errors
    /// Envoy does not start, or rejects the configuration.
    pub fn new(process: &'a Process, suite: &Suite) -> Result<EnvoyBackend<'a>, Problem> {
        let chain = suite.chain.clone();
        let wrong = |error: &dyn std::fmt::Display| Problem::of(&suite.path, error.to_string());
        let upstreams = Upstreams::start(&chain).map_err(|error| wrong(&error))?;
        let metadata = Metadata::of(suite);
        let backend = EnvoyBackend { process, metadata, chain, upstreams, machine: AtomicU64::default() };
        backend.start(&mut process.lock()).map_err(|error| wrong(&error))?;
        Ok(backend)
    }

    fn start(&self, running: &mut Running) -> Result<(), String> {
        let upstreams = self.upstreams.addresses();
        let bootstrap = bootstrap::bootstrap(&self.chain, &self.metadata, &self.process.module, &upstreams);
        let mut bootstrap = bootstrap.map_err(|error| error.to_string())?;
        running.machines += 1;
        running.remembered.clear();
        self.machine.store(running.machines, Ordering::Relaxed);
        for plugin in bootstrap.plugins().map_err(|error| error.to_string())? {
            // Budgets are in the memory of the virtual machine.
            if let Some(id) = plugin.pointer_mut("/vm_config/vm_id") {
                *id = format!("{}-{}", id.as_str().unwrap_or_default(), running.machines).into();
            }
        }
        let rest = bootstrap::rest(bootstrap.document_mut());
        match &mut running.gateway {
            Some(gateway) if running.rest == rest => {
                let replaced = gateway.replace(bootstrap).map_err(|error| error.to_string());
                if replaced.is_err() {
                    // The next chain gets a new process.
                    running.gateway = None;
                }
                replaced
            }
            gateway => {
                *gateway = None;
                let new = Gateway::start_replaceable(&self.process.envoy, bootstrap, &gateway::Options::default());
                *gateway = Some(new.map_err(|error| error.to_string())?);
                running.rest = rest;
                Ok(())
            }
        }
    }

    /// Returns the consumers of a test whose calls are counted.
    fn metered(&self, case: &Case) -> BTreeSet<String> {
        let consumers = case.exchanges().map(|exchange| exchange.request.consumer(self.chain.identity.as_ref()));
        let is_metered = |name: &String| self.chain.filters.iter().any(|filter| filter.meters(name));
        consumers.filter(is_metered).collect()
    }
}

/// Waits for the next minute if this one is nearly over. The windows of budgets start at whole minutes, hours and days of
/// Envoy's clock, and calls that are counted together must be in the same window.
fn keep_to_one_minute() {
    const MINUTE: Duration = Duration::from_secs(60);
    const ROOM: Duration = Duration::from_secs(4);
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let remaining = MINUTE.saturating_sub(Duration::from_secs(now.as_secs() % MINUTE.as_secs()));
    if remaining < ROOM {
        std::thread::sleep(remaining);
    }
}

impl Backend for EnvoyBackend<'_> {
    fn name(&self) -> BackendName {
        BackendName::Envoy
    }

    /// Runs every test whole over HTTP/1 and HTTP/2, byte by byte over HTTP/1, and with trailers over HTTP/2. A test that needs a
    /// new virtual machine runs only in the first and the last of these deliveries; one whose exchange breaks, only in the first.
    fn deliveries(&self, case: &Case, all: Vec<Delivery>) -> Vec<Delivery> {
        let breaks = case.exchanges().any(|e| e.request.leave_after.is_some() || e.response.reset_after.is_some());
        let metered = !self.metered(case).is_empty();
        let wanted = |delivery: &Delivery| match (delivery.framing, &delivery.request, delivery.request_trailers) {
            _ if delivery.empty_last || delivery.response == BodySplit::Events => false,
            (Framing::Http1, BodySplit::Whole, false) => true,
            _ if breaks => false,
            (Framing::Http2, BodySplit::Whole, true) => true,
            (Framing::Http2, BodySplit::Whole, false) | (Framing::Http1, BodySplit::Bytes, false) => !metered,
            _ => false,
        };
        all.into_iter().filter(wanted).collect()
    }

    fn run(&self, case: &Case, cut_points: &[CutPoints], delivery: &Delivery) -> Result<RunOutput, String> {
        let mut running = self.process.lock();
        let metered = self.metered(case);
        let is_current = running.gateway.is_some() && self.machine.load(Ordering::Relaxed) == running.machines;
        if !is_current || !running.remembered.is_disjoint(&metered) {
            self.start(&mut running)?;
        }
        if !metered.is_empty() && case.exchanges().nth(1).is_some() {
            keep_to_one_minute();
        }
        running.remembered.extend(metered);
        let (mut output, mut number) = (RunOutput::default(), 0);
        for action in &case.actions {
            let Action::Send(exchange) = action else {
                output.stopped = Some("Envoy's clock cannot be moved: what follows `advance` is not run".into());
                return Ok(output);
            };
            if exchange.response.refuse {
                output.stopped = Some("a scripted upstream takes every connection: `refuse` is not run".into());
                return Ok(output);
            }
            debug_assert!(number < cut_points.len(), "every exchange has cut points");
            let cut_points = cut_points.get(number).cloned().unwrap_or_default();
            let script = Script { exchange: (**exchange).clone(), number, cut_points, delivery: delivery.clone() };
            let seen = self.send(&mut running, script)?;
            output.seen.push(seen);
            number += 1;
        }
        Ok(output)
    }
}

impl EnvoyBackend<'_> {
    /// Sends one request through the running Envoy.
    fn send(&self, running: &mut Running, script: Script) -> Result<Observation, String> {
        running.requests += 1;
        let id = running.requests.to_string();
        let gateway = running.gateway.as_ref().ok_or("Envoy is not running")?;
        self.upstreams.script(script.clone());
        let Script { exchange, number, cut_points, delivery } = script;
        let before = counters(gateway)?;
        let mut headers = exchange.request.headers.clone();
        headers.extend(self.metadata.headers(&exchange.request.metadata));
        headers.push((bootstrap::ID.to_owned(), id.clone().into_bytes()));
        let frames = delivery.request(number, &exchange, &cut_points);
        let response = client::exchange(gateway.address(), &exchange.request, &headers, &frames, delivery.framing)?;
        let entry = gateway.access_log_find(|entry| entry.get("id").and_then(Value::as_str) == Some(&id));
        let entry = entry.map_err(|error| format!("the access log: {error}"))?;
        let text = |name: &str| entry.get(name).and_then(Value::as_str).map(str::to_owned);
        let named = entry.as_object().into_iter().flatten().filter(|(name, _)| name.starts_with("tollgate."));
        let properties = named.filter_map(|(name, _)| Some((name.clone(), text(name)?))).collect();
        let after = counters(gateway)?;
        let grown = after.into_iter().filter_map(|(name, value)| {
            let grown = value - before.get(&name).copied().unwrap_or_default().min(value);
            (grown > 0).then_some((name, grown))
        });
        let mut upstream = self.upstreams.received();
        for request in &mut upstream {
            request.headers.retain(|(name, _)| name != bootstrap::ID);
        }
        Ok(Observation {
            status: response.status,
            headers: real(response.headers),
            body: response.body,
            trailers: response.trailers,
            end: response.end,
            note: None,
            details: text("details").unwrap_or_default(),
            upstream,
            properties,
            counters: grown.collect(),
            log: Vec::new(),
            real_clock: true,
        })
    }
}

fn counters(gateway: &Gateway) -> Result<std::collections::BTreeMap<String, u64>, String> {
    let stats = gateway.stats("wasmcustom.").map_err(|error| error.to_string())?;
    let ours =
        stats.into_iter().filter_map(|(name, value)| Some((name.strip_prefix("wasmcustom.")?.to_owned(), value)));
    Ok(ours.collect())
}

/// Removes the pseudo-headers.
fn real(mut headers: HeaderList) -> HeaderList {
    headers.retain(|(name, _)| !name.starts_with(':'));
    headers
}
