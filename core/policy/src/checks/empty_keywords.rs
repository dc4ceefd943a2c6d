//! `never-matches`: a keyword that no text contains.

use tollgate_config::{Finding, Path};

use super::{Check, Code, error};
use crate::compile::Findings;
use crate::policy::Policy;

pub(super) const CODE: Code =
    error("never-matches", "An empty keyword, or a list without any: the rule can never match.");
pub(super) const CHECK: Check = Check { parts: &[], run };

fn run(policy: &Policy, findings: &mut Findings) {
    let Some(firewall) = &policy.firewall else { return };
    let path = Path::part("firewall").key("rules");
    for (rule, index) in firewall.rules.iter().zip(findings.indices(&path, firewall.rules.len())) {
        let Some(keywords) = &rule.pattern.keywords else { continue };
        let place = path.index(index).key("match").key("keywords");
        if keywords.is_empty() {
            findings.add(Finding::error(CODE.code, place.clone(), "the rule can never match: `keywords` is empty"));
        }
        for (at, keyword) in keywords.iter().enumerate() {
            if keyword.trim().is_empty() {
                findings.add(Finding::error(CODE.code, place.index(at), "an empty keyword can never match"));
            }
        }
    }
}
