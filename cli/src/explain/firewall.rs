//! Rules that match the request, and rules that nearly do.

use std::borrow::Cow;

use serde_json::{Value, json};
use tollgate_inspect::{
    Action, Caller, Direction, Finding, Policy, Report, Rule, RuleSet, inspect_request_without,
    inspect_uneditable_without,
};
use tollgate_llm::{Edits, Endpoint, OnUnscannable, Request};
use tollgate_policy::document::Document;
use tollgate_policy::{CompiledPolicy, Mode, Source};

use super::near_match::{self, AllowLists};
use super::{Call, Stage, View};
use crate::today::today;

/// Explains the firewall. The view is that of the redacted request, if anything is redacted.
pub(super) fn explain(
    document: &Document,
    policy: &CompiledPolicy,
    view: &View<'_>,
    call: &Call,
    consumer: Option<&str>,
) -> (Stage, Option<View<'static>>) {
    let Some(rules) = &policy.firewall else { return (Stage::idle("firewall", "The policy has no rules."), None) };
    let excluded = excluded(policy, rules, view, call, consumer);
    let mut report = inspect_request_without(rules, &excluded, &view.request, &view.body);
    let decoded = token_ids(policy, (rules, &excluded), view, &mut report);
    let verdict = report.verdict.map_or("pass", Action::name);
    let plural = if report.matches == 1 { "" } else { "es" };
    let mut lines = vec![format!("The verdict is {verdict} ({} match{plural}).", report.matches)];
    let (score, of_results) = (report.scores.total(), report.scores.of_tool_results());
    if score > 0 {
        lines.push(format!("The score is {score}, that of results of tools {of_results}."));
    }
    if !report.tags(rules).is_empty() {
        lines.push(format!("The tags are {}.", report.tags(rules).join(", ")));
    }
    lines.extend(decoded.line());
    let left_out: Vec<&str> = excluded.iter().filter_map(|rule| Some(rules.rule(rule)?.id())).collect();
    if !left_out.is_empty() {
        lines.push(format!(
            "Rules that do not apply to this call, by their scope or an exception: {}.",
            left_out.join(", ")
        ));
    }
    let mut matched = Vec::new();
    for finding in &report.findings {
        let Some(rule) = rules.rule(finding.rule) else { continue };
        let (line, facts) = describe(rule, finding, view);
        lines.push(line);
        matched.push(facts);
    }
    let lists = document.value().pointer("/firewall/allow_lists");
    let lists: AllowLists = lists.and_then(|lists| serde_json::from_value(lists.clone()).ok()).unwrap_or_default();
    let mut nearly = Vec::new();
    for (index, rule) in rules.rules().iter().enumerate() {
        let raw = document.value().pointer(&format!("/firewall/rules/{index}"));
        let is_known = report.rules.iter().cloned().chain(excluded.iter()).any(|known| known.get() == index);
        if is_known {
            continue;
        }
        if let Some(near) = raw.and_then(|raw| near_match::find(raw, &lists, rules.max_match_bytes(), view)) {
            lines.push(format!("Rule {} nearly matches {}: {}.", rule.id(), near.pointer, near.reason));
            nearly.push(json!({ "rule": rule.id(), "pointer": near.pointer, "reason": near.reason }));
        }
    }
    let facts = json!({
        "verdict": verdict, "matches": report.matches, "score": score, "tags": report.tags(rules), "matched": matched, "nearly": nearly, "excluded": left_out,
        "token_prompts": decoded.prompts, "decoded": decoded.whole,
    });
    let mut stage = refused(Stage::new("firewall", lines, facts), rules, &report);
    let tags = report.tags(rules);
    if let Some(violated) = policy.tag_routing.violated(view.model().as_deref(), &tags)
        && report.cause.is_none()
    {
        stage = stage.refuse(403, violated.refusal());
    }
    if decoded.is_unscannable() && report.cause.is_none() && policy.limits.on_unscannable == OnUnscannable::Refuse {
        stage = stage.refuse(400, "The prompt consists of token ids that cannot be decoded.");
    }
    let edits = if policy.mode == Mode::Audit { &Edits::new() } else { &report.edits };
    (stage, redacted(policy, view, edits))
}

/// Returns the rules that do not apply to the call, today.
pub(super) fn excluded(
    policy: &CompiledPolicy,
    rules: &Policy,
    view: &View<'_>,
    call: &Call,
    consumer: Option<&str>,
) -> RuleSet {
    let model = view.model();
    let alias = model.as_deref().map(|model| policy.catalog.resolve_alias(model));
    let models: Vec<&str> = model.as_deref().into_iter().chain(alias).collect();
    let team = match policy.identity.as_ref().and_then(|identity| identity.team.as_ref()) {
        Some(Source::Header(name)) => Some(call.header(name)).filter(|team| !team.is_empty()),
        Some(Source::Attribute(_)) | None => None,
    };
    let decision = policy.router.as_ref().and_then(|router| router.decide(model.as_deref()).ok());
    rules.excluded(&Caller {
        consumer,
        team: team.as_deref(),
        models: &models,
        route: decision.map(|decision| decision.route),
        today: Some(&today),
    })
}

/// Prompts given as token ids.
struct TokenIds {
    prompts: usize,
    /// Number of prompts that were decoded completely.
    whole: usize,
}

impl TokenIds {
    fn is_unscannable(&self) -> bool {
        self.whole < self.prompts
    }

    fn line(&self) -> Option<String> {
        let TokenIds { prompts, whole } = self;
        (*prompts > 0).then(|| format!("Prompts given as token ids: {prompts}, decoded for inspection: {whole}."))
    }
}

/// Decodes prompts given as token ids and adds the matches in their texts to the report.
fn token_ids(
    policy: &CompiledPolicy,
    (rules, excluded): (&Policy, &RuleSet),
    view: &View<'_>,
    report: &mut Report,
) -> TokenIds {
    let model = view.request.model_name(&view.body);
    let profile = policy.catalog.profile(model.as_deref().unwrap_or_default());
    let prompts = &view.request.token_prompts;
    let mut whole = 0;
    for decoded in prompts.iter().filter_map(|prompt| profile.decode(prompt, &view.body)) {
        whole += usize::from(decoded.is_whole);
        report.add(inspect_uneditable_without(rules, excluded, &decoded.text));
    }
    report.judge(rules, Direction::Request);
    if report.cause.is_some() {
        report.edits = Edits::new();
    }
    TokenIds { prompts: prompts.len(), whole }
}

fn describe(rule: &Rule, finding: &Finding, view: &View<'_>) -> (String, Value) {
    let (id, action, pointer) = (rule.id(), finding.action.name(), view.pointer(finding.text));
    let (start, end) = (finding.range.start, finding.range.end);
    let about = rule.owasp().iter().map(|id| format!(", {id}")).collect::<String>();
    // Names of tools and members of the request are not among its texts.
    let line = match finding.text < view.request.texts.len() {
        true => format!("Rule {id} ({action}{about}) matches {pointer}, bytes {start} to {end}."),
        false => format!("Rule {id} ({action}{about}) matches a tool or a member of the request."),
    };
    (line, json!({ "rule": id, "action": action, "owasp": rule.owasp(), "pointer": pointer, "range": [start, end] }))
}

fn refused(stage: Stage, rules: &Policy, report: &Report) -> Stage {
    match report.cause {
        Some(cause) => {
            let error = rules.refusal(cause);
            stage.refuse(error.status, error.message)
        }
        None => stage,
    }
}

/// Returns the request with its redactions.
fn redacted(policy: &CompiledPolicy, view: &View<'_>, edits: &Edits) -> Option<View<'static>> {
    if edits.is_empty() {
        return None;
    }
    let body = edits.apply(&view.body);
    let endpoint = Endpoint {
        model: view.request.path_model.clone(),
        stream: view.request.stream,
        response_id: view.request.response_id.clone(),
        ..Endpoint::from(view.request.dialect)
    };
    let request = Request::parse_at(&endpoint, &body, &policy.limits.for_parser());
    debug_assert!(request.is_ok(), "redactions keep a request well-formed");
    Some(View { request: request.ok()?, body: Cow::Owned(body) })
}
