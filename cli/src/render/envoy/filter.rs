//! The filter with the policy.

use tollgate_policy::Source;

use super::{Input, scalar};
use crate::render::template::Template;

/// Width of the policy's lines, which Envoy's configuration indents by 22.
const WIDTH: usize = 124;

pub(super) fn filters(input: &Input<'_>) -> String {
    let identity = match input.policy.identity.as_ref().map(|identity| &identity.consumer) {
        Some(Source::Header(header)) => Template::new(include_str!("identity.yaml")).set("header", header).text(),
        _ => String::new(),
    };
    Template::new(include_str!("filter.yaml"))
        .set("identity", identity)
        .set("module", scalar(&input.settings.module))
        .set("policy", input.inlined.yaml(WIDTH))
        .text()
}
