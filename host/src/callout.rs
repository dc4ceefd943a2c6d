//! Callouts: HTTP and gRPC calls of guests.

use crate::{Headers, Origin};

/// Call that a guest has started.
#[derive(Clone, Debug)]
pub(crate) struct Callout {
    pub(crate) vm: usize,
    /// Root context that gets the response.
    pub(crate) root: u32,
    pub(crate) token: u32,
    /// Number of the call, unique in the process.
    pub(crate) call: u64,
    /// Stream in whose callback it was started, or 0.
    pub(crate) stream: u64,
    pub(crate) cluster: String,
    pub(crate) origin: Origin,
    pub(crate) headers: Headers,
    pub(crate) body: Vec<u8>,
    pub(crate) trailers: Headers,
    /// Timeout in milliseconds; 0 is no limit.
    pub(crate) timeout_ms: u64,
    /// `true` if the request has ended when the cluster gets it.
    pub(crate) complete: bool,
}

/// Identity of a call: its virtual machine, root context, token and process-wide number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct CalloutId {
    pub(crate) vm: usize,
    pub(crate) root: u32,
    pub(crate) token: u32,
    pub(crate) call: u64,
}

/// Part of a response, by the callback that gets it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum CalloutPart {
    /// `proxy_on_http_call_response`
    #[default]
    Http,
    /// `proxy_on_grpc_receive_initial_metadata`
    Initial,
    /// `proxy_on_grpc_receive`
    Message,
    /// `proxy_on_grpc_receive_trailing_metadata`
    Trailing,
    /// `proxy_on_grpc_close`
    Close,
}

/// Response, or part of one, that a callout's callback can read.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct CalloutResult {
    pub(crate) piece: CalloutPart,
    /// `true` if no other part follows.
    pub(crate) last: bool,
    pub(crate) headers: Option<Headers>,
    pub(crate) body: Vec<u8>,
    pub(crate) trailers: Option<Headers>,
    /// Status that `proxy_get_status` returns.
    pub(crate) status: u32,
    pub(crate) message: String,
    /// Initial and trailing metadata (gRPC).
    pub(crate) initial_metadata: Option<Headers>,
    pub(crate) trailing_metadata: Option<Headers>,
    /// `true` if there is a message (gRPC).
    pub(crate) has_message: bool,
}
