//! `unknown-tag`: a tag that no rule sets, or labels that no model has.

use std::collections::BTreeSet;

use tollgate_config::{Finding, Path, nearest};

use super::{Check, Code, error};
use crate::compile::Findings;
use crate::policy::Policy;

pub(super) const CODE: Code =
    error("unknown-tag", "A tag in `firewall.tag_labels` that no rule sets, or labels that no model has.");
pub(super) const CHECK: Check = Check { parts: &["models"], run };

fn run(policy: &Policy, findings: &mut Findings) {
    let Some(firewall) = &policy.firewall else { return };
    let of_rules = firewall.rules.iter().flat_map(|rule| &rule.tag);
    let of_guards = firewall.guards.iter().flat_map(|guard| &guard.tag);
    let tags: BTreeSet<String> = of_rules.chain(of_guards).map(|(n, v)| format!("{n}={v}")).collect();
    let labels: BTreeSet<&String> = policy.models.0.values().flat_map(|model| model.labels.iter().flatten()).collect();
    let path = Path::part("firewall").key("tag_labels");
    for (need, index) in firewall.tag_labels.iter().zip(findings.indices(&path, firewall.tag_labels.len())) {
        if !tags.contains(&need.tag) {
            let message = format!("no rule sets the tag `{}`", need.tag);
            let mut finding = Finding::error(CODE.code, path.index(index).key("tag"), message);
            if let Some(near) = nearest(&need.tag, tags.iter().map(String::as_str)) {
                finding = finding.with_help(format!("did you mean `{near}`?"));
            }
            findings.add(finding);
        }
        if !need.labels.iter().any(|label| labels.contains(label)) {
            let message = "no model has one of these `labels`, so every call with the tag would be refused";
            findings.add(Finding::error(CODE.code, path.index(index).key("labels"), message));
        }
    }
}
