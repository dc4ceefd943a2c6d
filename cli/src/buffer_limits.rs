//! Envoy's limits of what it holds, which follow from the limits of the policy or of the filters.

use serde_json::Value;
use tollgate_llm::StreamLimits;
use tollgate_policy::{Finding, Path};

use crate::render::refusal;

/// Distance of the policy's limits to Envoy's, and the unit of Envoy's.
const STEP: u64 = 64 << 10;

/// Smallest limit that is rendered: Envoy's default.
const MEBIBYTE: u64 = 1 << 20;

/// Largest window of HTTP/2 (RFC 9113, 6.9.1).
const MAX_WINDOW: u64 = (1 << 31) - 1;

/// Number of bodies of full size that a connection over HTTP/2 can hold before its other streams wait.
const BODIES_PER_CONNECTION: u64 = 16;

/// Limits of what Envoy holds, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct BufferLimits {
    /// Largest body, and largest read of a connection.
    pub(crate) body: u64,
    /// Window of a connection over HTTP/2.
    pub(crate) connection_window: u64,
    /// Largest request together with what arrives at once.
    pub(crate) request: u64,
}

impl BufferLimits {
    /// Returns the limits that fit a policy, and reports a limit that Envoy cannot have.
    pub(crate) fn of(limits: &StreamLimits, findings: &mut Vec<Finding>) -> BufferLimits {
        let largest = MAX_WINDOW / STEP * STEP - STEP;
        for (name, bytes) in
            [("max_request_bytes", limits.max_request_bytes), ("max_response_bytes", limits.max_response_bytes)]
        {
            if bytes as u64 > largest {
                let message = format!("the limit is above {largest}, so Envoy's windows of HTTP/2 cannot exceed it");
                findings.push(refusal(Path::part("limits").key(name), message));
            }
        }
        BufferLimits::for_bodies(limits.max_request_bytes.max(limits.max_response_bytes) as u64)
    }

    /// Returns the limits that fit filters with these configurations, the largest of which counts.
    pub(crate) fn of_filters<'v>(configurations: impl Iterator<Item = &'v Value>) -> BufferLimits {
        let StreamLimits { max_request_bytes, max_response_bytes, .. } = StreamLimits::default();
        let bytes = |configuration: &Value| {
            let limits = [("max_request_bytes", max_request_bytes), ("max_response_bytes", max_response_bytes)];
            let own = |(name, default): (&str, usize)| {
                let value = configuration.pointer(&format!("/limits/{name}")).and_then(Value::as_u64);
                value.unwrap_or(default as u64)
            };
            limits.map(own).into_iter().max()
        };
        BufferLimits::for_bodies(configurations.filter_map(bytes).max().unwrap_or(0))
    }

    /// Returns the limits of the first listener of a bootstrap; `None` without a bootstrap, or if it has no such listener.
    pub(crate) fn of_bootstrap(bootstrap: Option<&Value>) -> Option<BufferLimits> {
        let listener = bootstrap?.pointer("/static_resources/listeners/0")?;
        let hcm = |path: &str| listener.pointer(&format!("/filter_chains/0/filters/0/typed_config/{path}"))?.as_u64();
        let body = listener.get("per_connection_buffer_limit_bytes").and_then(Value::as_u64).unwrap_or(MEBIBYTE);
        let window = hcm("http2_protocol_options/initial_connection_window_size");
        let request = hcm("route_config/virtual_hosts/0/request_body_buffer_limit");
        Some(BufferLimits { body, connection_window: window.unwrap_or(MAX_WINDOW), request: request.unwrap_or(body) })
    }

    fn for_bodies(bytes: u64) -> BufferLimits {
        let largest = MAX_WINDOW / STEP * STEP - STEP;
        let body = (bytes.min(largest) + STEP).next_multiple_of(STEP).max(MEBIBYTE);
        BufferLimits {
            body,
            connection_window: (body * BODIES_PER_CONNECTION).min(MAX_WINDOW),
            request: 2 * body + MEBIBYTE,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limits_follow_those_of_the_policy() {
        for (max_request_bytes, max_response_bytes, body, connection_window) in [
            (983_040, 983_040, 1 << 20, 1 << 24),
            (8 << 20, 8 << 20, (8 << 20) + (64 << 10), (128 << 20) + (1 << 20)),
            (1, 1, 1 << 20, 1 << 24),
            (1 << 20, 1, (1 << 20) + (64 << 10), (1 << 24) + (1 << 20)),
            (1, (4 << 20) + 1, (4 << 20) + (128 << 10), (64 << 20) + (2 << 20)),
            (1 << 30, 1, (1 << 30) + (64 << 10), (1 << 31) - 1),
        ] {
            let mut findings = Vec::new();
            let limits = StreamLimits { max_request_bytes, max_response_bytes, ..StreamLimits::default() };
            let expected = BufferLimits { body, connection_window, request: 2 * body + (1 << 20) };
            assert_eq!(BufferLimits::of(&limits, &mut findings), expected);
            assert_eq!(findings, []);
        }
        let mut findings = Vec::new();
        let limits = StreamLimits { max_request_bytes: 1 << 31, ..StreamLimits::default() };
        assert!(BufferLimits::of(&limits, &mut findings).body < 1 << 31);
        assert_eq!(findings[0].path.to_string(), "limits.max_request_bytes");
    }

    #[test]
    fn the_largest_limit_of_a_chain_counts() {
        use serde_json::json;
        let default = BufferLimits::of(&StreamLimits::default(), &mut Vec::new());
        let small = json!({"limits": {"max_request_bytes": 1, "max_response_bytes": 1}});
        let large = json!({"limits": {"max_response_bytes": 20 << 20}});
        for (chain, want) in [
            (vec![], 1 << 20),
            (vec![&Value::Null], default.body),
            (vec![&small], 1 << 20),
            (vec![&small, &Value::Null], default.body),
            (vec![&large, &small], (20 << 20) + (64 << 10)),
        ] {
            assert_eq!(BufferLimits::of_filters(chain.iter().copied()).body, want, "{chain:?}");
        }
    }
}
