//! Properties: Envoy's attributes, dynamic metadata and filter state, in the bytes that a guest reads.
//!
//! Integers, durations and timestamps are eight bytes, little endian; a boolean is one byte; text is unchanged; a map
//! is encoded as pairs. The names follow `source/extensions/filters/common/expr/context.cc`.

use crate::Headers;
use crate::abi::{MapType, Status, pairs};
use crate::header_maps::{self, FilterPosition};
use crate::host_state::HostState;
use crate::plugin_settings::PluginSettings;
use crate::request::MetadataValue;

type Found = Result<Vec<u8>, Status>;

fn int(number: u64) -> Vec<u8> {
    number.to_le_bytes().to_vec()
}

fn text(value: &str) -> Vec<u8> {
    value.as_bytes().to_vec()
}

/// Returns the value at a path, whose segments are separated by zero bytes.
pub(crate) fn get(host: &mut HostState, position: FilterPosition, plugin: &PluginSettings, path: &[u8]) -> Found {
    let path: Vec<String> = path
        .strip_suffix(&[0])
        .unwrap_or(path)
        .split(|&byte| byte == 0)
        .map(|segment| String::from_utf8_lossy(segment).into_owned())
        .collect();
    let path: Vec<&str> = path.iter().map(String::as_str).collect();
    let origin = position.map(|(stream, _)| host.origin(stream));
    if let Some(origin) = origin
        && let Some(stream) = host.stream(origin)
        && let Some(value) = stream.info.attributes.get(&path.join("."))
    {
        return Ok(value.clone());
    }
    match *path.as_slice() {
        ["plugin_name"] => return Ok(text(&plugin.name)),
        ["plugin_root_id"] => return Ok(text(&plugin.root_id)),
        ["plugin_vm_id"] => return Ok(text(&plugin.vm_id)),
        [""] => return Err(Status::SerializationFailure),
        _ => {}
    }
    let (Some(origin), Some((_, _))) = (origin, position) else { return Err(Status::NotFound) };
    match *path.as_slice() {
        ["request", ref rest @ ..] => request(host, origin, position, rest),
        ["response", ref rest @ ..] => response(host, origin, position, rest),
        ["metadata"] => Ok(Vec::new()),
        ["metadata", "filter_metadata", ref rest @ ..] => metadata(host, origin, rest),
        ["filter_state"] | ["connection"] | ["source"] | ["destination"] | ["upstream"] | ["xds"] => {
            Err(Status::SerializationFailure)
        }
        ["filter_state", key] => state(host, origin, key),
        ["xds", "node", ref rest @ ..] => {
            host.node.get(&rest.join(".")).map(|value| text(value)).ok_or(Status::NotFound)
        }
        [first, ref rest @ ..] => facts(host, origin, first, rest),
        [] => Err(Status::NotFound),
    }
}

fn request(host: &mut HostState, origin: u64, position: FilterPosition, path: &[&str]) -> Found {
    let headers = header_maps::readable(host, position, MapType::RequestHeaders).cloned();
    let info = &host.stream(origin).ok_or(Status::NotFound)?.info;
    let header = |name: &str| -> Found {
        headers.as_ref().and_then(|headers| headers.get(name)).map(<[u8]>::to_vec).ok_or(Status::NotFound)
    };
    match *path {
        ["time"] => Ok(int(info.start_ns)),
        ["protocol"] => Ok(text(info.protocol)),
        ["duration"] => info.duration_ns.map(int).ok_or(Status::NotFound),
        ["size"] => match headers.as_ref().and_then(|headers| headers.text("content-length")?.parse().ok()) {
            Some(length) => Ok(int(length)),
            None => Ok(int(info.received)),
        },
        ["total_size"] => {
            let size = headers.as_ref().map_or(0, Headers::byte_size);
            Ok(int(info.received + u64::try_from(size).unwrap_or_default()))
        }
        ["path"] => header(":path"),
        ["url_path"] => {
            let path = header(":path")?;
            Ok(path.split(|&byte| byte == b'?').next().unwrap_or_default().to_vec())
        }
        ["query"] => {
            let path = header(":path")?;
            Ok(path.splitn(2, |&byte| byte == b'?').nth(1).unwrap_or_default().to_vec())
        }
        ["host"] => header(":authority"),
        ["scheme"] => header(":scheme"),
        ["method"] => header(":method"),
        ["referer"] => header("referer"),
        ["useragent"] => header("user-agent"),
        ["id"] => header("x-request-id"),
        ["headers"] => Ok(map(headers.as_ref())),
        ["headers", name] => joined(headers.as_ref(), name),
        [] => Err(Status::SerializationFailure),
        _ => Err(Status::NotFound),
    }
}

fn response(host: &mut HostState, origin: u64, position: FilterPosition, path: &[&str]) -> Found {
    let headers = header_maps::readable(host, position, MapType::ResponseHeaders).cloned();
    let trailers = header_maps::readable(host, position, MapType::ResponseTrailers).cloned();
    let info = &host.stream(origin).ok_or(Status::NotFound)?.info;
    match *path {
        ["code"] if info.code != 0 => Ok(int(u64::from(info.code))),
        ["code_details"] => info.details.as_deref().map(text).ok_or(Status::NotFound),
        ["backend_latency"] => info.backend_latency_ns.map(int).ok_or(Status::NotFound),
        [] => Err(Status::SerializationFailure),
        ["flags"] => Ok(int(info.flags)),
        ["size"] => Ok(int(info.sent)),
        ["total_size"] => {
            let size = headers.as_ref().map_or(0, Headers::byte_size) + trailers.as_ref().map_or(0, Headers::byte_size);
            Ok(int(info.sent + u64::try_from(size).unwrap_or_default()))
        }
        ["grpc_status"] => {
            let status = trailers
                .as_ref()
                .and_then(|trailers| trailers.text("grpc-status"))
                .or_else(|| headers.as_ref().and_then(|headers| headers.text("grpc-status")))
                .and_then(|status| status.parse().ok())
                .or((info.code != 0).then(|| u64::from(crate::stream::local_reply::grpc_status(info.code))));
            status.map(int).ok_or(Status::NotFound)
        }
        ["headers"] => Ok(map(headers.as_ref())),
        ["headers", name] => joined(headers.as_ref(), name),
        ["trailers"] => Ok(map(trailers.as_ref())),
        ["trailers", name] => joined(trailers.as_ref(), name),
        _ => Err(Status::NotFound),
    }
}

/// Returns all values of a name, joined by commas, as CEL sees a header.
fn joined(headers: Option<&Headers>, name: &str) -> Found {
    let headers = headers.ok_or(Status::NotFound)?;
    let mut name = name.to_ascii_lowercase();
    if name == "host" && !headers.contains("host") {
        name = ":authority".to_owned();
    }
    let values: Vec<&[u8]> = headers.all(&name).collect();
    if values.is_empty() { Err(Status::NotFound) } else { Ok(values.join(&b","[..])) }
}

/// Encodes a map as a value: unlike a header map, an empty one is encoded as a count of zero.
fn map(headers: Option<&Headers>) -> Vec<u8> {
    let entries: Vec<(&[u8], &[u8])> =
        headers.iter().flat_map(|headers| headers.iter()).map(|(name, value)| (name.as_bytes(), value)).collect();
    map_of(entries)
}

fn map_of(entries: Vec<(&[u8], &[u8])>) -> Vec<u8> {
    if entries.is_empty() { vec![0; 4] } else { pairs::encode(entries.into_iter()) }
}

fn metadata(host: &mut HostState, origin: u64, path: &[&str]) -> Found {
    let info = &host.stream(origin).ok_or(Status::NotFound)?.info;
    let Some((&namespace, rest)) = path.split_first() else {
        // Envoy leaves out the messages under the names.
        return Ok(map_of(info.metadata.keys().map(|name| (name.as_bytes(), &b""[..])).collect()));
    };
    let fields = info.metadata.get(namespace).ok_or(Status::NotFound)?;
    let Some((&key, rest)) = rest.split_first() else {
        return serialize(&MetadataValue::Struct(fields.clone()));
    };
    let mut value = fields.get(key).ok_or(Status::NotFound)?;
    for &segment in rest {
        value = match value {
            MetadataValue::Struct(fields) => fields.get(segment),
            MetadataValue::List(items) => segment.parse().ok().and_then(|index: usize| items.get(index)),
            _ => None,
        }
        .ok_or(Status::NotFound)?;
    }
    serialize(value)
}

/// Serializes a metadata value for a guest. Of nested maps and lists, only the first level can be serialized.
fn serialize(value: &MetadataValue) -> Found {
    let flat = |value: &MetadataValue| -> Found {
        match value {
            MetadataValue::Bool(truth) => Ok(vec![u8::from(*truth)]),
            MetadataValue::Number(number) => Ok(number.to_le_bytes().to_vec()),
            MetadataValue::Text(string) => Ok(text(string)),
            MetadataValue::Null | MetadataValue::List(_) | MetadataValue::Struct(_) => Err(Status::NotFound),
        }
    };
    let encoded: Vec<(Vec<u8>, Vec<u8>)> = match value {
        MetadataValue::Struct(fields) => {
            fields.iter().filter_map(|(key, value)| Some((text(key), flat(value).ok()?))).collect()
        }
        MetadataValue::List(items) => items.iter().filter_map(|item| Some((flat(item).ok()?, Vec::new()))).collect(),
        MetadataValue::Null => return Err(Status::NotFound),
        other => return flat(other),
    };
    Ok(map_of(encoded.iter().map(|(name, value)| (name.as_slice(), value.as_slice())).collect()))
}

fn state(host: &mut HostState, origin: u64, key: &str) -> Found {
    host.stream(origin).and_then(|stream| stream.info.filter_state.get(key).cloned()).ok_or(Status::NotFound)
}

/// Returns attributes of connection, route and upstream; any other single name is filter state that a guest has set. The
/// older top-level names (`cluster_name`, `route_name`, `node`, `listener_direction`) no longer exist in Envoy.
fn facts(host: &mut HostState, origin: u64, first: &str, rest: &[&str]) -> Found {
    let info = &host.stream(origin).ok_or(Status::NotFound)?.info;
    let chosen = info.upstream_address.as_deref().ok_or(Status::NotFound);
    match (first, rest) {
        ("xds", ["cluster_name"]) => info.cluster.as_deref().map(text).ok_or(Status::NotFound),
        ("xds", ["route_name"]) => Ok(text(&info.route_name)),
        ("xds", ["listener_direction"]) => Ok(int(0)),
        ("xds", ["filter_chain_name"]) => Ok(Vec::new()),
        ("xds", ["virtual_host_name"]) => Ok(text("all")),
        ("xds", ["upstream_host_metadata"]) if info.upstream_address.is_some() => Err(Status::SerializationFailure),
        ("connection", ["id"]) => Ok(int(origin)),
        ("connection", ["mtls"]) => Ok(vec![0]),
        ("connection", ["requested_server_name"]) => Ok(Vec::new()),
        ("source", ["address"]) => Ok(text("127.0.0.1:50000")),
        ("source", ["port"]) => Ok(int(50_000)),
        ("destination", ["address"]) => Ok(text("127.0.0.1:10000")),
        ("destination", ["port"]) => Ok(int(10_000)),
        ("upstream", ["address"]) => chosen.map(text),
        ("upstream", ["port"]) => chosen.map(|_| int(80)),
        ("upstream", ["local_address"]) => chosen.map(|_| text("127.0.0.1:60000")),
        ("upstream", ["transport_failure_reason"]) => chosen.map(|_| text(&info.transport_failure)),
        ("upstream", ["request_attempt_count"]) => chosen.map(|_| int(1)),
        ("upstream", ["cx_pool_ready_duration"]) => chosen.map(|_| int(0)),
        ("upstream" | "connection" | "source" | "destination" | "xds" | "metadata" | "filter_state", _) => {
            Err(Status::NotFound)
        }
        (name, []) => state(host, origin, &format!("wasm.{name}")),
        // Filter state is bytes, which have no fields.
        _ => Err(Status::NotFound),
    }
}
