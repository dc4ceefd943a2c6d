//! `StreamInfo`: Envoy's knowledge of a stream besides its messages.

use std::collections::BTreeMap;

use crate::request::MetadataValue;

/// Facts about a stream that properties and access logs report.
#[derive(Clone, Debug, Default)]
pub(crate) struct StreamInfo {
    /// `response.code`; 0 before there is a response.
    pub(crate) code: u16,
    /// `response.code_details`; a local reply may leave it empty.
    pub(crate) details: Option<String>,
    /// `response.flags`: a bit set, as Envoy numbers them.
    pub(crate) flags: u64,
    pub(crate) route_name: String,
    pub(crate) cluster: Option<String>,
    pub(crate) upstream_address: Option<String>,
    /// `upstream.transport_failure_reason`
    pub(crate) transport_failure: String,
    /// Nanoseconds until the upstream's response was complete.
    pub(crate) backend_latency_ns: Option<u64>,
    /// Start of the stream, in nanoseconds since the Unix epoch.
    pub(crate) start_ns: u64,
    /// Nanoseconds from start to end; set at the end.
    pub(crate) duration_ns: Option<u64>,
    /// Body bytes received from the client.
    pub(crate) received: u64,
    /// Bytes of the request's headers as received.
    pub(crate) headers_size: u64,
    /// Body bytes sent to the client.
    pub(crate) sent: u64,
    pub(crate) response_headers_size: u64,
    pub(crate) response_trailers_size: u64,
    pub(crate) protocol: &'static str,
    pub(crate) request_id: String,
    pub(crate) filter_state: BTreeMap<String, Vec<u8>>,
    pub(crate) metadata: BTreeMap<String, BTreeMap<String, MetadataValue>>,
    /// Attributes set by the test, by dotted name.
    pub(crate) attributes: BTreeMap<String, Vec<u8>>,
    /// Cached route: its index in the listener, or `Some(None)` if none matched; `None` until it is picked.
    pub(crate) route: Option<Option<usize>>,
    /// Guest callbacks started so far.
    pub(crate) callbacks: usize,
}
