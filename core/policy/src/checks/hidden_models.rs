//! `hidden-model`: a wildcard that says the same as a longer one.

use tollgate_config::{Finding, Path};

use super::{Check, Code, warning};
use crate::compile::Findings;
use crate::policy::Policy;

pub(super) const CODE: Code = warning(
    "hidden-model",
    "An entry of `models` that changes nothing, since a wildcard that matches the same names has the same settings.",
);
pub(super) const CHECK: Check = Check { parts: &["models"], run };

fn run(policy: &Policy, findings: &mut Findings) {
    let models = &policy.models.0;
    for (name, model) in models {
        let prefix = name.strip_suffix('*');
        let covers = |other: &&String| {
            let Some(wide) = other.strip_suffix('*') else { return false };
            *other != name && prefix.unwrap_or(name).starts_with(wide)
        };
        // The longest wildcard that matches the same names decides what the entry would be without its own line.
        let next = models.keys().filter(covers).max_by_key(|other| other.len());
        let Some((other, wide)) = next.and_then(|other| Some((other, models.get(other)?))) else { continue };
        if wide == model {
            let message =
                format!("the entry changes nothing: `{other}` matches the same names and has the same settings");
            findings.add(Finding::warning(CODE.code, Path::part("models").key(name), message).at_key());
        }
    }
}
