//! `limits-order`: limits that contradict each other.

use tollgate_config::{Finding, Path};

use super::{Check, Code, error};
use crate::compile::Findings;
use crate::policy::Policy;

pub(super) const CODE: Code = error("limits-order", "Limits that contradict each other.");
pub(super) const CHECK: Check = Check { parts: &["limits", "firewall"], run };

fn run(policy: &Policy, findings: &mut Findings) {
    let limits = &policy.limits;
    let path = Path::part("limits");
    for (name, value) in [
        ("max_request_bytes", limits.max_request_bytes),
        ("max_response_bytes", limits.max_response_bytes),
        ("max_event_bytes", limits.max_event_bytes.unwrap_or(1)),
        ("max_held_bytes", limits.max_held_bytes),
    ] {
        if value == 0 {
            findings.add(Finding::error(CODE.code, path.key(name), "must be at least 1"));
        }
    }
    if limits.event_bytes() > limits.max_response_bytes {
        let message = "must not be above `max_response_bytes`: an event is a part of a response";
        findings.add(Finding::error(CODE.code, path.key("max_event_bytes"), message));
    }
    let longest = policy.firewall.as_ref().map_or(0, |firewall| firewall.max_match_bytes as usize);
    if longest > limits.event_bytes() && limits.event_bytes() > 0 {
        let message = "must not be above `limits.max_event_bytes`";
        findings.add(Finding::error(CODE.code, Path::part("firewall").key("max_match_bytes"), message));
    }
}
