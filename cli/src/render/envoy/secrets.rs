//! Keys of providers: where Envoy finds them.

use tollgate_policy::{Provider, Secret};

use super::scalar;

/// Returns the name of the secret with the key of a provider.
pub(super) fn name(provider: &Provider) -> String {
    format!("{}-key", provider.cluster)
}

/// Returns the list of secrets; empty if no provider has a key.
pub(super) fn secrets(providers: &[&Provider]) -> String {
    let mut text = String::new();
    for provider in providers {
        let source = match provider.key.as_ref().map(|key| &key.secret) {
            Some(Secret::Env(name)) => format!("environment_variable: {}", scalar(name)),
            Some(Secret::File(path)) => format!("filename: {}", scalar(path)),
            None => continue,
        };
        if text.is_empty() {
            text.push_str(HEAD);
        }
        text.push_str(&format!("- name: {}\n  generic_secret: {{secret: {{{source}}}}}\n", scalar(&name(provider))));
    }
    text
}

const HEAD: &str = "\
# Keys of the providers, which clients never have. Envoy reads them when it starts, and does not start without them. A file
# holds the key alone, without a newline at its end.
secrets:
";
