//! Links the host functions to a module's imports.

use wasmtime::{Caller, Engine, InstancePre, Linker, Module, Result};

use crate::abi::Status;
use crate::guest::Guest;
use crate::hostcalls::{buffers, callouts, contexts, headers, logging, metrics, properties, shared, streams};
use crate::vm_data::VmData;

/// Resolves every import of a module.
pub(crate) fn prepare(engine: &Engine, module: &Module) -> Result<InstancePre<VmData>> {
    let mut linker: Linker<VmData> = Linker::new(engine);
    integration(&mut linker)?;
    maps_and_buffers(&mut linker)?;
    stream_control(&mut linker)?;
    callouts(&mut linker)?;
    shared_state(&mut linker)?;
    crate::wasi::link(&mut linker)?;
    linker.instantiate_pre(module)
}

/// Links one function of module `env`: its arguments are plain numbers, its result becomes the status.
macro_rules! env {
    ($linker:ident, $name:literal, ($($argument:ident: $type:ty),*), $function:path) => {
        $linker.func_wrap("env", $name, |caller: Caller<'_, VmData> $(, $argument: $type)*| -> Result<i32> {
            let mut guest = Guest::new(caller, $name)?;
            let status = $function(&mut guest $(, $argument)*).err().unwrap_or(Status::Ok);
            guest.trace_host_call($name, status);
            Ok(status as i32)
        })?
    };
}

fn integration(linker: &mut Linker<VmData>) -> Result<()> {
    linker.func_wrap(
        "env",
        "proxy_log",
        |caller: Caller<'_, VmData>, level: i32, at: i32, size: i32| -> Result<i32> {
            let mut guest = Guest::new(caller, "proxy_log")?;
            // An unknown level aborts Envoy, so it is a trap here.
            let status = logging::log(&mut guest, level, at, size)?;
            Ok(status as i32)
        },
    )?;
    env!(linker, "proxy_get_log_level", (level: i32), logging::get_level);
    env!(linker, "proxy_get_status", (code: i32, at: i32, size: i32), callouts::get_status);
    env!(linker, "proxy_done", (), contexts::done);
    env!(linker, "proxy_set_effective_context", (context: i32), contexts::set_effective);
    env!(
        linker,
        "proxy_call_foreign_function",
        (name: i32, name_size: i32, arguments: i32, arguments_size: i32, results: i32, results_size: i32),
        properties::call_foreign_function
    );
    env!(linker, "proxy_get_current_time_nanoseconds", (time: i32), contexts::get_current_time);
    env!(linker, "proxy_set_tick_period_milliseconds", (period: i32), contexts::set_tick_period);
    env!(
        linker,
        "proxy_get_property",
        (path: i32, path_size: i32, value: i32, value_size: i32),
        properties::get
    );
    env!(
        linker,
        "proxy_set_property",
        (path: i32, path_size: i32, value: i32, value_size: i32),
        properties::set
    );
    env!(linker, "proxy_define_metric", (kind: i32, name: i32, name_size: i32, id: i32), metrics::define);
    env!(linker, "proxy_increment_metric", (id: i32, offset: i64), metrics::increment);
    env!(linker, "proxy_record_metric", (id: i32, value: i64), metrics::record);
    env!(linker, "proxy_get_metric", (id: i32, value: i32), metrics::get);
    Ok(())
}

fn maps_and_buffers(linker: &mut Linker<VmData>) -> Result<()> {
    env!(
        linker,
        "proxy_get_buffer_bytes",
        (kind: i32, start: i32, max: i32, at: i32, size: i32),
        buffers::get
    );
    env!(linker, "proxy_get_buffer_status", (kind: i32, length: i32, flags: i32), buffers::status);
    env!(
        linker,
        "proxy_set_buffer_bytes",
        (kind: i32, start: i32, size: i32, data: i32, data_size: i32),
        buffers::set
    );
    env!(linker, "proxy_get_header_map_size", (map: i32, size: i32), headers::size);
    env!(linker, "proxy_get_header_map_pairs", (map: i32, at: i32, size: i32), headers::get_pairs);
    env!(
        linker,
        "proxy_get_header_map_value",
        (map: i32, key: i32, key_size: i32, value: i32, value_size: i32),
        headers::get
    );
    env!(linker, "proxy_set_header_map_pairs", (map: i32, at: i32, size: i32), headers::set_pairs);
    env!(
        linker,
        "proxy_add_header_map_value",
        (map: i32, key: i32, key_size: i32, value: i32, value_size: i32),
        headers::add
    );
    env!(
        linker,
        "proxy_replace_header_map_value",
        (map: i32, key: i32, key_size: i32, value: i32, value_size: i32),
        headers::replace
    );
    env!(linker, "proxy_remove_header_map_value", (map: i32, key: i32, key_size: i32), headers::remove);
    Ok(())
}

fn stream_control(linker: &mut Linker<VmData>) -> Result<()> {
    env!(linker, "proxy_continue_stream", (kind: i32), streams::resume);
    env!(linker, "proxy_close_stream", (kind: i32), streams::close);
    env!(
        linker,
        "proxy_send_local_response",
        (status: i32, details: i32, details_size: i32, body: i32, body_size: i32, pairs: i32, pairs_size: i32, grpc: i32),
        streams::send_local_response
    );
    Ok(())
}

fn callouts(linker: &mut Linker<VmData>) -> Result<()> {
    env!(
        linker,
        "proxy_http_call",
        (
            cluster: i32, cluster_size: i32, headers: i32, headers_size: i32, body: i32, body_size: i32,
            trailers: i32, trailers_size: i32, timeout: i32, token: i32
        ),
        callouts::http_call
    );
    env!(
        linker,
        "proxy_grpc_call",
        (
            cluster: i32, cluster_size: i32, service: i32, service_size: i32, method: i32, method_size: i32,
            metadata: i32, metadata_size: i32, message: i32, message_size: i32, timeout: i32, token: i32
        ),
        callouts::grpc_call
    );
    env!(
        linker,
        "proxy_grpc_stream",
        (
            cluster: i32, cluster_size: i32, service: i32, service_size: i32, method: i32, method_size: i32,
            metadata: i32, metadata_size: i32, token: i32
        ),
        callouts::grpc_stream
    );
    env!(linker, "proxy_grpc_send", (token: i32, message: i32, message_size: i32, end: i32), callouts::grpc_send);
    env!(linker, "proxy_grpc_cancel", (token: i32), callouts::grpc_cancel);
    env!(linker, "proxy_grpc_close", (token: i32), callouts::grpc_close);
    Ok(())
}

fn shared_state(linker: &mut Linker<VmData>) -> Result<()> {
    env!(
        linker,
        "proxy_get_shared_data",
        (key: i32, key_size: i32, value: i32, value_size: i32, cas: i32),
        shared::get_data
    );
    env!(
        linker,
        "proxy_set_shared_data",
        (key: i32, key_size: i32, value: i32, value_size: i32, cas: i32),
        shared::set_data
    );
    env!(linker, "proxy_register_shared_queue", (name: i32, name_size: i32, token: i32), shared::register_queue);
    env!(
        linker,
        "proxy_resolve_shared_queue",
        (vm_id: i32, vm_id_size: i32, name: i32, name_size: i32, token: i32),
        shared::resolve_queue
    );
    env!(linker, "proxy_enqueue_shared_queue", (token: i32, item: i32, item_size: i32), shared::enqueue);
    env!(linker, "proxy_dequeue_shared_queue", (token: i32, item: i32, item_size: i32), shared::dequeue);
    Ok(())
}
