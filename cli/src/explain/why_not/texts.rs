//! Texts of a request, or of the response to it.

use tollgate_inspect::{
    Direction, PlaceholderValues, Policy, Report, RequestFacts, Rule, RuleSet, ViewDiagnosis, inspect_request_without,
    inspect_response_without,
};
use tollgate_llm::{Request, Response};
use tollgate_policy::CompiledPolicy;

use crate::explain::View;

/// Texts that a rule is compared with: those of a request, or of the response to it.
pub(super) enum Texts<'t> {
    Request(&'t View<'t>),
    Response { request: &'t View<'t>, response: Box<Response>, body: &'t [u8] },
}

impl<'t> Texts<'t> {
    /// Reads the response if there is one; else the texts are those of the request.
    pub(super) fn of(
        view: &'t View<'t>,
        policy: &CompiledPolicy,
        response: Option<&'t [u8]>,
    ) -> Result<Texts<'t>, String> {
        let Some(body) = response else { return Ok(Texts::Request(view)) };
        let response = Response::parse(view.request.dialect, body, &policy.limits.for_parser())
            .map_err(|error| format!("--response: the body cannot be read: {error}; streams are not read"))?;
        Ok(Texts::Response { request: view, response: Box::new(response), body })
    }

    pub(super) fn direction(&self) -> Direction {
        match self {
            Texts::Request(_) => Direction::Request,
            Texts::Response { .. } => Direction::Response,
        }
    }

    pub(super) fn inspect(&self, rules: &Policy, excluded: &RuleSet) -> Report {
        match self {
            Texts::Request(view) => inspect_request_without(rules, excluded, &view.request, &view.body),
            Texts::Response { request, response, body } => {
                let facts = RequestFacts::of(rules, excluded, &request.request, &request.body);
                inspect_response_without(rules, excluded, (&PlaceholderValues::new(), &facts), response, body)
            }
        }
    }

    pub(super) fn count(&self) -> usize {
        match self {
            Texts::Request(view) => view.request.texts.len(),
            Texts::Response { response, .. } => response.texts.len(),
        }
    }

    /// Returns the JSON pointer of a text.
    pub(super) fn pointer(&self, index: usize) -> String {
        match self {
            Texts::Request(view) => view.pointer(index),
            Texts::Response { response, body, .. } => {
                let text = response.texts.get(index);
                text.map(|text| Request::pointer(body, text.str.span)).unwrap_or_default()
            }
        }
    }

    /// Returns the part of a rule's scope that leaves out a text.
    pub(super) fn out_of_scope(&self, rule: &Rule, index: usize) -> Option<&'static str> {
        match self {
            Texts::Request(view) => rule.out_of_scope(&view.request, index),
            Texts::Response { response, .. } => rule.out_of_response_scope(response, index),
        }
    }

    pub(super) fn diagnose(&self, rules: &Policy, rule: &Rule, index: usize) -> Option<Vec<ViewDiagnosis>> {
        Some(match self {
            Texts::Request(view) => rules.diagnose(rule, &view.request.texts.get(index)?.str.decode(&view.body)),
            Texts::Response { response, body, .. } => rules.diagnose_output(rule, response.texts.get(index)?, body),
        })
    }
}
