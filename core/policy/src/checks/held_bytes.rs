//! `small-held-bytes`: requests of an allowed size that a worker may not hold.

use tollgate_config::{Finding, Path};

use super::{Check, Code, warning};
use crate::compile::Findings;
use crate::policy::Policy;

pub(super) const CODE: Code = warning(
    "small-held-bytes",
    "Seven eighths of `max_held_bytes` are less than `max_request_bytes`: larger requests get 503, however idle the worker is.",
);
pub(super) const CHECK: Check = Check { parts: &["limits"], run };

fn run(policy: &Policy, findings: &mut Findings) {
    let limits = &policy.limits;
    // The last eighth is for responses.
    let for_requests = limits.max_held_bytes - limits.max_held_bytes / 8;
    if for_requests < limits.max_request_bytes && limits.max_held_bytes > 0 {
        let message =
            format!("a request above {for_requests} bytes is not held, although `max_request_bytes` allows it");
        let finding = Finding::warning(CODE.code, Path::part("limits").key("max_held_bytes"), message);
        findings.add(finding.with_help("raise it to a multiple of `max_request_bytes`, or lower that"));
    }
}
