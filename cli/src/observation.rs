//! Observed behaviour of one request, independent of the backend.

use std::collections::BTreeMap;

use crate::file::ResponseEnd;
use crate::plan::HeaderList;

/// Observed behaviour of one request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Observation {
    /// Status; `None` if no response arrived.
    pub status: Option<u16>,
    /// Headers of the response.
    pub headers: HeaderList,
    /// Body of the response.
    pub body: Vec<u8>,
    /// Trailers of the response.
    pub trailers: HeaderList,
    /// End of the response.
    pub end: ResponseEnd,
    /// Backend's explanation of the end, e.g. the reason why nothing more arrived.
    pub note: Option<String>,
    /// Envoy's response code details.
    pub details: String,
    /// Requests that reached upstreams.
    pub upstream: Vec<UpstreamRequest>,
    /// Tollgate's properties by name.
    pub properties: BTreeMap<String, String>,
    /// Increments of counters by name without `wasmcustom.`; unchanged counters are left out.
    pub counters: BTreeMap<String, u64>,
    /// Messages logged by filters at level `warn` or above.
    pub log: Vec<String>,
    /// `true` if the backend runs in real time, so that countdowns differ from run to run.
    pub real_clock: bool,
}

/// A request that reached an upstream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UpstreamRequest {
    /// Name of the cluster.
    pub cluster: String,
    /// Path and query.
    pub path: String,
    /// Headers.
    pub headers: HeaderList,
    /// Body.
    pub body: Vec<u8>,
    /// Trailers.
    pub trailers: HeaderList,
    /// `true` if the request arrived completely.
    pub complete: bool,
    /// `true` if more data followed the end of the request.
    pub ended_twice: bool,
}

impl Observation {
    /// Returns a property.
    pub fn property(&self, name: &str) -> Option<&str> {
        self.properties.get(name).map(String::as_str)
    }

    /// Returns the rules that matched, without duplicates, in the order of the property.
    pub fn rules(&self) -> Vec<&str> {
        let mut rules: Vec<&str> = Vec::new();
        for rule in self.property("tollgate.rules").unwrap_or_default().split(',').filter(|rule| !rule.is_empty()) {
            if !rules.contains(&rule) {
                rules.push(rule);
            }
        }
        rules
    }
}

/// Returns the values of a header.
pub fn values<'a>(headers: &'a HeaderList, name: &'a str) -> impl Iterator<Item = &'a [u8]> {
    headers.iter().filter(move |(named, _)| named.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_slice())
}
