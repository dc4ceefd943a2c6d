//! `unknown-model`: an alias of a model that has no entry, while models have routes.

use tollgate_config::{Finding, Path, nearest};

use super::{Check, Code, error};
use crate::compile::Findings;
use crate::models::has_routes;
use crate::policy::Policy;

pub(super) const CODE: Code =
    error("unknown-model", "An alias of a model that has no entry, while other models have routes.");
pub(super) const CHECK: Check = Check { parts: &["models"], run };

fn run(policy: &Policy, findings: &mut Findings) {
    if !has_routes(&policy.models) {
        return;
    }
    let models = &policy.models.0;
    for (name, model) in models {
        let Some(target) = model.alias_of.as_deref().filter(|_| model.route.is_none()) else { continue };
        let matches = |entry: &str| match entry.strip_suffix('*') {
            Some(prefix) => target.starts_with(prefix),
            None => entry == target,
        };
        if models.keys().any(|entry| matches(entry)) {
            continue;
        }
        let path = Path::part("models").key(name).key("alias_of");
        let finding =
            Finding::error(CODE.code, path, "alias of a model that has no entry under `models`, and so no route");
        let near = nearest(target, models.keys().filter(|key| *key != name).map(String::as_str));
        findings.add(match near {
            Some(near) => finding.with_help(format!("did you mean `{near}`?")),
            None => finding.with_help("add the model with its `route`, or give the alias a `route`"),
        });
    }
}
