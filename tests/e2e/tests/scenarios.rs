//! What is tried on every deployment, by topic. Each topic gives the scenarios that the filters of a deployment make sense
//! of; what is right depends on which of them are in the chain.

pub mod answers;
pub mod passing;
pub mod redaction;
pub mod refusals;
pub mod routing;
pub mod usage;

use crate::deployment::Deployment;
use crate::scenario::Scenario;

/// All of them.
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
