//! Foreign functions of Envoy on which a filter's behaviour depends.

use crate::abi::Status;
use crate::guest::Guest;

/// Names of filter state objects that Envoy 1.40 lets a guest set by name (`set_envoy_filter_state`).
const REGISTERED: [&str; 20] = [
    "envoy.ai.llm_protocol.request",
    "envoy.ai.model.request",
    "envoy.bool",
    "envoy.hashable_string",
    "envoy.filters.listener.original_dst.local_ip",
    "envoy.filters.listener.original_dst.remote_ip",
    "envoy.network.application_protocols",
    "envoy.network.ip",
    "envoy.network.network_namespace",
    "envoy.network.upstream_server_name",
    "envoy.network.upstream_subject_alt_names",
    "envoy.network.transport_socket.http_11_proxy.info",
    "envoy.network.transport_socket.original_dst_address",
    "envoy.ratelimit.hits_addend",
    "envoy.router.debug_config",
    "envoy.string",
    "envoy.tcp_proxy.cluster",
    "envoy.tcp_proxy.disable_tunneling",
    "envoy.tcp_proxy.per_connection_idle_timeout_ms",
    "envoy.upstream.dynamic_host",
];

/// Calls a foreign function and returns its result.
pub(crate) fn call(g: &mut Guest<'_>, name: &str, arguments: &[u8]) -> Result<Vec<u8>, Status> {
    match name {
        // Only CEL uses the type, which this host does not evaluate; a property is bytes here.
        "declare_property" => Ok(Vec::new()),
        "clear_route_cache" => {
            let (stream, _) = g.filter_position().ok_or(Status::BadArgument)?;
            let host = g.host();
            let origin = host.origin(stream);
            if let Some(stream) = host.stream(origin) {
                stream.info.route = None;
            }
            Ok(Vec::new())
        }
        "set_envoy_filter_state" => {
            let path = field(arguments, 1).ok_or(Status::BadArgument)?;
            let value = field(arguments, 2).unwrap_or_default();
            let path = String::from_utf8_lossy(path).into_owned();
            if !REGISTERED.contains(&path.as_str()) {
                return Err(Status::NotFound);
            }
            let (stream, _) = g.filter_position().ok_or(Status::NotFound)?;
            let host = g.host();
            let origin = host.origin(stream);
            let stream = host.stream(origin).ok_or(Status::NotFound)?;
            stream.info.filter_state.insert(path, value.to_vec());
            Ok(Vec::new())
        }
        _ => Err(Status::NotFound),
    }
}

/// Returns a field of bytes or text in a serialised protocol buffer, or `None` if it is absent or the message is malformed.
pub(crate) fn field(message: &[u8], number: u64) -> Option<&[u8]> {
    let mut rest = message;
    let mut found = None;
    while !rest.is_empty() {
        let (key, after) = varint(rest)?;
        match key & 7 {
            0 => rest = varint(after)?.1,
            1 => rest = after.get(8..)?,
            5 => rest = after.get(4..)?,
            2 => {
                let (size, after) = varint(after)?;
                let size = usize::try_from(size).ok()?;
                let value = after.get(..size)?;
                if key >> 3 == number {
                    found = Some(value);
                }
                rest = after.get(size..)?;
            }
            _ => return None,
        }
    }
    found
}

fn varint(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let mut value = 0;
    for (i, &byte) in bytes.iter().enumerate().take(10) {
        value |= u64::from(byte & 0x7f) << (7 * i);
        if byte & 0x80 == 0 {
            return Some((value, bytes.get(i + 1..)?));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_of_a_message() {
        // 1: "ab", 3: varint 300, 2: "c"
        let message = [0x0a, 2, b'a', b'b', 0x18, 0xac, 0x02, 0x12, 1, b'c'];
        assert_eq!(field(&message, 1), Some(&b"ab"[..]));
        assert_eq!(field(&message, 2), Some(&b"c"[..]));
        assert_eq!(field(&message, 4), None);
        assert_eq!(field(&message[..message.len() - 1], 1), None, "malformed");
    }
}
