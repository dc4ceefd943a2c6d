//! Expectations on what reaches an upstream.

use crate::file::{Expect, UpstreamExpect, UpstreamSeen};
use crate::observation::Observation;
use crate::plan::Exchange;

use super::{Checks, client, header};

pub(super) fn check(expect: &Expect, exchange: &Exchange, seen: &Observation, checks: &mut Checks<'_>) {
    let Some(expected) = &expect.upstream else { return };
    match (expected, seen.upstream.as_slice()) {
        (UpstreamExpect::Untouched, []) => {}
        (UpstreamExpect::Untouched, all) => {
            let bytes: usize = all.iter().map(|request| request.body.len()).sum();
            checks.add("upstream", "untouched", format!("{} requests with {bytes} bytes of body", all.len()));
        }
        (UpstreamExpect::Seen(expected), [request]) => {
            let UpstreamSeen { cluster, path, headers, unchanged, body, json, contains, not_contains, .. } =
                &**expected;
            checks.same("upstream.cluster", cluster.as_deref(), Some(&request.cluster));
            checks.text("upstream.path", path.as_deref(), request.path.as_bytes());
            header::check("upstream.headers", headers, &request.headers, checks);
            let sent = exchange.request.body.as_deref().unwrap_or_default();
            match unchanged {
                Some(true) => checks.octets("upstream.body", sent, &request.body),
                Some(false) if sent == request.body => {
                    checks.add("upstream.body", "a body other than the client's", "the client's body");
                }
                _ => {}
            }
            checks.text("upstream.body", body.as_deref(), &request.body);
            checks.parts("upstream.body", contains, not_contains, &request.body);
            client::json("upstream.json", json.as_ref(), &request.body, checks);
            if !request.complete {
                checks.add("upstream", "a complete request", "an incomplete one");
            }
        }
        (UpstreamExpect::Seen(_), all) => checks.add("upstream", "one request", format!("{}", all.len())),
    }
}
