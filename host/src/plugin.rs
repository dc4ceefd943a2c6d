//! Plugins: Envoy's `PluginConfig` and `VmConfig` of one wasm filter.

use std::sync::Arc;

use crate::Module;
use crate::plugin_settings::PluginSettings;

/// Treatment of a worker's streams after its virtual machine has trapped.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FailurePolicy {
    /// Refuses every later stream of the worker with 503. Envoy's default.
    #[default]
    FailClosed,
    /// Lets every later stream bypass the filter.
    FailOpen,
    /// Refuses streams with 503 during a backoff of one second, then starts a new virtual machine for the next stream.
    FailReload,
}

/// Wasm filter as Envoy's configuration describes it.
#[derive(Clone, Debug)]
pub struct Plugin {
    pub(crate) settings: Arc<PluginSettings>,
    pub(crate) module: Module,
    pub(crate) vm_configuration: Vec<u8>,
    pub(crate) env: Vec<(String, String)>,
    pub(crate) failure_policy: FailurePolicy,
    pub(crate) allow_on_headers_stop_iteration: bool,
}

impl Plugin {
    /// Creates a plugin with Envoy's defaults: empty root id, vm id and configurations, [`FailurePolicy::FailClosed`],
    /// paused headers stop all iteration.
    pub fn new(name: impl Into<String>, module: Module) -> Plugin {
        Plugin {
            settings: Arc::new(PluginSettings { name: name.into(), ..PluginSettings::default() }),
            module,
            vm_configuration: Vec::new(),
            env: Vec::new(),
            failure_policy: FailurePolicy::default(),
            allow_on_headers_stop_iteration: false,
        }
    }

    /// Sets `root_id`, which selects one of a module's plugins.
    pub fn root_id(mut self, id: impl Into<String>) -> Plugin {
        self.settings_mut().root_id = id.into();
        self
    }

    /// Sets `vm_config.vm_id`: plugins of one id, module and configuration share a virtual machine per worker, and shared
    /// data and queues are keyed by it.
    pub fn vm_id(mut self, id: impl Into<String>) -> Plugin {
        self.settings_mut().vm_id = id.into();
        self
    }

    /// Sets the bytes that `proxy_on_configure` finds as plugin configuration (Envoy passes the bytes of a StringValue, and
    /// a Struct as JSON or in its binary encoding, depending on the version).
    pub fn configuration(mut self, bytes: impl Into<Vec<u8>>) -> Plugin {
        self.settings_mut().configuration = bytes.into();
        self
    }

    /// Sets the bytes that `proxy_on_vm_start` finds as VM configuration.
    pub fn vm_configuration(mut self, bytes: impl Into<Vec<u8>>) -> Plugin {
        self.vm_configuration = bytes.into();
        self
    }

    /// Adds an environment variable of the virtual machine. Plugins with different environments do not share one.
    pub fn env(mut self, key: impl Into<String>, value: impl Into<String>) -> Plugin {
        self.env.push((key.into(), value.into()));
        self
    }

    /// Sets the treatment of streams that follow a trap.
    pub fn failure_policy(mut self, policy: FailurePolicy) -> Plugin {
        self.failure_policy = policy;
        self
    }

    /// Lets a pause in a headers callback stop only the headers (`true`), so that body callbacks follow, or all iteration
    /// (`false`, Envoy's default).
    pub fn allow_on_headers_stop_iteration(mut self, allow: bool) -> Plugin {
        self.allow_on_headers_stop_iteration = allow;
        self
    }

    /// Returns the key of the virtual machine: plugins of one key share one per thread.
    pub(crate) fn vm_key(&self) -> String {
        format!("{:?}", (&self.settings.vm_id, &self.vm_configuration, &self.env, self.module.fingerprint()))
    }

    fn settings_mut(&mut self) -> &mut PluginSettings {
        Arc::make_mut(&mut self.settings)
    }
}
