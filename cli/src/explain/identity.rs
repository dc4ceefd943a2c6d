//! Consumer of the call.

use serde_json::json;
use tollgate_policy::{CompiledPolicy, Missing, Source};

use super::{Call, Stage};

pub(super) fn explain(policy: &CompiledPolicy, call: &Call) -> Stage {
    let Some(identity) = &policy.identity else {
        return Stage::new("identity", vec!["The policy does not identify callers.".into()], json!({}));
    };
    let (source, found) = match &identity.consumer {
        Source::Header(name) => {
            let values: Vec<_> =
                call.headers.iter().filter(|(header, _)| header == name).map(|(_, value)| value).collect();
            if values.len() > 1 {
                let line = format!("The header {name} occurs more than once: the call is refused with 400.");
                return Stage::new("identity", vec![line], json!({ "refused": 400 }));
            }
            (format!("header {name}"), values.first().map(|value| (*value).clone()))
        }
        Source::Attribute(path) => (format!("attribute {}", path.join(".")), None),
    };
    let consumer = call.consumer.clone().or(found).filter(|name| !name.is_empty());
    match (consumer, identity.missing) {
        (Some(name), _) => {
            let line = format!("The consumer is {name} ({source}).");
            Stage::new("identity", vec![line], json!({ "consumer": name, "source": source }))
        }
        (None, Missing::Anonymous) => {
            let line = format!("No consumer ({source}): the call is charged to `anonymous`.");
            Stage::new("identity", vec![line], json!({ "consumer": "anonymous", "source": source }))
        }
        (None, Missing::Refuse) => {
            let line = format!("No consumer ({source}): the call is refused with 401. Set the header, or --consumer.");
            Stage::new("identity", vec![line], json!({ "source": source, "refused": 401 }))
        }
    }
}
