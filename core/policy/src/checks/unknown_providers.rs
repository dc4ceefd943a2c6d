//! `unknown-provider`: a model whose provider has no entry.

use tollgate_config::{Finding, Path, nearest};

use super::{Check, Code, error};
use crate::compile::Findings;
use crate::policy::Policy;

pub(super) const CODE: Code =
    error("unknown-provider", "A model whose provider has no entry, while `providers` has entries.");
pub(super) const CHECK: Check = Check { parts: &["models", "providers"], run };

fn run(policy: &Policy, findings: &mut Findings) {
    let providers = &policy.providers.0;
    if providers.is_empty() {
        return;
    }
    for (name, model) in &policy.models.0 {
        let Some(provider) = model.provider.as_deref().filter(|provider| !providers.contains_key(*provider)) else {
            continue;
        };
        let path = Path::part("models").key(name).key("provider");
        let finding = Finding::error(CODE.code, path, "the provider has no entry under `providers`");
        findings.add(match nearest(provider, providers.keys().map(String::as_str)) {
            Some(near) => finding.with_help(format!("did you mean `{near}`?")),
            None => finding,
        });
    }
}
