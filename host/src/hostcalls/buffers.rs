//! Buffers: bodies, answers of callouts, configurations.

use crate::abi::{BufferType, Status};
use crate::guest::{Guest, HostCallResult};

pub(crate) fn get(g: &mut Guest<'_>, kind: i32, start: i32, max: i32, at: i32, size: i32) -> HostCallResult {
    g.describe_call(|| format!("buffer {kind}, {}, {}", start.cast_unsigned(), max.cast_unsigned()));
    let kind = BufferType::of(kind).ok_or(Status::BadArgument)?;
    // Envoy adds in 64 bits: nothing a guest of 32 bits can say overflows.
    let size_of = |number: i32| usize::try_from(number.cast_unsigned()).unwrap_or(usize::MAX);
    let start = size_of(start);
    let end = start.saturating_add(size_of(max));
    let bytes = with(g, kind, |bytes| {
        let end = end.min(bytes.len());
        bytes.get(start..end).unwrap_or_default().to_vec()
    })?;
    // Nothing is not an error; the guest's pointers stay as they are.
    if bytes.is_empty() { Ok(()) } else { g.return_bytes(&bytes, at, size) }
}

pub(crate) fn status(g: &mut Guest<'_>, kind: i32, length: i32, flags: i32) -> HostCallResult {
    let kind = BufferType::of(kind).ok_or(Status::BadArgument)?;
    let bytes = with(g, kind, |bytes| bytes.len())?;
    g.write_size(length, bytes)?;
    g.write_u32(flags, 0)
}

pub(crate) fn set(g: &mut Guest<'_>, kind: i32, start: i32, size: i32, data: i32, data_size: i32) -> HostCallResult {
    g.describe_call(|| {
        format!("buffer {kind}, {}, {}, {data_size} bytes", start.cast_unsigned(), size.cast_unsigned())
    });
    let kind = BufferType::of(kind).ok_or(Status::BadArgument)?;
    if let Some(status) = missing(kind, g) {
        return Err(status);
    }
    let data = g.read(data, data_size)?;
    let request = match kind {
        BufferType::RequestBody => true,
        BufferType::ResponseBody => false,
        _ => return Err(Status::BadArgument),
    };
    let (stream, filter) = g.filter_position().ok_or(Status::BadArgument)?;
    let body = g.host().stream(stream).and_then(|stream| stream.body(filter, request)).ok_or(Status::BadArgument)?;
    let (start, size) = (start.cast_unsigned(), size.cast_unsigned());
    let (start, size) = (usize::try_from(start).unwrap_or(usize::MAX), usize::try_from(size).unwrap_or(usize::MAX));
    if start == 0 {
        // The head is replaced, or, with no size, something is put in front of it.
        body.splice(..size.min(body.len()), data);
        Ok(())
    } else if start >= body.len() {
        body.extend(data);
        Ok(())
    } else {
        Err(Status::BadArgument)
    }
}

/// The status for a buffer that is not there at this time; bodies always are, if only empty.
fn missing(kind: BufferType, g: &mut Guest<'_>) -> Option<Status> {
    let there = match kind {
        BufferType::RequestBody | BufferType::ResponseBody | BufferType::VmConfiguration => true,
        BufferType::DownstreamData | BufferType::UpstreamData | BufferType::CallData => true,
        BufferType::PluginConfiguration => g.data().configuring.is_some(),
        BufferType::CallBody => g.host().call.as_ref().is_some_and(|call| call.headers.is_some()),
        // Another that is empty at the wrong time, not missing.
        BufferType::GrpcMessage => true,
    };
    (!there).then_some(Status::NotFound)
}

fn with<T>(g: &mut Guest<'_>, kind: BufferType, read: impl FnOnce(&[u8]) -> T) -> Result<T, Status> {
    if let Some(status) = missing(kind, g) {
        return Err(status);
    }
    let place = g.filter_position();
    let data = g.data();
    Ok(match kind {
        BufferType::RequestBody | BufferType::ResponseBody => {
            let request = kind == BufferType::RequestBody;
            let body = place.and_then(|(stream, filter)| data.host.stream(stream)?.body(filter, request));
            read(body.map(|body| body.as_slice()).unwrap_or_default())
        }
        BufferType::DownstreamData | BufferType::UpstreamData | BufferType::CallData => read(&[]),
        BufferType::VmConfiguration => read(&data.vm_configuration),
        BufferType::PluginConfiguration => {
            read(data.configuring.as_ref().map(|plugin| plugin.configuration.as_slice()).unwrap_or_default())
        }
        BufferType::CallBody | BufferType::GrpcMessage => {
            read(data.host.call.as_ref().map(|call| call.body.as_slice()).unwrap_or_default())
        }
    })
}
