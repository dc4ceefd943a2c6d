//! Header maps that a context can access at the moment.

use crate::Headers;
use crate::abi::{MapType, Status};
use crate::host_state::HostState;
use crate::stream::{BodySource, Direction, FilterSlot, Message};

/// Stream and index of the filter that host calls are for; `None` in a root context.
pub(crate) type FilterPosition = Option<(u64, usize)>;

/// Returns the map if the context can read it.
pub(crate) fn readable(host: &mut HostState, position: FilterPosition, map: MapType) -> Option<&Headers> {
    match map {
        MapType::CallHeaders => return host.call.as_ref()?.headers.as_ref(),
        MapType::CallTrailers => return host.call.as_ref()?.trailers.as_ref(),
        MapType::GrpcInitialMetadata => return host.call.as_ref()?.initial_metadata.as_ref(),
        MapType::GrpcTrailingMetadata => return host.call.as_ref()?.trailing_metadata.as_ref(),
        _ => {}
    }
    let (id, filter) = position?;
    let stream = host.stream(id)?;
    if stream.logging {
        return match map {
            MapType::RequestHeaders => stream.request.headers.as_ref(),
            MapType::ResponseHeaders => stream.sent.as_ref().or(stream.response.headers.as_ref()),
            MapType::ResponseTrailers => stream.response.trailers.as_ref(),
            _ => None,
        };
    }
    let slot = stream.filters.get(filter)?;
    match map {
        MapType::RequestHeaders if slot.decode.headers_visible => stream.request.headers.as_ref(),
        MapType::RequestTrailers if slot.decode.trailers_visible => stream.request.trailers.as_ref(),
        MapType::ResponseHeaders if slot.encode.headers_visible => stream.response.headers.as_ref(),
        MapType::ResponseTrailers if slot.encode.trailers_visible => stream.response.trailers.as_ref(),
        _ => None,
    }
}

/// Returns the map if the context can edit it. Editing the trailers of a message that has none creates them, in the last
/// body callback.
pub(crate) fn writable(host: &mut HostState, position: FilterPosition, map: MapType) -> Result<&mut Headers, Status> {
    let (id, filter) = position.ok_or(Status::BadArgument)?;
    let stream = &mut **host.stream(id).ok_or(Status::BadArgument)?;
    let slot = stream.filters.get_mut(filter).ok_or(Status::BadArgument)?;
    let headers = match map {
        MapType::RequestHeaders if slot.decode.headers_visible => stream.request.headers.as_mut(),
        MapType::ResponseHeaders if slot.encode.headers_visible => stream.response.headers.as_mut(),
        MapType::RequestTrailers => trailers(slot, Direction::Decode, &mut stream.request),
        MapType::ResponseTrailers => trailers(slot, Direction::Encode, &mut stream.response),
        _ => None,
    };
    headers.ok_or(Status::BadArgument)
}

fn trailers<'a>(slot: &mut FilterSlot, direction: Direction, message: &'a mut Message) -> Option<&'a mut Headers> {
    let end_of_stream = slot.end_of_stream;
    let state = slot.state_mut(direction);
    if !state.trailers_visible && state.body != BodySource::None && end_of_stream && message.trailers.is_none() {
        state.trailers_visible = true;
        message.trailers = Some(Headers::new());
    }
    if state.trailers_visible { message.trailers.as_mut() } else { None }
}
