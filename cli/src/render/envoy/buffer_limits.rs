//! Envoy's limits of what it holds, which follow from the limits of the policy.

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
pub(super) struct BufferLimits {
    /// Largest body, and largest read of a connection.
    pub(super) body: u64,
    /// Window of a connection over HTTP/2.
    pub(super) connection_window: u64,
    /// Largest request together with what arrives at once.
    pub(super) request: u64,
}

impl BufferLimits {
    pub(super) fn of(limits: &StreamLimits, findings: &mut Vec<Finding>) -> BufferLimits {
        let largest = MAX_WINDOW / STEP * STEP - STEP;
        for (name, bytes) in
            [("max_request_bytes", limits.max_request_bytes), ("max_response_bytes", limits.max_response_bytes)]
        {
            if bytes as u64 > largest {
                let message = format!("the limit is above {largest}, so Envoy's windows of HTTP/2 cannot exceed it");
                findings.push(refusal(Path::part("limits").key(name), message));
            }
        }
        let bytes = limits.max_request_bytes.max(limits.max_response_bytes) as u64;
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
}
