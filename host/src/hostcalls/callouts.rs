//! HTTP and gRPC callouts. They belong to the root context, which gets the response.

use crate::abi::{Status, pairs};
use crate::callout::{Callout, CalloutPart};
use crate::guest::{Guest, HostCallResult};
use crate::vm_data::guest_size;
use crate::{Headers, Origin};

fn headers(bytes: &[u8]) -> Headers {
    pairs::decode(bytes).into_iter().map(|(name, value)| (String::from_utf8_lossy(name), value)).collect()
}

fn new(g: &mut Guest<'_>, cluster: String, origin: Origin, headers: Headers, token: u32) -> Callout {
    let stream = g.filter_position().map_or(0, |(stream, _)| stream);
    let root = g.root_id();
    let stream = g.host().origin(stream);
    let data = g.data();
    let call = data.host.random.next();
    data.pending.insert(token, (call, stream));
    Callout {
        vm: data.index,
        root,
        token,
        call,
        stream,
        cluster,
        origin,
        headers,
        body: Vec::new(),
        trailers: Headers::new(),
        timeout_ms: 0,
        complete: true,
    }
}

#[allow(clippy::too_many_arguments, reason = "the ABI's signature")]
pub(crate) fn http_call(
    g: &mut Guest<'_>,
    cluster: i32,
    cluster_size: i32,
    head: i32,
    head_size: i32,
    body: i32,
    body_size: i32,
    trailers: i32,
    trailers_size: i32,
    timeout: i32,
    token: i32,
) -> HostCallResult {
    let cluster = g.read_text(cluster, cluster_size)?;
    g.describe_call(|| format!("{cluster:?}, {body_size} bytes, {timeout} ms"));
    let mut head = headers(&g.read(head, head_size)?);
    let (body, trailers) = (g.read(body, body_size)?, headers(&g.read(trailers, trailers_size)?));
    g.write_u32(token, 0)?;
    let timeout_ms = u64::try_from(timeout).map_err(|_| Status::BadArgument)?;
    if !g.host().clusters.contains_key(&cluster) {
        return Err(Status::BadArgument);
    }
    if !head.contains(":path") || !head.contains(":method") || !(head.contains(":authority") || head.contains("host")) {
        return Err(Status::BadArgument);
    }
    if !body.is_empty() {
        head.set("content-length", body.len().to_string());
    }
    g.data().http_calls += 1;
    let number = g.data().http_calls * 4;
    let call = Callout { body, trailers, timeout_ms, ..new(g, cluster, Origin::HttpCall, head, number) };
    g.host().outgoing.push_back(call);
    g.write_u32(token, number)
}

/// Returns the cluster of a gRPC service: its name, or the one in a serialised `GrpcService`.
fn grpc_cluster(g: &mut Guest<'_>, service: &[u8]) -> Result<String, Status> {
    let named = super::foreign::field(service, 1).and_then(|envoy| super::foreign::field(envoy, 1));
    let cluster = String::from_utf8_lossy(named.unwrap_or(service)).into_owned();
    if g.host().clusters.contains_key(&cluster) {
        Ok(cluster)
    } else if named.is_some() {
        Err(Status::InternalFailure)
    } else {
        Err(Status::ParseFailure)
    }
}

fn grpc_headers(service: &str, method: &str, cluster: &str, metadata: &[u8]) -> Headers {
    let path = format!("/{service}/{method}");
    let mut head: Headers = [
        (":method", "POST"),
        (":path", path.as_str()),
        (":authority", cluster),
        (":scheme", "http"),
        ("te", "trailers"),
        ("content-type", "application/grpc"),
    ]
    .into_iter()
    .collect();
    head.extend(headers(metadata).iter());
    head
}

fn framed(message: &[u8]) -> Vec<u8> {
    let mut frame = vec![0];
    frame.extend(guest_size(message.len()).to_be_bytes());
    frame.extend(message);
    frame
}

#[allow(clippy::too_many_arguments, reason = "the ABI's signature")]
pub(crate) fn grpc_call(
    g: &mut Guest<'_>,
    cluster: i32,
    cluster_size: i32,
    service: i32,
    service_size: i32,
    method: i32,
    method_size: i32,
    metadata: i32,
    metadata_size: i32,
    message: i32,
    message_size: i32,
    timeout: i32,
    token: i32,
) -> HostCallResult {
    let cluster = g.read(cluster, cluster_size)?;
    let (service, method) = (g.read_text(service, service_size)?, g.read_text(method, method_size)?);
    let (metadata, message) = (g.read(metadata, metadata_size)?, g.read(message, message_size)?);
    let cluster = grpc_cluster(g, &cluster)?;
    g.describe_call(|| format!("{cluster:?}, {service}/{method}, {} bytes, {timeout} ms", message.len()));
    let mut head = grpc_headers(&service, &method, &cluster, &metadata);
    head.set("grpc-timeout", format!("{}m", timeout.cast_unsigned()));
    let number = g.data().grpc_calls * 4 + 1;
    g.data().grpc_calls += 1;
    let timeout_ms = u64::from(timeout.cast_unsigned());
    let call = Callout { body: framed(&message), timeout_ms, ..new(g, cluster, Origin::GrpcCall, head, number) };
    g.host().outgoing.push_back(call);
    g.write_u32(token, number)
}

#[allow(clippy::too_many_arguments, reason = "the ABI's signature")]
pub(crate) fn grpc_stream(
    g: &mut Guest<'_>,
    cluster: i32,
    cluster_size: i32,
    service: i32,
    service_size: i32,
    method: i32,
    method_size: i32,
    metadata: i32,
    metadata_size: i32,
    token: i32,
) -> HostCallResult {
    let cluster = g.read(cluster, cluster_size)?;
    let (service, method) = (g.read_text(service, service_size)?, g.read_text(method, method_size)?);
    let metadata = g.read(metadata, metadata_size)?;
    let cluster = grpc_cluster(g, &cluster)?;
    g.describe_call(|| format!("{cluster:?}, {service}/{method}"));
    let head = grpc_headers(&service, &method, &cluster, &metadata);
    let number = g.data().grpc_streams * 4 + 2;
    g.data().grpc_streams += 1;
    let early = g
        .host()
        .clusters
        .get(&cluster)
        .is_some_and(|cluster| cluster.trigger == crate::ResponseTrigger::RequestHeaders);
    let call = new(g, cluster, Origin::GrpcCall, head, number);
    let data = g.data();
    if early {
        data.host.opened_streams.push((data.index, number));
    }
    data.open_streams.insert(number, call);
    g.write_u32(token, number)
}

/// Appends a message. The cluster gets the request when the guest closes its side.
pub(crate) fn grpc_send(g: &mut Guest<'_>, token: i32, message: i32, message_size: i32, end: i32) -> HostCallResult {
    let message = g.read(message, message_size)?;
    let token = token.cast_unsigned();
    if token & 3 == 1 {
        return Err(Status::BadArgument);
    }
    if !g.data().pending.contains_key(&token) {
        return Err(Status::NotFound);
    }
    // Messages after the guest's side was closed are dropped.
    let Some(call) = g.data().open_streams.get_mut(&token) else { return Ok(()) };
    call.body.extend(framed(&message));
    if end != 0 {
        half_close(g, token);
    }
    Ok(())
}

fn half_close(g: &mut Guest<'_>, token: u32) {
    let data = g.data();
    let Some(call) = data.open_streams.remove(&token) else { return };
    let waiting = data.host.opened_streams.iter().position(|opened_streams| *opened_streams == (data.index, token));
    let trigger = data.host.clusters.get(&call.cluster).map(|cluster| cluster.trigger);
    if let Some(at) = waiting {
        data.host.opened_streams.remove(at);
    } else if trigger == Some(crate::ResponseTrigger::RequestHeaders) {
        // It has got the request when the stream was opened.
        return;
    }
    data.host.outgoing.push_back(call);
}

pub(crate) fn grpc_cancel(g: &mut Guest<'_>, token: i32) -> HostCallResult {
    let token = token.cast_unsigned();
    let data = g.data();
    let open = data.open_streams.remove(&token);
    data.pending.remove(&token).ok_or(Status::NotFound)?;
    if let Some(call) = open {
        // The upstream has received the messages sent so far; its response is ignored.
        data.host.outgoing.push_back(Callout { complete: false, ..call });
    }
    Ok(())
}

/// Cancels a call, or closes the sending side of a stream.
pub(crate) fn grpc_close(g: &mut Guest<'_>, token: i32) -> HostCallResult {
    let number = token.cast_unsigned();
    if number & 3 == 1 {
        return grpc_cancel(g, token);
    }
    if !g.data().pending.contains_key(&number) {
        return Err(Status::NotFound);
    }
    half_close(g, number);
    Ok(())
}

pub(crate) fn get_status(g: &mut Guest<'_>, code: i32, at: i32, size: i32) -> HostCallResult {
    let last = g.data().last_status;
    let result = g.host().call.as_ref().filter(|call| call.status != 0 || call.piece == CalloutPart::Close);
    let (status, message) = result.map_or((last, String::new()), |call| (call.status, call.message.clone()));
    g.write_u32(code, status)?;
    g.return_bytes(message.as_bytes(), at, size)
}
