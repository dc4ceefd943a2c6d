//! Response flags: the reason a stream ended, as Envoy numbers them (`source/common/stream_info`).

pub(crate) const UPSTREAM_REQUEST_TIMEOUT: u64 = 0x4;
pub(crate) const UPSTREAM_REMOTE_RESET: u64 = 0x10;
pub(crate) const UPSTREAM_CONNECTION_FAILURE: u64 = 0x20;
pub(crate) const UPSTREAM_CONNECTION_TERMINATION: u64 = 0x40;
pub(crate) const NO_ROUTE_FOUND: u64 = 0x100;
pub(crate) const DOWNSTREAM_CONNECTION_TERMINATION: u64 = 0x4000;
pub(crate) const UPSTREAM_PROTOCOL_ERROR: u64 = 0x80_0000;
pub(crate) const DOWNSTREAM_REMOTE_RESET: u64 = 0x1000_0000;
