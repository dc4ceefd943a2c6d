//! `uncharged-price`: a price of a quantity that no request or response tells.

use tollgate_config::{Finding, Path};

use super::{Check, Code, warning};
use crate::compile::Findings;
use crate::policy::Policy;

pub(super) const CODE: Code = warning(
    "uncharged-price",
    "A price of a quantity that requests and responses do not tell, so that it is never charged.",
);
pub(super) const CHECK: Check = Check { parts: &["prices"], run };

/// Checks the prices under `override`: those of a file are not written by hand.
fn run(policy: &Policy, findings: &mut Findings) {
    let Some(prices) = &policy.prices else { return };
    let path = Path::part("prices").key("override");
    for (name, price) in &prices.overrides.0.0 {
        for (dimension, below) in price.unmeasured() {
            let message = match dimension.parent() {
                Some(parent) => format!("this price is never charged: calls are charged `{}` instead", parent.name()),
                None => "this price is never charged: neither requests nor responses tell the quantity".to_owned(),
            };
            findings
                .add(Finding::warning(CODE.code, path.key(name).join(below.trim_start_matches('.')), message).at_key());
        }
    }
}
