//! `unknown-callers`: a rule or exception for calls that the policy cannot tell apart.

use tollgate_config::{Finding, Path};
use tollgate_inspect::{RawException, RawScope};

use super::{Check, Code, error};
use crate::compile::Findings;
use crate::models::has_routes;
use crate::policy::Policy;

pub(super) const CODE: Code = error(
    "unknown-callers",
    "A rule or exception for consumers, teams or routes, while nothing in `identity` or `models` tells them apart.",
);
pub(super) const CHECK: Check = Check { parts: &["identity", "models"], run };

fn run(policy: &Policy, findings: &mut Findings) {
    let Some(firewall) = &policy.firewall else { return };
    let of_rules = firewall.rules.iter().map(|rule| (&rule.scope, &rule.exceptions));
    let of_guards = firewall.guards.iter().map(|guard| (&guard.scope, &guard.exceptions));
    scopes(policy, &Path::part("firewall").key("rules"), of_rules, findings);
    scopes(policy, &Path::part("firewall").key("guards"), of_guards, findings);
    exceptions(policy, &Path::part("firewall").key("exceptions"), &firewall.exceptions, findings);
}

fn scopes<'p>(
    policy: &Policy,
    path: &Path,
    rules: impl ExactSizeIterator<Item = (&'p Option<RawScope>, &'p Vec<RawException>)>,
    findings: &mut Findings,
) {
    let indices = findings.indices(path, rules.len());
    for ((scope, own), index) in rules.zip(indices) {
        if let Some(RawScope { consumers, teams, .. }) = scope {
            check(policy, &path.index(index).key("scope"), [consumers.is_some(), teams.is_some(), false], findings);
        }
        exceptions(policy, &path.index(index).key("exceptions"), own, findings);
    }
}

fn exceptions(policy: &Policy, path: &Path, exceptions: &[RawException], findings: &mut Findings) {
    for (exception, index) in exceptions.iter().zip(findings.indices(path, exceptions.len())) {
        let RawException { consumers, teams, routes, .. } = exception;
        check(policy, &path.index(index), [consumers.is_some(), teams.is_some(), routes.is_some()], findings);
    }
}

/// Reports those of the lists of consumers, teams and routes that are present and cannot contain any call.
fn check(policy: &Policy, path: &Path, are_present: [bool; 3], findings: &mut Findings) {
    let identity = policy.identity.as_ref();
    let needs = [
        ("consumers", identity.is_some(), "no `identity` says which consumer calls"),
        ("teams", identity.is_some_and(|identity| identity.team.is_some()), "no `identity.team` says which team calls"),
        ("routes", has_routes(&policy.models), "no model has a `route`"),
    ];
    for ((list, is_known, message), is_present) in needs.into_iter().zip(are_present) {
        if is_present && !is_known {
            findings.add(Finding::error(CODE.code, path.key(list), format!("the list contains no call: {message}")));
        }
    }
}
