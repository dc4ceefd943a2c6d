//! Upstream failures as Envoy reports them.

use crate::stream::flags;

/// Transport failure reason of a refused connection.
pub(super) const CONNECTION_REFUSED: &str = "delayed connect error: Connection refused";

/// Failure of an upstream: the local reply in place of its response, and the reason for logs.
#[derive(Clone, Copy)]
pub(super) struct UpstreamFailure {
    pub(super) status: u16,
    pub(super) text: &'static str,
    reason: &'static str,
    pub(super) flag: u64,
}

impl UpstreamFailure {
    /// Refused connection.
    pub(super) const REFUSED: UpstreamFailure = UpstreamFailure {
        status: 503,
        text: "upstream connect error or disconnect/reset before headers. reset reason: remote connection failure",
        reason: "remote_connection_failure|delayed_connect_error:_Connection_refused",
        flag: flags::UPSTREAM_CONNECTION_FAILURE,
    };

    /// Returns the failure for a reset, which depends on the protocol and on whether the response had begun.
    pub(super) fn reset(http2: bool, started: bool) -> UpstreamFailure {
        if http2 {
            UpstreamFailure {
                status: 503,
                text: "upstream connect error or disconnect/reset before headers. reset reason: remote reset",
                reason: "remote_reset",
                flag: flags::UPSTREAM_REMOTE_RESET,
            }
        } else if started {
            UpstreamFailure {
                status: 502,
                text: "upstream connect error or disconnect/reset before headers. reset reason: protocol error",
                reason: "protocol_error",
                flag: flags::UPSTREAM_PROTOCOL_ERROR,
            }
        } else {
            UpstreamFailure {
                status: 503,
                text: "upstream connect error or disconnect/reset before headers. reset reason: \
                       connection termination",
                reason: "connection_termination",
                flag: flags::UPSTREAM_CONNECTION_TERMINATION,
            }
        }
    }

    /// Returns `response.code_details`.
    pub(super) fn details(&self, started: bool) -> String {
        let when = if started { "after" } else { "before" };
        format!("upstream_reset_{when}_response_started{{{}}}", self.reason)
    }
}
