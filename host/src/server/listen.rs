//! Starting plugins on the threads where Envoy starts them, and again after a trap.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{PluginInstance, PluginKey, RunningListener, Server};
use crate::listener_config::{FilterConfig, ListenerConfig, StartError};
use crate::stream::FilterKind;
use crate::vm::Vm;
use crate::{FailurePolicy, Plugin, Thread};

/// Envoy's counter of virtual machines started so far.
const CREATED: &str = "wasm.envoy.wasm.runtime.v8.created";
/// Envoy's gauge of virtual machines that exist.
const ACTIVE: &str = "wasm.envoy.wasm.runtime.v8.active";

/// Envoy's base interval between two reloads of a failed plugin.
const RELOAD_BACKOFF_NS: u64 = 1_000_000_000;

impl RunningListener {
    fn new(config: ListenerConfig) -> RunningListener {
        let mut plugins = Vec::new();
        let mut buffer_filters = BTreeMap::new();
        for (at, filter) in config.filters.into_iter().enumerate() {
            match filter {
                FilterConfig::Plugin(plugin) => plugins.push(Arc::new(*plugin)),
                FilterConfig::Buffer { max_request_bytes } => {
                    buffer_filters.insert(at, max_request_bytes);
                }
            }
        }
        let (upstream_clusters, upstream_plugins): (Vec<_>, Vec<_>) =
            config.upstream_plugins.into_iter().map(|(cluster, plugin)| (cluster, Arc::new(plugin))).unzip();
        RunningListener {
            plugins,
            upstream_plugins,
            upstream_clusters,
            buffer_filters,
            routes: config.routes,
            buffer_limit: config.buffer_limit,
            h2_window: config.h2_window,
        }
    }

    fn all_plugins(&self) -> impl Iterator<Item = &Arc<Plugin>> {
        self.plugins.iter().chain(&self.upstream_plugins)
    }
}

impl Server {
    /// Starts a listener's plugins and returns the listener's index.
    pub(crate) fn listen(&mut self, config: ListenerConfig) -> Result<usize, StartError> {
        let logged = self.host.log.len();
        let listener = RunningListener::new(config);
        for plugin in listener.all_plugins() {
            for counter in ["vm_reload", "vm_reload_backoff", "vm_reload_failure", "vm_reload_success"] {
                self.host.stats.counters.entry(format!("wasm.{}.{counter}", plugin.settings.name)).or_default();
            }
        }
        self.start_plugins(&listener).map_err(|(plugin, reason)| {
            let log = self.host.log.get(logged..);
            debug_assert!(log.is_some(), "the log only grows");
            StartError { plugin, reason, log: log.unwrap_or_default().to_vec() }
        })?;
        self.listeners.push(Arc::new(listener));
        self.process_pending();
        Ok(self.listeners.len() - 1)
    }

    /// Starts every plugin where Envoy does: in a base virtual machine, a canary, on the main thread and on each worker.
    /// The error is the name of the plugin that failed, and the reason.
    fn start_plugins(&mut self, listener: &RunningListener) -> Result<(), (String, String)> {
        let name = |plugin: &Plugin| plugin.settings.name.clone();
        if self.options.canary {
            for plugin in listener.all_plugins() {
                self.start_base(plugin).map_err(|reason| (name(plugin), reason))?;
                self.try_in_canary(plugin).map_err(|reason| (name(plugin), reason))?;
                self.load(plugin, Thread::Main).map_err(|reason| (name(plugin), reason))?;
            }
        }
        let index = self.listeners.len();
        for worker in 0..self.options.workers {
            for (upstream, plugins) in [(false, &listener.plugins), (true, &listener.upstream_plugins)] {
                for (at, plugin) in plugins.iter().enumerate() {
                    let (vm, root) =
                        self.load(plugin, Thread::Worker(worker)).map_err(|reason| (name(plugin), reason))?;
                    let key = PluginKey { listener: index, upstream, plugin: at, worker };
                    self.instances.insert(key, PluginInstance { vm, root, loaded: self.host.now });
                }
            }
        }
        Ok(())
    }

    /// Starts the virtual machine that all others of its key are clones of: it is initialized, and gets no callbacks.
    fn start_base(&mut self, plugin: &Arc<Plugin>) -> Result<(), String> {
        if !self.bases.insert(plugin.vm_key()) {
            return Ok(());
        }
        Vm::start(plugin, Thread::Main, usize::MAX, &mut self.host)?;
        self.count_vm_created();
        self.count_vm_active();
        Ok(())
    }

    /// Tries the plugin in a virtual machine of its own, which is then dropped.
    fn try_in_canary(&mut self, plugin: &Arc<Plugin>) -> Result<(), String> {
        if !self.bases.insert(format!("{} {}", plugin.vm_key(), plugin.settings.root_key())) {
            return Ok(());
        }
        let mut vm = Vm::start(plugin, Thread::Canary, usize::MAX, &mut self.host)?;
        self.count_vm_created();
        let result = vm.root(&plugin.settings, &mut self.host).map(|_| ());
        // Whatever the canary has started ends with it.
        self.host.outgoing.clear();
        self.host.actions.clear();
        result
    }

    /// Returns the plugin's virtual machine and root context on a thread, started if necessary.
    fn load(&mut self, plugin: &Arc<Plugin>, thread: Thread) -> Result<(usize, u32), String> {
        let key = (thread, plugin.vm_key());
        let index = match self.vms_by_key.get(&key) {
            Some(&index) if self.vms.get(index).is_some_and(|vm| !vm.failed) => index,
            _ => {
                let index = self.vms.len();
                self.vms.push(Vm::start(plugin, thread, index, &mut self.host)?);
                self.vms_by_key.insert(key, index);
                self.count_vm_created();
                self.count_vm_active();
                index
            }
        };
        let vm = self.vms.get_mut(index).ok_or_else(|| "no such virtual machine".to_owned())?;
        let root = vm.root(&plugin.settings, &mut self.host)?;
        Ok((index, root))
    }

    fn count_vm_created(&mut self) {
        *self.host.stats.counters.entry(CREATED.to_owned()).or_default() += 1;
    }

    fn count_vm_active(&mut self) {
        *self.host.stats.gauges.entry(ACTIVE.to_owned()).or_default() += 1;
    }

    /// Returns the filter that a plugin is in a new stream's chain: a guest, or what its failure policy makes of a failed
    /// virtual machine. The guest's context is not created yet.
    pub(super) fn filter_kind(&mut self, key: PluginKey, plugin: &Arc<Plugin>) -> FilterKind {
        let Some(&instance) = self.instances.get(&key) else { return FilterKind::Failed };
        if self.vms.get(instance.vm).is_some_and(|vm| !vm.failed) {
            return FilterKind::Guest { vm: instance.vm, root: instance.root, context: 0 };
        }
        match plugin.failure_policy {
            FailurePolicy::FailOpen => FilterKind::Absent,
            FailurePolicy::FailClosed => FilterKind::Failed,
            FailurePolicy::FailReload => self.reload(key, instance, plugin),
        }
    }

    /// Reloads a failed plugin unless the last attempt was less than the backoff ago.
    fn reload(&mut self, key: PluginKey, instance: PluginInstance, plugin: &Arc<Plugin>) -> FilterKind {
        let now = self.host.now;
        let (outcome, kind) = if now.saturating_sub(instance.loaded) < RELOAD_BACKOFF_NS {
            ("vm_reload_backoff", FilterKind::Failed)
        } else {
            let loaded = self.load(plugin, Thread::Worker(key.worker));
            let (vm, root) = loaded.as_ref().map_or((instance.vm, instance.root), |&loaded| loaded);
            self.instances.insert(key, PluginInstance { vm, root, loaded: now });
            match loaded {
                Ok(_) => ("vm_reload_success", FilterKind::Guest { vm, root, context: 0 }),
                Err(_) => ("vm_reload_failure", FilterKind::Failed),
            }
        };
        let counter = format!("wasm.{}.{outcome}", plugin.settings.name);
        *self.host.stats.counters.entry(counter).or_default() += 1;
        kind
    }
}
