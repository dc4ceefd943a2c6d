//! Control of streams: continue, close, reply. All of it is deferred until the callback has returned.

use crate::Level;
use crate::abi::{Status, pairs};
use crate::guest::{Guest, HostCallResult};
use crate::host_state::DeferredAction;
use crate::stream::{BodySource, Direction, LocalReply};

const REQUEST: i32 = 0;
const RESPONSE: i32 = 1;

pub(crate) fn resume(g: &mut Guest<'_>, kind: i32) -> HostCallResult {
    g.describe_call(|| kind.to_string());
    if !(0..=3).contains(&kind) || kind > RESPONSE {
        return Err(Status::BadArgument);
    }
    let Some((id, filter)) = g.filter_position() else { return Ok(()) };
    let direction = if kind == REQUEST { Direction::Decode } else { Direction::Encode };
    let host = g.host();
    host.actions.push_back(DeferredAction::Continue { stream: id, filter, direction });
    // The request's maps and body become inaccessible at once, also when a response continues.
    if let Some(slot) = host.stream(id).and_then(|stream| stream.filters.get_mut(filter)) {
        slot.decode.headers_visible = false;
        slot.decode.trailers_visible = false;
        slot.decode.body = BodySource::None;
    }
    Ok(())
}

pub(crate) fn close(g: &mut Guest<'_>, kind: i32) -> HostCallResult {
    g.describe_call(|| kind.to_string());
    if !(0..=3).contains(&kind) {
        return Err(Status::BadArgument);
    }
    if kind > RESPONSE {
        return Ok(());
    }
    let Some((id, _)) = g.filter_position() else { return Ok(()) };
    g.host().actions.push_back(DeferredAction::Close { stream: id });
    g.data().stop = true;
    Ok(())
}

#[allow(clippy::too_many_arguments, reason = "the ABI's signature")]
pub(crate) fn send_local_response(
    g: &mut Guest<'_>,
    status: i32,
    details: i32,
    details_size: i32,
    body: i32,
    body_size: i32,
    headers: i32,
    headers_size: i32,
    grpc: i32,
) -> HostCallResult {
    let details = g.read_text(details, details_size)?;
    let body = g.read(body, body_size)?;
    let headers = g.read(headers, headers_size)?;
    g.describe_call(|| format!("{status}, {} bytes", body.len()));
    let Some((id, filter)) = g.filter_position() else { return Ok(()) };
    g.data().stop = true;
    let local = LocalReply {
        status: u16::try_from(status).unwrap_or(500),
        headers: pairs::decode(&headers)
            .into_iter()
            .map(|(name, value)| (String::from_utf8_lossy(name).to_ascii_lowercase(), value.to_vec()))
            .collect(),
        body,
        grpc_status: u32::try_from(grpc).ok(),
        details: details.chars().map(|c| if c.is_whitespace() { '_' } else { c }).collect(),
    };
    let host = g.host();
    if host.stream(id).is_some_and(|stream| stream.logging) {
        let text = "proxy_send_local_response in proxy_on_log, which crashes Envoy".to_owned();
        super::logging::write(g, Level::Critical, text);
        return Ok(());
    }
    let Some(slot) = host.stream(id).and_then(|stream| stream.filters.get_mut(filter)) else { return Ok(()) };
    // Envoy sends only the first.
    if std::mem::replace(&mut slot.local_reply_pending, true) {
        return Ok(());
    }
    host.actions.push_back(DeferredAction::LocalReply { stream: id, filter, local });
    Ok(())
}
