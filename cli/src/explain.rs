//! Explanation of a policy's verdicts on one request, stage by stage.
//!
//! The stages run natively, with the engine that the filters use, in the order of the gateway. What only a running gateway
//! knows is not assumed: the usage of budgets, and names of callers that Envoy's filters set.

mod budgets;
mod call;
mod firewall;
mod identity;
mod model;
mod near_match;
mod prices;
mod request;
mod route;
mod tokens;
mod tools;
mod unused;
mod why_not;

use serde::Serialize;
use serde_json::{Value, json};
use tollgate_policy::document::Document;
use tollgate_policy::{CompiledPolicy, Mode};

pub use call::Call;
pub use why_not::why_not;

use call::View;

/// Explanation of a policy's verdicts on one request.
#[derive(Clone, Debug, Serialize)]
pub struct Explanation {
    /// Effect of verdicts: `enforce` or `audit`.
    pub mode: &'static str,
    /// Name of the stage that refuses the request; `None` if the request passes.
    pub refused_by: Option<&'static str>,
    /// Stages in order.
    pub stages: Vec<Stage>,
}

/// Explanation of one stage.
#[derive(Clone, Debug, Serialize)]
pub struct Stage {
    /// Name of the stage.
    pub stage: &'static str,
    /// `false` if an earlier stage refuses the request. The stage is explained as if it did not.
    pub reached: bool,
    /// Error response of the stage.
    pub refusal: Option<Refusal>,
    /// Sentences for people.
    pub lines: Vec<String>,
    /// The same as data.
    pub facts: Value,
}

/// Error response in place of the upstream's response.
#[derive(Clone, Debug, Serialize)]
pub struct Refusal {
    /// HTTP status.
    pub status: u16,
    /// Message of the error.
    pub message: String,
}

impl Stage {
    fn new(stage: &'static str, lines: Vec<String>, facts: Value) -> Stage {
        Stage { stage, reached: true, refusal: None, lines, facts }
    }

    /// Creates a stage that has nothing to do.
    fn idle(stage: &'static str, reason: &str) -> Stage {
        Stage::new(stage, vec![reason.to_owned()], json!({}))
    }

    fn refuse(mut self, status: u16, message: impl Into<String>) -> Stage {
        self.refusal = Some(Refusal { status, message: message.into() });
        self
    }
}

/// Explains each stage of `policy` on `call`, in the order of the gateway.
#[must_use]
pub fn explain(document: &Document, policy: &CompiledPolicy, call: &Call) -> Explanation {
    let (stage, view) = request::explain(policy, call);
    let mut stages = vec![stage];
    if let Some(view) = view {
        let identity = identity::explain(policy, call);
        let consumer = identity.facts.get("consumer").and_then(Value::as_str).map(str::to_owned);
        stages.push(identity);
        if view.request.dialect.is_mcp() {
            stages.push(tools::explain(policy, &view, call, consumer.as_deref()));
        }
        let (firewall, edited) = firewall::explain(document, policy, &view, call, consumer.as_deref());
        stages.push(firewall);
        // A later stage sees the redacted text.
        let view = edited.unwrap_or(view);
        if view.request.dialect.is_mcp() {
            // A tool has neither a model nor a price.
            let count = tokens::count(policy, &view, None);
            let budgets = budgets::explain(policy, &view, consumer.as_deref(), &count, None);
            stages.extend([tokens::explain(policy, &view, &count), budgets]);
            return Explanation::of(policy.mode, stages);
        }
        let model = view.model();
        let count = tokens::count(policy, &view, model.as_deref());
        let priced = model.as_deref().map(|model| prices::Priced::find(policy, model));
        let price = priced.as_ref().and_then(prices::Priced::price);
        stages.extend([
            model::explain(policy, model.as_deref()),
            route::explain(policy, model.as_deref()),
            tokens::explain(policy, &view, &count),
            prices::explain(document, policy, priced.as_ref()),
            budgets::explain(policy, &view, consumer.as_deref(), &count, price),
        ]);
    }
    Explanation::of(policy.mode, stages)
}

impl Explanation {
    /// Marks the stages behind the first refusal. In an audit nothing is refused.
    fn of(mode: Mode, mut stages: Vec<Stage>) -> Explanation {
        let first = stages.iter().position(|stage| stage.refusal.is_some()).filter(|_| mode == Mode::Enforce);
        for stage in stages.iter_mut().skip(first.map_or(usize::MAX, |first| first + 1)) {
            stage.reached = false;
        }
        let refused_by = first.and_then(|first| stages.get(first)).map(|stage| stage.stage);
        let mode = match mode {
            Mode::Enforce => "enforce",
            Mode::Audit => "audit",
        };
        Explanation { mode, refused_by, stages }
    }

    /// Renders the stages as text.
    #[must_use]
    pub fn render(&self) -> String {
        let is_audit = self.mode == "audit";
        let mut text = match (self.refused_by, is_audit) {
            (Some(stage), _) => format!("The request is refused by the stage {stage}.\n"),
            (None, false) => "The request passes.\n".to_owned(),
            (None, true) => {
                "The policy is in audit mode: verdicts are recorded, and nothing is refused or edited.\n".to_owned()
            }
        };
        for stage in &self.stages {
            let note = if stage.reached { "" } else { " (not reached)" };
            text.push_str(&format!("\n{}{note}\n", stage.stage));
            for line in &stage.lines {
                text.push_str(&format!("  {line}\n"));
            }
            if let Some(Refusal { status, message }) = &stage.refusal {
                let verb = if is_audit { "Would be refused" } else { "Refused" };
                text.push_str(&format!("  {verb} with {status}: {message}\n"));
            }
        }
        text
    }
}

#[cfg(test)]
mod tests;
