//! `budget-on-nobody`: a budget that no consumer has, and budgets without a source of consumers.

use tollgate_config::{Finding, Path};

use super::{Check, Code, error};
use crate::compile::Findings;
use crate::policy::Policy;

pub(super) const CODE: Code = error("budget-on-nobody", "A budget that applies to no consumer.");
pub(super) const CHECK: Check = Check { parts: &["identity"], run };

fn run(policy: &Policy, findings: &mut Findings) {
    let path = Path::part("budgets");
    if policy.identity.is_none() && !policy.budgets.is_empty() {
        let message = "budgets are kept per consumer, and no `identity` says who that is";
        let help =
            "add e.g. `identity: {consumer: {header: x-consumer-id}}` for a header that an authentication filter sets";
        findings.add(Finding::error(CODE.code, path.clone(), message).at_key().with_help(help));
    }
    for (budget, index) in policy.budgets.iter().zip(findings.indices(&path, policy.budgets.len())) {
        let at = path.index(index);
        if budget.per.is_empty() {
            findings.add(Finding::error(CODE.code, at.key("per"), "the budget counts for nobody: `per` is empty"));
        }
        if budget.consumers.as_ref().is_some_and(Vec::is_empty) {
            let finding = Finding::error(CODE.code, at.key("for"), "the budget applies to nobody: `for` is empty");
            findings.add(finding.with_help("remove `for` to apply it to every consumer"));
        }
        let exempt = |name: &&String| policy.quota.exempt.contains(name);
        if let Some(name) = budget.consumers.iter().flatten().find(exempt) {
            let message = format!("the consumer `{name}` is exempt by `quota.exempt` and has a budget");
            findings.add(Finding::error(CODE.code, at.key("for"), message));
        }
    }
}
