//! `unused-score`: a rule whose points no threshold counts.

use tollgate_config::{Finding, Path};
use tollgate_inspect::{Action, Direction, RawAction, RawScores, RuleMode};

use super::{Check, Code, warning};
use crate::compile::Findings;
use crate::policy::Policy;

pub(super) const CODE: Code = warning(
    "unused-score",
    "A rule with `action: score` on requests or responses for which `firewall.scores` has no threshold: it only logs.",
);
pub(super) const CHECK: Check = Check { parts: &[], run };

fn run(policy: &Policy, findings: &mut Findings) {
    let Some(firewall) = &policy.firewall else { return };
    let RawScores { request, tool_results, response, .. } = firewall.scores.clone().unwrap_or_default();
    let has_threshold = |direction: &Direction| match direction {
        Direction::Request => request.or(tool_results).is_some(),
        Direction::Response => response.is_some(),
    };
    let path = Path::part("firewall").key("rules");
    for (rule, index) in firewall.rules.iter().zip(findings.indices(&path, firewall.rules.len())) {
        let is_counted = match &rule.pattern.members {
            // Members are of the request alone, and not in the result of a tool.
            Some(_) => request.is_some(),
            None => {
                let directions = rule.applies_to.as_deref().unwrap_or(&[Direction::Request, Direction::Response]);
                directions.iter().any(has_threshold)
            }
        };
        if rule.effective_action() == Action::Score && !is_counted {
            let message = "the rule only logs: `firewall.scores` has no threshold for its directions";
            let finding = Finding::warning(CODE.code, path.index(index).key("action"), message);
            findings.add(finding.with_help("add e.g. `scores: {request: 5}` to `firewall`"));
        }
    }
    let path = Path::part("firewall").key("guards");
    for (guard, index) in firewall.guards.iter().zip(findings.indices(&path, firewall.guards.len())) {
        let scores = guard.action == RawAction::Score && guard.mode == RuleMode::Enforce;
        if scores && !has_threshold(&Direction::Request) {
            let message = "the guard only logs: `firewall.scores` has no threshold for requests";
            findings.add(Finding::warning(CODE.code, path.index(index).key("action"), message));
        }
    }
}
