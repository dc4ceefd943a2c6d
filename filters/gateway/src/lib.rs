//! The `tollgate` filter: the stages of one policy over one stream.
//!
//! It is configured with `tollgate.yaml` and does in one filter what the four filters do in a chain: prompt-inspector,
//! token-counter, cost-quota and model-router. Headers are read once, a body is copied and parsed once, an event is framed
//! once, and properties are written once. A stage that the policy does not name does not run.
//!
//! The order on a request is identify, inspect, resolve the model, count, reserve, route. A stage that edits texts makes
//! the next ones see the edited body. Events of a response are read by the meter, then by the inspector.

mod mcp;
mod stages;
mod transit;

use std::rc::Rc;

use prompt_inspector::NameSource;
use tollgate_kit::{BodyScope, ConfigError, Configuration, Exchange, Filter, Limits, OnUnscannable, property};
use tollgate_llm::Endpoint;
use tollgate_policy::{CompiledPolicy, Mode, Property};

use stages::Stages;
use transit::Transit;

/// Filter that runs all stages of a policy.
pub struct Gateway {
    limits: Limits,
    is_audit: bool,
    /// Names of the published properties; `None` for all.
    published: Option<Vec<&'static str>>,
    stages: Stages,
}

impl Gateway {
    /// Creates the filter from a validated policy.
    pub fn new(policy: CompiledPolicy) -> Result<Gateway, ConfigError> {
        let is_audit = policy.mode == Mode::Audit;
        let mut limits = policy.limits.clone();
        if is_audit {
            limits.on_unscannable = OnUnscannable::Pass;
            limits.on_textless_answer = OnUnscannable::Pass;
            limits.on_unknown_path = OnUnscannable::Pass;
            limits.on_unread_path = OnUnscannable::Pass;
        }
        let published = policy.publish.as_ref().map(|properties| properties.iter().filter_map(full_name).collect());
        Ok(Gateway { stages: Stages::new(policy, &limits)?, limits, is_audit, published })
    }
}

impl Filter for Gateway {
    fn name() -> &'static str {
        "tollgate"
    }

    fn configure(configuration: &Configuration<'_>) -> Result<Self, ConfigError> {
        let value: serde_json::Value = configuration.parse()?;
        let policy = CompiledPolicy::from_value(&value).map_err(|findings| {
            let lines: Vec<String> = findings.iter().map(ToString::to_string).collect();
            ConfigError::new(lines.join("\n"))
        })?;
        Gateway::new(policy)
    }

    fn limits(&self) -> &Limits {
        &self.limits
    }

    fn configured_endpoint(&self, method: &[u8], path: &[u8]) -> Option<Endpoint> {
        self.stages.mcp.endpoint(method, path)
    }

    fn body_scope(&self) -> BodyScope {
        match self.stages.needs_model_only() {
            true => BodyScope::ModelOnly { even_if_first: false },
            false => BodyScope::Whole,
        }
    }

    fn identity_headers(&self) -> [Option<&str>; 2] {
        let consumer = self.stages.quota.as_ref().and_then(|quota| quota.identity_header());
        [consumer, self.stages.team.as_ref().and_then(NameSource::header)]
    }

    fn judges_texts(&self) -> bool {
        self.stages.inspector.as_ref().is_some_and(|inspector| inspector.judges_requests())
    }

    fn makes_callouts(&self) -> bool {
        self.stages.inspector.as_ref().is_some_and(|inspector| inspector.has_guards())
    }

    fn refuses_batches(&self) -> bool {
        self.stages.quota.as_ref().is_some_and(|quota| quota.refuses_batches())
    }

    fn is_audit(&self) -> bool {
        self.is_audit
    }

    fn published(&self) -> Option<Vec<&'static str>> {
        self.published.clone()
    }

    fn exchange(self: Rc<Self>) -> Box<dyn Exchange> {
        Box::new(Transit::new(self))
    }
}

/// Returns the full name of a property, by its name in a policy.
fn full_name(property: &Property) -> Option<&'static str> {
    property::ALL.iter().find(|name| name.strip_prefix("tollgate.") == Some(property.name())).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_policy_can_name_every_property() {
        let names: Vec<_> = Property::ALL.iter().filter_map(full_name).collect();
        assert_eq!(names, property::ALL);
    }
}
