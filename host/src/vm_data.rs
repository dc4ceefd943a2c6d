//! State of a virtual machine that host functions can access.

use std::collections::BTreeMap;
use std::sync::Arc;

use wasmtime::{Memory, StoreLimits, StoreLimitsBuilder, TypedFunc};

use crate::Thread;
use crate::callout::Callout;
use crate::host_state::HostState;
use crate::metrics::Metrics;
use crate::plugin_settings::PluginSettings;

/// Envoy's limit for a virtual machine's memory (`PROXY_WASM_HOST_MAX_WASM_MEMORY_SIZE_BYTES`).
const MAX_MEMORY: usize = 1 << 30;

/// Context of a guest.
#[derive(Clone, Debug)]
pub(crate) enum Context {
    /// Root context: one per plugin and virtual machine.
    Root { plugin: Arc<PluginSettings> },
    /// Stream context: one per stream and filter.
    Stream { stream: u64, filter: usize, root: u32, plugin: Arc<PluginSettings> },
}

impl Context {
    pub(crate) fn plugin(&self) -> &Arc<PluginSettings> {
        match self {
            Context::Root { plugin } | Context::Stream { plugin, .. } => plugin,
        }
    }

    /// Returns the id of the context's stream, or 0 for a root context.
    pub(crate) fn stream(&self) -> u64 {
        match self {
            Context::Root { .. } => 0,
            Context::Stream { stream, .. } => *stream,
        }
    }
}

/// State of a virtual machine: wasmtime's store data.
pub(crate) struct VmData {
    /// The process's host state while a callback runs; an empty one otherwise.
    pub(crate) host: Box<HostState>,
    pub(crate) index: usize,
    pub(crate) thread: Thread,
    pub(crate) vm_id: String,
    pub(crate) vm_configuration: Vec<u8>,
    pub(crate) env: Vec<(String, String)>,
    pub(crate) memory: Option<Memory>,
    pub(crate) allocate: Option<TypedFunc<i32, i32>>,
    pub(crate) contexts: BTreeMap<u32, Context>,
    /// Context whose callback runs.
    pub(crate) current: u32,
    /// Effective context of host calls (`proxy_set_effective_context`), if not 0.
    pub(crate) effective: u32,
    /// `true` until the module is initialized: only logging and WASI are allowed.
    pub(crate) restricted: bool,
    pub(crate) metrics: Metrics,
    /// Number of callout tokens handed out so far, by kind.
    pub(crate) http_calls: u32,
    pub(crate) grpc_calls: u32,
    pub(crate) grpc_streams: u32,
    /// gRPC streams that are open for sending, by token.
    pub(crate) open_streams: BTreeMap<u32, Callout>,
    /// Callouts without a complete response, by token: their process-wide number, and the stream in whose callback they
    /// were started.
    pub(crate) pending: BTreeMap<u32, (u64, u64)>,
    /// Status of the last callout that failed, which `proxy_get_status` keeps returning.
    pub(crate) last_status: u32,
    /// `true` once a local reply was asked for: whatever the callback returns, the iteration stops.
    pub(crate) stop: bool,
    /// Plugin whose configuration can be read, during `proxy_on_configure`.
    pub(crate) configuring: Option<Arc<PluginSettings>>,
    /// Timers by root context: period in milliseconds and generation.
    pub(crate) timers: BTreeMap<u32, (u32, u64)>,
    /// Arguments of the running host call, for the trace.
    pub(crate) call_description: String,
    pub(crate) limits: StoreLimits,
}

impl VmData {
    /// Creates the state of a virtual machine that is not initialized.
    pub(crate) fn new(index: usize, thread: Thread, vm_id: String) -> VmData {
        VmData {
            host: Box::default(),
            index,
            thread,
            vm_id,
            vm_configuration: Vec::new(),
            env: Vec::new(),
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
        }
    }
}

/// Converts a size for a guest of 32 bits; larger sizes saturate.
pub(crate) fn guest_size(bytes: usize) -> u32 {
    u32::try_from(bytes).unwrap_or(u32::MAX)
}
