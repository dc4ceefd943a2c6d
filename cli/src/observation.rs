//! What was seen of one request, whichever back end it ran in.

use std::collections::BTreeMap;

use crate::file::ResponseEnd;
use crate::plan::HeaderList;

/// What was seen of one request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Observation {
    /// The status; none if no answer came.
    pub status: Option<u16>,
    /// Headers of the answer.
    pub headers: HeaderList,
    /// Body of the answer.
    pub body: Vec<u8>,
    /// Trailers of the answer.
    pub trailers: HeaderList,
    /// How the answer ended.
    pub end: ResponseEnd,
    /// What a back end has to say of the end, e.g. why nothing more came.
    pub note: Option<String>,
    /// Why the answer is what it is, in Envoy's words.
    pub details: String,
    /// What upstreams got.
    pub upstream: Vec<UpstreamRequest>,
    /// Tollgate's properties by name.
    pub properties: BTreeMap<String, String>,
    /// By how much counters grew, by name without `wasmcustom.`; those that did not are left out.
    pub counters: BTreeMap<String, u64>,
    /// What filters logged at `warn` or above.
    pub log: Vec<String>,
    /// Time went on by itself meanwhile, so what counts down is another number in every run.
    pub real_clock: bool,
}

/// What an upstream got.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UpstreamRequest {
    /// Which upstream.
    pub cluster: String,
    /// Path and query.
    pub path: String,
    /// Headers.
    pub headers: HeaderList,
    /// Body.
    pub body: Vec<u8>,
    /// Trailers.
    pub trailers: HeaderList,
    /// Whether it ended as it should.
    pub complete: bool,
    /// Whether it went on behind its end.
    pub ended_twice: bool,
}

impl Observation {
    /// A property.
    pub fn property(&self, name: &str) -> Option<&str> {
        self.properties.get(name).map(String::as_str)
    }

    /// The rules that matched, each once, in the order in which they are named.
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

/// The values of a header.
pub fn values<'a>(headers: &'a HeaderList, name: &'a str) -> impl Iterator<Item = &'a [u8]> {
    headers.iter().filter(move |(named, _)| named.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_slice())
}
