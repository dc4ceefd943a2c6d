//! `secret-literal`: a secret in the file.

use tollgate_config::{Finding, Path};

use super::{Check, Code, error};
use crate::compile::Findings;
use crate::policy::Policy;

pub(super) const CODE: Code = error(
    "secret-literal",
    "A secret in the file; secrets come from the environment or from files of Envoy's machine.",
);
pub(super) const CHECK: Check = Check { parts: &[], run };

fn run(policy: &Policy, findings: &mut Findings) {
    for (name, provider) in &policy.providers.0 {
        let Some(key) = &provider.key else { continue };
        let path = Path::part("providers").key(name).key("key");
        if key.env.is_some() == key.file.is_some() {
            findings.add(Finding::error("invalid-value", path.clone(), "must have exactly one of `env` and `file`"));
        }
        let variable = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_';
        if key.env.as_deref().is_some_and(|env| env.is_empty() || !env.chars().all(variable)) {
            let message = "not the name of an environment variable (`A-Z 0-9 _`), but perhaps the secret itself";
            findings.add(Finding::error(CODE.code, path.key("env"), message).with_help(ADVICE));
        }
        if key.file.as_deref().is_some_and(|file| !file.contains('/')) {
            let message = "not the path of a file, but perhaps the secret itself";
            findings.add(Finding::error(CODE.code, path.key("file"), message).with_help(ADVICE));
        }
        if key.prefix.as_deref().is_some_and(|prefix| prefix.len() > 16) {
            let message = "longer than a scheme such as `Bearer `; perhaps it has the secret itself";
            findings.add(Finding::error(CODE.code, path.key("prefix"), message).with_help(ADVICE));
        }
    }
}

const ADVICE: &str = "write e.g. `key: {env: OPENAI_API_KEY}` and set the variable for Envoy";
