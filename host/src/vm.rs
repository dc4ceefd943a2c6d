//! A virtual machine: one instance of a module on one thread, with the contexts in it.

use std::collections::BTreeMap;
use std::sync::Arc;

use wasmtime::{Instance, Memory, Store, StoreLimits, StoreLimitsBuilder, TypedFunc, WasmParams, WasmResults};

use crate::host_state::HostState;
use crate::metrics::Metrics;
use crate::module::CALLBACK_TICKS;
use crate::{Level, Plugin, Thread};

/// Envoy's cap for a virtual machine's memory (`PROXY_WASM_HOST_MAX_WASM_MEMORY_SIZE_BYTES`).
const MAX_MEMORY: usize = 1 << 30;

/// A context of a guest.
#[derive(Clone, Debug)]
pub(crate) enum Context {
    /// One per plugin and virtual machine.
    Root { plugin: Arc<Plugin> },
    /// One per stream and filter.
    Stream { stream: u64, filter: usize, root: u32, plugin: Arc<Plugin> },
}

/// What the host functions of a virtual machine see.
pub(crate) struct VmData {
    /// The process's host while a callback runs; an empty one otherwise.
    pub(crate) host: Box<HostState>,
    pub(crate) index: usize,
    pub(crate) thread: Thread,
    pub(crate) vm_id: String,
    pub(crate) vm_configuration: Vec<u8>,
    pub(crate) env: Vec<(String, String)>,
    pub(crate) memory: Option<Memory>,
    pub(crate) allocate: Option<TypedFunc<i32, i32>>,
    pub(crate) contexts: BTreeMap<u32, Context>,
    /// The context whose callback runs.
    pub(crate) current: u32,
    /// The one host calls are for instead, if not 0.
    pub(crate) effective: u32,
    /// Only logging and WASI are allowed.
    pub(crate) restricted: bool,
    pub(crate) metrics: Metrics,
    /// Numbers of calls handed out so far, by kind.
    pub(crate) http_calls: u32,
    pub(crate) grpc_calls: u32,
    pub(crate) grpc_streams: u32,
    /// gRPC streams that are open for sending, by token.
    pub(crate) open_streams: BTreeMap<u32, crate::callout::Callout>,
    /// Callouts on their way, by token: their process-wide number, and the stream in whose callback they were begun.
    pub(crate) pending: BTreeMap<u32, (u64, u64)>,
    /// The status of the last callout that failed, as `proxy_get_status` goes on to tell it.
    pub(crate) last_status: u32,
    /// A local reply was asked for: whatever the callback returns, the iteration stops.
    pub(crate) stop: bool,
    /// Whether the plugin's configuration can be read.
    pub(crate) configuring: Option<Arc<Plugin>>,
    /// Timers by root context: period in milliseconds and generation.
    pub(crate) timers: BTreeMap<u32, (u32, u64)>,
    pub(crate) call_description: String,
    limits: StoreLimits,
}

type Nothing = ();
/// Root context, token, numbers of headers, body bytes and trailers.
type HttpCallResponse = (u32, u32, u32, u32, u32);

/// The callbacks a guest exports; what it does not export is not called.
#[derive(Clone, Default)]
pub(crate) struct Exports {
    pub(crate) context_create: Option<TypedFunc<(u32, u32), Nothing>>,
    pub(crate) vm_start: Option<TypedFunc<(u32, u32), u32>>,
    pub(crate) configure: Option<TypedFunc<(u32, u32), u32>>,
    pub(crate) request_headers: Option<TypedFunc<(u32, u32, u32), u32>>,
    pub(crate) request_body: Option<TypedFunc<(u32, u32, u32), u32>>,
    pub(crate) request_trailers: Option<TypedFunc<(u32, u32), u32>>,
    pub(crate) response_headers: Option<TypedFunc<(u32, u32, u32), u32>>,
    pub(crate) response_body: Option<TypedFunc<(u32, u32, u32), u32>>,
    pub(crate) response_trailers: Option<TypedFunc<(u32, u32), u32>>,
    pub(crate) log: Option<TypedFunc<u32, Nothing>>,
    pub(crate) done: Option<TypedFunc<u32, u32>>,
    pub(crate) delete: Option<TypedFunc<u32, Nothing>>,
    pub(crate) tick: Option<TypedFunc<u32, Nothing>>,
    pub(crate) queue_ready: Option<TypedFunc<(u32, u32), Nothing>>,
    pub(crate) http_call_response: Option<TypedFunc<HttpCallResponse, Nothing>>,
    pub(crate) grpc_receive: Option<TypedFunc<(u32, u32, u32), Nothing>>,
    pub(crate) grpc_initial: Option<TypedFunc<(u32, u32, u32), Nothing>>,
    pub(crate) grpc_trailing: Option<TypedFunc<(u32, u32, u32), Nothing>>,
    pub(crate) grpc_close: Option<TypedFunc<(u32, u32, u32), Nothing>>,
}

/// A virtual machine.
pub(crate) struct Vm {
    pub(crate) store: Store<VmData>,
    pub(crate) exports: Exports,
    /// A guest has trapped: nothing runs in here any more.
    pub(crate) failed: bool,
    next_context: u32,
    /// Root contexts by plugin key.
    roots: BTreeMap<String, u32>,
}

impl Vm {
    /// Instantiates and initializes; the error is in words.
    pub(crate) fn start(
        plugin: &Plugin,
        thread: Thread,
        index: usize,
        host: &mut Box<HostState>,
    ) -> Result<Vm, String> {
        let prepared = plugin.module.prepared();
        let data = VmData {
            host: Box::default(),
            index,
            thread,
            vm_id: plugin.vm_id.clone(),
            vm_configuration: plugin.vm_configuration.clone(),
            env: plugin.env.clone(),
            memory: None,
            allocate: None,
            contexts: BTreeMap::new(),
            current: 0,
            effective: 0,
            restricted: true,
            metrics: Metrics::default(),
            http_calls: 0,
            grpc_calls: 0,
            grpc_streams: 0,
            open_streams: BTreeMap::new(),
            pending: BTreeMap::new(),
            last_status: 0,
            stop: false,
            configuring: None,
            timers: BTreeMap::new(),
            call_description: String::new(),
            limits: StoreLimitsBuilder::new().memory_size(MAX_MEMORY).build(),
        };
        let mut store = Store::new(prepared.module().engine(), data);
        store.limiter(|data| &mut data.limits);
        store.set_epoch_deadline(CALLBACK_TICKS);
        let describe = |error: &wasmtime::Error| format!("{:#}", error.root_cause());
        let instance = prepared.instantiate(&mut store).map_err(|error| describe(&error))?;
        store.data_mut().memory = instance.get_memory(&mut store, "memory");
        store.data_mut().allocate = function(&instance, &mut store, "proxy_on_memory_allocate")
            .or_else(|| function(&instance, &mut store, "malloc"));
        let exports = exports(&instance, &mut store);
        let mut vm = Vm { store, exports, failed: false, next_context: 1, roots: BTreeMap::new() };
        for entry in ["_initialize", "_start"] {
            let entry_function: Option<TypedFunc<(), ()>> = function(&instance, &mut vm.store, entry);
            if let Some(initialize) = entry_function {
                vm.call(host, 0, entry, &initialize, ())?;
                let main: Option<TypedFunc<(i32, i32), i32>> = function(&instance, &mut vm.store, "main");
                if entry == "_initialize"
                    && let Some(main) = main
                {
                    vm.call(host, 0, "main", &main, (0, 0))?;
                }
                break;
            }
        }
        vm.store.data_mut().restricted = false;
        Ok(vm)
    }

    /// Runs a callback in a context. A trap fails the virtual machine; the error says what happened, in words.
    pub(crate) fn call<P: WasmParams, R: WasmResults>(
        &mut self,
        host: &mut Box<HostState>,
        context: u32,
        name: &str,
        export: &TypedFunc<P, R>,
        params: P,
    ) -> Result<R, String> {
        let data = self.store.data_mut();
        std::mem::swap(&mut data.host, host);
        (data.current, data.effective) = (context, 0);
        self.store.set_epoch_deadline(CALLBACK_TICKS);
        let result = export.call(&mut self.store, params);
        let data = self.store.data_mut();
        std::mem::swap(&mut data.host, host);
        result.map_err(|error| {
            self.failed = true;
            let reason = match error.downcast_ref() {
                Some(wasmtime::Trap::Interrupt) => {
                    format!("Function: {name} does not come to its end: Envoy's worker would hang here")
                }
                _ => format!("Function: {name} failed: {}", error.root_cause()),
            };
            let data = self.store.data_mut();
            let (plugin, stream) = match data.contexts.get(&context) {
                Some(Context::Root { plugin }) => (plugin.name.clone(), 0),
                Some(Context::Stream { plugin, stream, .. }) => (plugin.name.clone(), *stream),
                None => (String::new(), 0),
            };
            host.log(Level::Critical, &plugin, data.thread, stream, reason.clone());
            reason
        })
    }

    /// The name of the plugin a context belongs to.
    pub(crate) fn plugin(&self, context: u32) -> String {
        match self.store.data().contexts.get(&context) {
            Some(Context::Root { plugin } | Context::Stream { plugin, .. }) => plugin.name.clone(),
            None => String::new(),
        }
    }

    /// A new context's id.
    pub(crate) fn new_context(&mut self, context: Context) -> u32 {
        let id = self.next_context;
        self.next_context = self.next_context.wrapping_add(1).max(1);
        self.store.data_mut().contexts.insert(id, context);
        id
    }

    /// The root context of a plugin, started and configured if it is new here.
    pub(crate) fn root(&mut self, plugin: &Arc<Plugin>, host: &mut Box<HostState>) -> Result<u32, String> {
        let key = plugin.key();
        if let Some(&root) = self.roots.get(&key) {
            return Ok(root);
        }
        let root = self.new_context(Context::Root { plugin: Arc::clone(plugin) });
        if let Some(create) = self.exports.context_create.clone() {
            self.call(host, root, "proxy_on_context_create", &create, (root, 0))?;
        }
        if let Some(start) = self.exports.vm_start.clone() {
            let size = size(self.store.data().vm_configuration.len());
            if self.call(host, root, "proxy_on_vm_start", &start, (root, size))? == 0 {
                return Err("proxy_on_vm_start returned false".to_owned());
            }
        }
        if let Some(configure) = self.exports.configure.clone() {
            self.store.data_mut().configuring = Some(Arc::clone(plugin));
            let configured =
                self.call(host, root, "proxy_on_configure", &configure, (root, size(plugin.configuration.len())));
            self.store.data_mut().configuring = None;
            if configured? == 0 {
                return Err("proxy_on_configure returned false: the plugin refuses its configuration".to_owned());
            }
        }
        self.roots.insert(key, root);
        Ok(root)
    }
}

impl Plugin {
    /// Plugins of one key share a virtual machine on a thread.
    pub(crate) fn vm_key(&self) -> String {
        format!("{:?}", (&self.vm_id, &self.vm_configuration, &self.env, self.module.fingerprint()))
    }

    /// Plugins of one key share a root context in a virtual machine.
    pub(crate) fn key(&self) -> String {
        format!("{:?}", (&self.name, &self.root_id, &self.configuration))
    }
}

pub(crate) fn size(bytes: usize) -> u32 {
    u32::try_from(bytes).unwrap_or(u32::MAX)
}

fn function<P: WasmParams, R: WasmResults>(
    instance: &Instance,
    store: &mut Store<VmData>,
    name: &str,
) -> Option<TypedFunc<P, R>> {
    instance.get_typed_func(&mut *store, name).ok()
}

fn exports(instance: &Instance, store: &mut Store<VmData>) -> Exports {
    Exports {
        context_create: function(instance, store, "proxy_on_context_create"),
        vm_start: function(instance, store, "proxy_on_vm_start"),
        configure: function(instance, store, "proxy_on_configure"),
        request_headers: function(instance, store, "proxy_on_request_headers"),
        request_body: function(instance, store, "proxy_on_request_body"),
        request_trailers: function(instance, store, "proxy_on_request_trailers"),
        response_headers: function(instance, store, "proxy_on_response_headers"),
        response_body: function(instance, store, "proxy_on_response_body"),
        response_trailers: function(instance, store, "proxy_on_response_trailers"),
        log: function(instance, store, "proxy_on_log"),
        done: function(instance, store, "proxy_on_done"),
        delete: function(instance, store, "proxy_on_delete"),
        tick: function(instance, store, "proxy_on_tick"),
        queue_ready: function(instance, store, "proxy_on_queue_ready"),
        http_call_response: function(instance, store, "proxy_on_http_call_response"),
        grpc_receive: function(instance, store, "proxy_on_grpc_receive"),
        grpc_initial: function(instance, store, "proxy_on_grpc_receive_initial_metadata"),
        grpc_trailing: function(instance, store, "proxy_on_grpc_receive_trailing_metadata"),
        grpc_close: function(instance, store, "proxy_on_grpc_close"),
    }
}
