//! Consumer of the call.

use serde_json::json;
use tollgate_policy::{CompiledPolicy, Missing, Source};

use super::{Call, Stage};

/// Consumer of calls without a name under [`Missing::Anonymous`].
const ANONYMOUS: &str = "anonymous";

pub(super) fn explain(policy: &CompiledPolicy, call: &Call) -> Stage {
    let Some(identity) = &policy.identity else {
        return Stage::idle("identity", "The policy does not identify callers.");
    };
    if let Some(Source::Header(name)) = &identity.team
        && call.headers.iter().filter(|(header, _)| header == name).count() > 1
    {
        let line = format!("The header {name} occurs more than once.");
        let stage = Stage::new("identity", vec![line], json!({ "team_source": format!("header {name}") }));
        return stage.refuse(400, "The header that identifies the team of the caller must occur only once.");
    }
    let (source, found) = match &identity.consumer {
        Source::Header(name) => {
            let mut values = call.headers.iter().filter(|(header, _)| header == name).map(|(_, value)| value.clone());
            let first = values.next();
            if values.next().is_some() {
                let line = format!("The header {name} occurs more than once.");
                let stage = Stage::new("identity", vec![line], json!({ "source": format!("header {name}") }));
                return stage.refuse(400, "The header that identifies the caller must occur only once.");
            }
            (format!("header {name}"), first)
        }
        Source::Attribute(path) => (format!("attribute {}", path.join(".")), None),
    };
    let given = call.consumer.clone().map(|name| (name, "--consumer".to_owned()));
    let name = given.or(found.map(|name| (name, source.clone()))).filter(|(name, _)| !name.is_empty());
    match (name, identity.missing) {
        (Some((name, from)), _) => {
            let lines = vec![format!("The consumer is {name} ({from}).")];
            Stage::new("identity", lines, json!({ "consumer": name, "source": source }))
        }
        (None, Missing::Anonymous) => {
            let lines = vec![format!("The {source} has no name: the consumer is `{ANONYMOUS}`.")];
            Stage::new("identity", lines, json!({ "consumer": ANONYMOUS, "source": source }))
        }
        (None, Missing::Refuse) => {
            let lines = vec![format!("The {source} has no name. Give one with --header or --consumer.")];
            let stage = Stage::new("identity", lines, json!({ "source": source }));
            stage.refuse(401, "The caller of this request could not be identified.")
        }
    }
}
