//! Scenarios of every deployment, by topic: a call of each kind that the filters tell apart, so that access log, metrics
//! and workers are seen at work, and what depends on connections. What is right depends on which filters are in the chain.
//!
//! Decisions on requests and responses are tested in `tests/scenarios`, which run in Envoy as well
//! (`tollgate test --backend envoy`).

pub mod answers;
pub mod passing;
pub mod redaction;
pub mod refusals;
pub mod routing;
pub mod usage;

use crate::deployment::Deployment;
use crate::scenario::Scenario;

/// Returns all scenarios.
pub fn all(deployment: &Deployment) -> Vec<Scenario> {
    let topics: [fn(&Deployment) -> Vec<Scenario>; 6] = [
        answers::scenarios,
        usage::scenarios,
        refusals::scenarios,
        routing::scenarios,
        redaction::scenarios,
        passing::scenarios,
    ];
    topics.iter().flat_map(|topic| topic(deployment)).collect()
}
