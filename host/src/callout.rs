//! Callouts: HTTP and gRPC calls that guests make.

use crate::{Headers, Origin};

/// A call that a guest has begun.
#[derive(Clone, Debug)]
pub(crate) struct Callout {
    pub(crate) vm: usize,
    /// The root context that gets the answer.
    pub(crate) root: u32,
    pub(crate) token: u32,
    /// Unique in the process.
    pub(crate) call: u64,
    /// The stream in whose callback it was begun, or 0.
    pub(crate) stream: u64,
    pub(crate) cluster: String,
    pub(crate) origin: Origin,
    pub(crate) headers: Headers,
    pub(crate) body: Vec<u8>,
    pub(crate) trailers: Headers,
    /// Milliseconds; 0 is no limit.
    pub(crate) timeout_ms: u64,
    /// Whether the request has ended when the cluster is asked.
    pub(crate) complete: bool,
}

/// For which callback a piece of an answer is.
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

/// What a callout's callback finds.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct CalloutResult {
    pub(crate) piece: CalloutPart,
    /// Nothing more comes after this.
    pub(crate) last: bool,
    pub(crate) headers: Option<Headers>,
    pub(crate) body: Vec<u8>,
    pub(crate) trailers: Option<Headers>,
    /// What `proxy_get_status` says.
    pub(crate) status: u32,
    pub(crate) message: String,
    /// For gRPC: initial and trailing metadata.
    pub(crate) initial_metadata: Option<Headers>,
    pub(crate) trailing_metadata: Option<Headers>,
    /// For gRPC: whether there is a message.
    pub(crate) has_message: bool,
}
