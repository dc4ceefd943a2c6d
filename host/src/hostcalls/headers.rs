//! Header maps.

use crate::abi::{MapType, Status, pairs};
use crate::guest::{Guest, HostCallResult};
use crate::header_maps;

pub(crate) fn size(g: &mut Guest<'_>, map: i32, size: i32) -> HostCallResult {
    let map = MapType::of(map).ok_or(Status::BadArgument)?;
    let position = g.filter_position();
    let bytes = header_maps::writable(g.host(), position, map)?.byte_size();
    g.write_size(size, bytes)
}

pub(crate) fn get_pairs(g: &mut Guest<'_>, map: i32, at: i32, size: i32) -> HostCallResult {
    g.describe_call(|| format!("map {map}"));
    let map = MapType::of(map).ok_or(Status::BadArgument)?;
    let position = g.filter_position();
    // Envoy returns no pairs for a map that does not exist, and no error.
    let bytes = header_maps::readable(g.host(), position, map)
        .map(|headers| {
            pairs::encode(headers.iter().map(|(name, value)| (name.as_bytes(), value)).collect::<Vec<_>>().into_iter())
        })
        .unwrap_or_default();
    g.return_bytes(&bytes, at, size)
}

pub(crate) fn get(g: &mut Guest<'_>, map: i32, key: i32, key_size: i32, value: i32, value_size: i32) -> HostCallResult {
    let key = canonical_name(map, g.read_text(key, key_size)?);
    g.describe_call(|| format!("map {map}, {key:?}"));
    let map = MapType::of(map).ok_or(Status::BadArgument)?;
    let position = g.filter_position();
    let host = g.host();
    let logging = position.is_some_and(|(stream, _)| host.stream(stream).is_some_and(|stream| stream.logging));
    let missing = if logging { Status::NotFound } else { Status::BadArgument };
    let headers = header_maps::readable(host, position, map).ok_or(missing)?;
    let bytes = headers.get(&key).ok_or(Status::NotFound)?.to_vec();
    g.return_bytes(&bytes, value, value_size)
}

pub(crate) fn set_pairs(g: &mut Guest<'_>, map: i32, at: i32, size: i32) -> HostCallResult {
    let bytes = g.read(at, size)?;
    let map = MapType::of(map).ok_or(Status::BadArgument)?;
    let position = g.filter_position();
    let headers = header_maps::writable(g.host(), position, map)?;
    headers.clear();
    for (name, value) in pairs::decode(&bytes) {
        headers.join(&String::from_utf8_lossy(name), value);
    }
    invalidate_route(g, map);
    Ok(())
}

pub(crate) fn add(g: &mut Guest<'_>, map: i32, key: i32, key_size: i32, value: i32, value_size: i32) -> HostCallResult {
    let (key, value) = (g.read_text(key, key_size)?, g.read(value, value_size)?);
    g.describe_call(|| format!("map {map}, {key:?}"));
    let key = canonical_name(map, key);
    let map = MapType::of(map).ok_or(Status::BadArgument)?;
    let position = g.filter_position();
    header_maps::writable(g.host(), position, map)?.join(&key, &value);
    invalidate_route(g, map);
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
    let key = canonical_name(map, key);
    let map = MapType::of(map).ok_or(Status::BadArgument)?;
    let position = g.filter_position();
    header_maps::writable(g.host(), position, map)?.set(key, value);
    invalidate_route(g, map);
    Ok(())
}

pub(crate) fn remove(g: &mut Guest<'_>, map: i32, key: i32, key_size: i32) -> HostCallResult {
    let key = canonical_name(map, g.read_text(key, key_size)?);
    g.describe_call(|| format!("map {map}, {key:?}"));
    let map = MapType::of(map).ok_or(Status::BadArgument)?;
    let position = g.filter_position();
    header_maps::writable(g.host(), position, map)?.remove(&key);
    invalidate_route(g, map);
    Ok(())
}

/// Returns a header's name in lower case; in a request, `host` becomes `:authority`.
fn canonical_name(map: i32, mut key: String) -> String {
    key.make_ascii_lowercase();
    if map == 0 && key == "host" { ":authority".to_owned() } else { key }
}

/// Makes the router pick the route again after request headers have changed.
fn invalidate_route(g: &mut Guest<'_>, map: MapType) {
    if map == MapType::RequestHeaders
        && let Some((stream, _)) = g.filter_position()
        && let Some(stream) = g.host().stream(stream)
    {
        stream.info.route = None;
    }
}
