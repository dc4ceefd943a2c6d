//! Header maps.

use crate::Headers;
use crate::abi::{MapType, Status, pairs};
use crate::guest::{Guest, HostCallResult};
use crate::host_state::HostState;

pub(crate) fn size(g: &mut Guest<'_>, map: i32, size: i32) -> HostCallResult {
    let map = MapType::of(map).ok_or(Status::BadArgument)?;
    let bytes = writable_headers(g, map)?.byte_size();
    g.write_size(size, bytes)
}

pub(crate) fn get_pairs(g: &mut Guest<'_>, map: i32, at: i32, size: i32) -> HostCallResult {
    g.describe_call(|| format!("map {map}"));
    let map = MapType::of(map).ok_or(Status::BadArgument)?;
    let place = g.filter_position();
    // A map that is not there has no pairs; it is not an error.
    let bytes = readable_headers(g.host(), place, map)
        .map(|headers| {
            pairs::encode(headers.iter().map(|(name, value)| (name.as_bytes(), value)).collect::<Vec<_>>().into_iter())
        })
        .unwrap_or_default();
    g.return_bytes(&bytes, at, size)
}

pub(crate) fn get(g: &mut Guest<'_>, map: i32, key: i32, key_size: i32, value: i32, value_size: i32) -> HostCallResult {
    let key = alias(map, g.read_text(key, key_size)?);
    g.describe_call(|| format!("map {map}, {key:?}"));
    let map = MapType::of(map).ok_or(Status::BadArgument)?;
    let place = g.filter_position();
    let host = g.host();
    let logging = place.is_some_and(|(stream, _)| host.stream(stream).is_some_and(|stream| stream.logging));
    let headers =
        readable_headers(host, place, map).ok_or(if logging { Status::NotFound } else { Status::BadArgument })?;
    let bytes = headers.get(&key).ok_or(Status::NotFound)?.to_vec();
    g.return_bytes(&bytes, value, value_size)
}

pub(crate) fn set_pairs(g: &mut Guest<'_>, map: i32, at: i32, size: i32) -> HostCallResult {
    let bytes = g.read(at, size)?;
    let map = MapType::of(map).ok_or(Status::BadArgument)?;
    let headers = writable_headers(g, map)?;
    headers.clear();
    for (name, value) in pairs::decode(&bytes) {
        headers.join(&String::from_utf8_lossy(name), value);
    }
    changed(g, map);
    Ok(())
}

pub(crate) fn add(g: &mut Guest<'_>, map: i32, key: i32, key_size: i32, value: i32, value_size: i32) -> HostCallResult {
    let (key, value) = (g.read_text(key, key_size)?, g.read(value, value_size)?);
    g.describe_call(|| format!("map {map}, {key:?}"));
    let key = alias(map, key);
    let map = MapType::of(map).ok_or(Status::BadArgument)?;
    writable_headers(g, map)?.join(&key, &value);
    changed(g, map);
    Ok(())
}

pub(crate) fn replace(
    g: &mut Guest<'_>,
    map: i32,
    key: i32,
    key_size: i32,
    value: i32,
    value_size: i32,
) -> HostCallResult {
    let (key, value) = (g.read_text(key, key_size)?, g.read(value, value_size)?);
    g.describe_call(|| format!("map {map}, {key:?}"));
    let key = alias(map, key);
    let map = MapType::of(map).ok_or(Status::BadArgument)?;
    writable_headers(g, map)?.set(key, value);
    changed(g, map);
    Ok(())
}

pub(crate) fn remove(g: &mut Guest<'_>, map: i32, key: i32, key_size: i32) -> HostCallResult {
    let key = alias(map, g.read_text(key, key_size)?);
    g.describe_call(|| format!("map {map}, {key:?}"));
    let map = MapType::of(map).ok_or(Status::BadArgument)?;
    writable_headers(g, map)?.remove(&key);
    changed(g, map);
    Ok(())
}

/// In lower case; of a request, `host` is the authority.
fn alias(map: i32, mut key: String) -> String {
    key.make_ascii_lowercase();
    if map == 0 && key == "host" { ":authority".to_owned() } else { key }
}

/// Changing request headers makes the router pick the route again.
fn changed(g: &mut Guest<'_>, map: MapType) {
    if map == MapType::RequestHeaders
        && let Some((stream, _)) = g.filter_position()
        && let Some(stream) = g.host().stream(stream)
    {
        stream.info.route = None;
    }
}

/// The map as a context may read it.
pub(crate) fn readable_headers(host: &mut HostState, place: Option<(u64, usize)>, map: MapType) -> Option<&Headers> {
    match map {
        MapType::CallHeaders => return host.call.as_ref()?.headers.as_ref(),
        MapType::CallTrailers => return host.call.as_ref()?.trailers.as_ref(),
        MapType::GrpcInitialMetadata => return host.call.as_ref()?.initial_metadata.as_ref(),
        MapType::GrpcTrailingMetadata => return host.call.as_ref()?.trailing_metadata.as_ref(),
        _ => {}
    }
    let (id, filter) = place?;
    let stream = host.stream(id)?;
    if stream.logging {
        return match map {
            MapType::RequestHeaders => stream.request.headers.as_ref(),
            MapType::ResponseHeaders => stream.sent.as_ref().or(stream.response.headers.as_ref()),
            MapType::ResponseTrailers => stream.response.trailers.as_ref(),
            _ => None,
        };
    }
    let place = stream.filters.get(filter)?;
    match map {
        MapType::RequestHeaders if place.request_headers => stream.request.headers.as_ref(),
        MapType::RequestTrailers if place.request_trailers => stream.request.trailers.as_ref(),
        MapType::ResponseHeaders if place.response_headers => stream.response.headers.as_ref(),
        MapType::ResponseTrailers if place.response_trailers => stream.response.trailers.as_ref(),
        _ => None,
    }
}

/// The map as a context may edit it. Trailers come into being at the end of a body that has none.
fn writable_headers<'a>(g: &'a mut Guest<'_>, map: MapType) -> Result<&'a mut Headers, Status> {
    let (id, filter) = g.filter_position().ok_or(Status::BadArgument)?;
    let state = &mut **g.host().stream(id).ok_or(Status::BadArgument)?;
    let place = state.filters.get_mut(filter).ok_or(Status::BadArgument)?;
    let none = crate::stream::BodySource::None;
    let headers = match map {
        MapType::RequestHeaders if place.request_headers => state.request.headers.as_mut(),
        MapType::ResponseHeaders if place.response_headers => state.response.headers.as_mut(),
        MapType::RequestTrailers => {
            if !place.request_trailers
                && place.request_body != none
                && place.end_of_stream
                && state.request.trailers.is_none()
            {
                place.request_trailers = true;
                state.request.trailers = Some(Headers::new());
            }
            if place.request_trailers { state.request.trailers.as_mut() } else { None }
        }
        MapType::ResponseTrailers => {
            if !place.response_trailers
                && place.response_body != none
                && place.end_of_stream
                && state.response.trailers.is_none()
            {
                place.response_trailers = true;
                state.response.trailers = Some(Headers::new());
            }
            if place.response_trailers { state.response.trailers.as_mut() } else { None }
        }
        _ => None,
    };
    headers.ok_or(Status::BadArgument)
}
