//! The listener: ports, protocols, timeouts, local replies and the access log.

use super::buffer_limits::BufferLimits;
use super::{Input, filter, routes, scalar};
use crate::render::template::Template;

pub(super) fn listener(input: &Input<'_>, limits: &BufferLimits) -> String {
    Template::new(include_str!("listener.yaml"))
        .set("address", scalar(&input.settings.listen.ip().to_string()))
        .set("port", input.settings.listen.port())
        .set("max_request_bytes", input.policy.limits.max_request_bytes)
        .set("max_response_bytes", input.policy.limits.max_response_bytes)
        .set("buffer", limits.body)
        .set("connection_window", limits.connection_window)
        .set("local_reply", include_str!("local_reply.yaml"))
        .set("access_log", include_str!("access_log.yaml"))
        .set("filter", filter::filters(input))
        .set("routes", routes::route_config(&input.upstreams, limits))
        .text()
}
