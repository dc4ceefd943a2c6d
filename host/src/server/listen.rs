//! Starting plugins where Envoy starts them, and again after a trap.

use std::sync::Arc;

use super::{PluginInstance, PluginKey, RunningListener, Server};
use crate::listener::{Filter, ListenerBuilder};
use crate::stream::FilterKind;
use crate::vm::Vm;
use crate::{FailurePolicy, Plugin, StartError, Thread};

/// Virtual machines started so far, as Envoy counts them.
const CREATED: &str = "wasm.envoy.wasm.runtime.v8.created";
/// Virtual machines there are, as Envoy counts them.
const ACTIVE: &str = "wasm.envoy.wasm.runtime.v8.active";

/// Envoy's base interval between two reloads of a failed plugin.
const RELOAD_BACKOFF_NS: u64 = 1_000_000_000;

impl Server {
    pub(crate) fn listen(&mut self, builder: ListenerBuilder) -> Result<usize, StartError> {
        let logged = self.host.log.len();
        let listener = self.listeners.len();
        let mut plugins = Vec::new();
        let mut stock = std::collections::BTreeMap::new();
        for (at, filter) in builder.filters.into_iter().enumerate() {
            match filter {
                Filter::Plugin(plugin) => plugins.push(Arc::new(*plugin)),
                Filter::Buffer { max_request_bytes } => {
                    stock.insert(at, max_request_bytes);
                }
            }
        }
        let (upstream_clusters, upstream_plugins): (Vec<_>, Vec<_>) =
            builder.upstream_plugins.into_iter().map(|(cluster, plugin)| (cluster, Arc::new(plugin))).unzip();
        let state = RunningListener {
            plugins,
            upstream_plugins,
            upstream_clusters,
            stock,
            routes: builder.routes,
            buffer_limit: builder.buffer_limit,
            h2_window: builder.h2_window,
        };
        let failed = |machine: &Server, plugin: &Plugin, reason: String| StartError {
            plugin: plugin.name.clone(),
            reason,
            log: machine.host.log.get(logged..).unwrap_or_default().to_vec(),
        };
        let chains = [(false, &state.plugins), (true, &state.upstream_plugins)];
        for plugin in chains.iter().flat_map(|(_, plugins)| plugins.iter()) {
            for what in ["vm_reload", "vm_reload_backoff", "vm_reload_failure", "vm_reload_success"] {
                self.host.stats.counters.entry(format!("wasm.{}.{what}", plugin.name)).or_default();
            }
        }
        if self.setup.canary {
            for plugin in chains.iter().flat_map(|(_, plugins)| plugins.iter()) {
                self.base(plugin).map_err(|reason| failed(self, plugin, reason))?;
                self.canary(plugin).map_err(|reason| failed(self, plugin, reason))?;
                self.load(plugin, Thread::Main).map_err(|reason| failed(self, plugin, reason))?;
            }
        }
        for worker in 0..self.setup.workers {
            for (upstream, plugins) in chains {
                for (index, plugin) in plugins.iter().enumerate() {
                    let (vm, root) =
                        self.load(plugin, Thread::Worker(worker)).map_err(|reason| failed(self, plugin, reason))?;
                    let seat = PluginKey { listener, upstream, plugin: index, worker };
                    self.handles.insert(seat, PluginInstance { vm, root, loaded: self.host.now });
                }
            }
        }
        self.listeners.push(Arc::new(state));
        self.process_pending();
        Ok(listener)
    }

    /// The virtual machine that all others of its key are clones of: it is initialized, and never asked for more.
    fn base(&mut self, plugin: &Arc<Plugin>) -> Result<(), String> {
        if !self.bases.insert(plugin.vm_key()) {
            return Ok(());
        }
        Vm::start(plugin, Thread::Main, usize::MAX, &mut self.host)?;
        *self.host.stats.counters.entry(CREATED.to_owned()).or_default() += 1;
        *self.host.stats.gauges.entry(ACTIVE.to_owned()).or_default() += 1;
        Ok(())
    }

    /// Tries the plugin in a virtual machine of its own, which then goes away.
    fn canary(&mut self, plugin: &Arc<Plugin>) -> Result<(), String> {
        if !self.bases.insert(format!("{} {}", plugin.vm_key(), plugin.key())) {
            return Ok(());
        }
        let mut vm = Vm::start(plugin, Thread::Canary, usize::MAX, &mut self.host)?;
        *self.host.stats.counters.entry(CREATED.to_owned()).or_default() += 1;
        let result = vm.root(plugin, &mut self.host).map(|_| ());
        // What it has begun goes away with it.
        self.host.outgoing.clear();
        self.host.actions.clear();
        result
    }

    /// The plugin's virtual machine and root context on a thread, started if need be.
    fn load(&mut self, plugin: &Arc<Plugin>, thread: Thread) -> Result<(usize, u32), String> {
        let key = (thread, plugin.vm_key());
        let index = match self.by_key.get(&key) {
            Some(&index) if self.vms.get(index).is_some_and(|vm| !vm.failed) => index,
            _ => {
                let index = self.vms.len();
                self.vms.push(Vm::start(plugin, thread, index, &mut self.host)?);
                self.by_key.insert(key, index);
                *self.host.stats.counters.entry(CREATED.to_owned()).or_default() += 1;
                *self.host.stats.gauges.entry(ACTIVE.to_owned()).or_default() += 1;
                index
            }
        };
        let vm = self.vms.get_mut(index).ok_or_else(|| "no such virtual machine".to_owned())?;
        let root = vm.root(plugin, &mut self.host)?;
        Ok((index, root))
    }

    /// What stands at a plugin's place in a new stream's chain.
    pub(super) fn filter_kind(&mut self, seat: PluginKey, plugin: &Arc<Plugin>) -> FilterKind {
        let Some(&handle) = self.handles.get(&seat) else { return FilterKind::Failed };
        if self.vms.get(handle.vm).is_some_and(|vm| !vm.failed) {
            return FilterKind::Guest { vm: handle.vm, root: handle.root, context: 0 };
        }
        match plugin.failure_policy {
            FailurePolicy::FailOpen => FilterKind::Absent,
            FailurePolicy::FailClosed => FilterKind::Failed,
            FailurePolicy::FailReload => {
                let now = self.host.now;
                let count = |machine: &mut Server, what: &str| {
                    *machine.host.stats.counters.entry(format!("wasm.{}.{what}", plugin.name)).or_default() += 1;
                };
                if now.saturating_sub(handle.loaded) < RELOAD_BACKOFF_NS {
                    count(self, "vm_reload_backoff");
                    return FilterKind::Failed;
                }
                let loaded = self.load(plugin, Thread::Worker(seat.worker));
                let (vm, root) = loaded.as_ref().map_or((handle.vm, handle.root), |&loaded| loaded);
                self.handles.insert(seat, PluginInstance { vm, root, loaded: now });
                if loaded.is_ok() {
                    count(self, "vm_reload_success");
                    FilterKind::Guest { vm, root, context: 0 }
                } else {
                    count(self, "vm_reload_failure");
                    FilterKind::Failed
                }
            }
        }
    }
}
