//! The `tollgate` filter: the stages of one policy over one stream.
//!
//! It is configured with `tollgate.yaml` and does in one filter what the four filters do in a chain: prompt-inspector,
//! token-counter, cost-quota and model-router. Headers are read once, a body is copied and parsed once, an event is framed
//! once, and properties are written once. A stage that the policy does not name does not run.
//!
//! The order on a request is identify, inspect, resolve the model, count, reserve, route. A stage that edits texts makes
//! the next ones see the edited body. Events of a response are read by the meter, then by the inspector.

mod stages;
mod transit;

use std::rc::Rc;

use tollgate_kit::{BodyScope, ConfigError, Configuration, Exchange, Filter, Limits, OnUnscannable};
use tollgate_policy::{CompiledPolicy, Mode};

use stages::Stages;
use transit::Transit;

/// Filter that runs all stages of a policy.
pub struct Gateway {
    limits: Limits,
    is_audit: bool,
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
        }
        Ok(Gateway { stages: Stages::new(policy, &limits)?, limits, is_audit })
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

    fn body_scope(&self) -> BodyScope {
        match self.stages.needs_model_only() {
            true => BodyScope::ModelOnly { even_if_first: false },
            false => BodyScope::Whole,
        }
    }

    fn identity_header(&self) -> Option<&str> {
        self.stages.quota.as_ref()?.identity_header()
    }

    fn refuses_batches(&self) -> bool {
        self.stages.quota.as_ref().is_some_and(|quota| quota.refuses_batches())
    }

    fn is_audit(&self) -> bool {
        self.is_audit
    }

    fn exchange(self: Rc<Self>) -> Box<dyn Exchange> {
        Box::new(Transit::new(self))
    }
}
