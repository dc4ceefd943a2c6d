//! The `prompt-inspector` filter: the prompt firewall.
//!
//! Every text of a request is matched against the rules before anything goes upstream, every text of an answer before
//! it reaches the client, streamed or not. A rule blocks, redacts or logs. What leaves in the log is rule ids; never
//! what they matched.

mod metrics;

use std::rc::Rc;

use serde::Deserialize;
use tollgate_inspect::{
    Action, Direction, Policy, RawPolicy, Report, RuleIndex, StreamInspector, StreamVerdict, inspect_request,
    inspect_response,
};
use tollgate_kit::{
    BodyKind, Call, ConfigError, Configuration, End, Exchange, Filter, Flow, Limits, Reading, Reply, Response,
    ResponseHead, Verdict, property,
};
use tollgate_llm::Dialect;
use tollgate_llm::sse::Event;

use metrics::Metrics;

/// The configuration of the filter.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RawConfig {
    /// Bounds of what one call may make the filter read, and what to do with what it cannot read.
    pub limits: Limits,
    /// The rules.
    pub policy: RawPolicy,
}

/// The filter.
pub struct PromptInspector {
    limits: Limits,
    policy: Rc<Policy>,
    metrics: Metrics,
}
