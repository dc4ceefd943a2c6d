//! Facts about a request with which rules compare its response.

use crate::entities::Entities;
use crate::overlap::Passages;
use crate::policy::Policy;
use crate::rule_set::RuleSet;
use tollgate_llm::Request;

/// Facts about a request with which rules on responses compare its response: digests, never texts.
#[derive(Clone, Debug, Default)]
pub struct RequestFacts {
    /// Entities that only results of tools have.
    pub(crate) entities: Entities,
    /// Words in a row of the messages of the operator.
    pub(crate) passages: Passages,
}

impl RequestFacts {
    /// No facts.
    pub const fn new() -> RequestFacts {
        RequestFacts { entities: Entities::new(), passages: Passages::new() }
    }

    /// Collects the facts that the rules of a policy need, but for those that do not apply to the call.
    pub fn of(policy: &Policy, excluded: &RuleSet, request: &Request, body: &[u8]) -> RequestFacts {
        let mut facts = RequestFacts::new();
        if policy.on_provenance().iter().any(|rule| !excluded.contains(*rule)) {
            facts.entities = Entities::of_request(policy, request, body);
        }
        if policy.on_overlap().iter().any(|(rule, _)| !excluded.contains(*rule)) {
            facts.passages = Passages::of_request(policy, excluded, request, body);
        }
        facts
    }
}
