//! Callouts: HTTP calls of a filter to other services, while it holds a request.

use crate::abi::{self, Buffer, Map};

/// HTTP request to a service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Callout {
    /// Name of the cluster in Envoy.
    pub cluster: String,
    /// Headers, with `:method`, `:path` and `:authority`.
    pub headers: Vec<(String, String)>,
    /// Body.
    pub body: Vec<u8>,
    /// Time until the response must be complete, in milliseconds; not 0, which would be no limit.
    pub timeout_ms: u32,
    /// Largest body of a response that is read.
    pub max_response_bytes: usize,
}

/// Response to a [`Callout`]. Envoy responds with 503 if the service cannot be reached, and with 504 at the timeout.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CalloutResponse {
    /// HTTP status.
    pub status: u16,
    /// Complete body.
    pub body: Vec<u8>,
}

/// Reason why a [`Callout`] has no response.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CalloutError {
    /// Envoy did not start the call: it has no such cluster, or the cluster has no host.
    #[error("not started")]
    NotStarted,
    /// The call was reset.
    #[error("reset")]
    Reset,
    /// The response is too large, or cannot be read.
    #[error("not readable")]
    NotReadable,
}

/// Callouts of a held request, in the order in which they were asked for.
pub(crate) struct PendingCallouts(Vec<Pending>);

enum Pending {
    Running { token: u32, max_response_bytes: usize },
    Ended(Result<CalloutResponse, CalloutError>),
}

impl PendingCallouts {
    /// Starts all calls.
    pub(crate) fn start(callouts: Vec<Callout>) -> PendingCallouts {
        let start = |callout: Callout| match host::start(&callout) {
            Ok(token) => Pending::Running { token, max_response_bytes: callout.max_response_bytes },
            Err(status) => {
                log::warn!("tollgate: call to the cluster `{}` not started: {status}", callout.cluster);
                Pending::Ended(Err(CalloutError::NotStarted))
            }
        };
        PendingCallouts(callouts.into_iter().map(start).collect())
    }

    /// Returns `true` if no call is running.
    pub(crate) fn are_ended(&self) -> bool {
        self.0.iter().all(|pending| matches!(pending, Pending::Ended(_)))
    }

    /// Reads the response to a call, with the number of its headers and the size of its body, in the callback that gets it.
    pub(crate) fn receive(&mut self, token: u32, headers: usize, size: usize) {
        let own = self.0.iter_mut().find_map(|pending| match *pending {
            Pending::Running { token: own, max_response_bytes } if own == token => Some((pending, max_response_bytes)),
            _ => None,
        });
        debug_assert!(own.is_some(), "a response to another stream's call");
        if let Some((pending, max_response_bytes)) = own {
            *pending = Pending::Ended(read(headers, size, max_response_bytes));
        }
    }

    /// Returns the results, in the order of the calls.
    pub(crate) fn results(self) -> Vec<Result<CalloutResponse, CalloutError>> {
        let result = |pending| match pending {
            Pending::Ended(result) => result,
            Pending::Running { .. } => Err(CalloutError::Reset),
        };
        self.0.into_iter().map(result).collect()
    }
}

fn read(headers: usize, size: usize, max_response_bytes: usize) -> Result<CalloutResponse, CalloutError> {
    if headers == 0 {
        return Err(CalloutError::Reset);
    }
    if size > max_response_bytes {
        return Err(CalloutError::NotReadable);
    }
    let status = abi::get_header(Map::CalloutResponseHeaders, ":status").ok().flatten();
    let status = status.and_then(|status| std::str::from_utf8(&status).ok()?.parse().ok());
    let body = match size {
        0 => Some(Vec::new()),
        _ => abi::get_buffer(Buffer::CalloutResponseBody, 0, size).ok(),
    };
    match (status, body.filter(|body| body.len() == size)) {
        (Some(status), Some(body)) => Ok(CalloutResponse { status, body }),
        _ => Err(CalloutError::NotReadable),
    }
}

/// The SDK keeps the stream of each call, so calls are started through it. It panics on statuses that the host does not return
/// here.
#[cfg(target_arch = "wasm32")]
mod host {
    use std::time::Duration;

    use proxy_wasm::hostcalls::dispatch_http_call;
    use proxy_wasm::types::Status as SdkStatus;

    use super::Callout;
    use crate::abi::Status;

    pub(super) fn start(callout: &Callout) -> Result<u32, Status> {
        let headers = callout.headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let body = Some(callout.body.as_slice()).filter(|body| !body.is_empty());
        let timeout = Duration::from_millis(callout.timeout_ms.max(1).into());
        dispatch_http_call(&callout.cluster, headers, body, Vec::new(), timeout).map_err(|status| match status {
            SdkStatus::BadArgument => Status::BadArgument,
            other => Status::Other(other as u32),
        })
    }
}

#[cfg(not(target_arch = "wasm32"))]
mod host {
    use super::Callout;
    use crate::abi::Status;

    pub(super) fn start(_: &Callout) -> Result<u32, Status> {
        Err(Status::Unavailable)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_that_do_not_start_have_ended() {
        let (headers, body) = Default::default();
        let callout = Callout { cluster: "c".into(), headers, body, timeout_ms: 1, max_response_bytes: 8 };
        let pending = PendingCallouts::start(vec![callout.clone(), callout]);
        assert!(pending.are_ended());
        assert_eq!(pending.results(), [Err(CalloutError::NotStarted), Err(CalloutError::NotStarted)]);
    }

    #[test]
    fn a_response_ends_the_call_with_its_token() {
        let running = |token| Pending::Running { token, max_response_bytes: 16 };
        let mut pending = PendingCallouts(vec![running(4), running(8)]);
        pending.receive(8, 0, 0);
        assert!(!pending.are_ended());
        pending.receive(4, 3, 17);
        assert!(pending.are_ended());
        assert_eq!(pending.results(), [Err(CalloutError::NotReadable), Err(CalloutError::Reset)]);
    }
}
