//! Rules of other tools, written as a policy.

pub mod gitleaks;
