//! Route selection at the end of the decoding chain.

use std::sync::Arc;

use super::Server;
use crate::route::Target;
use crate::stream::{LocalReply, Stream, flags};

impl Server {
    /// Picks the route for the headers as they are, unless they have not changed since it was picked.
    pub(super) fn pick_route(&mut self, stream: &mut Stream) {
        if stream.info.route.is_some() {
            return;
        }
        let Some(listener) = self.listeners.get(stream.listener) else { return };
        debug_assert!(stream.request.headers.is_some(), "a stream begins with its request headers");
        let headers = stream.request.headers.clone().unwrap_or_default();
        // Without `x-forwarded-proto` Envoy matches no route.
        let routable = headers.contains("x-forwarded-proto") && headers.contains(":path");
        let index = listener.routes.iter().position(|route| routable && route.matches(&headers));
        let route = index.and_then(|index| listener.routes.get(index));
        stream.info.route_name = route.map(|route| route.name.clone()).unwrap_or_default();
        stream.info.cluster = route.and_then(|route| match &route.target {
            Target::Cluster(cluster) => Some(cluster.clone()),
            _ => None,
        });
        stream.info.route = Some(index);
    }

    /// Picks the route and returns the local reply if no cluster is to get the request.
    pub(super) fn route_or_reply(&mut self, stream: &mut Stream) -> Option<LocalReply> {
        if stream.parent != 0 {
            return None;
        }
        if let Some(reply) = missing_method(stream) {
            return Some(reply);
        }
        self.pick_route(stream);
        let listener = Arc::clone(self.listeners.get(stream.listener)?);
        let route = stream.info.route.flatten().and_then(|index| listener.routes.get(index));
        match route.map(|route| &route.target) {
            None | Some(Target::None) => {
                stream.info.flags |= flags::NO_ROUTE_FOUND;
                Some(LocalReply::plain(404, "", "route_not_found"))
            }
            Some(Target::Direct(status, body)) => Some(LocalReply {
                status: *status,
                body: body.clone(),
                details: "direct_response".to_owned(),
                ..LocalReply::default()
            }),
            Some(Target::Cluster(cluster)) if !self.host.clusters.contains_key(cluster) => {
                Some(LocalReply::plain(503, "", "cluster_not_found"))
            }
            Some(Target::Cluster(_)) => {
                // The router adds its header to the map that access logs see.
                if let (Some(timeout), Some(headers)) =
                    (route.and_then(|route| route.timeout), &mut stream.request.headers)
                {
                    headers.set("x-envoy-expected-rq-timeout-ms", timeout.as_millis().to_string());
                }
                None
            }
        }
    }
}

/// Returns the router's reply to a request from which a filter has removed the method. Without a path there is no route in
/// the first place.
fn missing_method(stream: &Stream) -> Option<LocalReply> {
    let headers = stream.request.headers.as_ref()?;
    if headers.contains(":method") || !headers.contains(":path") {
        return None;
    }
    let details = "filter_removed_required_request_headers{missing_required_header:_:method}";
    Some(LocalReply::plain(503, "missing required header: :method", details))
}
