//! Compiles the part `identity`.

use tollgate_config::Path;

use crate::compile::Findings;
use crate::identity::{Identity, RawIdentity, RawSource, Source};

pub(super) fn compile(raw: RawIdentity, findings: &mut Findings) -> Option<Identity> {
    let mut source = |name: &str, raw: RawSource| {
        let path = Path::part("identity").key(name);
        match Source::try_from(raw) {
            Ok(source) => Some(source),
            Err((field, problem)) => {
                findings.invalid(path.join(field), problem);
                None
            }
        }
    };
    let consumer = source("consumer", raw.consumer);
    let team = raw.team.and_then(|raw| source("team", raw));
    Some(Identity { consumer: consumer?, team, missing: raw.missing })
}
