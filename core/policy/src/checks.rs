//! Checks across the parts of a policy.

mod codes;

pub use codes::{CODES, Code};

use crate::compile::Findings;
use crate::policy::Policy;

/// Check across parts. It is skipped if a part that it reads has errors.
struct Check {
    parts: &'static [&'static str],
    run: fn(&Policy, &mut Findings),
}

/// Checks in the order in which they run.
const CHECKS: &[Check] = &[];

/// Runs all checks.
pub(crate) fn run(policy: &Policy, findings: &mut Findings) {
    for check in CHECKS {
        if !check.parts.iter().any(|part| findings.is_incomplete(part)) {
            (check.run)(policy, findings);
        }
    }
}
