//! The filter with the policy.

use tollgate_policy::{Identity, Source};

use super::{Input, scalar};
use crate::render::template::Template;

/// Width of the policy's lines, which Envoy's configuration indents by 22.
const WIDTH: usize = 124;

pub(super) fn filters(input: &Input<'_>) -> String {
    Template::new(include_str!("filter.yaml"))
        .set("identity", identity(input.policy.identity.as_ref()))
        .set("module", scalar(&input.settings.module))
        .set("policy", input.inlined.yaml(WIDTH))
        .text()
}

/// Returns the comment on the filter that must set the caller's name; empty if none must.
fn identity(identity: Option<&Identity>) -> String {
    match identity.map(|identity| &identity.consumer) {
        Some(Source::Header(header)) => {
            Template::new(include_str!("identity_header.yaml")).set("header", header).text()
        }
        Some(Source::Attribute(path)) if path.first().is_some_and(|step| step == "metadata") => {
            Template::new(include_str!("identity_metadata.yaml")).set("path", scalar(&path.join("."))).text()
        }
        Some(Source::Attribute(_)) | None => String::new(),
    }
}
