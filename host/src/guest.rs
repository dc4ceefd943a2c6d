//! Running guest as a host function sees it: its memory and the host state.

use wasmtime::{AsContext, AsContextMut, Caller};

use crate::TraceEvent;
use crate::abi::Status;
use crate::host_state::HostState;
use crate::vm_data::{Context, VmData, guest_size};

/// Result of a host function.
pub(crate) type HostCallResult = Result<(), Status>;

/// Caller of a host function.
pub(crate) struct Guest<'a> {
    caller: Caller<'a, VmData>,
}

impl<'a> Guest<'a> {
    /// Wraps the caller of a function of module `env`. Fails, which traps the guest, while only logging and WASI are allowed.
    pub(crate) fn new(caller: Caller<'a, VmData>, name: &str) -> wasmtime::Result<Guest<'a>> {
        if caller.data().restricted && name != "proxy_log" {
            return Err(wasmtime::Error::msg(format!("{name} called before the module is initialized")));
        }
        Ok(Guest { caller })
    }

    /// Wraps the caller of a WASI function, which is always allowed.
    pub(crate) fn wasi(caller: Caller<'a, VmData>) -> Guest<'a> {
        Guest { caller }
    }

    pub(crate) fn data(&mut self) -> &mut VmData {
        self.caller.data_mut()
    }

    pub(crate) fn host(&mut self) -> &mut HostState {
        &mut self.caller.data_mut().host
    }

    /// Returns the id of the context that host calls are for: the effective one if it exists, else the one called.
    pub(crate) fn context_id(&mut self) -> u32 {
        let data = self.caller.data();
        if data.effective != 0 && data.contexts.contains_key(&data.effective) { data.effective } else { data.current }
    }

    pub(crate) fn context(&mut self) -> Option<&Context> {
        let id = self.context_id();
        self.caller.data().contexts.get(&id)
    }

    /// Returns the stream and the filter that host calls are for.
    pub(crate) fn filter_position(&mut self) -> Option<(u64, usize)> {
        match self.context()? {
            Context::Stream { stream, filter, .. } => Some((*stream, *filter)),
            Context::Root { .. } => None,
        }
    }

    /// Returns the root context of the context that host calls are for.
    pub(crate) fn root_id(&mut self) -> u32 {
        let id = self.context_id();
        match self.caller.data().contexts.get(&id) {
            Some(Context::Stream { root, .. }) => *root,
            _ => id,
        }
    }

    pub(crate) fn read(&mut self, at: i32, size: i32) -> Result<Vec<u8>, Status> {
        let (at, size) = (offset(at), offset(size));
        let memory = self.caller.data().memory.ok_or(Status::InvalidMemoryAccess)?;
        let end = at.checked_add(size).ok_or(Status::InvalidMemoryAccess)?;
        let bytes = memory.data(self.caller.as_context()).get(at..end).ok_or(Status::InvalidMemoryAccess)?;
        Ok(bytes.to_vec())
    }

    /// Reads a name; bytes that are not UTF-8 become replacement characters.
    pub(crate) fn read_text(&mut self, at: i32, size: i32) -> Result<String, Status> {
        Ok(String::from_utf8_lossy(&self.read(at, size)?).into_owned())
    }

    pub(crate) fn write(&mut self, at: i32, bytes: &[u8]) -> HostCallResult {
        let memory = self.caller.data().memory.ok_or(Status::InvalidMemoryAccess)?;
        memory.write(self.caller.as_context_mut(), offset(at), bytes).map_err(|_| Status::InvalidMemoryAccess)
    }

    pub(crate) fn write_u32(&mut self, at: i32, number: u32) -> HostCallResult {
        self.write(at, &number.to_le_bytes())
    }

    pub(crate) fn write_size(&mut self, at: i32, size: usize) -> HostCallResult {
        self.write_u32(at, guest_size(size))
    }

    /// Returns bytes in memory that the guest allocates, or a null pointer if there are none.
    pub(crate) fn return_bytes(&mut self, bytes: &[u8], pointer_at: i32, size_at: i32) -> HostCallResult {
        let pointer = if bytes.is_empty() { 0 } else { self.allocate(bytes)? };
        self.write(pointer_at, &pointer.to_le_bytes())?;
        self.write_size(size_at, bytes.len())
    }

    fn allocate(&mut self, bytes: &[u8]) -> Result<i32, Status> {
        let allocate = self.caller.data().allocate.clone().ok_or(Status::InvalidMemoryAccess)?;
        let size = i32::try_from(bytes.len()).map_err(|_| Status::InvalidMemoryAccess)?;
        let pointer = allocate.call(self.caller.as_context_mut(), size).map_err(|_| Status::InvalidMemoryAccess)?;
        if pointer == 0 {
            return Err(Status::InvalidMemoryAccess);
        }
        self.write(pointer, bytes)?;
        if self.caller.data().host.tracing {
            self.trace(TraceEvent::Allocation(bytes.len()));
        }
        Ok(pointer)
    }

    /// Adds a host call to the trace, with its description and status.
    pub(crate) fn trace_host_call(&mut self, name: &str, status: Status) {
        if self.caller.data().host.tracing {
            let description = std::mem::take(&mut self.caller.data_mut().call_description);
            let name = name.strip_prefix("proxy_").unwrap_or(name);
            let text = format!("{name}({description}) = {}", status as i32);
            self.trace(TraceEvent::HostCall(text));
        }
    }

    /// Adds an event to the trace of the context that host calls are for.
    fn trace(&mut self, event: TraceEvent) {
        let id = self.context_id();
        let data = self.caller.data_mut();
        let (stream, plugin) = match data.contexts.get(&id) {
            Some(Context::Stream { stream, plugin, .. }) => (*stream, plugin.name.clone()),
            Some(Context::Root { plugin }) => (data.host.root_callback_stream, plugin.name.clone()),
            None => return,
        };
        data.host.trace(stream, &plugin, id, event);
    }

    /// Sets the description of the host call for the trace: names, sizes and numbers, never content.
    pub(crate) fn describe_call(&mut self, text: impl FnOnce() -> String) {
        if self.caller.data().host.tracing {
            self.caller.data_mut().call_description = text();
        }
    }
}

fn offset(number: i32) -> usize {
    usize::try_from(number.cast_unsigned()).unwrap_or(usize::MAX)
}
