//! The listener: ports, protocols, timeouts, local replies and the access log.

use tollgate_policy::Property;

use super::{Input, filter, routes, scalar};
use crate::buffer_limits::BufferLimits;
use crate::render::template::Template;

/// Returns the access log, with the fields of the properties that are published; `None` for all. `unscanned` always is.
fn access_log(published: Option<&[Property]>) -> String {
    let is_published = |line: &str| {
        let name = line.split_once("FILTER_STATE(wasm.tollgate.").and_then(|(_, rest)| rest.split_once(':'));
        let Some(((name, _), published)) = name.zip(published) else { return true };
        name == Property::Unscanned.name() || published.iter().any(|property| property.name() == name)
    };
    include_str!("access_log.yaml").split_inclusive('\n').filter(|line| is_published(line)).collect()
}

pub(super) fn listener(input: &Input<'_>, limits: &BufferLimits) -> String {
    Template::new(include_str!("listener.yaml"))
        .set("address", scalar(&input.settings.listen.ip().to_string()))
        .set("port", input.settings.listen.port())
        .set("max_request_bytes", input.policy.limits.max_request_bytes)
        .set("max_response_bytes", input.policy.limits.max_response_bytes)
        .set("buffer", limits.body)
        .set("connection_window", limits.connection_window)
        .set("local_reply", include_str!("local_reply.yaml"))
        .set("access_log", access_log(input.policy.publish.as_deref()))
        .set("filter", filter::filters(input))
        .set("routes", routes::route_config(&input.upstreams, limits))
        .text()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_access_log_has_the_published_properties() {
        let fields = |published| access_log(published).matches("FILTER_STATE(").count();
        let all = fields(None);
        assert!(all > 20, "{all}");
        let some = access_log(Some(&[Property::Model, Property::InputTokens]));
        assert!(some.contains(".model:PLAIN") && some.contains(".input_tokens:PLAIN") && some.contains("%START_TIME%"));
        assert_eq!((fields(Some(&[Property::Model, Property::InputTokens])), fields(Some(&[]))), (3, 1));
    }
}
