//! The host functions of proxy-wasm ABI 0.2.1 that Tollgate uses: bytes in, [`Result`] out, no panics.
//!
//! The SDK's typed calls panic on every status that they do not list and on header values that are not UTF-8. A panic is a
//! trap, and a trap ends the virtual machine of a whole worker. So the SDK is used for dispatch only, and every host call
//! of a filter is made here. The linker merges these imports with the SDK's identical ones.
//!
//! This is the only module of the workspace that may contain `unsafe`. The native build has no host: there the same
//! functions return [`Status::Unavailable`], so that the code above them links and can be unit-tested.

/// Failure of a host call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Status {
    /// The requested item does not exist (status 1).
    #[error("not found")]
    NotFound,
    /// The call is not allowed in this phase, or an argument is invalid (status 2).
    #[error("bad argument, or not allowed in this phase")]
    BadArgument,
    /// A compare-and-swap found a newer value (status 8).
    #[error("the value was changed meanwhile")]
    CasMismatch,
    /// There is no host: the code runs natively.
    #[error("no host")]
    Unavailable,
    /// Any other status.
    #[error("host status {0}")]
    Other(u32),
}

/// Header map of the stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub(crate) enum Map {
    RequestHeaders = 0,
    RequestTrailers = 1,
    ResponseHeaders = 2,
    ResponseTrailers = 3,
    CalloutResponseHeaders = 6,
}

/// Buffer of the stream or of the plugin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub(crate) enum Buffer {
    RequestBody = 0,
    ResponseBody = 1,
    CalloutResponseBody = 4,
    PluginConfiguration = 7,
}

/// Type of a metric.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub(crate) enum MetricKind {
    Counter = 0,
    Histogram = 2,
}

pub(crate) use host::*;

#[cfg(target_arch = "wasm32")]
#[allow(unsafe_code)] // The ABI is C. The workspace denies `unsafe_code` everywhere else.
mod host {
    use std::ptr::{null, null_mut};

    use super::{Buffer, Map, MetricKind, Status};

    #[link(wasm_import_module = "env")]
    unsafe extern "C" {
        fn proxy_log(level: u32, message: *const u8, size: usize) -> u32;
        fn proxy_get_log_level(level: *mut u32) -> u32;
        fn proxy_get_current_time_nanoseconds(time: *mut u64) -> u32;
        fn proxy_set_tick_period_milliseconds(period: u32) -> u32;
        fn proxy_set_effective_context(context: u32) -> u32;
        fn proxy_continue_stream(kind: u32) -> u32;
        fn proxy_get_buffer_bytes(buffer: u32, start: usize, max: usize, data: *mut *mut u8, size: *mut usize) -> u32;
        fn proxy_set_buffer_bytes(buffer: u32, start: usize, size: usize, data: *const u8, len: usize) -> u32;
        fn proxy_get_header_map_pairs(map: u32, data: *mut *mut u8, size: *mut usize) -> u32;
        fn proxy_set_header_map_pairs(map: u32, data: *const u8, size: usize) -> u32;
        fn proxy_get_header_map_value(
            map: u32,
            key: *const u8,
            key_size: usize,
            data: *mut *mut u8,
            size: *mut usize,
        ) -> u32;
        fn proxy_replace_header_map_value(
            map: u32,
            key: *const u8,
            key_size: usize,
            data: *const u8,
            size: usize,
        ) -> u32;
        fn proxy_remove_header_map_value(map: u32, key: *const u8, key_size: usize) -> u32;
        fn proxy_send_local_response(
            status: u32,
            details: *const u8,
            details_size: usize,
            body: *const u8,
            body_size: usize,
            headers: *const u8,
            headers_size: usize,
            grpc_status: i32,
        ) -> u32;
        fn proxy_get_property(path: *const u8, path_size: usize, data: *mut *mut u8, size: *mut usize) -> u32;
        fn proxy_set_property(path: *const u8, path_size: usize, data: *const u8, size: usize) -> u32;
        fn proxy_get_shared_data(
            key: *const u8,
            key_size: usize,
            data: *mut *mut u8,
            size: *mut usize,
            cas: *mut u32,
        ) -> u32;
        fn proxy_set_shared_data(key: *const u8, key_size: usize, data: *const u8, size: usize, cas: u32) -> u32;
        fn proxy_define_metric(kind: u32, name: *const u8, name_size: usize, id: *mut u32) -> u32;
        fn proxy_increment_metric(id: u32, offset: i64) -> u32;
        fn proxy_record_metric(id: u32, value: u64) -> u32;
    }

    fn check(status: u32) -> Result<(), Status> {
        match status {
            0 => Ok(()),
            1 => Err(Status::NotFound),
            2 => Err(Status::BadArgument),
            8 => Err(Status::CasMismatch),
            other => Err(Status::Other(other)),
        }
    }

    /// Takes ownership of data that the host has written into memory from our allocator.
    fn take(data: *mut u8, size: usize) -> Vec<u8> {
        if data.is_null() {
            return Vec::new();
        }
        // SAFETY: the host got `data` from `proxy_on_memory_allocate`, which hands out a forgotten `Vec<u8>` of
        // exactly this capacity, has filled all of it, and does not use it after the call.
        unsafe { Vec::from_raw_parts(data, size, size) }
    }

    pub(crate) fn log(level: u32, message: &str) {
        // SAFETY: the host reads `len` bytes during the call; the level is one of ABI's six (see `logger`).
        // A failure to log has nowhere to be reported.
        let _ = unsafe { proxy_log(level, message.as_ptr(), message.len()) };
    }

    pub(crate) fn log_level() -> Result<u32, Status> {
        let mut level = 0;
        // SAFETY: the host writes one u32.
        check(unsafe { proxy_get_log_level(&mut level) })?;
        Ok(level)
    }

    pub(crate) fn now_ns() -> u64 {
        let mut time = 0;
        // SAFETY: the host writes one u64. The call has no failure; 0 would be 1970.
        let _ = unsafe { proxy_get_current_time_nanoseconds(&mut time) };
        time
    }

    pub(crate) fn set_tick_period(millis: u32) -> Result<(), Status> {
        // SAFETY: plain numbers.
        check(unsafe { proxy_set_tick_period_milliseconds(millis) })
    }

    pub(crate) fn set_effective_context(id: u32) -> Result<(), Status> {
        // SAFETY: plain numbers; an unknown context is refused by the host.
        check(unsafe { proxy_set_effective_context(id) })
    }

    /// Lets the held request of the effective context go on, once the callback returns. Its headers cannot be changed any more.
    pub(crate) fn continue_request() -> Result<(), Status> {
        // SAFETY: plain numbers; 0 is the request.
        check(unsafe { proxy_continue_stream(0) })
    }

    pub(crate) fn get_buffer(buffer: Buffer, start: usize, max: usize) -> Result<Vec<u8>, Status> {
        let (mut data, mut size) = (null_mut(), 0);
        // SAFETY: the host writes both out-pointers or leaves them.
        check(unsafe { proxy_get_buffer_bytes(buffer as u32, start, max, &mut data, &mut size) })?;
        Ok(take(data, size))
    }

    pub(crate) fn set_buffer(buffer: Buffer, start: usize, size: usize, data: &[u8]) -> Result<(), Status> {
        // SAFETY: the host reads `data.len()` bytes during the call.
        check(unsafe { proxy_set_buffer_bytes(buffer as u32, start, size, data.as_ptr(), data.len()) })
    }

    /// Returns all headers in the ABI's layout of pairs.
    pub(crate) fn get_headers(map: Map) -> Result<Vec<u8>, Status> {
        let (mut data, mut size) = (null_mut(), 0);
        // SAFETY: as above.
        check(unsafe { proxy_get_header_map_pairs(map as u32, &mut data, &mut size) })?;
        Ok(take(data, size))
    }

    /// Replaces all headers by these, in the ABI's layout of pairs.
    pub(crate) fn set_headers(map: Map, pairs: &[u8]) -> Result<(), Status> {
        // SAFETY: the host reads the pairs during the call.
        check(unsafe { proxy_set_header_map_pairs(map as u32, pairs.as_ptr(), pairs.len()) })
    }

    pub(crate) fn get_header(map: Map, key: &str) -> Result<Option<Vec<u8>>, Status> {
        let (mut data, mut size) = (null_mut(), 0);
        // SAFETY: as above.
        let status = unsafe { proxy_get_header_map_value(map as u32, key.as_ptr(), key.len(), &mut data, &mut size) };
        match check(status) {
            Ok(()) => Ok(Some(take(data, size))),
            Err(Status::NotFound) => Ok(None),
            Err(status) => Err(status),
        }
    }

    pub(crate) fn set_header(map: Map, key: &str, value: &[u8]) -> Result<(), Status> {
        // SAFETY: the host reads key and value during the call.
        check(unsafe {
            proxy_replace_header_map_value(map as u32, key.as_ptr(), key.len(), value.as_ptr(), value.len())
        })
    }

    pub(crate) fn remove_header(map: Map, key: &str) -> Result<(), Status> {
        // SAFETY: the host reads the key during the call.
        check(unsafe { proxy_remove_header_map_value(map as u32, key.as_ptr(), key.len()) })
    }

    pub(crate) fn send_local_response(status: u32, details: &str, body: &[u8], headers: &[u8]) -> Result<(), Status> {
        let headers_data = if headers.is_empty() { null() } else { headers.as_ptr() };
        // SAFETY: the host reads all four ranges during the call; -1 means no gRPC status.
        check(unsafe {
            proxy_send_local_response(
                status,
                details.as_ptr(),
                details.len(),
                body.as_ptr(),
                body.len(),
                headers_data,
                headers.len(),
                -1,
            )
        })
    }

    pub(crate) fn get_property(path: &[u8]) -> Result<Option<Vec<u8>>, Status> {
        let (mut data, mut size) = (null_mut(), 0);
        // SAFETY: as above.
        match check(unsafe { proxy_get_property(path.as_ptr(), path.len(), &mut data, &mut size) }) {
            Ok(()) => Ok(Some(take(data, size))),
            Err(Status::NotFound) => Ok(None),
            Err(status) => Err(status),
        }
    }

    pub(crate) fn set_property(path: &[u8], value: &[u8]) -> Result<(), Status> {
        // SAFETY: the host reads both ranges during the call.
        check(unsafe { proxy_set_property(path.as_ptr(), path.len(), value.as_ptr(), value.len()) })
    }

    pub(crate) fn get_shared_data(key: &[u8]) -> Result<Option<(Vec<u8>, u32)>, Status> {
        let (mut data, mut size, mut cas) = (null_mut(), 0, 0);
        // SAFETY: the host writes the three out-pointers or leaves them.
        match check(unsafe { proxy_get_shared_data(key.as_ptr(), key.len(), &mut data, &mut size, &mut cas) }) {
            Ok(()) => Ok(Some((take(data, size), cas))),
            Err(Status::NotFound) => Ok(None),
            Err(status) => Err(status),
        }
    }

    pub(crate) fn set_shared_data(key: &[u8], value: &[u8], cas: u32) -> Result<(), Status> {
        // SAFETY: the host reads both ranges during the call.
        check(unsafe { proxy_set_shared_data(key.as_ptr(), key.len(), value.as_ptr(), value.len(), cas) })
    }

    pub(crate) fn define_metric(kind: MetricKind, name: &str) -> Result<u32, Status> {
        let mut id = 0;
        // SAFETY: the host reads the name and writes one u32.
        check(unsafe { proxy_define_metric(kind as u32, name.as_ptr(), name.len(), &mut id) })?;
        Ok(id)
    }

    pub(crate) fn increment_metric(id: u32, offset: i64) -> Result<(), Status> {
        // SAFETY: plain numbers.
        check(unsafe { proxy_increment_metric(id, offset) })
    }

    pub(crate) fn record_metric(id: u32, value: u64) -> Result<(), Status> {
        // SAFETY: plain numbers.
        check(unsafe { proxy_record_metric(id, value) })
    }
}

#[cfg(not(target_arch = "wasm32"))]
mod host {
    //! Stubs for the native build.
    use super::{Buffer, Map, MetricKind, Status};

    type NoHost<T> = Result<T, Status>;

    pub(crate) fn get_buffer(_: Buffer, _: usize, _: usize) -> NoHost<Vec<u8>> {
        Err(Status::Unavailable)
    }
    pub(crate) fn set_buffer(_: Buffer, _: usize, _: usize, _: &[u8]) -> NoHost<()> {
        Err(Status::Unavailable)
    }
    pub(crate) fn get_headers(_: Map) -> NoHost<Vec<u8>> {
        Err(Status::Unavailable)
    }
    pub(crate) fn set_headers(_: Map, _: &[u8]) -> NoHost<()> {
        Err(Status::Unavailable)
    }
    pub(crate) fn get_header(_: Map, _: &str) -> NoHost<Option<Vec<u8>>> {
        Err(Status::Unavailable)
    }
    pub(crate) fn set_header(_: Map, _: &str, _: &[u8]) -> NoHost<()> {
        Err(Status::Unavailable)
    }
    pub(crate) fn remove_header(_: Map, _: &str) -> NoHost<()> {
        Err(Status::Unavailable)
    }
    pub(crate) fn send_local_response(_: u32, _: &str, _: &[u8], _: &[u8]) -> NoHost<()> {
        Err(Status::Unavailable)
    }
    pub(crate) fn get_property(_: &[u8]) -> NoHost<Option<Vec<u8>>> {
        Err(Status::Unavailable)
    }
    pub(crate) fn set_property(_: &[u8], _: &[u8]) -> NoHost<()> {
        Err(Status::Unavailable)
    }
    pub(crate) fn get_shared_data(_: &[u8]) -> NoHost<Option<(Vec<u8>, u32)>> {
        Err(Status::Unavailable)
    }
    pub(crate) fn set_shared_data(_: &[u8], _: &[u8], _: u32) -> NoHost<()> {
        Err(Status::Unavailable)
    }
    pub(crate) fn define_metric(_: MetricKind, _: &str) -> NoHost<u32> {
        Err(Status::Unavailable)
    }
    pub(crate) fn increment_metric(_: u32, _: i64) -> NoHost<()> {
        Err(Status::Unavailable)
    }
    pub(crate) fn record_metric(_: u32, _: u64) -> NoHost<()> {
        Err(Status::Unavailable)
    }
    pub(crate) fn set_tick_period(_: u32) -> NoHost<()> {
        Err(Status::Unavailable)
    }
    pub(crate) fn set_effective_context(_: u32) -> NoHost<()> {
        Err(Status::Unavailable)
    }
    pub(crate) fn continue_request() -> NoHost<()> {
        Err(Status::Unavailable)
    }
    pub(crate) fn now_ns() -> u64 {
        0
    }
    pub(crate) fn log(_: u32, _: &str) {}
    pub(crate) fn log_level() -> NoHost<u32> {
        Err(Status::Unavailable)
    }
}
