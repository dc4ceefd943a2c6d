//! Explanation of a policy's verdicts on one request, stage by stage.
//!
//! The stages run natively, with the engine that the filters use. What only a running gateway knows is not assumed: the
//! usage of budgets, and names of callers that Envoy's filters set.

mod budgets;
mod firewall;
mod identity;
mod model;
mod prices;
mod request;
mod route;
mod tokens;

use serde::Serialize;
use serde_json::Value;
use tollgate_llm::Request;
use tollgate_policy::document::Document;
use tollgate_policy::{CompiledPolicy, Mode};

pub use request::Call;

/// Explanation of one stage.
#[derive(Clone, Debug, Serialize)]
pub struct Stage {
    /// Name of the stage.
    pub stage: &'static str,
    /// Sentences for people.
    pub lines: Vec<String>,
    /// The same as data.
    pub facts: Value,
}

impl Stage {
    fn new(stage: &'static str, lines: Vec<String>, facts: Value) -> Stage {
        Stage { stage, lines, facts }
    }
}

/// Explains each stage of `policy` on `call`, in the order of the gateway.
#[must_use]
pub fn explain(document: &Document, policy: &CompiledPolicy, call: &Call) -> Vec<Stage> {
    let identity = identity::explain(policy, call);
    let consumer = identity.facts.get("consumer").and_then(Value::as_str).map(str::to_owned);
    let model = call.model();
    let upstream = model.as_deref().map(|model| model::upstream(policy, model));
    let count = tokens::count(policy, call, upstream.as_deref());
    let price = upstream.as_deref().and_then(|model| policy.prices.find(model));
    let mut stages = vec![
        request::explain(call),
        identity,
        model::explain(policy, model.as_deref()),
        firewall::explain(document, policy, call),
        tokens::explain(policy, &count),
        prices::explain(document, policy, upstream.as_deref()),
        budgets::explain(policy, call, consumer.as_deref(), count.tokens, price),
        route::explain(policy, model.as_deref()),
    ];
    if policy.mode == Mode::Audit {
        let line = "The policy is in audit mode: verdicts are recorded, and nothing is refused or edited.";
        stages.insert(0, Stage::new("mode", vec![line.into()], serde_json::json!({ "mode": "audit" })));
    }
    stages
}

/// Renders the stages as text.
#[must_use]
pub fn render(stages: &[Stage]) -> String {
    let mut text = String::new();
    for stage in stages {
        text.push_str(&format!("{}\n", stage.stage));
        for line in &stage.lines {
            text.push_str(&format!("  {line}\n"));
        }
    }
    text
}

impl Call {
    fn model(&self) -> Option<String> {
        self.request.model_name(&self.body).map(|name| name.into_owned())
    }

    fn view(&self) -> (&Request, &[u8]) {
        (&self.request, &self.body)
    }
}

#[cfg(test)]
mod tests;
