//! Buffers: bodies, responses to callouts, configurations.

use crate::abi::{BufferType, Status};
use crate::guest::{Guest, HostCallResult};
use crate::stream::Direction;

pub(crate) fn get(g: &mut Guest<'_>, kind: i32, start: i32, max: i32, at: i32, size: i32) -> HostCallResult {
    g.describe_call(|| format!("buffer {kind}, {}, {}", start.cast_unsigned(), max.cast_unsigned()));
    let kind = BufferType::of(kind).ok_or(Status::BadArgument)?;
    // Envoy adds in 64 bits, so the sum of two 32-bit numbers does not overflow.
    let size_of = |number: i32| usize::try_from(number.cast_unsigned()).unwrap_or(usize::MAX);
    let start = size_of(start);
    let end = start.saturating_add(size_of(max));
    let bytes = with(g, kind, |bytes| {
        let end = end.min(bytes.len());
        bytes.get(start..end).unwrap_or_default().to_vec()
    })?;
    // An empty result is not an error; the guest's pointers stay unchanged.
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
    let direction = match kind {
        BufferType::RequestBody => Direction::Decode,
        BufferType::ResponseBody => Direction::Encode,
        _ => return Err(Status::BadArgument),
    };
    let (stream, filter) = g.filter_position().ok_or(Status::BadArgument)?;
    let body = g.host().stream(stream).and_then(|stream| stream.body(filter, direction)).ok_or(Status::BadArgument)?;
    let (start, size) = (start.cast_unsigned(), size.cast_unsigned());
    let (start, size) = (usize::try_from(start).unwrap_or(usize::MAX), usize::try_from(size).unwrap_or(usize::MAX));
    if start == 0 {
        // Replaces the beginning, or, with a size of 0, inserts before it.
        body.splice(..size.min(body.len()), data);
        Ok(())
    } else if start >= body.len() {
        body.extend(data);
        Ok(())
    } else {
        Err(Status::BadArgument)
    }
}

/// Returns the error status of a buffer that does not exist at this time. Bodies always exist, though they may be empty.
fn missing(kind: BufferType, g: &mut Guest<'_>) -> Option<Status> {
    let there = match kind {
        BufferType::RequestBody | BufferType::ResponseBody | BufferType::VmConfiguration => true,
        BufferType::DownstreamData | BufferType::UpstreamData | BufferType::CallData => true,
        BufferType::PluginConfiguration => g.data().configuring.is_some(),
        BufferType::CallBody => g.host().call.as_ref().is_some_and(|call| call.headers.is_some()),
        // Empty at the wrong time, not missing.
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
            let direction = if kind == BufferType::RequestBody { Direction::Decode } else { Direction::Encode };
            let body = place.and_then(|(stream, filter)| data.host.stream(stream)?.body(filter, direction));
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
