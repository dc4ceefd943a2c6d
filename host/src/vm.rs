//! Virtual machine: one instance of a module on one thread, with its contexts.

use std::collections::BTreeMap;
use std::sync::Arc;

use wasmtime::{Instance, Store, TypedFunc, WasmParams, WasmResults};

use crate::host_state::HostState;
use crate::module::CALLBACK_TICKS;
use crate::plugin_settings::PluginSettings;
use crate::stream::{Callback, CallbackPart, Direction};
use crate::vm_data::{Context, VmData, guest_size};
use crate::{Level, Module, Plugin, Thread};

/// Root context, token, numbers of headers, body bytes and trailers.
type HttpCallResponse = (u32, u32, u32, u32, u32);

/// Callbacks that a guest exports; the host does not call those that are absent.
#[derive(Clone, Default)]
pub(crate) struct Exports {
    pub(crate) context_create: Option<TypedFunc<(u32, u32), ()>>,
    pub(crate) vm_start: Option<TypedFunc<(u32, u32), u32>>,
    pub(crate) configure: Option<TypedFunc<(u32, u32), u32>>,
    request_headers: Option<TypedFunc<(u32, u32, u32), u32>>,
    request_body: Option<TypedFunc<(u32, u32, u32), u32>>,
    request_trailers: Option<TypedFunc<(u32, u32), u32>>,
    response_headers: Option<TypedFunc<(u32, u32, u32), u32>>,
    response_body: Option<TypedFunc<(u32, u32, u32), u32>>,
    response_trailers: Option<TypedFunc<(u32, u32), u32>>,
    pub(crate) log: Option<TypedFunc<u32, ()>>,
    pub(crate) done: Option<TypedFunc<u32, u32>>,
    pub(crate) delete: Option<TypedFunc<u32, ()>>,
    pub(crate) tick: Option<TypedFunc<u32, ()>>,
    pub(crate) queue_ready: Option<TypedFunc<(u32, u32), ()>>,
    pub(crate) http_call_response: Option<TypedFunc<HttpCallResponse, ()>>,
    pub(crate) grpc_receive: Option<TypedFunc<(u32, u32, u32), ()>>,
    pub(crate) grpc_initial: Option<TypedFunc<(u32, u32, u32), ()>>,
    pub(crate) grpc_trailing: Option<TypedFunc<(u32, u32, u32), ()>>,
    pub(crate) grpc_close: Option<TypedFunc<(u32, u32, u32), ()>>,
}

/// Exported function of a filter callback.
pub(crate) struct FilterExport {
    pub(crate) name: &'static str,
    function: FilterFunction,
}

enum FilterFunction {
    /// Headers and body: context, count or size, end of stream.
    WithEnd(TypedFunc<(u32, u32, u32), u32>),
    /// Trailers: context, count.
    Trailers(TypedFunc<(u32, u32), u32>),
}

impl Exports {
    fn of(instance: &Instance, store: &mut Store<VmData>) -> Exports {
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

    /// Returns the function for a filter callback, if the guest exports it.
    pub(crate) fn filter(&self, callback: Callback) -> Option<FilterExport> {
        use FilterFunction::{Trailers, WithEnd};
        let (name, function) = match (callback.direction, callback.part) {
            (Direction::Decode, CallbackPart::Headers { .. }) => {
                ("proxy_on_request_headers", WithEnd(self.request_headers.clone()?))
            }
            (Direction::Decode, CallbackPart::Body { .. }) => {
                ("proxy_on_request_body", WithEnd(self.request_body.clone()?))
            }
            (Direction::Decode, CallbackPart::Trailers { .. }) => {
                ("proxy_on_request_trailers", Trailers(self.request_trailers.clone()?))
            }
            (Direction::Encode, CallbackPart::Headers { .. }) => {
                ("proxy_on_response_headers", WithEnd(self.response_headers.clone()?))
            }
            (Direction::Encode, CallbackPart::Body { .. }) => {
                ("proxy_on_response_body", WithEnd(self.response_body.clone()?))
            }
            (Direction::Encode, CallbackPart::Trailers { .. }) => {
                ("proxy_on_response_trailers", Trailers(self.response_trailers.clone()?))
            }
        };
        Some(FilterExport { name, function })
    }
}

/// Virtual machine.
pub(crate) struct Vm {
    pub(crate) store: Store<VmData>,
    pub(crate) exports: Exports,
    /// `true` once a guest has trapped: nothing runs in it any more.
    pub(crate) failed: bool,
    module: Module,
    next_context: u32,
    /// Root contexts by plugin key.
    roots: BTreeMap<String, u32>,
}

impl Vm {
    /// Instantiates and initializes a virtual machine.
    ///
    /// # Errors
    /// A description of the trap, or of what cannot be instantiated.
    pub(crate) fn start(
        plugin: &Plugin,
        thread: Thread,
        index: usize,
        host: &mut Box<HostState>,
    ) -> Result<Vm, String> {
        let module = plugin.module.clone();
        let prepared = module.prepared();
        let data = VmData {
            vm_configuration: plugin.vm_configuration.clone(),
            env: plugin.env.clone(),
            ..VmData::new(index, thread, plugin.settings.vm_id.clone())
        };
        let mut store = Store::new(prepared.module().engine(), data);
        store.limiter(|data| &mut data.limits);
        store.set_epoch_deadline(CALLBACK_TICKS);
        let instance = module
            .count_instructions(&mut store, |store| prepared.instantiate(store))
            .map_err(|error| format!("{:#}", error.root_cause()))?;
        store.data_mut().memory = instance.get_memory(&mut store, "memory");
        store.data_mut().allocate = function(&instance, &mut store, "proxy_on_memory_allocate")
            .or_else(|| function(&instance, &mut store, "malloc"));
        let exports = Exports::of(&instance, &mut store);
        let mut vm = Vm { store, exports, failed: false, module, next_context: 1, roots: BTreeMap::new() };
        vm.initialize(&instance, host)?;
        vm.store.data_mut().restricted = false;
        Ok(vm)
    }

    /// Runs `_initialize` (and then `main`) or `_start`.
    fn initialize(&mut self, instance: &Instance, host: &mut Box<HostState>) -> Result<(), String> {
        if let Some(initialize) = function::<(), ()>(instance, &mut self.store, "_initialize") {
            self.call(host, 0, "_initialize", &initialize, ())?;
            if let Some(main) = function::<(i32, i32), i32>(instance, &mut self.store, "main") {
                self.call(host, 0, "main", &main, (0, 0))?;
            }
        } else if let Some(start) = function::<(), ()>(instance, &mut self.store, "_start") {
            self.call(host, 0, "_start", &start, ())?;
        }
        Ok(())
    }

    /// Runs a callback in a context. A trap fails the virtual machine.
    ///
    /// # Errors
    /// A description of the trap, which has been logged.
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
        let result = self.module.count_instructions(&mut self.store, |store| export.call(store, params));
        let data = self.store.data_mut();
        std::mem::swap(&mut data.host, host);
        result.map_err(|error| {
            self.failed = true;
            let reason = match error.downcast_ref() {
                Some(wasmtime::Trap::Interrupt) => {
                    format!("Function: {name} does not return: Envoy's worker would hang here")
                }
                _ => format!("Function: {name} failed: {}", error.root_cause()),
            };
            let data = self.store.data();
            let caller = data.contexts.get(&context);
            let plugin = caller.map(|context| context.plugin().name.as_str()).unwrap_or_default();
            host.log(Level::Critical, plugin, data.thread, caller.map_or(0, Context::stream), reason.clone());
            reason
        })
    }

    /// Runs a filter callback in a stream context; returns the number that the guest returns.
    ///
    /// # Errors
    /// As [`Vm::call`].
    pub(crate) fn call_filter(
        &mut self,
        host: &mut Box<HostState>,
        context: u32,
        export: &FilterExport,
        part: CallbackPart,
    ) -> Result<u32, String> {
        let name = export.name;
        match (&export.function, part) {
            (
                FilterFunction::WithEnd(function),
                CallbackPart::Headers { count: size, end } | CallbackPart::Body { size, end },
            ) => self.call(host, context, name, function, (context, guest_size(size), u32::from(end))),
            (FilterFunction::Trailers(function), CallbackPart::Trailers { count }) => {
                self.call(host, context, name, function, (context, guest_size(count)))
            }
            (FilterFunction::WithEnd(_), CallbackPart::Trailers { .. })
            | (FilterFunction::Trailers(_), CallbackPart::Headers { .. } | CallbackPart::Body { .. }) => {
                debug_assert!(false, "{name} is not for {part:?}");
                Ok(0)
            }
        }
    }

    /// Returns the name of the plugin that a context belongs to.
    pub(crate) fn plugin_name(&self, context: u32) -> String {
        let context = self.store.data().contexts.get(&context);
        debug_assert!(context.is_some(), "the caller knows the context's id, so the context exists");
        context.map(|context| context.plugin().name.clone()).unwrap_or_default()
    }

    /// Adds a context and returns its id.
    pub(crate) fn new_context(&mut self, context: Context) -> u32 {
        let id = self.next_context;
        self.next_context = self.next_context.wrapping_add(1).max(1);
        self.store.data_mut().contexts.insert(id, context);
        id
    }

    /// Returns the root context of a plugin; starts and configures it if it does not exist.
    ///
    /// # Errors
    /// A description of the trap or of the refusal.
    pub(crate) fn root(&mut self, plugin: &Arc<PluginSettings>, host: &mut Box<HostState>) -> Result<u32, String> {
        let key = plugin.root_key();
        if let Some(&root) = self.roots.get(&key) {
            return Ok(root);
        }
        let root = self.new_context(Context::Root { plugin: Arc::clone(plugin) });
        if let Some(create) = self.exports.context_create.clone() {
            self.call(host, root, "proxy_on_context_create", &create, (root, 0))?;
        }
        if let Some(start) = self.exports.vm_start.clone() {
            let size = guest_size(self.store.data().vm_configuration.len());
            if self.call(host, root, "proxy_on_vm_start", &start, (root, size))? == 0 {
                return Err("proxy_on_vm_start returned false".to_owned());
            }
        }
        if let Some(configure) = self.exports.configure.clone() {
            self.store.data_mut().configuring = Some(Arc::clone(plugin));
            let size = guest_size(plugin.configuration.len());
            let configured = self.call(host, root, "proxy_on_configure", &configure, (root, size));
            self.store.data_mut().configuring = None;
            if configured? == 0 {
                return Err("proxy_on_configure returned false: the plugin refuses its configuration".to_owned());
            }
        }
        self.roots.insert(key, root);
        Ok(root)
    }
}

fn function<P: WasmParams, R: WasmResults>(
    instance: &Instance,
    store: &mut Store<VmData>,
    name: &str,
) -> Option<TypedFunc<P, R>> {
    instance.get_typed_func(&mut *store, name).ok()
}
