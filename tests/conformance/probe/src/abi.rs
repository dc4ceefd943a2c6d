//! Host functions of ABI 0.2.1: each returns its status and its result.
//!
//! Nothing is checked or converted on the way, because the statuses are what is recorded. This is the only module of the probe
//! with `unsafe` code. It shares nothing with the kit, so that a mistake of the kit cannot hide here.

use std::ptr::null_mut;

/// Status of a host call: 0 is OK.
pub(crate) type Status = u32;

#[link(wasm_import_module = "env")]
unsafe extern "C" {
    fn proxy_log(level: u32, message: *const u8, size: usize) -> Status;
    fn proxy_get_log_level(level: *mut u32) -> Status;
    fn proxy_get_status(code: *mut u32, message: *mut *mut u8, size: *mut usize) -> Status;
    fn proxy_done() -> Status;
    fn proxy_set_effective_context(context: u32) -> Status;
    fn proxy_call_foreign_function(
        name: *const u8,
        name_size: usize,
        arg: *const u8,
        arg_size: usize,
        result: *mut *mut u8,
        size: *mut usize,
    ) -> Status;
    fn proxy_get_current_time_nanoseconds(time: *mut u64) -> Status;
    fn proxy_set_tick_period_milliseconds(period: u32) -> Status;
    fn proxy_get_buffer_bytes(buffer: u32, start: usize, max: usize, data: *mut *mut u8, size: *mut usize) -> Status;
    fn proxy_get_buffer_status(buffer: u32, size: *mut usize, flags: *mut u32) -> Status;
    fn proxy_set_buffer_bytes(buffer: u32, start: usize, size: usize, data: *const u8, len: usize) -> Status;
    fn proxy_get_header_map_size(map: u32, size: *mut usize) -> Status;
    fn proxy_get_header_map_pairs(map: u32, data: *mut *mut u8, size: *mut usize) -> Status;
    fn proxy_set_header_map_pairs(map: u32, data: *const u8, size: usize) -> Status;
    fn proxy_get_header_map_value(
        map: u32,
        key: *const u8,
        key_size: usize,
        data: *mut *mut u8,
        size: *mut usize,
    ) -> Status;
    fn proxy_add_header_map_value(map: u32, key: *const u8, key_size: usize, value: *const u8, size: usize) -> Status;
    fn proxy_replace_header_map_value(
        map: u32,
        key: *const u8,
        key_size: usize,
        value: *const u8,
        size: usize,
    ) -> Status;
    fn proxy_remove_header_map_value(map: u32, key: *const u8, key_size: usize) -> Status;
    fn proxy_continue_stream(stream: u32) -> Status;
    fn proxy_close_stream(stream: u32) -> Status;
    fn proxy_send_local_response(
        code: u32,
        details: *const u8,
        details_size: usize,
        body: *const u8,
        body_size: usize,
        headers: *const u8,
        headers_size: usize,
        grpc_status: i32,
    ) -> Status;
    fn proxy_http_call(
        cluster: *const u8,
        cluster_size: usize,
        headers: *const u8,
        headers_size: usize,
        body: *const u8,
        body_size: usize,
        trailers: *const u8,
        trailers_size: usize,
        timeout: u32,
        token: *mut u32,
    ) -> Status;
    fn proxy_grpc_call(
        service: *const u8,
        service_size: usize,
        name: *const u8,
        name_size: usize,
        method: *const u8,
        method_size: usize,
        metadata: *const u8,
        metadata_size: usize,
        message: *const u8,
        message_size: usize,
        timeout: u32,
        token: *mut u32,
    ) -> Status;
    fn proxy_grpc_stream(
        service: *const u8,
        service_size: usize,
        name: *const u8,
        name_size: usize,
        method: *const u8,
        method_size: usize,
        metadata: *const u8,
        metadata_size: usize,
        token: *mut u32,
    ) -> Status;
    fn proxy_grpc_send(token: u32, message: *const u8, size: usize, end: u32) -> Status;
    fn proxy_grpc_cancel(token: u32) -> Status;
    fn proxy_grpc_close(token: u32) -> Status;
    fn proxy_get_shared_data(
        key: *const u8,
        key_size: usize,
        data: *mut *mut u8,
        size: *mut usize,
        cas: *mut u32,
    ) -> Status;
    fn proxy_set_shared_data(key: *const u8, key_size: usize, value: *const u8, size: usize, cas: u32) -> Status;
    fn proxy_register_shared_queue(name: *const u8, size: usize, queue: *mut u32) -> Status;
    fn proxy_resolve_shared_queue(
        vm: *const u8,
        vm_size: usize,
        name: *const u8,
        size: usize,
        queue: *mut u32,
    ) -> Status;
    fn proxy_enqueue_shared_queue(queue: u32, data: *const u8, size: usize) -> Status;
    fn proxy_dequeue_shared_queue(queue: u32, data: *mut *mut u8, size: *mut usize) -> Status;
    fn proxy_define_metric(kind: u32, name: *const u8, size: usize, metric: *mut u32) -> Status;
    fn proxy_increment_metric(metric: u32, offset: i64) -> Status;
    fn proxy_record_metric(metric: u32, value: u64) -> Status;
    fn proxy_get_metric(metric: u32, value: *mut u64) -> Status;
    fn proxy_get_property(path: *const u8, path_size: usize, data: *mut *mut u8, size: *mut usize) -> Status;
    fn proxy_set_property(path: *const u8, path_size: usize, value: *const u8, size: usize) -> Status;
}

#[unsafe(no_mangle)]
extern "C" fn proxy_abi_version_0_2_1() {}

/// Allocates memory for the host, which fills it; [`take`] frees it.
#[unsafe(no_mangle)]
extern "C" fn proxy_on_memory_allocate(size: usize) -> *mut u8 {
    Box::into_raw(vec![0u8; size].into_boxed_slice()).cast()
}

/// Runs once, before everything else.
#[unsafe(no_mangle)]
extern "C" fn _initialize() {
    unsafe extern "C" {
        fn __wasm_call_ctors();
    }
    unsafe { __wasm_call_ctors() };
    crate::entry::initialize();
}

/// Takes what the host has written into our memory; `None` if the host gave no memory.
fn take(data: *mut u8, size: usize) -> Option<Vec<u8>> {
    if data.is_null() {
        return None;
    }
    let slice = std::ptr::slice_from_raw_parts_mut(data, size);
    Some(unsafe { Box::from_raw(slice) }.into_vec())
}

/// Makes a host call that returns octets.
fn octets(call: impl FnOnce(*mut *mut u8, *mut usize) -> Status) -> (Status, Option<Vec<u8>>) {
    let (mut data, mut size) = (null_mut(), 0);
    let status = call(&mut data, &mut size);
    (status, take(data, size))
}

/// Makes a host call that returns a number.
fn number<N: Default>(call: impl FnOnce(*mut N) -> Status) -> (Status, N) {
    let mut value = N::default();
    let status = call(&mut value);
    (status, value)
}

pub(crate) fn log(level: u32, text: &str) -> Status {
    unsafe { proxy_log(level, text.as_ptr(), text.len()) }
}

pub(crate) fn log_level() -> (Status, u32) {
    number(|level| unsafe { proxy_get_log_level(level) })
}

pub(crate) fn grpc_status() -> (Status, u32, Option<Vec<u8>>) {
    let mut code = 0;
    let (status, text) = octets(|data, size| unsafe { proxy_get_status(&mut code, data, size) });
    (status, code, text)
}

pub(crate) fn done() -> Status {
    unsafe { proxy_done() }
}

pub(crate) fn effective_context(context: u32) -> Status {
    unsafe { proxy_set_effective_context(context) }
}

pub(crate) fn foreign(name: &[u8], arg: &[u8]) -> (Status, Option<Vec<u8>>) {
    octets(|data, size| unsafe {
        proxy_call_foreign_function(name.as_ptr(), name.len(), arg.as_ptr(), arg.len(), data, size)
    })
}

pub(crate) fn time() -> (Status, u64) {
    number(|time| unsafe { proxy_get_current_time_nanoseconds(time) })
}

pub(crate) fn tick_period(milliseconds: u32) -> Status {
    unsafe { proxy_set_tick_period_milliseconds(milliseconds) }
}

pub(crate) fn buffer(buffer: u32, start: usize, max: usize) -> (Status, Option<Vec<u8>>) {
    octets(|data, size| unsafe { proxy_get_buffer_bytes(buffer, start, max, data, size) })
}

pub(crate) fn buffer_status(buffer: u32) -> (Status, usize, u32) {
    let (mut size, mut flags) = (0, 0);
    let status = unsafe { proxy_get_buffer_status(buffer, &mut size, &mut flags) };
    (status, size, flags)
}

pub(crate) fn set_buffer(buffer: u32, start: usize, size: usize, bytes: &[u8]) -> Status {
    unsafe { proxy_set_buffer_bytes(buffer, start, size, bytes.as_ptr(), bytes.len()) }
}

pub(crate) fn map_size(map: u32) -> (Status, usize) {
    number(|size| unsafe { proxy_get_header_map_size(map, size) })
}

pub(crate) fn map_pairs(map: u32) -> (Status, Option<Vec<u8>>) {
    octets(|data, size| unsafe { proxy_get_header_map_pairs(map, data, size) })
}

pub(crate) fn set_map_pairs(map: u32, pairs: &[u8]) -> Status {
    unsafe { proxy_set_header_map_pairs(map, pairs.as_ptr(), pairs.len()) }
}

pub(crate) fn map_value(map: u32, key: &[u8]) -> (Status, Option<Vec<u8>>) {
    octets(|data, size| unsafe { proxy_get_header_map_value(map, key.as_ptr(), key.len(), data, size) })
}

pub(crate) fn add_map_value(map: u32, key: &[u8], value: &[u8]) -> Status {
    unsafe { proxy_add_header_map_value(map, key.as_ptr(), key.len(), value.as_ptr(), value.len()) }
}

pub(crate) fn replace_map_value(map: u32, key: &[u8], value: &[u8]) -> Status {
    unsafe { proxy_replace_header_map_value(map, key.as_ptr(), key.len(), value.as_ptr(), value.len()) }
}

pub(crate) fn remove_map_value(map: u32, key: &[u8]) -> Status {
    unsafe { proxy_remove_header_map_value(map, key.as_ptr(), key.len()) }
}

pub(crate) fn continue_stream(stream: u32) -> Status {
    unsafe { proxy_continue_stream(stream) }
}

pub(crate) fn close_stream(stream: u32) -> Status {
    unsafe { proxy_close_stream(stream) }
}

pub(crate) fn local_response(code: u32, details: &[u8], body: &[u8], headers: &[u8], grpc_status: i32) -> Status {
    unsafe {
        proxy_send_local_response(
            code,
            details.as_ptr(),
            details.len(),
            body.as_ptr(),
            body.len(),
            headers.as_ptr(),
            headers.len(),
            grpc_status,
        )
    }
}

pub(crate) fn http_call(cluster: &[u8], headers: &[u8], body: &[u8], trailers: &[u8], timeout: u32) -> (Status, u32) {
    number(|token| unsafe {
        proxy_http_call(
            cluster.as_ptr(),
            cluster.len(),
            headers.as_ptr(),
            headers.len(),
            body.as_ptr(),
            body.len(),
            trailers.as_ptr(),
            trailers.len(),
            timeout,
            token,
        )
    })
}

pub(crate) fn grpc_call(
    service: &[u8],
    name: &[u8],
    method: &[u8],
    metadata: &[u8],
    message: &[u8],
    timeout: u32,
) -> (Status, u32) {
    number(|token| unsafe {
        proxy_grpc_call(
            service.as_ptr(),
            service.len(),
            name.as_ptr(),
            name.len(),
            method.as_ptr(),
            method.len(),
            metadata.as_ptr(),
            metadata.len(),
            message.as_ptr(),
            message.len(),
            timeout,
            token,
        )
    })
}

pub(crate) fn grpc_stream(service: &[u8], name: &[u8], method: &[u8], metadata: &[u8]) -> (Status, u32) {
    number(|token| unsafe {
        proxy_grpc_stream(
            service.as_ptr(),
            service.len(),
            name.as_ptr(),
            name.len(),
            method.as_ptr(),
            method.len(),
            metadata.as_ptr(),
            metadata.len(),
            token,
        )
    })
}

pub(crate) fn grpc_send(token: u32, message: &[u8], end: bool) -> Status {
    unsafe { proxy_grpc_send(token, message.as_ptr(), message.len(), u32::from(end)) }
}

pub(crate) fn grpc_cancel(token: u32) -> Status {
    unsafe { proxy_grpc_cancel(token) }
}

pub(crate) fn grpc_close(token: u32) -> Status {
    unsafe { proxy_grpc_close(token) }
}

pub(crate) fn shared_data(key: &[u8]) -> (Status, Option<Vec<u8>>, u32) {
    let mut cas = 0;
    let (status, value) =
        octets(|data, size| unsafe { proxy_get_shared_data(key.as_ptr(), key.len(), data, size, &mut cas) });
    (status, value, cas)
}

pub(crate) fn set_shared_data(key: &[u8], value: &[u8], cas: u32) -> Status {
    unsafe { proxy_set_shared_data(key.as_ptr(), key.len(), value.as_ptr(), value.len(), cas) }
}

pub(crate) fn register_queue(name: &[u8]) -> (Status, u32) {
    number(|queue| unsafe { proxy_register_shared_queue(name.as_ptr(), name.len(), queue) })
}

pub(crate) fn resolve_queue(vm: &[u8], name: &[u8]) -> (Status, u32) {
    number(|queue| unsafe { proxy_resolve_shared_queue(vm.as_ptr(), vm.len(), name.as_ptr(), name.len(), queue) })
}

pub(crate) fn enqueue(queue: u32, data: &[u8]) -> Status {
    unsafe { proxy_enqueue_shared_queue(queue, data.as_ptr(), data.len()) }
}

pub(crate) fn dequeue(queue: u32) -> (Status, Option<Vec<u8>>) {
    octets(|data, size| unsafe { proxy_dequeue_shared_queue(queue, data, size) })
}

pub(crate) fn define_metric(kind: u32, name: &[u8]) -> (Status, u32) {
    number(|metric| unsafe { proxy_define_metric(kind, name.as_ptr(), name.len(), metric) })
}

pub(crate) fn increment_metric(metric: u32, offset: i64) -> Status {
    unsafe { proxy_increment_metric(metric, offset) }
}

pub(crate) fn record_metric(metric: u32, value: u64) -> Status {
    unsafe { proxy_record_metric(metric, value) }
}

pub(crate) fn metric(metric: u32) -> (Status, u64) {
    number(|value| unsafe { proxy_get_metric(metric, value) })
}

pub(crate) fn property(path: &[u8]) -> (Status, Option<Vec<u8>>) {
    octets(|data, size| unsafe { proxy_get_property(path.as_ptr(), path.len(), data, size) })
}

pub(crate) fn set_property(path: &[u8], value: &[u8]) -> Status {
    unsafe { proxy_set_property(path.as_ptr(), path.len(), value.as_ptr(), value.len()) }
}
