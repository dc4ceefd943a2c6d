//! `unrouted-model`: a model without a route while others have one.

use super::{Check, Code, error};
use crate::compile::Findings;
use crate::policy::Policy;
use tollgate_config::Finding;
use tollgate_config::Path;

pub(super) const CODE: Code =
    error("unrouted-model", "A model without a route while others have one: its calls would get 404.");
pub(super) const CHECK: Check = Check { parts: &["models"], run };

fn run(policy: &Policy, findings: &mut Findings) {
    let models = &policy.models.0;
    if !models.values().any(|model| model.route.is_some()) {
        return;
    }
    for (name, model) in models {
        if model.route.is_none() && model.alias_of.is_none() {
            let message = "the model has no `route` while others have one, so its calls would get 404";
            findings.add(Finding::error(CODE.code, Path::part("models").key(name), message).at_key());
        }
    }
}
