//! A plugin: what Envoy's `PluginConfig` and `VmConfig` say of one wasm filter.

use crate::Module;

/// What becomes of a worker's streams once its virtual machine has trapped.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FailurePolicy {
    /// Every later stream of the worker gets 503. Envoy's default.
    #[default]
    FailClosed,
    /// Every later stream passes the filter by.
    FailOpen,
    /// 503 during a backoff of one second, then the next stream gets a new virtual machine.
    FailReload,
}

/// One wasm filter as Envoy's configuration describes it.
#[derive(Clone, Debug)]
pub struct Plugin {
    pub(crate) name: String,
    pub(crate) module: Module,
    pub(crate) root_id: String,
    pub(crate) vm_id: String,
    pub(crate) configuration: Vec<u8>,
    pub(crate) vm_configuration: Vec<u8>,
    pub(crate) env: Vec<(String, String)>,
    pub(crate) failure_policy: FailurePolicy,
    pub(crate) allow_on_headers_stop_iteration: bool,
}

impl Plugin {
    /// A plugin with Envoy's defaults: empty root id, vm id and configurations, [`FailurePolicy::FailClosed`], headers
    /// that stop all iteration when paused.
    pub fn new(name: impl Into<String>, module: Module) -> Plugin {
        Plugin {
            name: name.into(),
            module,
            root_id: String::new(),
            vm_id: String::new(),
            configuration: Vec::new(),
            vm_configuration: Vec::new(),
            env: Vec::new(),
            failure_policy: FailurePolicy::default(),
            allow_on_headers_stop_iteration: false,
        }
    }

    /// `root_id`: which of a module's plugins this is.
    pub fn root_id(mut self, id: impl Into<String>) -> Plugin {
        self.root_id = id.into();
        self
    }

    /// `vm_config.vm_id`: plugins of one id, module and configuration share a virtual machine per worker, and shared
    /// data and queues are keyed by it.
    pub fn vm_id(mut self, id: impl Into<String>) -> Plugin {
        self.vm_id = id.into();
        self
    }

    /// The bytes `proxy_on_configure` finds as plugin configuration (Envoy hands over the bytes of a StringValue, and a
    /// Struct as JSON or in its binary encoding, depending on the version).
    pub fn configuration(mut self, bytes: impl Into<Vec<u8>>) -> Plugin {
        self.configuration = bytes.into();
        self
    }

    /// The bytes `proxy_on_vm_start` finds as VM configuration.
    pub fn vm_configuration(mut self, bytes: impl Into<Vec<u8>>) -> Plugin {
        self.vm_configuration = bytes.into();
        self
    }

    /// An environment variable of the virtual machine. Another environment is another virtual machine.
    pub fn env(mut self, key: impl Into<String>, value: impl Into<String>) -> Plugin {
        self.env.push((key.into(), value.into()));
        self
    }

    /// What a trap means for later streams.
    pub fn failure_policy(mut self, policy: FailurePolicy) -> Plugin {
        self.failure_policy = policy;
        self
    }

    /// Whether a pause in a headers callback stops only the headers (`true`), so that body callbacks come, or all
    /// iteration (`false`, Envoy's default).
    pub fn allow_on_headers_stop_iteration(mut self, allow: bool) -> Plugin {
        self.allow_on_headers_stop_iteration = allow;
        self
    }
}
