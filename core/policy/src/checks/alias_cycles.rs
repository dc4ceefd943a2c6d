//! `alias-cycle`: aliases that lead back to themselves.

use tollgate_config::{Finding, Path};

use super::{Check, Code, error};
use crate::compile::Findings;
use crate::policy::Policy;

pub(super) const CODE: Code = error("alias-cycle", "Aliases that lead back to themselves.");
pub(super) const CHECK: Check = Check { parts: &[], run };

fn run(policy: &Policy, findings: &mut Findings) {
    let models = &policy.models.0;
    for name in models.keys() {
        let mut chain = vec![name.as_str()];
        while let Some(target) = chain.last().and_then(|last| models.get(*last)?.alias_of.as_deref()) {
            if target == name {
                let path = Path::part("models").key(name).key("alias_of");
                chain.push(target);
                let finding = Finding::error(CODE.code, path, "the alias leads back to itself");
                findings.add(finding.with_help(format!("it resolves to {}", chain.join(" -> "))));
                break;
            }
            if chain.contains(&target) {
                break;
            }
            chain.push(target);
        }
    }
}
