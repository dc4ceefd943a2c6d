//! `unrouted-model`: a model without a route while others have one.

use tollgate_config::{Finding, Path};

use super::{Check, Code, error};
use crate::compile::Findings;
use crate::models::has_routes;
use crate::policy::Policy;

pub(super) const CODE: Code =
    error("unrouted-model", "A model without a route while others have one: its calls would get 404.");
pub(super) const CHECK: Check = Check { parts: &["models"], run };

fn run(policy: &Policy, findings: &mut Findings) {
    if !has_routes(&policy.models) {
        return;
    }
    let models = &policy.models.0;
    for (name, model) in models {
        if model.route.is_none() && model.alias_of.is_none() {
            let message = "the model has no `route` while others have one, so its calls would get 404";
            findings.add(Finding::error(CODE.code, Path::part("models").key(name), message).at_key());
        }
    }
}
